//! Days by which a document must be answered: working days by 速別, on a calendar that the ministry loads.
//!
//! 最速件 1, 速件 3, 普通件 6 working days, counted from the day after receipt; a dated document has its own day
//! (文書流程管理作業規範, as the plan's design notes cite it). Pure: no clock.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::Date;
use crate::media::exchange::Priority;

/// Working days of each 速別.
const IMMEDIATE_DAYS: u16 = 1;
const FAST_DAYS: u16 = 3;
const ORDINARY_DAYS: u16 = 6;
/// Days after which counting gives up: no calendar closes an office for longer.
const MAX_DAYS: u16 = 400;

/// Why a calendar is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not a table of the expected columns.
    #[error("the calendar is not understood at line {line}: {what}")]
    Malformed {
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// No day at all.
    #[error("the calendar has no day")]
    Empty,
}

/// Which days are worked. Outside the days it lists, weekends are free and the rest is worked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Listed days: whether they are worked.
    days: BTreeMap<Date, bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarFile {
    /// Free days that are no weekends.
    #[serde(default)]
    holidays: Vec<String>,
    /// Weekends that are worked (補行上班).
    #[serde(default)]
    working: Vec<String>,
    /// First and last day for which the file is complete.
    from: String,
    to: String,
}

impl Calendar {
    /// Reads the office calendar that the personnel administration publishes as CSV: 西元日期 (`20261124`), 星期, 是否放假
    /// (0 works, 2 is free), 備註; one line a day, weekends and 補行上班 included.
    pub fn from_csv(text: &str) -> Result<Calendar, CalendarError> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let mut days = BTreeMap::new();
        for record in reader.records() {
            let malformed = |line, what| CalendarError::Malformed { line, what };
            let record = record.map_err(|err| {
                malformed(err.position().map_or(0, csv::Position::line), "no table")
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let date = record.get(0).and_then(packed);
            let date =
                date.ok_or(malformed(line, "the first column is no day such as 20261124"))?;
            let is_worked = match record.get(2).map(str::trim) {
                Some("0") => true,
                Some("2") => false,
                _ => return Err(malformed(line, "the third column is neither 0 nor 2")),
            };
            days.insert(date, is_worked);
        }
        if days.is_empty() { Err(CalendarError::Empty) } else { Ok(Calendar { days }) }
    }

    /// Reads a TOML calendar: `from`, `to`, `holidays` and `working`, all ISO days.
    pub fn from_toml(text: &str) -> Result<Calendar, CalendarError> {
        let malformed = |what| CalendarError::Malformed { line: 1, what };
        let file: CalendarFile =
            toml::from_str(text).map_err(|_| malformed("not a calendar in TOML"))?;
        let day = |text: &String| Date::parse_iso(text).ok_or(malformed("a day is not ISO 8601"));
        let (from, to) = (day(&file.from)?, day(&file.to)?);
        let mut days = BTreeMap::new();
        let mut date = from;
        while date <= to && days.len() < usize::from(MAX_DAYS) * 10 {
            days.insert(date, !date.is_weekend());
            date = date.next_day();
        }
        let stated = file.holidays.iter().map(|it| (it, false));
        for (text, is_worked) in stated.chain(file.working.iter().map(|it| (it, true))) {
            days.insert(day(text)?, is_worked);
        }
        if days.is_empty() { Err(CalendarError::Empty) } else { Ok(Calendar { days }) }
    }

    /// Adds the days of another calendar, which wins where both list a day.
    pub fn extend(&mut self, other: Calendar) {
        self.days.extend(other.days);
    }

    /// Whether a day is listed.
    pub fn covers(&self, date: Date) -> bool {
        self.days.contains_key(&date)
    }

    /// Whether offices work on a day.
    pub fn is_working_day(&self, date: Date) -> bool {
        self.days.get(&date).copied().unwrap_or(!date.is_weekend())
    }
}

/// `20261124`.
fn packed(text: &str) -> Option<Date> {
    let text = text.trim();
    let digits =
        Some(text).filter(|it| it.len() == 8 && it.bytes().all(|it| it.is_ascii_digit()))?;
    let (year, month, day) = (digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?);
    Date::parse_iso(&format!("{year}-{month}-{day}"))
}

/// By when, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The last day.
    pub date: Date,
    /// Working days allowed; none for a document that states its own day.
    pub working_days: Option<u16>,
    /// Whether the calendar lists every day that was counted; if not, a holiday may be missing.
    pub is_covered: bool,
    /// The rule in words.
    pub rule: &'static str,
}

