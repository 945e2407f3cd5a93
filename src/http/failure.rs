//! Failures on their way out: the status of each code, and the problem document.

use std::any::Any;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::base::ErrorCode;
use crate::task::call::CallError;
use crate::wire::problem::{self, Occurrence, Problem};

use super::caller;

/// The HTTP status of a failure.
pub fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(problem::status(code)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A failed request. As a response it has no body yet: [`describe`] writes it where the request's ids are known.
pub(super) struct Failure(CallError);

impl Failure {
    pub(super) fn new(code: ErrorCode, message: &str) -> Failure {
        Failure(CallError::new(code, message))
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Failure {
        Failure(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(self.0.code).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// What a panic in a route becomes. Its message stays out of the answer: it may hold input.
pub(super) fn of_panic(_: Box<dyn Any + Send>) -> Response {
    Failure::new(ErrorCode::Internal, "系統發生錯誤。").into_response()
}

/// Writes the problem document of a failed response; leaves any other response alone.
///
/// Answers of libraries (an unknown file of the API page, say) become problems too.
pub(super) fn describe(mut response: Response, occurrence: &Occurrence) -> Response {
    let Some(error) = failed(&mut response) else { return response };
    let (retry_after, quota) = (error.retry_after, error.spent.as_ref().map(caller::spent));
    let http_status = status(error.code);
    let problem = Problem::new(error, occurrence);
    let mut described = (http_status, axum::Json(problem)).into_response();
    let content_type = HeaderValue::from_static("application/problem+json");
    keep_hints(&mut response, &mut described);
    described.headers_mut().insert(CONTENT_TYPE, content_type);
    for (name, value) in quota.into_iter().flatten() {
        if let Ok(value) = value.parse() {
            described.headers_mut().insert(name, value);
        }
    }
    if let Some(value) = retry_after.and_then(|it| problem::retry_after(it).parse().ok()) {
        described.headers_mut().insert(RETRY_AFTER, value);
    }
    described
}

/// Keeps the headers that tell a client what to do instead.
pub(super) fn keep_hints(response: &mut Response, described: &mut Response) {
    for name in [ALLOW, WWW_AUTHENTICATE] {
        if let Some(value) = response.headers_mut().remove(&name) {
            described.headers_mut().insert(name, value);
        }
    }
}

/// Why a response has failed; none when it has not.
pub(super) fn failed(response: &mut Response) -> Option<CallError> {
    match response.extensions_mut().remove::<CallError>() {
        None if is_bare_error(response) => Some(of_status(response.status())),
        found => found,
    }
}

/// Pages for people say themselves what went wrong.
fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let is_page = content_type.is_some_and(|it| it.starts_with("text/html"));
    (status.is_client_error() || status.is_server_error()) && !is_page
}

fn of_status(found: StatusCode) -> CallError {
    let code = ErrorCode::ALL.into_iter().find(|code| status(*code) == found);
    let code = code.unwrap_or(if found.is_client_error() {
        ErrorCode::BadValue
    } else {
        ErrorCode::Internal
    });
    CallError::new(code, code.title())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: u16, expected: ErrorCode) {
        assert_eq!(of_status(StatusCode::from_u16(found).unwrap()).code, expected);
    }

    #[test]
    fn library_answers_get_a_code() {
        check(404, ErrorCode::NotFound);
        check(413, ErrorCode::TooLarge);
        check(418, ErrorCode::BadValue);
        check(502, ErrorCode::Internal);
    }

    #[test]
    fn every_code_is_an_error_status() {
        for code in ErrorCode::ALL {
            assert!(400 <= status(code).as_u16(), "{code:?}");
        }
    }
}
