//! Problem documents (RFC 9457), the one shape of every error.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::{ErrorCode, RequestId};
use crate::task::call::CallError;

/// An error, as answered with `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem; `/problems/` and the code in lower case.
    #[serde(rename = "type")]
    #[schema(example = "/problems/er0210")]
    pub kind: String,
    /// The kind in words; the same for each occurrence.
    #[schema(example = "輸入的參數內容格式錯誤")]
    pub title: &'static str,
    /// HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// Number of the kind, see the list of error codes.
    #[schema(example = "ER0210")]
    pub code: &'static str,
    /// This occurrence in words, never with content of the request.
    #[schema(example = "/options/boxes:應為布林值。")]
    pub detail: String,
    /// The call.
    #[schema(example = "urn:uuid:019a9f4e-5d7c-7d3e-9c55-0d6a3f2b1c00")]
    pub instance: String,
    /// The caller's trace (`traceparent`), or the call's own id.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: String,
    /// Which values are wrong.
    pub errors: Vec<ProblemError>,
}

/// A wrong value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemError {
    /// JSON pointer to the value.
    #[schema(example = "/options/boxes")]
    pub pointer: String,
    /// Number of the failure.
    #[schema(example = "ER0210")]
    pub code: &'static str,
    /// What is expected.
    #[schema(example = "應為布林值。")]
    pub detail: String,
}

/// Which call failed.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// The call.
    pub request_id: RequestId,
    /// 32 hex digits.
    pub trace_id: String,
}

impl Problem {
    /// The document for `error`.
    pub fn new(error: CallError, occurrence: &Occurrence) -> Problem {
        let errors = error.errors.into_iter().map(|it| ProblemError {
            pointer: it.pointer,
            code: it.code.number(),
            detail: it.detail,
        });
        Problem {
            kind: problem_type(error.code),
            title: error.code.title(),
            status: status(error.code),
            code: error.code.number(),
            detail: error.message,
            instance: occurrence.request_id.urn(),
            trace_id: occurrence.trace_id.clone(),
            errors: errors.collect(),
        }
    }
}

/// The HTTP status of a failure, which other transports pass on; the only place that knows.
pub fn status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::NotFound => 404,
        ErrorCode::UnknownParameter | ErrorCode::BadValue | ErrorCode::UnknownField => 400,
        ErrorCode::MethodNotAllowed => 405,
        ErrorCode::Unauthenticated => 401,
        ErrorCode::Forbidden
        | ErrorCode::UnknownPartner
        | ErrorCode::SwitchedOff
        | ErrorCode::PurposeRefused => 403,
        ErrorCode::Overloaded | ErrorCode::Locked => 429,
        ErrorCode::TooLarge => 413,
        ErrorCode::UnsupportedMedia => 415,
        ErrorCode::ContentRefused
        | ErrorCode::Infected
        | ErrorCode::Classified
        | ErrorCode::KeyReused => 422,
        ErrorCode::Conflict => 409,
        ErrorCode::PreconditionFailed => 412,
        ErrorCode::PreconditionRequired => 428,
        ErrorCode::Internal => 500,
        ErrorCode::Unavailable | ErrorCode::Unrecorded => 503,
        ErrorCode::Timeout => 504,
        ErrorCode::SlowClient => 408,
    }
}

/// The status of a failure over gRPC, as [`status`] is over HTTP.
///
/// `RESOURCE_EXHAUSTED` and `UNAVAILABLE` are worth trying again, so that what has to become smaller first is neither.
pub fn grpc_status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::UnknownParameter
        | ErrorCode::BadValue
        | ErrorCode::UnknownField
        | ErrorCode::TooLarge
        | ErrorCode::ContentRefused
        | ErrorCode::Infected
        | ErrorCode::Classified
        | ErrorCode::KeyReused => 3,
        ErrorCode::Timeout | ErrorCode::SlowClient => 4,
        ErrorCode::NotFound => 5,
        ErrorCode::Forbidden
        | ErrorCode::UnknownPartner
        | ErrorCode::SwitchedOff
        | ErrorCode::PurposeRefused => 7,
        ErrorCode::Overloaded | ErrorCode::Locked => 8,
        ErrorCode::Conflict | ErrorCode::PreconditionFailed | ErrorCode::PreconditionRequired => 9,
        ErrorCode::MethodNotAllowed | ErrorCode::UnsupportedMedia => 12,
        ErrorCode::Internal => 13,
        ErrorCode::Unavailable | ErrorCode::Unrecorded => 14,
        ErrorCode::Unauthenticated => 16,
    }
}

/// When to try again, as `retry-after` says it: whole seconds, at least one.
pub fn retry_after(delay: Duration) -> String {
    let seconds = delay.as_secs_f64().ceil().max(1.0);
    format!("{seconds:.0}")
}

/// The `type` of the problems with this code.
pub fn problem_type(code: ErrorCode) -> String {
    format!("/problems/{}", code.number().to_ascii_lowercase())
}
