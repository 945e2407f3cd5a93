//! Dates: of the Republic and of the common era, in figures, with 年月日, or with an English month.

use crate::base::{Date, roc_year};
use crate::pipeline::idcard::text::{Cell, Span};
use crate::pipeline::idcard::value::Reading;

/// A figure that may be a stroke with this probability is tried as one.
const MIN_STROKE: f32 = 0.05;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The first date in a span.
pub(crate) fn read(span: Span<'_>) -> Option<Reading> {
    // A stroke may be read as a figure like it: 37/07130.
    in_pieces(span, &pieces(span, false)).or_else(|| {
        let reading = in_pieces(span, &pieces(span, true))?;
        Some(Reading { doubtful: true, repair: Some("position"), ..reading })
    })
}

fn in_pieces(span: Span<'_>, pieces: &[Piece]) -> Option<Reading> {
    (0..pieces.len())
        .find_map(|from| {
            let rest = pieces.get(from..)?;
            separated(rest).or_else(|| english(rest)).or_else(|| compact(rest))
        })
        .map(|(date, from, to)| {
            let found = span.slice(from, to);
            let found = era(span, from).map_or(found, |from| span.slice(from, to));
            Reading::plain(found, date.to_string()).check("calendar", date.is_real())
        })
}

/// Digits that belong together, or one other character or word.
struct Piece {
    /// Digits, or letters in upper case.
    text: String,
    is_number: bool,
    from: usize,
    to: usize,
    gap: bool,
}

/// Cuts a span into numbers and the rest; with `strokes`, a figure that may be a stroke is one.
fn pieces(span: Span<'_>, strokes: bool) -> Vec<Piece> {
    let cells = span.cells();
    let mut pieces: Vec<Piece> = Vec::new();
    for (idx, cell) in cells.iter().enumerate() {
        let is_stroke = strokes && MIN_STROKE <= cell.p_of('/');
        let digit = as_digit(cells, idx).filter(|_| !is_stroke);
        let read = if is_stroke { '/' } else { cell.ch().to_ascii_uppercase() };
        let ch = digit.unwrap_or(read);
        let is_number = digit.is_some();
        let joins = |last: &Piece| {
            last.is_number == is_number && !cell.gap && (is_number || ch.is_ascii_alphabetic())
        };
        match pieces.last_mut().filter(|last| joins(last)) {
            Some(last) => {
                last.text.push(ch);
                last.to = idx + 1;
            }
            None => pieces.push(Piece {
                text: ch.to_string(),
                is_number,
                from: idx,
                to: idx + 1,
                gap: cell.gap,
            }),
        }
    }
    join_year(&mut pieces);
    pieces
}

/// A year that a space cuts in two is one number: `2 019/05/24`.
fn join_year(pieces: &mut Vec<Piece>) {
    let is_cut = |three: &[Piece]| match three {
        [first, second, mark] => {
            let year = format!("{}{}", first.text, second.text);
            let is_year = year.len() == 4 && (year.starts_with("19") || year.starts_with("20"));
            first.is_number && second.is_number && is_year && "年/.-".contains(&mark.text)
        }
        _ => false,
    };
    let Some(at) = pieces.windows(3).position(is_cut) else { return };
    let second = pieces.remove(at + 1);
    if let Some(first) = pieces.get_mut(at) {
        first.text.push_str(&second.text);
        first.to = second.to;
    }
}

/// The digit of a cell, look-alike letters beside digits or date marks included.
fn as_digit(cells: &[Cell], idx: usize) -> Option<char> {
    let ch = cells.get(idx)?.ch();
    if ch.is_ascii_digit() {
        return Some(ch);
    }
    let digit = match ch {
        'O' | 'o' | 'D' | 'Q' | '〇' | '○' => '0',
        'I' | 'l' | '|' | 'i' => '1',
        'Z' | 'z' => '2',
        'S' | 's' => '5',
        'B' => '8',
        _ => return None,
    };
    let at = |idx: Option<usize>| idx.and_then(|idx| cells.get(idx)).map(Cell::ch);
    let (before, after) = (at(idx.checked_sub(1)), at(Some(idx + 1)));
    let is_digit = |ch: Option<char>| ch.is_some_and(|ch| ch.is_ascii_digit());
    let is_mark = |ch: Option<char>| ch.is_some_and(|ch| "年月日/.-國".contains(ch));
    let fits = (is_digit(before) && (is_digit(after) || is_mark(after)))
        || (is_mark(before) && (is_digit(after) || is_mark(after)));
    fits.then_some(digit)
}

