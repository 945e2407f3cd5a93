//! A request for inference: JSON, and after it the bytes of tensors that are not written in JSON.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::task::call::CallError;
use crate::task::infer::{MAX_ROWS, TensorModelInfo, TensorPort};
use crate::tensor::Tensor;
use crate::wire::v1::body;

use super::data;

/// A request. Unknown fields are refused, and so is every parameter that is not listed here.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InferRequest<'a> {
    /// Answered as it is: at most 64 characters.
    #[schema(max_length = 64)]
    id: Option<String>,
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
) -> Result<(Vec<Tensor>, Reply), CallError> {
    let Some((json, mut rest)) = bytes.split_at_checked(json_len.unwrap_or(bytes.len())) else {
        let message = "Inference-Header-Content-Length 大於內容的長度。";
        return Err(CallError::new(ErrorCode::BadValue, message));
    };
    let mut reader = serde_json::Deserializer::from_slice(json);
    let request: InferRequest<'_> =
        serde_path_to_error::deserialize(&mut reader).map_err(|it| body::refused("", &it))?;
    reader.end().map_err(|_| body::no_json())?;
    body::require_id(request.id.as_ref(), "/id")?;
    let mut inputs: Vec<Option<Tensor>> = vec![None; model.inputs.len()];
    for (idx, input) in request.inputs.iter().enumerate() {
        let at = format!("/inputs/{idx}");
        let (port_idx, port) = find(&model.inputs, &input.name, &at)?;
        let bytes = take(&mut rest, input.parameters.binary_data_size, &at)?;
        let tensor = input.read(port, bytes, &at)?;
        match inputs.get_mut(port_idx) {
            Some(place @ None) => *place = Some(tensor),
            _ => return Err(CallError::bad_value(format!("{at}/name"), "重複的輸入。")),
        }
    }
    if !rest.is_empty() {
        return Err(CallError::new(ErrorCode::BadValue, "內容比各輸入的 binary_data_size 長。"));
    }
    let Some(inputs) = inputs.into_iter().collect() else {
        let names = names(&model.inputs);
        return Err(CallError::bad_value(
            "/inputs",
            format!("模型的輸入為 {names},缺少其中一個。"),
        ));
    };
    let outputs = wanted(request.outputs, request.parameters.binary_data_output, model)?;
    Ok((inputs, Reply { id: request.id, outputs }))
}

impl RequestInput<'_> {
    fn read(&self, port: &TensorPort, bytes: Option<&[u8]>, at: &str) -> Result<Tensor, CallError> {
        if self.datatype != port.datatype.as_str() {
            let detail = format!("這個輸入的型別為 {}。", port.datatype.as_str());
            return Err(CallError::bad_value(format!("{at}/datatype"), detail));
        }
        self.check_shape(port, at)?;
        let found = match (bytes, self.data) {
            (Some(bytes), None) => data::from_bytes(bytes, &self.shape, port.datatype),
            (None, Some(json)) => data::from_json(json.get(), &self.shape, port.datatype).ok(),
            _ => None,
        };
        found.ok_or_else(|| {
            let detail = "data 與 binary_data_size 擇一,元素的個數與型別須符合 shape 與 datatype。";
            CallError::bad_value(format!("{at}/data"), detail)
        })
    }

    /// Whether the shape is one that the model takes; its product is a number of elements then.
    fn check_shape(&self, port: &TensorPort, at: &str) -> Result<(), CallError> {
        let refuse = |detail: String| Err(CallError::bad_value(format!("{at}/shape"), detail));
        let product = self.shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it));
        let n_bytes = product.and_then(|it| it.checked_mul(port.datatype.n_bytes()));
        if self.shape.len() < 2 || n_bytes.is_none_or(|it| it == 0) || !port.admits(&self.shape) {
            let dim = |it: &Option<usize>| it.map_or("-1".to_owned(), |it| it.to_string());
            let dims = port.dims.iter().flatten().map(dim).collect::<Vec<_>>().join(", ");
            return refuse(format!("這個輸入的形狀為 [{dims}],各維至少為 1,第一維為筆數。"));
        }
        if self.shape.first().is_some_and(|it| MAX_ROWS < *it) {
            return refuse(format!("一次最多 {MAX_ROWS} 筆。"));
        }
        Ok(())
    }
}

/// The next bytes after the JSON, when the input says that its data is there.
fn take<'a>(
    rest: &mut &'a [u8],
    n_bytes: Option<usize>,
    at: &str,
) -> Result<Option<&'a [u8]>, CallError> {
    let Some(n_bytes) = n_bytes else { return Ok(None) };
    let Some((bytes, after)) = rest.split_at_checked(n_bytes) else {
        let at = format!("{at}/parameters/binary_data_size");
        return Err(CallError::bad_value(at, "內容沒有這麼多位元組。"));
    };
    *rest = after;
    Ok(Some(bytes))
}

fn wanted(
    requested: Option<Vec<RequestedOutput>>,
    is_binary: bool,
    model: &TensorModelInfo,
) -> Result<Vec<(usize, bool)>, CallError> {
    let Some(requested) = requested.filter(|it| !it.is_empty()) else {
        return Ok((0..model.outputs.len()).map(|it| (it, is_binary)).collect());
    };
    let mut outputs: Vec<(usize, bool)> = Vec::new();
    for (idx, output) in requested.into_iter().enumerate() {
        let at = format!("/outputs/{idx}");
        let (port_idx, _) = find(&model.outputs, &output.name, &at)?;
        if outputs.iter().any(|it| it.0 == port_idx) {
            return Err(CallError::bad_value(format!("{at}/name"), "重複的輸出。"));
        }
        outputs.push((port_idx, output.parameters.binary_data.unwrap_or(is_binary)));
    }
    Ok(outputs)
}

fn find<'m>(
    ports: &'m [TensorPort],
    name: &str,
    at: &str,
) -> Result<(usize, &'m TensorPort), CallError> {
    let found = ports.iter().enumerate().find(|(_, it)| it.name == name);
    found.ok_or_else(|| {
        CallError::bad_value(format!("{at}/name"), format!("應為 {}。", names(ports)))
    })
}

fn names(ports: &[TensorPort]) -> String {
    ports.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join("、")
}
