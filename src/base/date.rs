//! Calendar days, and the two eras in which documents print them.

use std::fmt;
use std::time::Duration;

/// By how much Taiwan is ahead of UTC; without summer time since 1979.
pub const TAIWAN_OFFSET: Duration = Duration::from_secs(8 * 60 * 60);

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Years between the common era and the era of the Republic (民國).
const ROC_OFFSET: u16 = 1911;

/// A day as printed; [`Date::is_real`] says whether the calendar has it. Displays as ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year of the common era.
    pub year: u16,
    /// Month, 1 to 12 when real.
    pub month: u8,
    /// Day of the month, from 1 when real.
    pub day: u8,
}

impl Date {
    /// The day that lies `days` after 1970-01-01, for a caller that has a clock.
    ///
    /// Proleptic Gregorian; a day after the year 65535 saturates.
    pub fn from_unix_days(days: u32) -> Date {
        let mut year = 1970;
        let mut left = days;
        while days_in_year(year) <= left && year < u16::MAX {
            left -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while month < 12 && u32::from(days_in_month(year, month)) <= left {
            left -= u32::from(days_in_month(year, month));
            month += 1;
        }
        let day = u8::try_from(left + 1).unwrap_or(31);
        Date { year, month, day }
    }

    /// The calendar day in Taiwan at a time since 1970-01-01T00:00:00Z.
    pub fn in_taiwan(at: Duration) -> Date {
        let days = (at + TAIWAN_OFFSET).as_secs() / DAY_SECONDS;
        Date::from_unix_days(u32::try_from(days).unwrap_or(u32::MAX))
    }

    /// When the day begins in Taiwan, since 1970-01-01T00:00:00Z.
    pub fn midnight_in_taiwan(self) -> Duration {
        Duration::from_secs(u64::from(self.unix_days()) * DAY_SECONDS).saturating_sub(TAIWAN_OFFSET)
    }

    /// Days since 1970-01-01; 0 for days before it, and for what the calendar does not have.
    pub fn unix_days(self) -> u32 {
        if !self.is_real() {
            return 0;
        }
        let years: u32 = (1970..self.year).map(days_in_year).sum();
        let months: u32 = (1..self.month).map(|it| u32::from(days_in_month(self.year, it))).sum();
        if self.year < 1970 { 0 } else { years + months + u32::from(self.day) - 1 }
    }

    /// Reads `2026-11-24`; none for any other writing and for a day the calendar does not have.
    pub fn parse_iso(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        let digits = bytes.iter().filter(|it| it.is_ascii_digit()).count();
        let is_dashed = bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
        if bytes.len() != 10 || digits != 8 || !is_dashed {
            return None;
        }
        let mut parts = text.split('-');
        let date = Date {
            year: parts.next()?.parse().ok()?,
            month: parts.next()?.parse().ok()?,
            day: parts.next()?.parse().ok()?,
        };
        date.is_real().then_some(date)
    }

    /// The day after this one; the last day of the year 65535 is its own.
    pub fn next_day(self) -> Date {
        if self.day < days_in_month(self.year, self.month) {
            return Date { day: self.day + 1, ..self };
        }
        if self.month < 12 {
            return Date { month: self.month + 1, day: 1, ..self };
        }
        match self.year.checked_add(1) {
            Some(year) => Date { year, month: 1, day: 1 },
            None => self,
        }
    }

    /// The day before this one; the first day of the year 0 is its own.
    pub fn previous_day(self) -> Date {
        match self {
            Date { day: 2.., .. } => Date { day: self.day - 1, ..self },
            Date { month: 2.., .. } => {
                let month = self.month - 1;
                Date { month, day: days_in_month(self.year, month), ..self }
            }
            Date { year: 1.., .. } => Date { year: self.year - 1, month: 12, day: 31 },
            first => first,
        }
    }

    /// Whether it is a Saturday or a Sunday.
    pub fn is_weekend(self) -> bool {
        // Zeller's congruence, Gregorian: 0 is a Saturday, 1 a Sunday.
        let (year, month) = match self.month {
            1 | 2 => (u32::from(self.year).saturating_sub(1), u32::from(self.month) + 12),
            month => (u32::from(self.year), u32::from(month)),
        };
        let century = year / 100;
        let within = year % 100;
        let days = u32::from(self.day) + 13 * (month + 1) / 5;
        (days + within + within / 4 + century / 4 + 5 * century) % 7 <= 1
    }

    /// Whether the calendar has this day.
    pub fn is_real(self) -> bool {
        (1..=12).contains(&self.month)
            && 1 <= self.day
            && self.day <= days_in_month(self.year, self.month)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The common-era year of a printed one: below 1000 it counts from the founding of the Republic.
pub fn roc_year(printed: u16) -> u16 {
    if printed < 1000 { printed + ROC_OFFSET } else { printed }
}

fn days_in_year(year: u16) -> u32 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(year: u16, month: u8, day: u8, expected: bool) {
        assert_eq!(Date { year, month, day }.is_real(), expected, "{year}-{month}-{day}");
    }

    #[test]
    fn a_day_begins_earlier_in_taiwan() {
        let midnight = Date { year: 2026, month: 11, day: 26 }.midnight_in_taiwan();
        assert_eq!(midnight, Duration::from_secs(1_795_622_400), "2026-11-25T16:00:00Z");
        assert_eq!(Date::in_taiwan(midnight).day, 26);
        assert_eq!(Date::in_taiwan(midnight - Duration::from_secs(1)).day, 25);
    }

    #[test]
    fn the_calendar() {
        check(1968, 6, 5, true);
        check(2000, 2, 29, true);
        check(1900, 2, 29, false);
        check(2023, 2, 29, false);
        check(2024, 4, 31, false);
        check(2024, 13, 1, false);
        check(2024, 0, 1, false);
        check(2024, 1, 0, false);
    }

    #[test]
    fn eras() {
        assert_eq!(roc_year(57), 1968);
        assert_eq!(roc_year(111), 2022);
        assert_eq!(roc_year(2022), 2022);
        assert_eq!(Date { year: 1968, month: 6, day: 5 }.to_string(), "1968-06-05");
    }

    #[test]
    fn iso_writing() {
        for text in ["2026-11-24", "1900-01-31", "2000-02-29"] {
            assert_eq!(Date::parse_iso(text).map(|it| it.to_string()).as_deref(), Some(text));
        }
        for text in
            ["", "2026-1-24", "2026-02-30", "2026/11/24", "+026-11-24", "2026-11-24Z", "20261-1-24"]
        {
            assert_eq!(Date::parse_iso(text), None, "{text}");
        }
    }

    #[test]
    fn weekends() {
        // 2026-11-24 is a Tuesday, 1970-01-03 the first Saturday of its year.
        let found: Vec<bool> =
            (20_781..20_788).map(|it| Date::from_unix_days(it).is_weekend()).collect();
        assert_eq!(found, [false, false, false, false, true, true, false]);
        assert!(Date::from_unix_days(2).is_weekend() && !Date::from_unix_days(4).is_weekend());
    }

    #[test]
    fn days_since_the_epoch() {
        assert_eq!(Date::from_unix_days(0).to_string(), "1970-01-01");
        assert_eq!(Date::from_unix_days(20_781).to_string(), "2026-11-24");
    }

    proptest! {
        #[test]
        fn every_day_since_the_epoch_is_real(days in 0_u32..200_000) {
            let date = Date::from_unix_days(days);
            prop_assert!(date.is_real());
            prop_assert_eq!(date.next_day(), Date::from_unix_days(days + 1));
            prop_assert!(date < date.next_day());
            prop_assert_eq!(date.is_weekend(), matches!(days % 7, 2 | 3));
            prop_assert_eq!(Date::parse_iso(&date.to_string()), Some(date));
        }
    }
}
