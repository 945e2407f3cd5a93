//! The messages of the protocol over gRPC (`inference.GRPCInferenceService`): the field numbers are the published ones.
//!
//! Read by hand: a dozen small messages and two large ones. What is not understood is refused, as in JSON.

mod request;
mod response;

use crate::base::ErrorCode;
use crate::base::protobuf::{Fields, Value};
use crate::task::call::CallError;
use crate::wire::v1::body;

pub use request::{parse, parse_target};
pub use response::{
    model_config, model_metadata, model_statistics, repository_index, server_metadata, truth, write,
};

/// Most fields of one message: nothing is read that has more.
const MAX_FIELDS: usize = 1024;

/// Which model is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its name; empty when none is said.
    pub name: String,
    /// Its version; the one that there is, when none is said.
    pub version: Option<String>,
}

impl Named {
    fn set_version(&mut self, version: &str) {
        self.version = Some(version.to_owned()).filter(|it| !it.is_empty());
    }
}

/// Reads a message without fields.
///
/// # Errors
/// When it has one.
pub fn parse_nothing(message: &[u8]) -> Result<(), CallError> {
    fields(message, "").try_for_each(|it| Err(unknown_field("", it?.0)))
}

/// Reads which model is meant (`ModelReadyRequest`, `ModelMetadataRequest`, `ModelConfigRequest`,
/// `ModelStatisticsRequest`).
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_named(message: &[u8]) -> Result<Named, CallError> {
    let mut named = Named::default();
    for field in fields(message, "") {
        match field? {
            (1, value) => named.name = text(value, "/name")?.to_owned(),
            (2, value) => named.set_version(text(value, "/version")?),
            (number, _) => return Err(unknown_field("", number)),
        }
    }
    Ok(named)
}

/// Reads whether only the models that answer are listed (`RepositoryIndexRequest`).
///
/// # Errors
/// With the place of what is wrong, never its value: there is one repository, which has no name.
pub fn parse_index(message: &[u8]) -> Result<bool, CallError> {
    let mut ready = false;
    for field in fields(message, "") {
        match field? {
            (1, Value::Bytes([])) => (),
            (1, _) => return Err(unnamed_repository()),
            (2, Value::Number(value)) => ready = value != 0,
            (number, _) => return Err(unknown_field("", number)),
        }
    }
    Ok(ready)
}

/// Reads which model is loaded or unloaded (`RepositoryModelLoadRequest`, `RepositoryModelUnloadRequest`).
///
/// # Errors
/// With the place of what is wrong, never its value: settings of the model are not the caller's.
pub fn parse_change(message: &[u8]) -> Result<String, CallError> {
    let mut name = String::new();
    for field in fields(message, "") {
        match field? {
            (1, Value::Bytes([])) => (),
            (1, _) => return Err(unnamed_repository()),
            (2, value) => name = text(value, "/model_name")?.to_owned(),
            (3, value) => {
                let entry = bytes(value, "/parameters")?;
                let key = fields(entry, "/parameters").find(|it| matches!(it, Ok((1, _)) | Err(_)));
                // No model depends on another.
                if key.transpose()?.map(|it| it.1) != Some(Value::Bytes(b"unload_dependents")) {
                    return Err(body::unknown_field("/parameters".to_owned()));
                }
            }
            (number, _) => return Err(unknown_field("", number)),
        }
    }
    Ok(name)
}

fn unnamed_repository() -> CallError {
    CallError::bad_value("/repository_name", "儲存庫沒有名稱,請留空。")
}

/// The fields of a message at `at`.
fn fields<'a>(
    message: &'a [u8],
    at: &str,
) -> impl Iterator<Item = Result<(u64, Value<'a>), CallError>> {
    let fields = Fields::new(message).take(MAX_FIELDS + 1).enumerate();
    fields.map(move |(idx, field)| match field {
        Ok(field) if idx < MAX_FIELDS => Ok(field),
        Ok(_) => Err(CallError::bad_value(at, format!("最多 {MAX_FIELDS} 個欄位。"))),
        Err(_) => Err(CallError::new(ErrorCode::BadValue, "內容不是這個方法的 protobuf 訊息。")),
    })
}

/// The refusal of the field with this number in the message at `at`.
fn unknown_field(at: &str, number: u64) -> CallError {
    body::unknown_field(format!("{at}/{number}"))
}

fn bytes<'a>(value: Value<'a>, at: &str) -> Result<&'a [u8], CallError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(CallError::bad_value(at, "型別不符。")),
    }
}

fn text<'a>(value: Value<'a>, at: &str) -> Result<&'a str, CallError> {
    let text = std::str::from_utf8(bytes(value, at)?);
    text.map_err(|_| CallError::bad_value(at, "應為 UTF-8 文字。"))
}

#[cfg(test)]
mod tests;
