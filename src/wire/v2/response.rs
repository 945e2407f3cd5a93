//! The answer to a request for inference: JSON, and after it the bytes of outputs that are wanted as bytes.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::task::call::CallError;
use crate::task::infer::{Datatype, TensorModelInfo};
use crate::tensor::{Data, Tensor};

use super::request::Reply;

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct InferResponse<'a> {
    /// What computed it.
    model_name: &'a str,
    /// Its version.
    model_version: &'a str,
    /// The caller's name for its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Those that were wanted.
    outputs: Vec<ResponseOutput<'a>>,
}

/// A tensor of the model.
#[derive(Serialize, ToSchema)]
pub struct ResponseOutput<'a> {
    /// Name of the output.
    name: &'a str,
    /// `FP32` or `INT64`.
    datatype: &'static str,
    /// Dimensions, outermost first.
    shape: &'a [usize],
    /// How many bytes after the JSON are its data, where they are not in JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    /// Row-major elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Elements<'a>>,
}

/// Where data is bytes.
#[derive(Serialize, ToSchema)]
struct BinarySize {
    /// How many.
    binary_data_size: usize,
}

/// Elements in JSON.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Elements<'a> {
    /// Of FP32.
    Floats(&'a [f32]),
    /// Of INT64.
    Integers(&'a [i64]),
}

/// A written answer.
#[derive(Debug)]
pub struct Written {
    /// JSON, and bytes after it.
    pub body: Vec<u8>,
    /// Length of the JSON where bytes follow.
    pub json_len: Option<usize>,
}

/// Writes what `model` gave, `outputs` being all that it has, in its order.
///
/// # Errors
/// When an output cannot be written in JSON, with the remedy.
pub fn write(
    model: &TensorModelInfo,
    reply: &Reply,
    outputs: &[Tensor],
) -> Result<Written, CallError> {
    let mut written = Vec::with_capacity(reply.outputs.len());
    let mut bytes = Vec::new();
    for (idx, is_binary) in &reply.outputs {
        let (Some(port), Some(tensor)) = (model.outputs.get(*idx), outputs.get(*idx)) else {
            continue;
        };
        let before = bytes.len();
        let data = if *is_binary { append(tensor, &mut bytes) } else { Some(in_json(tensor)?) };
        let n_bytes = bytes.len() - before;
        written.push(ResponseOutput {
            name: &port.name,
            datatype: Datatype::of(tensor).as_str(),
            shape: tensor.shape(),
            parameters: is_binary.then_some(BinarySize { binary_data_size: n_bytes }),
            data,
        });
    }
    let response = InferResponse {
        model_name: &model.name,
        model_version: &model.version,
        id: reply.id.as_deref(),
        outputs: written,
    };
    let mut body = serde_json::to_vec(&response)
        .map_err(|_| CallError::new(ErrorCode::Internal, "系統發生錯誤。"))?;
    let is_mixed = reply.outputs.iter().any(|(_, is_binary)| *is_binary);
    let json_len = is_mixed.then_some(body.len());
    body.append(&mut bytes);
    Ok(Written { body, json_len })
}

/// Appends little-endian elements; nothing is left for JSON.
fn append<'a>(tensor: &Tensor, bytes: &mut Vec<u8>) -> Option<Elements<'a>> {
    match tensor.data() {
        Data::F32(values) => bytes.extend(values.iter().flat_map(|it| it.to_le_bytes())),
        Data::I64(values) => bytes.extend(values.iter().flat_map(|it| it.to_le_bytes())),
    }
    None
}

fn in_json(tensor: &Tensor) -> Result<Elements<'_>, CallError> {
    match tensor.data() {
        Data::F32(values) if values.iter().all(|it| it.is_finite()) => Ok(Elements::Floats(values)),
        Data::F32(_) => {
            let message = "輸出含有 JSON 無法表示的數值(NaN 或無限大),請改以 binary_data 取得。";
            Err(CallError::new(ErrorCode::ContentRefused, message))
        }
        Data::I64(values) => Ok(Elements::Integers(values)),
    }
}
