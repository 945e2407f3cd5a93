//! Calendar days, and the two eras in which documents print them.

use std::fmt;

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
    fn days_since_the_epoch() {
        assert_eq!(Date::from_unix_days(0).to_string(), "1970-01-01");
        assert_eq!(Date::from_unix_days(20_781).to_string(), "2026-11-24");
    }

    proptest! {
        #[test]
        fn every_day_since_the_epoch_is_real(days in 0_u32..200_000) {
            let date = Date::from_unix_days(days);
            prop_assert!(date.is_real());
            prop_assert!(date < Date::from_unix_days(days + 1));
        }
    }
}
