//! Numbers: identity numbers with their checksum, and numbers without one.

use crate::base::IdNumber;
use crate::pipeline::idcard::text::{Cell, Span};
use crate::pipeline::idcard::value::Reading;

/// An alternative this probable is a rival of the character chosen.
const RIVAL: f32 = 0.05;
/// Letters of a stamp that show it to be one.
const MIN_STAMPED: usize = 3;
/// Letters of a stamp that may stand alone inside a number.
const MAX_INTRUDERS: usize = 2;
/// Most readings of one number that are looked at.
const MAX_READINGS: usize = 256;

/// The identity number in a span: the one whose checksum holds, else the first of the right shape.
pub(crate) fn identity(span: Span<'_>) -> Option<Reading> {
    let n_windows = (span.len() + 1).checked_sub(IdNumber::LEN)?;
    let readings: Vec<Reading> = (0..n_windows).filter_map(|from| window(span, from)).collect();
    let proven = readings.iter().find(|it| it.is_sound() && it.repair.is_none());
    proven.or_else(|| readings.iter().find(|it| it.is_sound())).or(readings.first()).cloned()
}

fn window(span: Span<'_>, from: usize) -> Option<Reading> {
    let number = span.slice(from, from + IdNumber::LEN);
    let cells = number.cells();
    let part_of_more = |cell: Option<&Cell>| cell.is_some_and(|it| it.ch().is_ascii_alphanumeric());
    let before = from.checked_sub(1).and_then(|idx| span.cells().get(idx));
    let is_stamped = is_end_of_stamp(span.slice(0, from).cells());
    if cells.first().is_some_and(|it| !it.gap) && part_of_more(before) && !is_stamped {
        return None;
    }
    let after = span.cells().get(from + IdNumber::LEN);
    if after.is_some_and(|it| !it.gap) && part_of_more(after) {
        return None;
    }
    let read = number.compact();
    if IdNumber::shape(&read).is_some() {
        let holds = IdNumber::checksum_holds(&read);
        let mut reading = Reading::plain(number, read.clone()).check("checksum", holds);
        reading.proven = holds && !has_rival(cells, &read);
        reading.doubtful |= is_stamped;
        return Some(reading);
    }
    let fitting: Vec<String> =
        positional(cells)?.into_iter().filter(|it| IdNumber::checksum_holds(it)).collect();
    if let [only] = fitting.as_slice() {
        let mut reading = Reading::plain(number, only.clone()).check("checksum", true);
        reading.repair = Some("position");
        return Some(reading);
    }
    // Nearly a number, but nothing says which: as read, refuted.
    let n_digits = cells.iter().filter(|cell| cell.ch().is_ascii_digit()).count();
    let looks_so = 8 <= n_digits && cells.iter().all(|cell| cell.ch().is_ascii_alphanumeric());
    looks_so.then(|| {
        let constrained = with_letter(cells, &read);
        let repair = constrained.is_some().then_some("position");
        let value = constrained.unwrap_or(read);
        Reading { repair, ..Reading::plain(number, value).check("checksum", false) }
    })
}

/// The reading with its first figure as the only letter it can be: every identity number begins with a letter.
fn with_letter(cells: &[Cell], read: &str) -> Option<String> {
    let first = cells.first().filter(|it| it.ch().is_ascii_digit())?;
    let value = match letters_of(first).as_slice() {
        [only] => format!("{only}{}", read.get(1..)?),
        _ => return None,
    };
    IdNumber::shape(&value).is_some().then_some(value)
}

/// Whether the letters right before a number are a part of the word stamped across a specimen.
fn is_end_of_stamp(before: &[Cell]) -> bool {
    let letters = before.iter().rev().take_while(|cell| cell.ch().is_ascii_alphabetic());
    let mut text: Vec<char> = letters.map(|cell| cell.ch().to_ascii_uppercase()).collect();
    text.reverse();
    2 <= text.len() && "SPECIMEN".contains(&text.into_iter().collect::<String>())
}

/// Readings with letters where only letters stand and digits where only digits do; few.
fn positional(cells: &[Cell]) -> Option<Vec<String>> {
    let second = cells.get(1)?;
    let legacy = second.ch().is_ascii_alphabetic() && digits_of(second).is_empty();
    let mut readings = vec![String::new()];
    for (idx, cell) in cells.iter().enumerate() {
        let options = match idx {
            0 => letters_of(cell),
            1 if legacy => letters_of(cell),
            _ => digits_of(cell),
        };
        readings = readings
            .iter()
            .flat_map(|head| options.iter().map(move |ch| format!("{head}{ch}")))
            .take(MAX_READINGS)
            .collect();
    }
    (!readings.is_empty()).then_some(readings)
}

