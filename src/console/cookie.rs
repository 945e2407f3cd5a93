//! Cookies: read, written, and taken back.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// Names the session. On TLS it stands behind `__Host-`, which browsers take from this host and path only.
pub(super) const SESSION: &str = "fenwen";

/// Holds what a browser shows again when it comes back from the provider.
pub(super) const TICKET: &str = "login";

/// Says the language. It is no secret, and scripts need not read it.
pub(super) const LANGUAGE: &str = "lang";

/// How cookies are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cookies {
    /// Whether browsers reach the console over TLS only.
    pub(super) is_secure: bool,
}

impl Cookies {
    fn prefix(self) -> &'static str {
        if self.is_secure { "__Host-" } else { "" }
    }

    /// The value of a cookie.
    pub(super) fn read(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut pairs =
            lines.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        let found = pairs.find(|(key, _)| key.strip_prefix(self.prefix()) == Some(name));
        found.map(|(_, value)| value.to_owned())
    }

    /// The header line that sets a cookie until the browser ends.
    pub(super) fn write(self, name: &str, value: &str) -> Option<HeaderValue> {
        self.line(name, value, "Strict")
    }

    /// The same for a cookie that comes also when the person follows a link from another site.
    pub(super) fn write_lax(self, name: &str, value: &str) -> Option<HeaderValue> {
        self.line(name, value, "Lax")
    }

    fn line(self, name: &str, value: &str, same_site: &str) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let prefix = self.prefix();
        let line =
            format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}");
        HeaderValue::from_str(&line).ok()
    }

    /// The header line that takes a cookie back.
    pub(super) fn forget(self, name: &str) -> Option<HeaderValue> {
        let line = self.write(name, "")?;
        HeaderValue::from_str(&format!("{}; Max-Age=0", line.to_str().ok()?)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_secure: bool, line: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(line).unwrap());
        let found = Cookies { is_secure }.read(&headers, SESSION);
        assert_eq!(found.as_deref(), expected, "{line}");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        check(false, "fenwen=a", Some("a"));
        check(false, "lang=en; fenwen=a-b_c", Some("a-b_c"));
        check(false, "fenwen2=a; xfenwen=b; fenwen", None);
        check(false, "", None);
        check(true, "lang=en;__Host-fenwen=a", Some("a"));
        // Another host of the domain can set this one.
        check(true, "fenwen=a", None);
    }

    #[test]
    fn a_cookie_is_for_this_host_and_no_script() {
        let [secure, plain] = [true, false].map(|is_secure| Cookies { is_secure });
        let line = secure.write(SESSION, "a").unwrap();
        assert_eq!(line, "__Host-fenwen=a; Path=/; HttpOnly; SameSite=Strict; Secure");
        let line = plain.forget(SESSION).unwrap();
        assert_eq!(line, "fenwen=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    }
}
