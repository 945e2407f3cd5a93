//! What a caller says about a call beside its body, over any transport: ids and deadline.

use std::time::Duration;

use crate::base::{RequestId, TraceContext};
use crate::task::call::{CallError, Origin};

/// Header with the milliseconds that the caller is willing to wait.
pub const DEADLINE: &str = "x-deadline-ms";
/// The same in gRPC: up to eight digits and a unit.
pub const GRPC_TIMEOUT: &str = "grpc-timeout";
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
        // What follows goes out with events: nothing but a trace.
        trace_parent: trace_parent.and_then(TraceContext::parse).map(|it| it.to_string()),
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

/// The least time that a call gets: who asks for less wants an answer at once, which most calls are, and a refusal of what
/// is nearly done helps nobody.
const LEAST: Duration = Duration::from_millis(200);

/// The time for the call: ours, or less when the caller asks for less.
///
/// # Errors
/// When what the caller asks for is no number of milliseconds.
pub fn timeout(asked: Option<&str>, longest: Duration) -> Result<Duration, CallError> {
    let Some(text) = asked else { return Ok(longest) };
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(ms) if is_number && 0 < ms => Ok(longest.min(LEAST.max(Duration::from_millis(ms)))),
        _ => Err(CallError::bad_value("/headers/x-deadline-ms", "應為 1 到 999999999 的整數。")),
    }
}

/// The same where gRPC asks for it.
///
/// # Errors
/// When what is asked is no time as gRPC writes it.
pub fn grpc_timeout(asked: Option<&str>, longest: Duration) -> Result<Duration, CallError> {
    let Some(text) = asked else { return Ok(longest) };
    let time = text.split_at_checked(text.len().saturating_sub(1)).and_then(|(digits, unit)| {
        let is_number =
            (1..=8).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| is_number)?;
        match unit {
            "H" => Some(Duration::from_secs(number * 3600)),
            "M" => Some(Duration::from_secs(number * 60)),
            "S" => Some(Duration::from_secs(number)),
            "m" => Some(Duration::from_millis(number)),
            "u" => Some(Duration::from_micros(number)),
            "n" => Some(Duration::from_nanos(number)),
            _ => None,
        }
    });
    let detail = "應為至多八位數字與單位 H、M、S、m、u 或 n。";
    time.map(|it| longest.min(it))
        .ok_or_else(|| CallError::bad_value("/headers/grpc-timeout", detail))
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
        check_timeout("1", Some(200));
        check_timeout("999999999", Some(30_000));
        for bad in ["0", "", "-1", "+5", "1.5", "1e3", "99999999999999999999999", "五"] {
            check_timeout(bad, None);
        }
    }

    fn check_grpc_timeout(text: &str, expected: Option<u64>) {
        let found = grpc_timeout(Some(text), Duration::from_secs(30)).ok();
        assert_eq!(found, expected.map(Duration::from_micros), "{text:?}");
    }

    #[test]
    fn a_deadline_of_grpc_has_a_unit() {
        check_grpc_timeout("250m", Some(250_000));
        check_grpc_timeout("99999999H", Some(30_000_000));
        check_grpc_timeout("1M", Some(30_000_000));
        check_grpc_timeout("7S", Some(7_000_000));
        check_grpc_timeout("5u", Some(5));
        check_grpc_timeout("2000n", Some(2));
        for bad in ["", "5", "m", "5 m", "-5m", "+5m", "123456789m", "5h", "5秒", "秒"] {
            check_grpc_timeout(bad, None);
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

    #[track_caller]
    fn check_trace(text: &str, expected: Option<&str>) {
        let origin = origin(RequestId::at(Duration::ZERO), None, Some(text)).unwrap();
        assert_eq!(origin.trace_parent.as_deref(), expected, "{text}");
    }

    #[test]
    fn only_well_formed_ids_are_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        check_trace(good, Some(good));
        check_trace(&format!("{good}-anything"), None);
        check_trace("garbage", None);
        assert!(is_request_id("a-B_9."));
        assert!(!is_request_id(""));
        assert!(!is_request_id("a b"));
        assert!(!is_request_id(&"a".repeat(65)));
    }
}
