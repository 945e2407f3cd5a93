//! Hours of a day, by the clock of Taiwan.

use std::time::Duration;

const DAY_MINUTES: u64 = 24 * 60;

/// Taiwan is eight hours ahead of UTC, and has no summer time.
const OFFSET_MINUTES: u64 = 8 * 60;

/// A part of each day, by the clock of Taiwan; it may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u64,
    until: u64,
}

impl Hours {
    /// Reads `08:00-18:00`: minutes from the first to before the second.
    pub fn parse(text: &str) -> Option<Hours> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let is_two = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
            if !is_two(hour) || !is_two(minute) {
                return None;
            }
            let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
            (minute < 60 && hour * 60 + minute <= DAY_MINUTES).then_some(hour * 60 + minute)
        };
        let (from, until) = text.split_once('-')?;
        let hours = Hours { from: minute(from)?, until: minute(until)? };
        (hours.from != hours.until).then_some(hours)
    }

    /// Whether a time since 1970-01-01T00:00:00Z is within them.
    pub fn has(self, now: Duration) -> bool {
        let minute = (now.as_secs() / 60 + OFFSET_MINUTES) % DAY_MINUTES;
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            self.from <= minute || minute < self.until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hours: &str, utc: (u64, u64), expected: Option<bool>) {
        let now = Duration::from_secs(60 * (60 * utc.0 + utc.1));
        assert_eq!(Hours::parse(hours).map(|it| it.has(now)), expected, "{hours} {utc:?}");
    }

    #[test]
    fn hours_are_those_of_taiwan() {
        check("08:00-18:00", (0, 0), Some(true));
        check("08:00-18:00", (9, 59), Some(true));
        check("08:00-18:00", (10, 0), Some(false));
        check("08:00-18:00", (23, 59), Some(false));
        check("22:00-06:00", (15, 0), Some(true));
        check("22:00-06:00", (22, 0), Some(false));
        check("00:00-24:00", (3, 0), Some(true));
        for bad in
            ["", "8:00-18:00", "08:00", "08:00-25:00", "08:60-09:00", "08:00-08:00", "+8:00-18:00"]
        {
            check(bad, (0, 0), None);
        }
    }
}
