//! What the caller prefers (RFC 7240): an answer later, or a while of waiting for it.

use std::time::Duration;

use axum::http::HeaderMap;

/// Longest wait that is granted: gateways give up after two minutes.
const LONGEST: Duration = Duration::from_secs(100);

/// What the caller prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Preference {
    /// Whether the call may become a job.
    pub(super) respond_async: bool,
    /// How long the caller waits before it takes a job instead.
    pub(super) wait: Duration,
}

impl Preference {
    /// Reads the preferences; those that are unknown or malformed are no preference.
    pub(super) fn read(headers: &HeaderMap) -> Preference {
        let mut found = Preference::default();
        let values = headers.get_all("prefer").iter().filter_map(|it| it.to_str().ok());
        for token in values.flat_map(|it| it.split(',')) {
            let token = token.split(';').next().unwrap_or_default().trim();
            if token.eq_ignore_ascii_case("respond-async") {
                found.respond_async = true;
            }
            if let Some((name, seconds)) = token.split_once('=')
                && name.trim().eq_ignore_ascii_case("wait")
                && let Ok(seconds) = seconds.trim().trim_matches('"').parse::<u32>()
            {
                found.wait = Duration::from_secs(seconds.into()).min(LONGEST);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(values: &[&'static str], respond_async: bool, wait: u64) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        let expected = Preference { respond_async, wait: Duration::from_secs(wait) };
        assert_eq!(Preference::read(&headers), expected, "{values:?}");
    }

    #[test]
    fn preferences_are_read_and_malformed_ones_ignored() {
        check(&[], false, 0);
        check(&["respond-async"], true, 0);
        check(&["Respond-Async, wait=20"], true, 20);
        check(&["return=minimal", "wait=\"5\"; x=1", "respond-async"], true, 5);
        check(&["wait=9999, respond-async"], true, 100);
        check(&["wait=-1, wait, respond-async=no"], false, 0);
    }
}
