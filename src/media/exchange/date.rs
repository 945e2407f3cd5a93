//! Printed days: 中華民國104年5月1日, with full-width or Chinese numerals, and the compact forms of old systems.

use crate::base::{Date, roc_year};

/// Most characters that a printed day takes.
const MAX_CHARS: usize = 40;

/// The day printed in `text`; none when there is no whole and real one.
///
/// Years below 1000 count from the founding of the Republic. Forms: `中華民國104年5月1日`, `一○四年五月一日`,
/// `104/05/01`, `104.5.1`, `1040501`, `2015-05-01`.
pub fn printed_date(text: &str) -> Option<Date> {
    let numbers = numbers(text);
    let (year, month, day) = match *numbers.as_slice() {
        [(packed, n_digits @ 6..=8), ..] if numbers.len() == 1 || n_digits != 8 => {
            (packed / 10_000, packed / 100 % 100, packed % 100)
        }
        [(year, 1..=4), (month, 1..=2), (day, 1..=2), ..] => (year, month, day),
        _ => return None,
    };
    let year = u16::try_from(year).ok().filter(|it| 0 < *it)?;
    let date = Date {
        year: roc_year(year),
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
    };
    date.is_real().then_some(date)
}

/// The numbers in a text, in order, each with how many digits it was written in.
fn numbers(text: &str) -> Vec<(u32, usize)> {
    let chars: Vec<char> = text.chars().take(MAX_CHARS).collect();
    let runs = chars.chunk_by(|a, b| is_numeral(*a) == is_numeral(*b));
    runs.filter(|run| run.first().copied().is_some_and(is_numeral)).filter_map(number).collect()
}

fn is_numeral(ch: char) -> bool {
    digit(ch).is_some() || matches!(ch, '十' | '百')
}

/// The value of a digit, in ASCII, full-width or Chinese writing.
pub(super) fn digit(ch: char) -> Option<u32> {
    match ch {
        '0'..='9' => ch.to_digit(10),
        '０'..='９' => (u32::from(ch) - u32::from('０')).into(),
        '〇' | '○' | '零' => Some(0),
        _ => {
            let place = "一二三四五六七八九".chars().position(|it| it == ch)?;
            u32::try_from(place + 1).ok()
        }
    }
}

/// A run of numerals: digits side by side, or Chinese with 十 and 百.
fn number(run: &[char]) -> Option<(u32, usize)> {
    if run.len() > 8 {
        return None;
    }
    if !run.iter().any(|ch| matches!(ch, '十' | '百')) {
        let value = run.iter().filter_map(|ch| digit(*ch)).fold(0, |sum, it| sum * 10 + it);
        return Some((value, run.len()));
    }
    let mut value = 0;
    let mut pending = None;
    for ch in run {
        match ch {
            '百' => value += pending.take().unwrap_or(1) * 100,
            '十' => value += pending.take().unwrap_or(1) * 10,
            _ => pending = digit(*ch),
        }
    }
    value += pending.unwrap_or(0);
    Some((value, value.to_string().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = printed_date(text).map(|it| it.to_string()).unwrap_or_default();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn as_printed() {
        check("中華民國104年5月1日", "2015-05-01");
        check(" 中華民國 115 年 11 月 24 日 ", "2026-11-24");
        check("中華民國９１年１２月３１日", "2002-12-31");
        check("中華民國一○四年五月一日", "2015-05-01");
        check("民國一百零四年十二月二十三日", "2015-12-23");
        check("九十九年十月十日", "2010-10-10");
        check("104/05/01", "2015-05-01");
        check("2015-05-01", "2015-05-01");
        check("1040501", "2015-05-01");
        check("990501", "2010-05-01");
        check("20150501", "2015-05-01");
        check("1140701 0930", "2025-07-01");
        check("中華民國114年7月1日(星期二)上午9時30分", "2025-07-01");
    }

    #[test]
    fn no_day_is_invented() {
        for text in
            ["", "中華民國", "104年5月", "104年2月30日", "0年1月1日", "104年13月1日", "12345", "x"]
        {
            check(text, "");
        }
    }
}
