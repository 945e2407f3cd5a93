//! Values as people read them: moments by the clock of Taiwan, sizes, shares.

use std::time::Duration;

use crate::base::rfc3339;

/// Taiwan is eight hours ahead of UTC, and has no summer time.
const OFFSET: Duration = Duration::from_secs(8 * 60 * 60);

/// `2026-11-23 10:31:07`, by the clock of Taiwan.
pub(super) fn moment(unix_time: Duration) -> String {
    let text = rfc3339(unix_time + OFFSET);
    text.get(..19).unwrap_or_default().replace('T', " ")
}

/// `1.5 MiB`: bytes in the largest unit that is full.
pub(super) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") }
}

/// `91.0 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_taiwan() {
        let check = |seconds, expected| assert_eq!(moment(Duration::from_secs(seconds)), expected);
        check(0, "1970-01-01 08:00:00");
        check(1_795_401_067, "2026-11-23 10:31:07");
        check(1_795_449_599, "2026-11-23 23:59:59");
        check(1_795_449_600, "2026-11-24 00:00:00");
    }

    #[test]
    fn the_largest_full_unit_is_told() {
        for (n, expected) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 20, "3.0 MiB")]
        {
            assert_eq!(bytes(n), expected);
        }
    }
}
