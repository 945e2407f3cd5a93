//! ONNX graphs as candle operations: the networks of ID images without ONNX Runtime, on any device of candle's.
//!
//! A graph is planned once (see [`plan`]): its constants lie on the device, what does not run is refused by the name of
//! its node. Within a run nothing passes between host and device but inputs and outputs; sizes and axes are computed
//! on the host.

mod fold;
mod graph;
mod landing;
mod lower;
mod op;
mod plan;
mod planes;
mod shape;
mod sliding;
mod window;

use std::sync::Arc;

use candle_core::{Device, Tensor as CandleTensor};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::engine::signature::Signature;
use crate::engine::{EngineError, Header, OpenOptions, TensorModel, Wanted};
use crate::tensor::{Data, Tensor, View};

use graph::Graph;
use landing::Landing;
use plan::Plan;
use shape::{RunError, bounded};

/// Versions of the standard operators whose meaning is implemented.
const OPSETS: std::ops::RangeInclusive<u64> = 11..=12;

/// Opens copies of the model in `bytes`, whose header was read from them: one set of weights on the device, one pool
/// of threads for each.
pub(super) fn open(
    bytes: &[u8],
    header: &Header,
    device: &Device,
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    let plan = Arc::new(plan(bytes, header, device)?);
    (0..n_replicas)
        .map(|_| {
            let pool = ThreadPoolBuilder::new()
                .num_threads(options.threads.max(1))
                .thread_name(|idx| format!("candle-{idx}"))
                .build()
                .map_err(|err| EngineError::Load(err.to_string()))?;
            Ok(Box::new(OnnxModel { plan: Arc::clone(&plan), pool, outputs: Vec::new() })
                as Box<dyn TensorModel>)
        })
        .collect()
}

fn plan(bytes: &[u8], header: &Header, device: &Device) -> Result<Plan, EngineError> {
    let version = ["", "ai.onnx"].iter().find_map(|it| header.opsets.get(*it)).copied();
    match version {
        Some(version) if OPSETS.contains(&version) => Plan::new(Graph::read(bytes)?, device),
        Some(version) => {
            Err(EngineError::Unsupported(format!("version {version} of the ONNX operators")))
        }
        None => Err(EngineError::Unsupported("a graph without the ONNX operators".to_owned())),
    }
}

struct OnnxModel {
    plan: Arc<Plan>,
    pool: ThreadPool,
    /// Those of the run before.
    outputs: Vec<Landing>,
}

impl TensorModel for OnnxModel {
    fn signature(&self) -> &Signature {
        &self.plan.signature
    }

    fn run_while(
        &mut self,
        inputs: &[Tensor],
        wanted: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        self.plan.signature.check(inputs)?;
        let OnnxModel { plan, pool, outputs } = self;
        pool.install(|| compute(plan, inputs, wanted, outputs)).map_err(run_error)?;
        let views: Vec<View<'_>> = outputs
            .iter()
            .map(Landing::view)
            .collect::<Result<_, _>>()
            .map_err(|err| EngineError::Failed(err.to_string()))?;
        visit(&views);
        Ok(())
    }
}

/// Puts the outputs into `outputs`, back on the host, where they take the room of those before.
fn compute(
    plan: &Plan,
    inputs: &[Tensor],
    wanted: &Wanted,
    outputs: &mut Vec<Landing>,
) -> Result<(), RunError> {
    let inputs = inputs
        .iter()
        .map(|input| {
            bounded(input.shape())?;
            let Data::F32(values) = input.data() else {
                return Err(RunError::Misfit("an input of integers"));
            };
            Ok(CandleTensor::from_slice(values, input.shape(), plan.device())?)
        })
        .collect::<Result<Vec<CandleTensor>, RunError>>()?;
    let computed = plan.run(inputs, wanted)?;
    outputs.resize_with(computed.len(), Landing::default);
    for (output, landing) in computed.iter().zip(outputs) {
        landing.take(output)?;
    }
    Ok(())
}

fn run_error(error: RunError) -> EngineError {
    match error {
        RunError::TooLarge => EngineError::BadInput(error.to_string()),
        RunError::Unwanted => EngineError::Unwanted,
        RunError::Misfit(_) | RunError::Candle(_) => EngineError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
