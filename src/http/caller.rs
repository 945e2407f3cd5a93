//! Who calls, and how much of the quota is left.
//!
//! Until callers prove who they are, the gateway in front says so: the server listens on loopback only.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};

use crate::base::ErrorCode;
use crate::service::jobs::{Caller, QuotaState};
use crate::task::call::CallError;

use super::App;

/// Who calls when the gateway does not say.
const LOCAL: &str = "local";

/// Agency of callers when the gateway does not say: 內政部.
const MINISTRY: &str = "301000000A";

/// Reads who calls.
pub(super) fn caller(headers: &HeaderMap) -> Result<Caller, CallError> {
    let read = |name: &str, otherwise: &str| {
        let Some(value) = headers.get(name) else { return Ok(otherwise.to_owned()) };
        let text = value.to_str().unwrap_or_default();
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_safe) {
            return Ok(text.to_owned());
        }
        let pointer = format!("/headers/{name}");
        Err(CallError::bad_value(pointer, "應為 1 到 64 個英數字、- 或 _。"))
    };
    Ok(Caller { client: read("x-client-id", LOCAL)?, org: read("x-org-code", MINISTRY)? })
}

/// What an answer tells about the quota.
pub(super) type QuotaHeaders = [(HeaderName, String); 2];

/// Takes one call of the caller's quota.
pub(super) fn take(app: &App, caller: &Caller) -> Result<QuotaHeaders, CallError> {
    let state = app.quota.take(&caller.client, app.clock.now());
    if state.is_allowed {
        return Ok(headers(&state));
    }
    let message = "已達每分鐘可送出的工作數上限,請依 Retry-After 再試。";
    Err(CallError::new(ErrorCode::Overloaded, message).retry_after(state.reset))
}

/// Headers of the quota (IETF draft-ietf-httpapi-ratelimit-headers).
pub(super) fn headers(state: &QuotaState) -> QuotaHeaders {
    let (calls, window) = (state.rate.calls, state.rate.window.as_secs());
    let reset = ceil(state.reset);
    [
        (HeaderName::from_static("ratelimit-policy"), format!("\"jobs\";q={calls};w={window}")),
        (HeaderName::from_static("ratelimit"), format!("\"jobs\";r={};t={reset}", state.remaining)),
    ]
}

/// Whole seconds, rounded up.
pub(super) fn ceil(time: Duration) -> u64 {
    time.as_secs() + u64::from(0 < time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(name: &'static str, value: &str, is_valid: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        assert_eq!(caller(&headers).is_ok(), is_valid, "{value:?}");
    }

    #[test]
    fn names_are_well_formed() {
        let found = caller(&HeaderMap::new()).unwrap();
        assert_eq!((found.client.as_str(), found.org.as_str()), (LOCAL, MINISTRY));
        check("x-client-id", "mailbox-1_A", true);
        check("x-org-code", "379000000A", true);
        for bad in ["", "a b", "a.b", "甲", &"a".repeat(65)] {
            check("x-client-id", bad, false);
            check("x-org-code", bad, false);
        }
    }
}
