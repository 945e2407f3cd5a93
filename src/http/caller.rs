//! Who calls, and how much of the quota is left.
//!
//! The guard has proven it and says so in these headers; in a demonstration whoever reaches the loopback interface does.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};

use crate::service::jobs::{Caller, QuotaState};
use crate::task::call::{CallError, Spent};
use crate::wire::call;

use super::App;

/// Reads who calls.
pub(super) fn caller(headers: &HeaderMap) -> Result<Caller, CallError> {
    let (client, org) = call::caller(|name| said(headers, name))?;
    Ok(Caller { client, org })
}

/// Code of the agency as the gateway says it.
pub(super) fn said_org(headers: &HeaderMap) -> Option<&str> {
    said(headers, call::ORG)
}

/// What a header says; what is no text is no code either.
fn said<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|it| it.to_str().unwrap_or_default())
}

/// What an answer tells about the quota.
pub(super) type QuotaHeaders = [(HeaderName, String); 2];

/// Takes one call of the caller's quota.
pub(super) fn take(app: &App, caller: &Caller) -> Result<QuotaHeaders, CallError> {
    let state = app.quota.take(&caller.client, app.clock.now());
    if state.is_allowed {
        return Ok(headers((state.rate.calls, state.rate.window), state.remaining, state.reset));
    }
    let QuotaState { rate, reset, .. } = state;
    let spent = Spent { calls: rate.calls, window: rate.window, reset };
    Err(CallError::too_many(spent, "已達每分鐘可送出的工作數上限,請依 Retry-After 再試。"))
}

/// Headers of a quota that is used up.
pub(super) fn spent(spent: &Spent) -> QuotaHeaders {
    headers((spent.calls, spent.window), 0, spent.reset)
}

/// Headers of the quota (IETF draft-ietf-httpapi-ratelimit-headers).
fn headers((calls, window): (u32, Duration), remaining: u32, reset: Duration) -> QuotaHeaders {
    let (window, reset) = (window.as_secs(), ceil(reset));
    [
        (HeaderName::from_static("ratelimit-policy"), format!("\"jobs\";q={calls};w={window}")),
        (HeaderName::from_static("ratelimit"), format!("\"jobs\";r={remaining};t={reset}")),
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
        assert_eq!((found.client.as_str(), found.org.as_str()), ("local", "301000000A"));
        check("x-client-id", "mailbox-1_A", true);
        check("x-org-code", "379000000A", true);
        check("x-org-code", "379_000000A", false);
        for bad in ["", "a b", "a.b", "甲", &"a".repeat(65)] {
            check("x-client-id", bad, false);
        }
    }
}
