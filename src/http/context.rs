//! What the header of a request says about the call: its ids and its deadline.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::base::RequestId;
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Occurrence;

use super::App;

/// Ids and deadline of one request.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    /// The call.
    pub(super) call: CallContext,
    /// The caller's own id for the request if it sent a well-formed one, else ours. Never logged: a caller chose it.
    pub(super) echoed_id: HeaderValue,
    /// 32 hex digits.
    pub(super) trace_id: String,
}

impl RequestContext {
    /// Reads the header. A malformed deadline is an error; malformed ids are replaced.
    pub(super) fn read(app: &App, headers: &HeaderMap) -> (RequestContext, Result<(), CallError>) {
        let request_id = RequestId::fresh(app.clock.as_ref());
        let (timeout, result) = match timeout(headers, app.options.request_timeout) {
            Ok(timeout) => (timeout, Ok(())),
            Err(error) => (app.options.request_timeout, Err(error)),
        };
        let own_id = request_id.to_string();
        let echoed_id = headers
            .get("x-request-id")
            .filter(|it| is_well_formed(it.as_bytes()))
            .cloned()
            .or_else(|| HeaderValue::from_str(&own_id).ok())
            .unwrap_or(HeaderValue::from_static("unknown"));
        let trace_id = headers.get("traceparent").and_then(trace_id).unwrap_or(own_id);
        let call = CallContext { request_id, deadline: app.clock.now() + timeout };
        (RequestContext { call, echoed_id, trace_id }, result)
    }

    /// For problem documents.
    pub(super) fn occurrence(&self) -> Occurrence {
        Occurrence { request_id: self.call.request_id, trace_id: self.trace_id.clone() }
    }
}

/// 1 to 64 letters, digits, `-`, `_`, `.`.
fn is_well_formed(id: &[u8]) -> bool {
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=64).contains(&id.len()) && id.iter().all(is_safe)
}

/// The trace id of a W3C `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(value: &HeaderValue) -> Option<String> {
    let mut parts = value.to_str().ok()?.split('-');
    let version = parts.next()?;
    let trace_id = parts.next()?;
    let parent_id = parts.next()?;
    let is_hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && trace_id.bytes().any(|it| it != b'0')
        && is_hex(parent_id, 16)
        && is_hex(parts.next()?, 2);
    is_valid.then(|| trace_id.to_owned())
}

/// The time for the request: ours, or less when the caller asks for less.
fn timeout(headers: &HeaderMap, longest: Duration) -> Result<Duration, CallError> {
    let Some(value) = headers.get("x-deadline-ms") else { return Ok(longest) };
    let text = value.to_str().unwrap_or_default();
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(ms) if is_number && 0 < ms => Ok(longest.min(Duration::from_millis(ms))),
        _ => Err(CallError::bad_value("/headers/x-deadline-ms", "應為 1 到 999999999 的整數。")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_timeout(text: &str, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert("x-deadline-ms", HeaderValue::from_bytes(text.as_bytes()).unwrap());
        let found = timeout(&headers, Duration::from_secs(30)).ok();
        assert_eq!(found, expected.map(Duration::from_millis), "{text:?}");
    }

    #[test]
    fn a_deadline_only_shortens() {
        check_timeout("250", Some(250));
        check_timeout("999999999", Some(30_000));
        for bad in ["0", "", "-1", "+5", "1.5", "1e3", "99999999999999999999999", "五"] {
            check_timeout(bad, None);
        }
    }

    fn check_trace(text: &str, is_valid: bool) {
        let found = trace_id(&HeaderValue::from_str(text).unwrap());
        assert_eq!(found.is_some(), is_valid, "{text}");
    }

    #[test]
    fn only_well_formed_ids_are_taken() {
        check_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true);
        check_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false);
        check_trace("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false);
        check_trace("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false);
        check_trace("garbage", false);
        assert!(is_well_formed(b"a-B_9."));
        assert!(!is_well_formed(b""));
        assert!(!is_well_formed(b"a b"));
        assert!(!is_well_formed(&[b'a'; 65]));
    }
}