fn letters_of(cell: &Cell) -> Vec<char> {
    match cell.ch() {
        ch if ch.is_ascii_uppercase() => vec![ch],
        ch if ch.is_ascii_lowercase() => vec![ch.to_ascii_uppercase()],
        // D and Q have the same checksum as O, but are hardly ever read as a zero.
        '0' | '〇' | '○' => vec!['O'],
        '1' | '|' => vec!['I'],
        '2' => vec!['Z'],
        '4' => vec!['A'],
        '5' => vec!['S'],
        '6' => vec!['G'],
        '7' => vec!['T'],
        '8' => vec!['B'],
        _ => Vec::new(),
    }
}

fn digits_of(cell: &Cell) -> Vec<char> {
    match cell.ch() {
        ch if ch.is_ascii_digit() => vec![ch],
        'O' | 'o' | 'D' | 'Q' | 'U' | '〇' | '○' => vec!['0'],
        'I' | 'l' | 'L' | 'i' | '|' | '!' => vec!['1'],
        'Z' | 'z' => vec!['2'],
        'A' => vec!['4'],
        'S' | 's' => vec!['5'],
        'G' | 'b' => vec!['6'],
        'T' | '?' => vec!['7'],
        'B' => vec!['8'],
        'g' | 'q' => vec!['9'],
        _ => Vec::new(),
    }
}

/// Whether changing one or two characters to rivals gives another number whose checksum holds.
fn has_rival(cells: &[Cell], read: &str) -> bool {
    let rivals: Vec<(usize, char)> = cells
        .iter()
        .enumerate()
        .flat_map(|(idx, cell)| {
            let others = cell.options().iter().filter(|(ch, p)| RIVAL <= *p && *ch != cell.ch());
            others.map(move |(ch, _)| (idx, *ch))
        })
        .collect();
    let with = |changes: &[(usize, char)]| -> String {
        let change = |idx: usize| changes.iter().find(|it| it.0 == idx).map(|it| it.1);
        read.chars().enumerate().map(|(idx, ch)| change(idx).unwrap_or(ch)).collect()
    };
    rivals.iter().enumerate().any(|(idx, first)| {
        IdNumber::checksum_holds(&with(&[*first]))
            || rivals.iter().skip(idx + 1).any(|second| {
                second.0 != first.0 && IdNumber::checksum_holds(&with(&[*first, *second]))
            })
    })
}

/// A number of `min` to `max` digits; blanks and dashes inside do not count.
pub(crate) fn digits(span: Span<'_>, min: usize, max: usize) -> Option<Reading> {
    longest(span, min, max, |cell| cell.ch().is_ascii_digit().then(|| cell.ch()))
        .or_else(|| longest(span, min, max, |cell| digits_of(cell).first().copied()))
        .or_else(|| overprinted(span, min).filter(|_| min == max))
}

/// A number of exactly `n_digits` with a letter of a stamp or two read among them.
fn overprinted(span: Span<'_>, n_digits: usize) -> Option<Reading> {
    let cells = span.cells();
    let is_digit = |cell: &Cell| cell.ch().is_ascii_digit();
    let (from, last) = (cells.iter().position(is_digit)?, cells.iter().rposition(is_digit)?);
    let number = span.slice(from, last + 1);
    let (digits, others): (Vec<&Cell>, Vec<&Cell>) =
        number.cells().iter().partition(|cell| is_digit(cell));
    let is_stamp = |cell: &&Cell| "SPECIMEN".contains(cell.ch()) || cell.ch() == 'R';
    if digits.len() != n_digits || MAX_INTRUDERS < others.len() || !others.iter().all(is_stamp) {
        return None;
    }
    let mut reading = Reading::plain(number, digits.iter().map(|cell| cell.ch()).collect());
    reading.repair = Some("position");
    reading.doubtful = true;
    Some(reading)
}

/// A number of `min` to `max` letters and digits, with at least as many digits as letters.
pub(crate) fn code(span: Span<'_>, min: usize, max: usize) -> Option<Reading> {
    let reading = longest(span, min, max, |cell| {
        Some(cell.ch().to_ascii_uppercase()).filter(char::is_ascii_alphanumeric)
    })?;
    let n_digits = reading.value.chars().filter(char::is_ascii_digit).count();
    (reading.value.len() <= 2 * n_digits).then_some(reading)
}

fn longest(
    span: Span<'_>,
    min: usize,
    max: usize,
    pick: impl Fn(&Cell) -> Option<char>,
) -> Option<Reading> {
    let mut runs: Vec<(usize, usize, String)> = Vec::new();
    let mut is_open = false;
    let noise = stamped(span.cells());
    for (idx, cell) in span.cells().iter().enumerate() {
        if noise.contains(&idx) {
            continue;
        }
        match (pick(cell), is_open) {
            (Some(ch), true) => {
                if let Some((_, to, text)) = runs.last_mut() {
                    *to = idx + 1;
                    text.push(ch);
                }
            }
            (Some(ch), false) => runs.push((idx, idx + 1, ch.to_string())),
            (None, _) => (),
        }
        is_open = pick(cell).is_some() || (is_open && matches!(cell.ch(), '-' | ' ' | '.'));
    }
    let (from, to, text) = runs
        .into_iter()
        .filter(|(_, _, text)| (min..=max).contains(&text.len()))
        .max_by_key(|run| run.2.len())?;
    let mut reading = Reading::plain(span.slice(from, to), text);
    if noise.iter().any(|idx| (from..to).contains(idx)) {
        reading.repair = Some("position");
        reading.doubtful = true;
    }
    Some(reading)
}

