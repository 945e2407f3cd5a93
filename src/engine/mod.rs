//! Runs one loaded model, whatever the runtime behind it. Knows tensors, no tasks.

#[cfg(feature = "candle")]
mod candle;
mod device;
pub mod fake;
#[cfg(unix)]
mod frame;
pub mod linear;
#[cfg(feature = "cuda")]
mod nvml;
mod onnx;
#[cfg(feature = "ort")]
mod ort;
#[cfg(feature = "ort")]
mod ort_library;
#[cfg(unix)]
pub mod process;
#[cfg(feature = "rten")]
mod rten;
mod signature;
pub mod speech;
mod tokenizer;
mod wanted;
#[cfg(unix)]
pub mod worker;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::registry::VerifiedFile;
use crate::tensor::{Tensor, View};

pub use crate::config::Isolation;
#[cfg(feature = "candle")]
pub use candle::{Array, Arrays, ArraysError, Values, open_device};
pub use device::{Device, Placement, choose as choose_device, report as report_device};
pub use onnx::{GraphError, Header};
pub use signature::{Element, Port, Signature};
pub use tokenizer::{TokenLimits, Tokenizer, TokenizerError, Tokens};
pub use wanted::Wanted;

/// A loaded model: tensors in, tensors out.
///
/// Blocking; owned by one inference thread, hence `&mut self` and no lock.
pub trait TensorModel: Send {
    /// Names, element types and dimensions of the inputs and outputs.
    fn signature(&self) -> &Signature;

    /// Runs once over `inputs` (in the order of the model's own inputs) and shows the outputs to `visit`.
    ///
    /// # Errors
    /// As of [`TensorModel::run_while`].
    fn run(
        &mut self,
        inputs: &[Tensor],
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        self.run_while(inputs, &Wanted::default(), visit)
    }

    /// The same for as long as it is `wanted`: a runtime that can stop between two steps does.
    ///
    /// Inputs that do not fit the signature are refused before the runtime sees them. `visit` is called once, or
    /// not at all when the run fails. Outputs are shown, not returned: an OCR output of many megabytes is reduced
    /// where it lies, never copied.
    ///
    /// # Errors
    /// When the inputs do not fit, the runtime fails, or nobody waits any more.
    fn run_while(
        &mut self,
        inputs: &[Tensor],
        wanted: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError>;
}

/// Which runtime executes a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// ONNX Runtime, a native library opened at run time: the fastest.
    #[default]
    Ort,
    /// rten, pure Rust: needs no native library.
    Rten,
    /// candle, pure Rust: networks that come as bare weights, and the ONNX graphs of ID images.
    Candle,
}

impl EngineKind {
    /// The name used in configuration and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            EngineKind::Ort => "ort",
            EngineKind::Rten => "rten",
            EngineKind::Candle => "candle",
        }
    }
}

impl FromStr for EngineKind {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<EngineKind, EngineError> {
        match text {
            "ort" => Ok(EngineKind::Ort),
            "rten" => Ok(EngineKind::Rten),
            "candle" => Ok(EngineKind::Candle),
            _ => Err(EngineError::Unsupported(format!("there is no engine `{text}`"))),
        }
    }
}

/// How to open a model.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Runtime.
    pub engine: EngineKind,
    /// Where it computes.
    pub device: Device,
    /// Threads of one copy of the model, at least 1.
    pub threads: usize,
    /// The ONNX Runtime library; needed by [`EngineKind::Ort`], one per process.
    pub ort_library: Option<VerifiedFile>,
    /// Whether the model shares the server's process.
    pub isolation: Isolation,
    /// What becomes of working memory between runs.
    pub scratch: Scratch,
}

/// What becomes of a model's working memory between runs (ONNX Runtime only).
///
/// A text detector needs about 90 MiB for a picture of 960 × 640. Measured there: giving it back costs some 15 % of
/// the detector's processor time, and nothing measurable with the recogniser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scratch {
    /// It is given back: several models on one machine need it one after another.
    #[default]
    Return,
    /// It is kept at the size of the largest run so far.
    Keep,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            engine: EngineKind::default(),
            device: Device::Cpu,
            threads: 1,
            ort_library: None,
            isolation: Isolation::None,
            scratch: Scratch::default(),
        }
    }
}

/// Why a model could not be opened or run. No text holds tensor contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The model file could not be read.
    #[error("failed to read model file {}: {kind}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The model file is not one we are willing to open.
    #[error("the model file is refused")]
    Graph(#[from] GraphError),
    /// The runtime's native library could not be used.
    #[error("the runtime library cannot be used: {0}")]
    Library(String),
    /// This build, or this runtime, cannot do it.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The runtime refused the model.
    #[error("failed to load the model: {0}")]
    Load(String),
    /// The inputs do not fit the model's signature.
    #[error("the inputs do not fit the model: {0}")]
    BadInput(String),
    /// The runtime reported an error.
    #[error("the model failed: {0}")]
    Failed(String),
    /// Nobody waits for the outputs any more.
    #[error("nobody waits for the outputs any more")]
    Unwanted,
    /// The model's worker process ended or hung; another is started for the next run.
    #[error("the worker process of the model failed: {0}")]
    Crashed(String),
}

