//! Days by which a document must be answered: working days by 速別, on a calendar that the ministry loads.
//!
//! 最速件 1, 速件 3, 普通件 6 working days, counted from the day after receipt; a dated document has its own day
//! (文書流程管理作業規範, as the plan's design notes cite it). Pure: no clock.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Deserialize;

use crate::base::Date;
use crate::media::exchange::Priority;
use crate::pipeline::fold::Folded;

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

/// Days that a document names for its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The caller knows that a dated document states it.
    pub stated: Option<Date>,
    /// Its text asks for it ([`requested`]).
    pub requested: Option<Date>,
}

/// The earliest day, not before `received`, before which a text asks for something: 請於114年12月20日前惠復.
pub fn requested(texts: &[&str], received: Date) -> Option<Date> {
    let mut found: Vec<Date> = Vec::new();
    for text in texts {
        let folded = Folded::new(text);
        for sentence in folded.as_str().split(['。', ';', '\n']) {
            found.extend(REQUEST.captures_iter(sentence).filter_map(|it| asked_for(&it, sentence)));
        }
    }
    found.into_iter().filter(|it| received <= *it).min()
}

/// The day of a match, where the words around it ask for something.
fn asked_for(found: &Captures<'_>, sentence: &str) -> Option<Date> {
    let whole = found.get(0)?;
    let (before, after) = (sentence.get(..whole.start())?, sentence.get(whole.end()..)?);
    let is_past = ["之", "的", "已", "所"].iter().any(|it| after.starts_with(it));
    let after: String = after.chars().take(NEAR).collect();
    let asks = ["請", "務", "惠"].iter().any(|it| before.contains(it))
        || ["惠", "見復", "函復", "查復", "報部", "釋示", "免備文"]
            .iter()
            .any(|it| after.contains(it));
    let number = |idx: usize| found.get(idx)?.as_str().parse::<u16>().ok();
    let (year, month, day) = (number(1)?, number(2)?, number(3)?);
    let date = Date::parse_iso(&format!("{:04}-{month:02}-{day:02}", year + 1911));
    date.filter(|it| it.is_real() && asks && !is_past)
}

/// Characters behind a day in which words may say what is asked for.
const NEAR: usize = 12;

static REQUEST: LazyLock<Regex> = LazyLock::new(request_pattern);

#[expect(clippy::expect_used, reason = "a constant pattern; a test compiles it")]
fn request_pattern() -> Regex {
    Regex::new(
        r"([0-9]{2,3}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?日 ?(?:\([^)]{1,8}\))?(?:(?:上|下)午[0-9]{1,2}時|下班|中午)?(?:以前|之前|前)",
    )
    .expect("a constant pattern is valid")
}

/// The day by which a document received on `received` must be answered.
///
/// A priority that is not stated, or in words of no rule, counts as 普通件. A day that the text asks for is that of a dated
/// document which states none otherwise; of any other it counts where it comes sooner than the rule.
pub fn deadline(received: Date, priority: Priority, named: Named, calendar: &Calendar) -> Deadline {
    let by_rule = by_priority(received, priority, named.stated.or(named.requested), calendar);
    match named.requested {
        Some(date) if priority != Priority::Dated && date < by_rule.date => Deadline {
            date,
            working_days: None,
            is_covered: calendar.covers(date),
            rule: "來文所定期日,早於速別的期限",
        },
        _ => by_rule,
    }
}

fn by_priority(
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
        let found = deadline(day(received), priority, Named::default(), &calendar());
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
        let unclear = deadline(day("2026-11-23"), Priority::Unclear, Named::default(), &calendar());
        assert!(unclear.rule.contains("請查核"), "{}", unclear.rule);
    }

    #[test]
    fn dated_documents_have_their_own_day() {
        let stated = Named { stated: Some(day("2026-12-20")), requested: None };
        let found = deadline(day("2026-11-23"), Priority::Dated, stated, &calendar());
        assert_eq!((found.date, found.working_days), (day("2026-12-20"), None));
        check("2026-11-23", Priority::Dated, "2026-12-01");
    }

    #[test]
    fn a_day_that_the_text_asks_for_is_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(requested(&[text], day("2026-11-23")), expected.map(day), "{text}");
        };
        check("請於115年12月20日前惠復。", Some("2026-12-20"));
        check("請貴府於115年12月1日(星期二)下班前免備文逕送承辦人", Some("2026-12-01"));
        check("惠請於115年11月30日中午前回傳;並於115年12月31日前函報成果。", Some("2026-11-30"));
        check("報名表於115年11月25日以前函復本部。", Some("2026-11-25"));
        // What has passed, what is no request, and what is no day.
        check("請於115年11月20日前惠復。", None);
        check("115年12月20日前已核發之執照,依舊法辦理", None);
        check("請依115年12月20日前之規定辦理", None);
        check("115年12月20日舉行,會前茶敘", None);
        check("請於115年13月40日前惠復", None);
        check("請於999年12月31日前惠復", Some("2910-12-31"));
    }

    #[test]
    fn a_day_that_is_asked_for_counts_where_it_comes_sooner() {
        let found = |priority, date: &str| {
            let named = Named { stated: None, requested: Some(day(date)) };
            let found = deadline(day("2026-11-23"), priority, named, &calendar());
            (found.date, found.working_days)
        };
        assert_eq!(found(Priority::Ordinary, "2026-11-27"), (day("2026-11-27"), None));
        assert_eq!(found(Priority::Ordinary, "2026-12-20"), (day("2026-12-01"), Some(6)));
        assert_eq!(found(Priority::Dated, "2026-12-20"), (day("2026-12-20"), None));
    }

    #[test]
    fn what_the_calendar_does_not_list_is_said() {
        let found = deadline(day("2026-12-30"), Priority::Fast, Named::default(), &calendar());
        assert_eq!((found.date, found.is_covered), (day("2027-01-04"), false));
        let found =
            deadline(day("2026-11-23"), Priority::Fast, Named::default(), &Calendar::default());
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
