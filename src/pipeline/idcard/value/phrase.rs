//! Latin words that documents print, corrected to the phrase of a list that they are nearly.

use crate::pipeline::idcard::text::Span;
use crate::pipeline::idcard::value::{Reading, closed};

/// One letter in so many may be misread.
const LETTERS_PER_ERROR: usize = 6;
/// Shortest phrase that may be corrected at all.
const MIN_CORRECTED: usize = 8;

/// The phrase of `list` that a span nearly is, else the Latin words of the span.
pub(super) fn read(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    find(span, list).or_else(|| closed::latin_words(span))
}

/// The phrase of `list` that a span is, but for few letters.
pub(super) fn find(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    let span = span.trim(|ch| !ch.is_ascii_alphabetic());
    let read = letters(&span.compact());
    let mut phrases: Vec<(usize, &str)> = list
        .iter()
        .map(|phrase| (distance(&read, &letters(phrase)), *phrase))
        .filter(|(n_errors, phrase)| *n_errors <= allowed_errors(phrase))
        .collect();
    phrases.sort();
    let (n_errors, phrase) = *phrases.first()?;
    if phrases.get(1).is_some_and(|next| next.0 == n_errors) {
        return None;
    }
    let mut reading = Reading::plain(span, phrase.to_owned());
    if 0 < n_errors {
        reading.repair = Some("lexicon");
        reading.doubtful = true;
    }
    Some(reading)
}

fn allowed_errors(phrase: &str) -> usize {
    let n_letters = phrase.chars().filter(char::is_ascii_alphabetic).count();
    if n_letters < MIN_CORRECTED { 0 } else { n_letters / LETTERS_PER_ERROR }
}

/// Letters and figures only, upper case.
fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|ch| ch.is_alphanumeric()).map(|ch| ch.to_ascii_uppercase()).collect()
}

/// Fewest insertions, deletions and substitutions between two texts.
fn distance(read: &[char], phrase: &[char]) -> usize {
    let mut previous: Vec<usize> = (0..=phrase.len()).collect();
    for (row_idx, ch) in read.iter().enumerate() {
        let mut left = row_idx + 1;
        let mut current = vec![left];
        for (pair, wanted) in previous.windows(2).zip(phrase) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(ch != wanted)).min(above + 1).min(left + 1);
            current.push(left);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::idcard::text::fixture::page;
    use crate::pipeline::idcard::text::rows;

    const LIST: &[&str] =
        &["MINISTRY OF FOREIGN AFFAIRS", "HSINCHU CITY", "HSINCHU COUNTY", "TAIWAN"];

    fn check(text: &str, expected: Option<&str>, is_repaired: bool) {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        let reading = read(rows[0].span(), LIST);
        let found = reading.as_ref().map(|it| (it.value.as_str(), it.repair.is_some()));
        assert_eq!(found, expected.map(|it| (it, is_repaired)), "{text}");
    }

    #[test]
    fn phrases() {
        check("MINISTRY OF FOREIGN AFFAIRS", Some("MINISTRY OF FOREIGN AFFAIRS"), false);
        check("MINISTRYOF FOREIGN AFFAIRS", Some("MINISTRY OF FOREIGN AFFAIRS"), false);
        check("MlNISTRY OF F0REIGN AFFARS", Some("MINISTRY OF FOREIGN AFFAIRS"), true);
        check("HSINCHU C1TY", Some("HSINCHU CITY"), true);
        check("TAINAN", Some("TAINAN"), false);
        check("HEAD OFFICE", Some("HEAD OFFICE"), false);
        check("12", None, false);
    }
}
