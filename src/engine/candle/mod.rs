//! Models on candle, in pure Rust: ONNX graphs (see [`onnx`]), and the sentence encoder, from the archive its publisher
//! made or as fine-tuning wrote it.

mod arrays;
mod device;
#[cfg(any(test, feature = "cuda"))]
mod gpu;
mod graph;
#[cfg(feature = "cuda")]
mod kernels;
mod network;
mod npz;
mod onnx;
mod ops;
mod twin;
mod weights;

use std::sync::Arc;

use candle_core::{Device, Tensor as CandleTensor};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::engine::signature::{Element, Port, Signature};
use crate::engine::{EngineError, GraphError, OpenOptions, TensorModel, Wanted, read_file};
use crate::registry::VerifiedFile;
use crate::tensor::{Data, Tensor, View};

use network::{Batch, Network};
use weights::{WIDTH, Weights};

pub use arrays::{Array, Arrays, ArraysError, Values};
pub use device::open as open_device;
pub(crate) use device::{Tether, matrix_rate};

/// Most tokens of one text; the length of a text is counted in 16 bits.
const MAX_TEXT: usize = 1 << 15;
/// Tokens computed at a time: what belongs to them then stays in a core's cache.
const MAX_GROUP: usize = 384;
/// Fewer tokens than this are not divided among threads.
const MIN_GROUP: usize = 64;

/// Opens copies of the model in `file`: an ONNX graph, or else the sentence encoder.
pub(crate) fn open(
    file: &VerifiedFile,
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    let bytes = read_file(file)?;
    let device = device::open(options.device)?;
    let refusal = match crate::engine::onnx::read(&bytes) {
        Ok(header) => return onnx::open(&bytes, &header, &device, options, n_replicas),
        Err(refusal) => refusal,
    };
    let opened = match device {
        Device::Cpu => open_encoder(&bytes, options, n_replicas),
        #[cfg(feature = "cuda")]
        device => open_encoder_on(&bytes, &device, n_replicas),
        #[cfg(not(feature = "cuda"))]
        _ => Err(EngineError::Unsupported("another device".to_owned())),
    };
    opened.map_err(|err| match refusal {
        GraphError::Malformed => err,
        // A graph after all, but one with something that is refused.
        refusal => EngineError::Graph(refusal),
    })
}

/// Opens copies of the sentence encoder: one set of weights, one pool of threads for each.
///
/// Input `ids` [rows, tokens]: each row ends with a token that is not 0, zeros after it are padding. Output
/// `embedding` [rows, 512]: unit vectors. A row gives the same alone and among others.
fn open_encoder(
    bytes: &[u8],
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    let weights = Weights::read(bytes).map_err(load_error)?;
    let network = Arc::new(Network::new(weights).map_err(load_error)?);
    (0..n_replicas)
        .map(|_| {
            let model = CandleModel::new(Arc::clone(&network), options.threads.max(1))?;
            Ok(Box::new(model) as Box<dyn TensorModel>)
        })
        .collect()
}

/// The same on a device that is not the processor, in half precision.
#[cfg(feature = "cuda")]
fn open_encoder_on(
    bytes: &[u8],
    device: &Device,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    let weights = Weights::read(bytes).map_err(load_error)?;
    gpu::GpuModel::open(&weights, device, candle_core::DType::F16, n_replicas)
}

/// The same network as an ONNX file, for other runtimes.
pub(crate) fn export_onnx(file: &VerifiedFile) -> Result<Vec<u8>, EngineError> {
    Ok(twin::encode(&Weights::read(&read_file(file)?).map_err(load_error)?))
}

/// The weights as they lie in their file.
pub(crate) fn read_arrays(file: &VerifiedFile) -> Result<Arrays, EngineError> {
    Arrays::read(&read_file(file)?).map_err(load_error)
}

/// Ids in, unit vectors out.
fn signature() -> Signature {
    let port = |name: &str, element, width| Port {
        name: name.to_owned(),
        element: Some(element),
        dims: Some(vec![None, width]),
    };
    Signature {
        inputs: vec![port("ids", Element::I64, None)],
        outputs: vec![port("embedding", Element::F32, Some(WIDTH))],
    }
}

fn load_error(error: impl std::fmt::Display) -> EngineError {
    EngineError::Load(error.to_string())
}

struct CandleModel {
    network: Arc<Network>,
    pool: ThreadPool,
    threads: usize,
    signature: Signature,
}

impl CandleModel {
    fn new(network: Arc<Network>, threads: usize) -> Result<CandleModel, EngineError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|idx| format!("candle-{idx}"))
            .build()
            .map_err(load_error)?;
        Ok(CandleModel { network, pool, threads, signature: signature() })
    }

    /// The embeddings of all rows, one after another.
    fn embed(&self, rows: &[Vec<usize>]) -> Result<Vec<f32>, EngineError> {
        let groups = group(rows, self.threads);
        let parts: Vec<Vec<f32>> = self.pool.install(|| {
            groups
                .par_iter()
                .map(|batch| self.network.forward(batch).and_then(|it| flat(&it)))
                .collect::<Result<_, _>>()
                .map_err(|err| EngineError::Failed(err.to_string()))
        })?;
        Ok(parts.concat())
    }
}

fn flat(tensor: &CandleTensor) -> candle_core::Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

impl TensorModel for CandleModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run_while(
        &mut self,
        inputs: &[Tensor],
        _: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        self.signature.check(inputs)?;
        let [input] = inputs else {
            return Err(EngineError::BadInput("one input is wanted".to_owned()));
        };
        let rows = read_rows(input, self.network.n_tokens())?;
        let shape = [rows.len(), WIDTH];
        let embeddings = self.embed(&rows)?;
        let view =
            View::new(&shape, &embeddings).map_err(|err| EngineError::Failed(err.to_string()))?;
        visit(&[view]);
        Ok(())
    }
}

/// The rows of ids without their padding.
fn read_rows(input: &Tensor, n_tokens: usize) -> Result<Vec<Vec<usize>>, EngineError> {
    let bad = |what: &str| EngineError::BadInput(what.to_owned());
    let (Data::I64(ids), [_, width]) = (input.data(), input.shape()) else {
        return Err(bad("rows of ids are wanted"));
    };
    ids.chunks_exact((*width).max(1))
        .map(|row| {
            let len = row.iter().rposition(|id| *id != 0).map_or(0, |last| last + 1);
            if len == 0 || MAX_TEXT < len {
                return Err(bad("a row has no token, or too many"));
            }
            row.iter()
                .take(len)
                .map(|id| usize::try_from(*id).ok().filter(|id| *id < n_tokens))
                .collect::<Option<Vec<usize>>>()
                .ok_or_else(|| bad("an id is not in the vocabulary"))
        })
        .collect()
}

/// Divides rows, in order, into groups that are computed at a time, at least one for each thread if there is enough.
fn group(rows: &[Vec<usize>], threads: usize) -> Vec<Batch> {
    let total: usize = rows.iter().map(Vec::len).sum();
    let target = total.div_ceil(threads.max(1)).clamp(MIN_GROUP, MAX_GROUP);
    let mut groups = vec![Batch::default()];
    for row in rows {
        if let Some(last) = groups.last()
            && !last.texts.is_empty()
            && target < last.ids.len() + row.len()
        {
            groups.push(Batch::default());
        }
        if let Some(last) = groups.last_mut() {
            last.push(row.iter().copied());
        }
    }
    groups
}

#[cfg(test)]
mod tests;