type Found = (Date, usize, usize);

/// `民國57年6月5日`, `068.10.02`, `2022/05/21`, `94 7 1`.
fn separated(pieces: &[Piece]) -> Option<Found> {
    let year = pieces.first().filter(|it| it.is_number && (1..=4).contains(&it.text.len()))?;
    let (month, after_month) = next_number(pieces, 1)?;
    let (day, after_day) = next_number(pieces, after_month)?;
    if 2 < month.text.len() || 2 < day.text.len() {
        return None;
    }
    let ends = pieces.get(after_day).filter(|it| it.text == "日").map_or(day.to, |it| it.to);
    let printed: u16 = year.text.parse().ok()?;
    if year.text.len() == 4 && !(1900..2100).contains(&printed) {
        return None;
    }
    let date = Date {
        year: roc_year(printed),
        month: month.text.parse().ok()?,
        day: day.text.parse().ok()?,
    };
    Some((date, year.from, ends))
}

/// The next number after one separating character, which a gap may stand for.
fn next_number(pieces: &[Piece], from: usize) -> Option<(&Piece, usize)> {
    let first = pieces.get(from)?;
    if first.is_number {
        return first.gap.then_some((first, from + 1));
    }
    let is_mark = first.text.chars().count() == 1
        && (!first.text.starts_with(|ch: char| ch.is_ascii_alphanumeric()))
        && !"()<".contains(&first.text);
    let number = pieces.get(from + 1).filter(|it| is_mark && it.is_number)?;
    Some((number, from + 2))
}

/// `05 JUN 1957`, `5 JUNE 1957`, `05JUN57` with a year of four digits only.
fn english(pieces: &[Piece]) -> Option<Found> {
    let [day, rest @ ..] = pieces else { return None };
    if !day.is_number || 2 < day.text.len() {
        return None;
    }
    let marks = |it: &&Piece| !matches!(it.text.as_str(), "." | "," | "-" | "/");
    let mut rest = rest.iter().filter(marks);
    let (word, year) = (rest.next()?, rest.next()?);
    if word.is_number || !year.is_number || year.text.len() != 4 {
        return None;
    }
    let month = month_number(&word.text)?;
    let date = Date { year: year.text.parse().ok()?, month, day: day.text.parse().ok()? };
    (1900..2100).contains(&date.year).then_some((date, day.from, year.to))
}

fn month_number(word: &str) -> Option<u8> {
    let word: String = word.chars().map(|ch| if ch == '0' { 'O' } else { ch }).collect();
    let exact = MONTHS.iter().position(|month| word.starts_with(month));
    let near = || {
        let mut near = MONTHS.iter().enumerate().filter(|(_, month)| {
            let n_wrong = month.chars().zip(word.chars()).filter(|(a, b)| a != b).count();
            word.len() == 3 && n_wrong == 1
        });
        let (first, second) = (near.next(), near.next());
        first.filter(|_| second.is_none()).map(|(idx, _)| idx)
    };
    exact.or_else(near).and_then(|idx| u8::try_from(idx + 1).ok())
}

/// `0681002`, `19791002`.
fn compact(pieces: &[Piece]) -> Option<Found> {
    let piece = pieces.first().filter(|it| it.is_number && matches!(it.text.len(), 7 | 8))?;
    let (rest, day) = piece.text.split_at(piece.text.len() - 2);
    let (year, month) = rest.split_at(rest.len() - 2);
    let date = Date {
        year: roc_year(year.parse().ok()?),
        month: month.parse().ok()?,
        day: day.parse().ok()?,
    };
    (date.is_real() && (1900..2100).contains(&date.year)).then_some((date, piece.from, piece.to))
}

