//! A model's configuration as Triton words it: inputs, outputs and most rows of a call.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::infer::{Datatype, MAX_ROWS, TensorModelInfo, TensorPort};

use super::TensorMetadata;

/// The configuration of a model, as far as clients read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelConfig {
    /// Its name.
    #[schema(example = "ppocr-line-cls")]
    pub name: String,
    /// `onnx` or `candle`.
    #[schema(example = "onnx")]
    pub platform: &'static str,
    /// Most rows of a call; 0 where `dims` say all dimensions.
    #[schema(example = 1024)]
    pub max_batch_size: usize,
    /// Inputs.
    pub input: Vec<ConfigTensor>,
    /// Outputs.
    pub output: Vec<ConfigTensor>,
}

/// An input or output.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigTensor {
    /// Its name.
    pub name: String,
    /// `TYPE_FP32` or `TYPE_INT64`.
    pub data_type: DataType,
    /// Dimensions, without that of the rows where `max_batch_size` is not 0; -1 where any size will do.
    #[schema(example = json!([3, 48, -1]))]
    pub dims: Vec<i64>,
}

/// Triton's `DataType`, by its numbers.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub enum DataType {
    /// 64-bit integer.
    #[serde(rename = "TYPE_INT64")]
    Int64 = 9,
    /// 32-bit float.
    #[serde(rename = "TYPE_FP32")]
    Fp32 = 11,
}

impl From<&TensorModelInfo> for ModelConfig {
    fn from(model: &TensorModelInfo) -> ModelConfig {
        // Where inputs have any number of rows, Triton's dimensions leave them out.
        let is_open =
            |it: &TensorPort| it.dims.as_ref().is_some_and(|it| it.first() == Some(&None));
        let has_rows = model.takes_rows && model.inputs.iter().all(is_open);
        let tensor = |port: &TensorPort| {
            let TensorMetadata { name, shape, .. } = port.into();
            let data_type = match port.datatype {
                Datatype::Int64 => DataType::Int64,
                Datatype::Fp32 => DataType::Fp32,
            };
            let n_left_out = usize::from(has_rows && is_open(port));
            ConfigTensor { name, data_type, dims: shape.into_iter().skip(n_left_out).collect() }
        };
        ModelConfig {
            name: model.name.clone(),
            platform: model.platform,
            max_batch_size: if has_rows { MAX_ROWS } else { 0 },
            input: model.inputs.iter().map(tensor).collect(),
            output: model.outputs.iter().map(tensor).collect(),
        }
    }
}
