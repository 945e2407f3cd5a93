//! `ModelInferRequest`: tensors as typed contents, or raw beside the inputs.

use std::time::Duration;

use crate::base::protobuf::{Fields, Value};
use crate::task::call::CallError;
use crate::task::infer::{TensorCall, TensorModelInfo};
use crate::wire::v1::body;
use crate::wire::v1::id::VisibleId;
use crate::wire::v2::Reply;
use crate::wire::v2::given::{self, Elements, GivenTensor};
use crate::wire::v2::request::timeout;

use super::{Named, bytes, fields, text, unknown_field};

/// Most dimensions of a tensor.
const MAX_RANK: usize = 16;

/// Reads which model a request is for; only its outermost fields are looked at.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_target(message: &[u8]) -> Result<Named, CallError> {
    let mut named = Named::default();
    for field in fields(message, "") {
        match field? {
            (1, value) => named.name = text(value, "/model_name")?.to_owned(),
            (2, value) => named.set_version(text(value, "/model_version")?),
            _ => (),
        }
    }
    Ok(named)
}

/// Reads a request for `model`: its inputs in the model's order, and how it is to be answered.
///
/// Nothing is allocated that the message does not hold.
///
/// # Errors
/// With the place of what is wrong, never its value. Of parameters `timeout` has an effect, `priority` none; others are refused.
pub fn parse(message: &[u8], model: &TensorModelInfo) -> Result<TensorCall<Reply>, CallError> {
    let (mut id, mut timeout) = (None, None);
    let (mut inputs, mut raw, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields(message, "") {
        match field? {
            (1 | 2, _) => (),
            (3, value) => id = Some(text(value, "/id")?.to_owned()).filter(|it| !it.is_empty()),
            (4, value) => timeout = asked(bytes(value, "/parameters")?)?.or(timeout),
            (5, value) => inputs.push(Input::read(value, inputs.len())?),
            (6, value) => outputs.push((output(value, outputs.len())?, true)),
            (7, value) => raw.push(bytes(value, "/raw_input_contents")?),
            (number, _) => return Err(unknown_field("", number)),
        }
    }
    let id = id.map(|it| VisibleId::read(it, "/id")).transpose()?.map(String::from);
    if !raw.is_empty() && raw.len() != inputs.len() {
        let detail = "應與 inputs 的個數相同。";
        return Err(CallError::bad_value("/raw_input_contents", detail));
    }
    let given = inputs.iter().enumerate().map(|(idx, input)| input.given(raw.get(idx).copied()));
    let given: Vec<GivenTensor<'_>> = given.collect();
    let inputs = given::inputs(&given, model)?;
    let outputs = given::outputs(outputs.into_iter(), true, model)?;
    Ok(TensorCall { inputs, timeout, reply: Reply { id, outputs } })
}

/// An entry of the request's parameters (`InferParameter`): the time that it asks for.
fn asked(entry: &[u8]) -> Result<Option<Duration>, CallError> {
    let (mut key, mut number) = ("", None);
    for field in fields(entry, "/parameters") {
        match field? {
            (1, value) => key = text(value, "/parameters")?,
            (2, value) => {
                for field in fields(bytes(value, "/parameters")?, "/parameters") {
                    // A signed or an unsigned number, which is the same as long as it is not negative.
                    if let (2 | 5, Value::Number(found)) = field? {
                        number = i64::try_from(found).ok().map(i64::cast_unsigned);
                    }
                }
            }
            (number, _) => return Err(unknown_field("/parameters", number)),
        }
    }
    let at = match key {
        "timeout" => "/parameters/timeout",
        "priority" => "/parameters/priority",
        _ => return Err(body::unknown_field("/parameters".to_owned())),
    };
    let number = number.ok_or_else(|| CallError::bad_value(at, "應為非負整數。"))?;
    Ok(timeout(number).filter(|_| key == "timeout"))
}

/// `InferInputTensor`.
#[derive(Default)]
struct Input<'a> {
    name: &'a str,
    datatype: &'a str,
    shape: Vec<usize>,
    contents: Vec<&'a [u8]>,
}

impl<'a> Input<'a> {
    fn read(value: Value<'a>, idx: usize) -> Result<Input<'a>, CallError> {
        let at = format!("/inputs/{idx}");
        let mut input = Input::default();
        for field in fields(bytes(value, &at)?, &at) {
            match field? {
                (1, value) => input.name = text(value, &format!("{at}/name"))?,
                (2, value) => input.datatype = text(value, &format!("{at}/datatype"))?,
                (3, value) => add_dims(&mut input.shape, value, &at)?,
                (4, _) => return Err(body::unknown_field(format!("{at}/parameters"))),
                (5, value) => input.contents.push(bytes(value, &format!("{at}/contents"))?),
                (number, _) => return Err(unknown_field(&at, number)),
            }
        }
        Ok(input)
    }

    fn given<'s>(&'s self, raw: Option<&'s [u8]>) -> GivenTensor<'s> {
        let elements = match (self.contents.as_slice(), raw) {
            ([], Some(raw)) => Elements::Bytes(raw),
            ([contents], None) => Elements::Contents(contents),
            _ => Elements::Unclear,
        };
        GivenTensor { name: self.name, datatype: self.datatype, shape: &self.shape, elements }
    }
}

/// Dimensions, packed or one by one.
fn add_dims(shape: &mut Vec<usize>, value: Value<'_>, at: &str) -> Result<(), CallError> {
    let refused = |_| CallError::bad_value(format!("{at}/shape"), "應為 16 個以內的正整數。");
    let mut add = |dim: u64| {
        // A negative one is larger than any size.
        let dim = i64::try_from(dim).ok().and_then(|it| usize::try_from(it).ok());
        let dim = dim.filter(|_| shape.len() < MAX_RANK).ok_or(());
        dim.map(|it| shape.push(it)).map_err(refused)
    };
    match value {
        Value::Number(dim) => add(dim),
        value => {
            let packed = bytes(value, &format!("{at}/shape"))?;
            Fields::packed(packed).try_for_each(|it| add(it.map_err(|_| refused(()))?))
        }
    }
}

/// `InferRequestedOutputTensor`: its name.
fn output(value: Value<'_>, idx: usize) -> Result<&str, CallError> {
    let at = format!("/outputs/{idx}");
    let mut name = "";
    for field in fields(bytes(value, &at)?, &at) {
        match field? {
            (1, value) => name = text(value, &format!("{at}/name"))?,
            (2, _) => return Err(body::unknown_field(format!("{at}/parameters"))),
            (number, _) => return Err(unknown_field(&at, number)),
        }
    }
    Ok(name)
}
