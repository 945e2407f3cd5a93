//! The closed set of services, their validated inputs and outputs, and the one kind of failure. Nothing here knows JSON.

pub mod idcard;

use std::time::Duration;

use crate::base::ErrorCode;

/// A call that failed, with what may be told to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CallError {
    /// For programs.
    pub code: ErrorCode,
    /// For people, in Traditional Chinese; never personal data, never internals.
    pub detail: String,
    /// When to try again, if that may help.
    pub retry_after: Option<Duration>,
    /// Which values are wrong.
    pub errors: Vec<ValueError>,
}

/// One wrong value of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// Where: a JSON pointer.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl CallError {
    /// A failure without more to say than `detail`.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> CallError {
        CallError { code, detail: detail.into(), retry_after: None, errors: Vec::new() }
    }

    /// The same, with the time after which to try again.
    pub fn retry_after(self, time: Duration) -> CallError {
        CallError { retry_after: Some(time), ..self }
    }
}
