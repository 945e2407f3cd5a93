//! From what a caller gives to tensors of a model, whichever the transport: every port once, and nothing that does not fit.

use crate::task::call::CallError;
use crate::task::infer::{Datatype, MAX_ROWS, TensorModelInfo, TensorPort};
use crate::tensor::Tensor;

use super::data;

/// Most bytes of a tensor that is given: integers of one digit in a body of 16 MiB, and of one byte over gRPC.
const MAX_BYTES: usize = 64 << 20;

/// A tensor as a caller gives it.
pub(super) struct GivenTensor<'a> {
    /// Name of the input.
    pub(super) name: &'a str,
    /// Name of the type.
    pub(super) datatype: &'a str,
    /// Dimensions, outermost first.
    pub(super) shape: &'a [usize],
    /// Its elements, unread.
    pub(super) elements: Elements<'a>,
}

/// Elements in one of the forms of the protocol.
#[derive(Clone, Copy)]
pub(super) enum Elements<'a> {
    /// A list in JSON.
    Json(&'a str),
    /// Little-endian.
    Bytes(&'a [u8]),
    /// The message `InferTensorContents`.
    Contents(&'a [u8]),
    /// None, or in more than one form.
    Unclear,
}

/// The inputs of `model`, in its order.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub(super) fn inputs(
    given: &[GivenTensor<'_>],
    model: &TensorModelInfo,
) -> Result<Vec<Tensor>, CallError> {
    let mut inputs: Vec<Option<Tensor>> = vec![None; model.inputs.len()];
    for (idx, tensor) in given.iter().enumerate() {
        let at = format!("/inputs/{idx}");
        let (port_idx, port) = find(&model.inputs, tensor.name, &at)?;
        let tensor = tensor.read(port, model.takes_rows, &at)?;
        match inputs.get_mut(port_idx) {
            Some(place @ None) => *place = Some(tensor),
            _ => return Err(CallError::bad_value(format!("{at}/name"), "重複的輸入。")),
        }
    }
    inputs.into_iter().collect::<Option<_>>().ok_or_else(|| {
        let names = names(&model.inputs);
        CallError::bad_value("/inputs", format!("模型的輸入為 {names},缺少其中一個。"))
    })
}

/// The outputs that are wanted, by their place in `model`, and whether each as bytes; all when none is named.
///
/// # Errors
/// When there is no such output, or one is named twice.
pub(super) fn outputs<'a>(
    wanted: impl Iterator<Item = (&'a str, bool)>,
    is_binary: bool,
    model: &TensorModelInfo,
) -> Result<Vec<(usize, bool)>, CallError> {
    let mut outputs: Vec<(usize, bool)> = Vec::new();
    for (idx, (name, is_binary)) in wanted.enumerate() {
        let at = format!("/outputs/{idx}");
        let (port_idx, _) = find(&model.outputs, name, &at)?;
        if outputs.iter().any(|it| it.0 == port_idx) {
            return Err(CallError::bad_value(format!("{at}/name"), "重複的輸出。"));
        }
        outputs.push((port_idx, is_binary));
    }
    if outputs.is_empty() {
        outputs = (0..model.outputs.len()).map(|it| (it, is_binary)).collect();
    }
    Ok(outputs)
}

impl GivenTensor<'_> {
    fn read(&self, port: &TensorPort, has_rows: bool, at: &str) -> Result<Tensor, CallError> {
        if self.datatype != port.datatype.as_str() {
            let detail = format!("這個輸入的型別為 {}。", port.datatype.as_str());
            return Err(CallError::bad_value(format!("{at}/datatype"), detail));
        }
        self.check_shape(port, has_rows, at)?;
        self.tensor(port.datatype).ok_or_else(|| {
            let detail =
                "資料只能以一種方式附上(data、二進位或 contents),元素的個數與型別須符合 shape 與 datatype。";
            CallError::bad_value(format!("{at}/data"), detail)
        })
    }

    fn tensor(&self, datatype: Datatype) -> Option<Tensor> {
        match self.elements {
            Elements::Json(json) => data::from_json(json, self.shape, datatype).ok(),
            Elements::Bytes(bytes) => data::from_bytes(bytes, self.shape, datatype),
            Elements::Contents(message) => data::from_contents(message, self.shape, datatype),
            Elements::Unclear => None,
        }
    }

    /// Whether the shape is one that the model takes; its product is a number of elements then.
    fn check_shape(&self, port: &TensorPort, has_rows: bool, at: &str) -> Result<(), CallError> {
        let refuse = |detail: String| Err(CallError::bad_value(format!("{at}/shape"), detail));
        let product = self.shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it));
        let n_bytes = product.and_then(|it| it.checked_mul(port.datatype.n_bytes()));
        let is_short = has_rows && self.shape.len() < 2;
        if is_short || n_bytes.is_none_or(|it| it == 0) || !port.admits(self.shape) {
            let dim = |it: &Option<usize>| it.map_or("-1".to_owned(), |it| it.to_string());
            let dims = port.dims.iter().flatten().map(dim).collect::<Vec<_>>().join(", ");
            let rows = if has_rows { ",第一維為筆數" } else { "" };
            return refuse(format!("這個輸入的形狀為 [{dims}],各維至少為 1{rows}。"));
        }
        if has_rows && self.shape.first().is_some_and(|it| MAX_ROWS < *it) {
            return refuse(format!("一次最多 {MAX_ROWS} 筆。"));
        }
        if n_bytes.is_some_and(|it| MAX_BYTES < it) {
            return refuse("一個輸入最多 64 MiB。".to_owned());
        }
        Ok(())
    }
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
