//! Which versions of the server have no known vulnerability.
//!
//! CVE-2026-33222 and CVE-2026-33248 are fixed in 2.11.15 and 2.12.6, CVE-2025-30215 before.

/// Whether a server of this version may be used.
pub(super) fn is_safe(version: &str) -> bool {
    // A release candidate comes before its release.
    let (numbers, is_release) = match version.split_once('-') {
        Some((numbers, _)) => (numbers, false),
        None => (version, true),
    };
    let mut parts = numbers.split('.').map(|it| it.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor)), Some(Some(patch))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    match (major, minor, patch) {
        (2, 11, 15) | (2, 12, 6) => is_release,
        (2, 11, patch) => 15 < patch,
        (2, 12, patch) => 6 < patch,
        (major, minor, _) => (2, 13) <= (major, minor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, expected: bool) {
        assert_eq!(is_safe(version), expected, "{version}");
    }

    #[test]
    fn the_floor() {
        check("2.15.1", true);
        check("2.12.6", true);
        check("2.12.6-RC.1", false);
        check("2.12.5", false);
        check("2.11.15", true);
        check("2.11.14", false);
        check("2.13.0", true);
        check("2.9.10", false);
        check("3.0.0", true);
        check("1.99.99", false);
        check("", false);
        check("2.x.1", false);
    }
}