/// Where `民國` begins, if it stands right before the year.
fn era(span: Span<'_>, year: usize) -> Option<usize> {
    let from = year.checked_sub(2)?;
    let text = span.slice(from, year).compact();
    (text.starts_with('民') || text.ends_with('國') || text.ends_with('国')).then_some(from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::idcard::line::Page;
    use crate::pipeline::idcard::text::fixture::{line, page, unsure};
    use crate::pipeline::idcard::text::rows;

    fn value(text: &str) -> Option<(String, String, bool)> {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        let reading = read(rows.first()?.span())?;
        Some((reading.value.clone(), reading.raw.clone(), reading.is_sound()))
    }

    fn check(text: &str, expected: &str, raw: &str) {
        let (value, found_raw, sound) = value(text).unwrap_or_else(|| panic!("no date in {text}"));
        assert_eq!((value.as_str(), found_raw.as_str(), sound), (expected, raw, true), "{text}");
    }

    #[test]
    fn printed_forms() {
        check("民國57年6月5日", "1968-06-05", "民國57年6月5日");
        check("民國 57 年 6 月 5 日", "1968-06-05", "民國 57 年 6 月 5 日");
        check("民國94年7月1日(北市)換發", "2005-07-01", "民國94年7月1日");
        check("068.10.02", "1979-10-02", "068.10.02");
        check("68/10/02", "1979-10-02", "68/10/02");
        check("2022/05/21", "2022-05-21", "2022/05/21");
        check("111/05/21", "2022-05-21", "111/05/21");
        check("2022-05-21", "2022-05-21", "2022-05-21");
        check("0681002", "1979-10-02", "0681002");
        check("19791002", "1979-10-02", "19791002");
        check("05 JUN 1957", "1957-06-05", "05 JUN 1957");
        check("05JUN1957", "1957-06-05", "05JUN1957");
        check("24 SEPT 2002", "2002-09-24", "24 SEPT 2002");
    }

    #[test]
    fn misread_characters() {
        check("民國57年O6月O5日", "1968-06-05", "民國57年O6月O5日");
        check("民國57年6月l5日", "1968-06-15", "民國57年6月l5日");
        check("05 APB 1957", "1957-04-05", "05 APB 1957");
        assert_eq!(value("05 JUM 1957"), None, "June or July");
        check("2022/O5/21", "2022-05-21", "2022/O5/21");
    }

    #[test]
    fn a_day_that_no_calendar_has_is_read_and_refused() {
        let found = value("民國57年13月5日").unwrap();
        assert_eq!(found, ("1968-13-05".into(), "民國57年13月5日".into(), false));
        assert_eq!(value("A234567890"), None);
        assert_eq!(value("0000 1234 5678"), None);
        assert_eq!(value("陳筱玲"), None);
    }

    proptest! {
        #[test]
        fn every_printed_day_comes_back(year in 1_u16..130, month in 1_u8..13, day in 1_u8..29) {
            let expected = Date { year: year + 1911, month, day }.to_string();
            for text in [
                format!("民國{year}年{month}月{day}日"),
                format!("{year:03}.{month:02}.{day:02}"),
                format!("{}/{month:02}/{day:02}", year + 1911),
            ] {
                prop_assert_eq!(&value(&text).unwrap().0, &expected);
            }
        }
    }

    #[test]
    fn strokes_read_as_figures_and_years_cut_in_two() {
        let mut stroked = line(0.0, 0.0, "37/07130");
        stroked = unsure(stroked, 5, &[('1', 0.8), ('/', 0.2)]);
        let cut = line(0.0, 0.0, "2 019/05/24");
        let rows = rows(&Page { lines: vec![stroked, cut], ..Page::default() });
        let read = |idx: usize| read(rows[idx].span()).unwrap();
        assert_eq!((read(0).value.as_str(), read(0).doubtful), ("1948-07-30", true));
        assert_eq!((read(1).value.as_str(), read(1).doubtful), ("2019-05-24", false));
    }
}