/// Cells of letters in a row that are a part of the word stamped across a specimen.
fn stamped(cells: &[Cell]) -> Vec<usize> {
    let mut noise = Vec::new();
    let mut from = 0;
    for run in cells.chunk_by(|a, b| a.ch().is_ascii_alphabetic() == b.ch().is_ascii_alphabetic()) {
        let text: String = run.iter().map(|cell| cell.ch().to_ascii_uppercase()).collect();
        if MIN_STAMPED <= run.len() && "SPECIMEN".contains(&text) {
            noise.extend(from..from + run.len());
        }
        from += run.len();
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::idcard::line::Page;
    use crate::pipeline::idcard::text::fixture::{line, page, unsure};
    use crate::pipeline::idcard::text::rows;

    fn read(text: &str) -> Option<Reading> {
        identity(rows(&page(&[(0.0, 0.0, text)])).first()?.span())
    }

    fn check(text: &str, expected: &str, sound: bool, repair: Option<&str>) {
        let reading = read(text).unwrap_or_else(|| panic!("no number in {text}"));
        let found = (reading.value.as_str(), reading.is_sound(), reading.repair);
        assert_eq!(found, (expected, sound, repair), "{text}");
    }

    #[test]
    fn as_printed() {
        check("A123456789", "A123456789", true, None);
        check("A 123 456 789", "A123456789", true, None);
        check("號A800000014", "A800000014", true, None);
        check("AC01234567", "AC01234567", true, None);
        check("A234567890", "A234567890", false, None);
    }

    #[test]
    fn repaired_by_position_when_the_checksum_leaves_one() {
        check("A1234S6789", "A123456789", true, Some("position"));
        check("AI2345678g", "A123456789", true, Some("position"));
        check("4123456789", "A123456789", true, Some("position"));
        check("0259616998", "O259616998", true, Some("position"));
        check("|197696219", "I197696219", true, Some("position"));
        check("A1234S6788", "A1234S6788", false, None);
        check("0157841350", "O157841350", false, Some("position"));
        check("號SPEP169360302", "P169360302", true, None);
        assert!(read("0912345678901").is_none());
        assert!(read("陳筱玲").is_none());
    }

    #[test]
    fn a_rival_that_satisfies_the_checksum_forbids_proof() {
        let sure = read("A123456789").unwrap();
        assert!(sure.proven);
        let line = line(0.0, 0.0, "A123456789");
        let options = |ch: char, other: char| [(ch, 0.6), (other, 0.3)];
        let line = unsure(unsure(line, 8, &options('8', '7')), 9, &options('9', '0'));
        let rows = rows(&Page { lines: vec![line], ..Page::default() });
        assert!(IdNumber::checksum_holds("A123456770"));
        assert!(!identity(rows[0].span()).unwrap().proven);
    }

    #[test]
    fn plain_numbers() {
        let read = |text: &str, min, max| {
            digits(rows(&page(&[(0.0, 0.0, text)]))[0].span(), min, max).map(|it| it.value)
        };
        assert_eq!(read("0000 1234 5678", 12, 12).as_deref(), Some("000012345678"));
        assert_eq!(read("0000-1234-5678", 12, 12).as_deref(), Some("000012345678"));
        assert_eq!(read("卡號 00001234567O", 12, 12).as_deref(), Some("000012345670"));
        assert_eq!(read("888800371", 9, 9).as_deref(), Some("888800371"));
        assert_eq!(read("12345", 9, 9), None);
    }

    #[test]
    fn a_stamp_inside_a_number_is_no_part_of_it() {
        let rows = rows(&page(&[(0.0, 0.0, "8687 0081SPEC2125"), (0.0, 0.0, "8687 0081ABCD2125")]));
        let reading = digits(rows[0].span(), 12, 12).unwrap();
        assert_eq!((reading.value.as_str(), reading.doubtful), ("868700812125", true));
        assert!(digits(rows[1].span(), 12, 12).is_none());
    }

    #[test]
    fn a_lone_letter_of_a_stamp_leaves_a_number_of_known_length() {
        let rows = rows(&page(&[(0.0, 0.0, "5627 9803R3592"), (0.0, 0.0, "5627 9803X3592")]));
        let reading = digits(rows[0].span(), 12, 12).unwrap();
        assert_eq!((reading.value.as_str(), reading.doubtful), ("562798033592", true));
        assert!(digits(rows[0].span(), 10, 13).is_none());
        assert!(digits(rows[1].span(), 12, 12).is_none());
    }
}
