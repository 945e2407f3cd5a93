//! What a caller says about a call beside its body, over any transport: ids and deadline.

use std::time::Duration;

use crate::base::RequestId;
use crate::task::call::{CallError, Origin};

/// Header with the milliseconds that the caller is willing to wait.
pub const DEADLINE: &str = "x-deadline-ms";
/// Header with the caller's own id.
pub const REQUEST_ID: &str = "x-request-id";
/// Header with the caller's trace.
pub const TRACE_PARENT: &str = "traceparent";
/// Header with the code of the caller's agency; where callers are proven, what was proven replaces it.
pub const ORG: &str = "x-org-code";

/// Agency of callers when the gateway does not say: 內政部.
const MINISTRY: &str = "301000000A";

/// The caller's agency.
///
/// # Errors
/// When what is said is no code of an agency: subjects of events are made of it.
pub fn org(said: Option<&str>) -> Result<String, CallError> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match said.unwrap_or(MINISTRY) {
        org if (1..=64).contains(&org.len()) && org.bytes().all(is_safe) => Ok(org.to_owned()),
        _ => Err(CallError::bad_value("/headers/x-org-code", "應為 1 到 64 個英數字或 -。")),
    }
}

/// What a call belongs to.
///
/// # Errors
/// Those of [`org`].
pub fn origin(
    request_id: RequestId,
    said_org: Option<&str>,
    trace_parent: Option<&str>,
) -> Result<Origin, CallError> {
    Ok(Origin {
        org: org(said_org)?,
        correlation: request_id.to_string(),
        trace_parent: trace_parent.filter(|it| trace_id(it).is_some()).map(str::to_owned),
    })
}

/// Header with the name of the client system; where callers are proven, what was proven replaces it.
pub const CLIENT: &str = "x-client-id";

/// Who calls when the gateway does not say.
const LOCAL: &str = "local";

/// The client system and its agency, of headers that `get` gives; text that is none is empty.
///
/// # Errors
/// When one is not 1 to 64 letters, digits or `-`; a client may have `_` too.
pub fn caller<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<(String, String), CallError> {
    let client = get(CLIENT).unwrap_or(LOCAL);
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !(1..=64).contains(&client.len()) || !client.bytes().all(is_safe) {
        let detail = "應為 1 到 64 個英數字、- 或 _。";
        return Err(CallError::bad_value("/headers/x-client-id", detail));
    }
    Ok((client.to_owned(), org(get(ORG))?))
}

/// Whether an id of the caller is answered as it is: 1 to 64 letters, digits, `-`, `_`, `.`.
pub fn is_request_id(id: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(is_safe)
}

/// The trace id of a W3C `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`.
pub fn trace_id(trace_parent: &str) -> Option<String> {
    let mut parts = trace_parent.split('-');
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

/// The time for the call: ours, or less when the caller asks for less.
///
/// # Errors
/// When what the caller asks for is no number of milliseconds.
pub fn timeout(asked: Option<&str>, longest: Duration) -> Result<Duration, CallError> {
    let Some(text) = asked else { return Ok(longest) };
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
        let found = timeout(Some(text), Duration::from_secs(30)).ok();
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

    fn check_org(said: Option<&str>, expected: Option<&str>) {
        assert_eq!(org(said).ok().as_deref(), expected, "{said:?}");
    }

    #[test]
    fn an_agency_is_part_of_a_subject() {
        check_org(None, Some(MINISTRY));
        check_org(Some("379-A"), Some("379-A"));
        for bad in ["", "a b", "a.b", "a_b", "甲", "*", &"a".repeat(65)] {
            check_org(Some(bad), None);
        }
    }

    fn check_trace(text: &str, is_valid: bool) {
        assert_eq!(trace_id(text).is_some(), is_valid, "{text}");
    }

    #[test]
    fn only_well_formed_ids_are_taken() {
        check_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true);
        check_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false);
        check_trace("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false);
        check_trace("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false);
        check_trace("garbage", false);
        assert!(is_request_id("a-B_9."));
        assert!(!is_request_id(""));
        assert!(!is_request_id("a b"));
        assert!(!is_request_id(&"a".repeat(65)));
    }
}