/// The day by which a document received on `received` must be answered.
///
/// `own` is the day that a dated document states. A priority that is not stated, or in words of no rule, counts as 普通件.
pub fn deadline(
    received: Date,
    priority: Priority,
    own: Option<Date>,
    calendar: &Calendar,
) -> Deadline {
    let (working_days, rule) = match (priority, own) {
        (Priority::Dated, Some(date)) => {
            let is_covered = calendar.covers(date);
            return Deadline {
                date,
                working_days: None,
                is_covered,
                rule: "限期公文:依來文所定期限",
            };
        }
        (Priority::Immediate, _) => (IMMEDIATE_DAYS, "最速件:1 個工作日"),
        (Priority::Fast, _) => (FAST_DAYS, "速件:3 個工作日"),
        (Priority::Ordinary, _) => (ORDINARY_DAYS, "普通件:6 個工作日"),
        (Priority::Dated, None) => (ORDINARY_DAYS, "限期公文未載期限:暫依普通件 6 個工作日"),
        (Priority::Unstated, _) => (ORDINARY_DAYS, "未載速別:依普通件 6 個工作日"),
        (Priority::Unclear, _) => {
            (ORDINARY_DAYS, "所載速別不在規定之列,請查核:暫依普通件 6 個工作日")
        }
    };
    let (date, is_covered) = count(received, working_days, calendar);
    Deadline { date, working_days: Some(working_days), is_covered, rule }
}

/// The `n`th working day after `start`, and whether the calendar lists all days in between.
fn count(start: Date, n: u16, calendar: &Calendar) -> (Date, bool) {
    let mut date = start;
    let mut left = n;
    let mut is_covered = true;
    for _ in 0..MAX_DAYS {
        if left == 0 {
            break;
        }
        date = date.next_day();
        is_covered &= calendar.covers(date);
        left -= u16::from(calendar.is_working_day(date));
    }
    (date, is_covered && left == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        Date::parse_iso(text).unwrap()
    }

    fn calendar() -> Calendar {
        // Invented: a holiday on Thursday, and the Saturday after it worked.
        Calendar::from_toml(
            "from = '2026-11-01'\nto = '2026-12-31'\nholidays = ['2026-11-26']\nworking = ['2026-11-28']",
        )
        .unwrap()
    }

    fn check(received: &str, priority: Priority, expected: &str) {
        let found = deadline(day(received), priority, None, &calendar());
        assert_eq!(
            (found.date, found.is_covered),
            (day(expected), true),
            "{received} {priority:?}"
        );
    }

    #[test]
    fn working_days_are_counted_from_the_day_after() {
        // 2026-11-23 is a Monday.
        check("2026-11-23", Priority::Immediate, "2026-11-24");
        check("2026-11-23", Priority::Fast, "2026-11-27");
        check("2026-11-25", Priority::Immediate, "2026-11-27");
        check("2026-11-23", Priority::Ordinary, "2026-12-01");
        check("2026-11-27", Priority::Immediate, "2026-11-28");
        check("2026-11-28", Priority::Unstated, "2026-12-07");
        check("2026-11-28", Priority::Unclear, "2026-12-07");
        let unclear = deadline(day("2026-11-23"), Priority::Unclear, None, &calendar());
        assert!(unclear.rule.contains("請查核"), "{}", unclear.rule);
    }

    #[test]
    fn dated_documents_have_their_own_day() {
        let found =
            deadline(day("2026-11-23"), Priority::Dated, Some(day("2026-12-20")), &calendar());
        assert_eq!((found.date, found.working_days), (day("2026-12-20"), None));
        check("2026-11-23", Priority::Dated, "2026-12-01");
    }

    #[test]
    fn what_the_calendar_does_not_list_is_said() {
        let found = deadline(day("2026-12-30"), Priority::Fast, None, &calendar());
        assert_eq!((found.date, found.is_covered), (day("2027-01-04"), false));
        let found = deadline(day("2026-11-23"), Priority::Fast, None, &Calendar::default());
        assert_eq!((found.date, found.is_covered), (day("2026-11-26"), false));
    }

    #[test]
    fn the_published_table_is_read() {
        let text = "\u{FEFF}西元日期,星期,是否放假,備註\n20261125,三,0,\n20261126,四,2,\"紀念日, 放假\"\n20261128,六,0,補行上班\n";
        let found = Calendar::from_csv(text).unwrap();
        assert!(
            !found.is_working_day(day("2026-11-26")) && found.is_working_day(day("2026-11-28"))
        );
        assert!(found.covers(day("2026-11-25")) && !found.covers(day("2026-11-27")));
        let mut all = calendar();
        all.extend(Calendar::from_csv("a,b,c\n20261127,五,2,颱風\n").unwrap());
        assert!(!all.is_working_day(day("2026-11-27")));
    }

    #[test]
    fn bad_tables_are_refused() {
        let line = |text: &str| Calendar::from_csv(text).unwrap_err();
        assert_eq!(line("a,b,c\n"), CalendarError::Empty);
        assert!(matches!(line("a,b,c\n20261301,一,0\n"), CalendarError::Malformed { line: 2, .. }));
        assert!(matches!(line("a,b,c\n20261201,二,1\n"), CalendarError::Malformed { line: 2, .. }));
        assert!(Calendar::from_toml("from = '2026-11-01'").is_err());
        assert!(Calendar::from_toml("from = 'x'\nto = 'y'").is_err());
        assert!(Calendar::from_toml("from = '2026-12-01'\nto = '2026-11-01'").is_err());
    }
}
