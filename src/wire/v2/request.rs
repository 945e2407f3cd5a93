//! A request for inference: JSON, and after it the bytes of tensors that are not written in JSON.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::task::call::CallError;
use crate::task::infer::{TensorCall, TensorModelInfo};
use crate::wire::v1::body;
use crate::wire::v1::id::VisibleId;

use super::given::{self, Elements, GivenTensor};

/// A request. Unknown fields are refused, and so is every parameter that is not listed here.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InferRequest<'a> {
    /// Answered as it is: at most 64 characters.
    id: Option<VisibleId>,
    /// Of the request.
    #[serde(default)]
    parameters: RequestParameters,
    /// One for each input of the model.
    #[serde(borrow)]
    inputs: Vec<RequestInput<'a>>,
    /// Which outputs are wanted; all unless given.
    outputs: Option<Vec<RequestedOutput>>,
}

/// Parameters of a request.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct RequestParameters {
    /// Whether outputs are answered as bytes, where they do not say themselves.
    binary_data_output: bool,
    /// Microseconds that the caller is willing to wait: they only shorten the server's deadline; 0 is no wish.
    timeout: Option<u64>,
    /// Accepted, without effect: calls run in the order in which they come.
    priority: Option<u64>,
}

/// A tensor for the model.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestInput<'a> {
    /// Name of the input.
    name: String,
    /// Dimensions, outermost first; the first is the number of rows, 1,024 at most.
    #[schema(example = json!([1, 3, 48, 320]))]
    shape: Vec<usize>,
    /// `FP32` or `INT64`.
    #[schema(example = "FP32", pattern = "^(FP32|INT64)$")]
    datatype: String,
    /// How many bytes of the body are its data, where they are not in JSON.
    #[serde(default)]
    parameters: InputParameters,
    /// Row-major elements: a flat list, or lists in lists by the shape.
    #[serde(borrow)]
    #[schema(value_type = Option<Vec<f64>>)]
    data: Option<&'a RawValue>,
}

/// Parameters of an input.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct InputParameters {
    /// Bytes of its data, which follow the JSON in the order of the inputs: little-endian.
    binary_data_size: Option<usize>,
}

/// An output that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedOutput {
    /// Its name.
    name: String,
    /// How it is answered.
    #[serde(default)]
    parameters: OutputParameters,
}

/// Parameters of an output.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct OutputParameters {
    /// Whether it is answered as bytes.
    binary_data: Option<bool>,
}

/// How a request is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The caller's name for its request.
    pub id: Option<String>,
    /// Which outputs, by their place in the model, and whether each is written as bytes.
    pub outputs: Vec<(usize, bool)>,
}

/// Reads a request for `model`: its inputs in the model's order, and how it is to be answered.
///
/// `json_len` is what the header `Inference-Header-Content-Length` says: bytes after that many are data. Nothing is
/// allocated that the body does not hold.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(
    bytes: &[u8],
    json_len: Option<usize>,
    model: &TensorModelInfo,
) -> Result<TensorCall<Reply>, CallError> {
    let Some((json, mut rest)) = bytes.split_at_checked(json_len.unwrap_or(bytes.len())) else {
        let message = "Inference-Header-Content-Length 大於內容的長度。";
        return Err(CallError::new(ErrorCode::BadValue, message));
    };
    let request: InferRequest<'_> = body::read(json)?;
    let mut given = Vec::with_capacity(request.inputs.len());
    for (idx, input) in request.inputs.iter().enumerate() {
        let bytes = take(&mut rest, input.parameters.binary_data_size, idx)?;
        let elements = match (bytes, input.data) {
            (Some(bytes), None) => Elements::Bytes(bytes),
            (None, Some(json)) => Elements::Json(json.get()),
            _ => Elements::Unclear,
        };
        let (name, datatype) = (input.name.as_str(), input.datatype.as_str());
        given.push(GivenTensor { name, datatype, shape: &input.shape, elements });
    }
    if !rest.is_empty() {
        return Err(CallError::new(ErrorCode::BadValue, "內容比各輸入的 binary_data_size 長。"));
    }
    let inputs = given::inputs(&given, model)?;
    let is_binary = request.parameters.binary_data_output;
    let wanted = request.outputs.iter().flatten();
    let wanted =
        wanted.map(|it| (it.name.as_str(), it.parameters.binary_data.unwrap_or(is_binary)));
    let outputs = given::outputs(wanted, is_binary, model)?;
    let timeout = timeout(request.parameters.timeout.unwrap_or(0));
    Ok(TensorCall { inputs, timeout, reply: Reply { id: request.id.map(String::from), outputs } })
}

/// What a caller asks for in microseconds; 0 is no wish.
pub(super) fn timeout(micros: u64) -> Option<Duration> {
    (micros != 0).then(|| Duration::from_micros(micros))
}

/// The next bytes after the JSON, when the input says that its data is there.
fn take<'a>(
    rest: &mut &'a [u8],
    n_bytes: Option<usize>,
    idx: usize,
) -> Result<Option<&'a [u8]>, CallError> {
    let Some(n_bytes) = n_bytes else { return Ok(None) };
    let Some((bytes, after)) = rest.split_at_checked(n_bytes) else {
        let at = format!("/inputs/{idx}/parameters/binary_data_size");
        return Err(CallError::bad_value(at, "內容沒有這麼多位元組。"));
    };
    *rest = after;
    Ok(Some(bytes))
}
