//! Models on rten, in pure Rust: for a machine without any native library.

use std::sync::Arc;

use rten::{
    DataType, Dimension, Model, NodeId, RunOptions, ThreadPool, Value, ValueOrView, ValueType,
};
use rten_tensor::{AsView, Layout, TensorView};

use crate::engine::signature::{Element, Port, Signature};
use crate::engine::{EngineError, OpenOptions, TensorModel, Wanted, onnx, read_file};
use crate::registry::VerifiedFile;
use crate::tensor::{Data, Tensor, View};

/// Opens copies of a model: one set of weights, one pool of threads for each.
pub(crate) fn open(
    file: &VerifiedFile,
    options: &OpenOptions,
    n_replicas: usize,
) -> Result<Vec<Box<dyn TensorModel>>, EngineError> {
    let bytes = read_file(file)?;
    onnx::read(&bytes)?;
    let model = Model::load(bytes).map_err(|err| EngineError::Load(err.to_string()))?;
    let signature = Signature {
        inputs: ports(&model, model.input_ids())?,
        outputs: ports(&model, model.output_ids())?,
    };
    let model = Arc::new(model);
    let replicas = (0..n_replicas).map(|_| {
        let pool = Arc::new(ThreadPool::with_num_threads(options.threads.max(1)));
        let (model, signature) = (Arc::clone(&model), signature.clone());
        Box::new(RtenModel { model, signature, pool }) as Box<dyn TensorModel>
    });
    Ok(replicas.collect())
}

fn ports(model: &Model, ids: &[NodeId]) -> Result<Vec<Port>, EngineError> {
    ids.iter().map(|&id| port(model, id)).collect()
}

fn port(model: &Model, id: NodeId) -> Result<Port, EngineError> {
    let info = model.node_info(id);
    let name = info.as_ref().and_then(rten::NodeInfo::name).unwrap_or_default().to_owned();
    let element = match info.as_ref().and_then(rten::NodeInfo::dtype) {
        None => None,
        Some(ValueType::Tensor(DataType::Float)) => Some(Element::F32),
        // rten narrows 64-bit integers to 32 bits.
        Some(ValueType::Tensor(DataType::Int32)) => Some(Element::I64),
        Some(other) => {
            return Err(EngineError::Unsupported(format!("`{name}` has elements of type {other}")));
        }
    };
    let dims = info.as_ref().and_then(rten::NodeInfo::shape).map(|dims| {
        dims.into_iter()
            .map(|dim| match dim {
                Dimension::Fixed(size) => Some(size),
                Dimension::Symbolic(_) => None,
            })
            .collect()
    });
    Ok(Port { name, element, dims })
}

struct RtenModel {
    model: Arc<Model>,
    signature: Signature,
    pool: Arc<ThreadPool>,
}

impl TensorModel for RtenModel {
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
        let values = inputs
            .iter()
            .zip(self.model.input_ids())
            .map(|(tensor, &id)| Ok((id, input_value(tensor)?)))
            .collect::<Result<Vec<(NodeId, ValueOrView<'_>)>, EngineError>>()?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let outputs = self
            .model
            .run(values, self.model.output_ids(), Some(options))
            .map_err(|err| EngineError::Failed(err.to_string()))?;
        let outputs: Vec<rten_tensor::Tensor<f32>> =
            outputs.into_iter().map(float_output).collect::<Result<_, _>>()?;
        let views: Vec<View<'_>> =
            outputs.iter().map(output_view).collect::<Result<_, EngineError>>()?;
        visit(&views);
        Ok(())
    }
}

fn input_value(tensor: &Tensor) -> Result<ValueOrView<'_>, EngineError> {
    let misshapen = |_| EngineError::BadInput("an input has a wrong shape".to_owned());
    match tensor.data() {
        Data::F32(values) => {
            let view = TensorView::try_from_data(tensor.shape(), values.as_slice());
            Ok(view.map_err(misshapen)?.into())
        }
        Data::I64(values) => {
            let narrow: Vec<i32> = values
                .iter()
                .map(|&value| i32::try_from(value))
                .collect::<Result<_, _>>()
                .map_err(|_| EngineError::BadInput("an integer exceeds 32 bits".to_owned()))?;
            let owned = rten_tensor::Tensor::try_from_data(tensor.shape(), narrow);
            Ok(Value::from(owned.map_err(misshapen)?).into())
        }
    }
}

/// Takes an output as floats in row-major order; copies only what lies otherwise.
fn float_output(value: Value) -> Result<rten_tensor::Tensor<f32>, EngineError> {
    let mut tensor: rten_tensor::Tensor<f32> = value
        .into_tensor()
        .ok_or_else(|| EngineError::Failed("an output is not a float tensor".to_owned()))?;
    tensor.make_contiguous();
    Ok(tensor)
}

fn output_view(tensor: &rten_tensor::Tensor<f32>) -> Result<View<'_>, EngineError> {
    let data = tensor.data().ok_or_else(|| EngineError::Failed("an output has gaps".to_owned()))?;
    View::new(tensor.shape(), data).map_err(|err| EngineError::Failed(err.to_string()))
}