/// Opens one copy of the model in `file`.
pub fn open(
    file: &VerifiedFile,
    options: &OpenOptions,
) -> Result<Box<dyn TensorModel>, EngineError> {
    open_replicas(file, options, 1)?
        .pop()
        .ok_or_else(|| EngineError::Load("no copy of the model was made".to_owned()))
}

/// Opens `n_replicas` (at least one) copies of the model in `file`, which share what the runtime can share.
pub fn open_replicas(
    file: &VerifiedFile,
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    if let Device::Cuda(_) = options.device
        && options.engine == EngineKind::Rten
    {
        let engine = options.engine.as_str();
        return Err(EngineError::Unsupported(format!("engine `{engine}` has no CUDA device")));
    }
    let n_replicas = n_replicas.max(1);
    if options.isolation == Isolation::Process {
        return open_workers(file, options, n_replicas);
    }
    match options.engine {
        #[cfg(feature = "ort")]
        EngineKind::Ort => ort::open(file, options, n_replicas),
        #[cfg(feature = "rten")]
        EngineKind::Rten => rten::open(file, options, n_replicas),
        #[cfg(feature = "candle")]
        EngineKind::Candle => candle::open(file, options, n_replicas),
        #[cfg(not(all(feature = "ort", feature = "rten", feature = "candle")))]
        other => Err(EngineError::Unsupported(format!(
            "this program was built without engine `{}`",
            other.as_str()
        ))),
    }
}

/// Whether ONNX Runtime can compute on the device that the options name.
///
/// # Errors
/// When its library, or one that it needs there, cannot be opened.
pub fn check_ort_device(options: &OpenOptions) -> Result<(), EngineError> {
    #[cfg(feature = "ort")]
    return ort::check_device(options);
    #[cfg(not(feature = "ort"))]
    Err(EngineError::Unsupported(format!(
        "this program was built without engine `ort`, which is to compute on `{}`",
        options.device
    )))
}

#[cfg(unix)]
fn open_workers(
    file: &VerifiedFile,
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    let command = process::WorkerCommand::this_program()
        .map_err(|err| EngineError::Load(format!("this program is not to be found: {err}")))?;
    let request = worker::OpenRequest::new(file, options);
    (0..n_replicas)
        .map(|_| {
            let model = process::ProcessModel::start(command.clone(), &request)?;
            Ok(Box::new(model) as Box<dyn TensorModel>)
        })
        .collect()
}

#[cfg(not(unix))]
fn open_workers(
    _file: &VerifiedFile,
    _options: &OpenOptions,
    _n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    Err(EngineError::Unsupported("worker processes need Unix".to_owned()))
}

/// Floating-point operations a second of a product of large matrices on a device: what nothing there is faster than.
///
/// # Errors
/// When the device fails, or this build has no engine to measure it with.
pub fn matrix_rate(device: Device) -> Result<f64, EngineError> {
    #[cfg(feature = "candle")]
    return candle::matrix_rate(device);
    #[cfg(not(feature = "candle"))]
    Err(EngineError::Unsupported(format!(
        "this program was built without engine `candle`, which measures `{device}`"
    )))
}

/// Reads what a model file says about itself, without loading it into a runtime.
///
/// The recogniser's dictionary is the metadata entry `character`. Refuses what [`open`] would refuse.
pub fn read_header(file: &VerifiedFile) -> Result<Header, EngineError> {
    Ok(onnx::read(&read_file(file)?)?)
}

/// The network in `file`, which [`EngineKind::Candle`] opens, as an ONNX file for other runtimes.
pub fn export_onnx(file: &VerifiedFile) -> Result<Vec<u8>, EngineError> {
    #[cfg(feature = "candle")]
    return candle::export_onnx(file);
    #[cfg(not(feature = "candle"))]
    Err(EngineError::Unsupported(format!(
        "this program was built without engine `candle`, which reads {}",
        file.path().display()
    )))
}

/// The weights in `file`, which [`EngineKind::Candle`] opens, by their names: what fine-tuning starts from.
#[cfg(feature = "candle")]
pub fn read_arrays(file: &VerifiedFile) -> Result<Arrays, EngineError> {
    candle::read_arrays(file)
}

fn read_file(file: &VerifiedFile) -> Result<Vec<u8>, EngineError> {
    fs::read(file.path())
        .map_err(|err| EngineError::Read { path: file.path().to_owned(), kind: err.kind() })
}
