//! Models on ONNX Runtime.

use std::sync::Arc;

use ort::ep::CUDA;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::session::builder::SessionBuilder;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef, ValueType};

use crate::engine::signature::{Element, Port, Signature};
use crate::engine::{
    Device, EngineError, OpenOptions, Scratch, TensorModel, Wanted, onnx, ort_library, read_file,
};
use crate::registry::VerifiedFile;
use crate::tensor::{Data, Tensor, View};

/// Opens copies of a model.
pub(crate) fn open(
    file: &VerifiedFile,
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    onnx::read(&read_file(file)?)?;
    (0..n_replicas)
        .map(|_| {
            let session = builder(options)?.commit_from_file(file.path()).map_err(load_error)?;
            OrtModel::new(session, options.scratch).map(|it| Box::new(it) as Box<dyn TensorModel>)
        })
        .collect()
}

/// Whether the runtime can compute on the device: its libraries are there and can be opened.
pub(crate) fn check_device(options: &OpenOptions) -> Result<(), EngineError> {
    builder(options).map(drop)
}

/// A session to be, on the runtime and the device that the options name.
fn builder(options: &OpenOptions) -> Result<SessionBuilder, EngineError> {
    let Some(library) = &options.ort_library else {
        return Err(EngineError::Library("none is configured".to_owned()));
    };
    let environment = ort_library::environment(library)?;
    let builder = configure(Session::builder(&environment).map_err(load_error)?, options)?;
    match options.device {
        Device::Cpu => Ok(builder),
        Device::Cuda(number) => on_card(builder, number),
    }
}

/// Puts a session on a card; operators that it lacks are computed by the processor.
///
/// Products in 19 bits (TF32) would miss the golden answers. Convolutions are not timed for each new shape: pictures
/// and lines have hundreds.
fn on_card(builder: SessionBuilder, number: u16) -> Result<SessionBuilder, EngineError> {
    let card = CUDA::default()
        .with_device_id(i32::from(number))
        .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
        .with_tf32(false);
    builder.with_execution_providers([card.build().error_on_failure()]).map_err(load_error)
}

/// Sets up a session for a server on shared cores.
///
/// Threads that spin while they wait double the processor time on a busy machine. The memory pattern cache keeps a
/// plan for each input shape and grows with their variety; without it the arena is bounded by the largest run.
fn configure(
    mut builder: SessionBuilder,
    options: &OpenOptions,
) -> Result<SessionBuilder, EngineError> {
    builder = builder.with_intra_threads(options.threads.max(1)).map_err(load_error)?;
    builder = builder.with_inter_threads(1).map_err(load_error)?;
    builder = builder.with_intra_op_spinning(false).map_err(load_error)?;
    builder.with_memory_pattern(false).map_err(load_error)
}

/// Whether the arena gives its memory back after each run.
fn run_options(scratch: Scratch) -> Result<RunOptions, ort::Error> {
    let mut options = RunOptions::new()?;
    if scratch == Scratch::Return {
        options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    }
    Ok(options)
}

fn load_error<R>(err: ort::Error<R>) -> EngineError {
    EngineError::Load(err.message().to_owned())
}

fn run_error<R>(err: ort::Error<R>) -> EngineError {
    EngineError::Failed(err.message().to_owned())
}

struct OrtModel {
    session: Session,
    options: Arc<RunOptions>,
    signature: Signature,
}

impl OrtModel {
    fn new(session: Session, scratch: Scratch) -> Result<OrtModel, EngineError> {
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect::<Result<Vec<Port>, _>>();
        let signature =
            Signature { inputs: ports(session.inputs())?, outputs: ports(session.outputs())? };
        let options = Arc::new(run_options(scratch).map_err(load_error)?);
        Ok(OrtModel { session, options, signature })
    }
}

fn port(outlet: &Outlet) -> Result<Port, EngineError> {
    let name = outlet.name().to_owned();
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let element = match ty {
                TensorElementType::Float32 => Element::F32,
                TensorElementType::Int64 => Element::I64,
                other => {
                    let reason = format!("`{name}` has elements of type {other}");
                    return Err(EngineError::Unsupported(reason));
                }
            };
            // The runtime writes -1 for an open dimension.
            let dims = shape.iter().map(|&dim| usize::try_from(dim).ok()).collect();
            Ok(Port { name, element: Some(element), dims: Some(dims) })
        }
        _ => Err(EngineError::Unsupported(format!("`{name}` is not a tensor"))),
    }
}

impl TensorModel for OrtModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run_while(
        &mut self,
        inputs: &[Tensor],
        wanted: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        self.signature.check(inputs)?;
        let values: Vec<SessionInputValue<'_>> =
            inputs.iter().map(input_value).collect::<Result<_, _>>()?;
        let OrtModel { session, options, .. } = self;
        // A run before it may have been stopped.
        options.unterminate().map_err(run_error)?;
        let stop = {
            let options = Arc::clone(options);
            // Where it cannot be stopped it runs to its end.
            move || drop(options.terminate())
        };
        let options = options.as_ref();
        let values = values.as_slice();
        let ran = wanted.stopped_by(stop, move || session.run_with_options(values, options));
        let outputs = match ran {
            Ok(outputs) => outputs,
            Err(error) => return Err(wanted.check().err().unwrap_or_else(|| run_error(error))),
        };
        let outputs: Vec<_> = outputs.values().collect();
        let outputs: Vec<(Vec<usize>, &[f32])> =
            outputs.iter().map(|it| output_parts(it)).collect::<Result<_, _>>()?;
        let views: Vec<View<'_>> = outputs
            .iter()
            .map(|(shape, data)| View::new(shape, data))
            .collect::<Result<_, _>>()
            .map_err(|err| EngineError::Failed(err.to_string()))?;
        visit(&views);
        Ok(())
    }
}

/// Borrows a tensor as an input; its elements are not copied.
fn input_value(tensor: &Tensor) -> Result<SessionInputValue<'_>, EngineError> {
    let shape = tensor.shape();
    Ok(match tensor.data() {
        Data::F32(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
        Data::I64(values) => {
            TensorRef::from_array_view((shape, values.as_slice())).map_err(run_error)?.into()
        }
    })
}

/// Shape and elements of an output, where the runtime keeps them.
fn output_parts(value: &DynValue) -> Result<(Vec<usize>, &[f32]), EngineError> {
    let (shape, data) = value.try_extract_tensor().map_err(run_error)?;
    let shape = shape
        .iter()
        .map(|&dim| usize::try_from(dim))
        .collect::<Result<_, _>>()
        .map_err(|_| EngineError::Failed("an output has an open dimension".to_owned()))?;
    Ok((shape, data))
}
