//! What an issuer shows of itself, for operators who want to know why its tokens are refused. Nothing is kept.

use std::time::Duration;

use serde::Deserialize;

use crate::base::Date;

use super::issuer::{self, Keys};
use super::provider;
use super::tokens::KeySource;

/// By how much clocks may differ before a token is refused.
pub const CLOCK_LEEWAY: Duration = super::token::LEEWAY;

/// What was found at an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerReport {
    /// Keys that tokens can be proven with.
    pub n_keys: usize,
    /// Keys of no use here: without a name, for encryption, or of another kind.
    pub n_useless: usize,
    /// By how much its clock and ours differ, where it tells.
    pub skew: Option<Duration>,
}

/// Looks at a set of keys at `now`. A network is waited for, not for long.
///
/// # Errors
/// With the reason why it cannot be read.
pub fn inspect_keys(source: &KeySource, now: Duration) -> Result<IssuerReport, String> {
    let published = source.read()?;
    let n_all = published.set.keys.len();
    let keys: Keys = issuer::usable(published.set);
    let theirs = published.date.as_deref().and_then(http_date);
    // A date has whole seconds.
    let skew = theirs.map(|it| it.abs_diff(Duration::from_secs(now.as_secs())));
    Ok(IssuerReport { n_keys: keys.len(), n_useless: n_all - keys.len(), skew })
}

/// Where a provider that people log in at has its keys.
///
/// # Errors
/// With the reason why its description cannot be used.
pub fn discover_login(issuer: &str) -> Result<KeySource, String> {
    Ok(KeySource::Url(provider::discover(issuer)?.keys))
}

#[derive(Deserialize)]
struct Described {
    issuer: String,
    jwks_uri: String,
}

/// Where an issuer of access tokens says that its keys are; none where it does not describe itself.
///
/// # Errors
/// When it describes another issuer.
pub fn discover_keys(issuer: &str) -> Result<Option<String>, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    if !provider::is_safe(&url) {
        return Ok(None);
    }
    let Ok((text, _)) = issuer::get(&url) else { return Ok(None) };
    let Ok(found) = serde_json::from_slice::<Described>(&text) else { return Ok(None) };
    match found.issuer == issuer {
        true => Ok(Some(found.jwks_uri)),
        false => Err(format!("it calls itself `{}`", found.issuer)),
    }
}

/// Reads `Fri, 27 Nov 2026 09:00:00 GMT` (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|it| *it == month)?;
    let month = u8::try_from(month + 1).ok()?;
    let date = Date { year: year.parse().ok()?, month, day: day.parse().ok()? };
    let parts: Option<Vec<u64>> = time.split(':').map(|it| it.parse().ok()).collect();
    let [hour, minute, second] = parts?[..] else { return None };
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let day = Duration::from_secs(u64::from(date.unix_days()) * 24 * 60 * 60);
    let time = Duration::from_secs(hour * 3600 + minute * 60 + second);
    (is_time && date.is_real() && 1970 <= date.year).then(|| day + time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(http_date(text).map(|it| it.as_secs()), expected, "{text}");
    }

    #[test]
    fn dates_of_answers_are_read() {
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        for bad in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
        ] {
            check(bad, None);
        }
    }
}
