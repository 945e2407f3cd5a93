//! Sex, words of closed lists, and free words.

use crate::pipeline::idcard::check::Sex;
use crate::pipeline::idcard::lexicon::is_han;
use crate::pipeline::idcard::text::Span;
use crate::pipeline::idcard::value::Reading;

/// An alternative must be this probable to be chosen for being in a list.
const MIN_ALTERNATIVE: f32 = 0.01;
/// A word with more letters than its list has is no word of it.
const MAX_EXTRA: usize = 12;

/// 男 or 女, M or F.
pub(crate) fn sex(span: Span<'_>) -> Option<Reading> {
    let cells = span.cells();
    let at = |wanted: &[char]| cells.iter().position(|cell| wanted.contains(&cell.ch()));
    let read = |idx: usize, sex: Sex| Reading::plain(span.slice(idx, idx + 1), sex.as_str().into());
    if let Some(idx) = at(&['男', '女']) {
        let is_male = cells.get(idx).is_some_and(|cell| cell.ch() == '男');
        return Some(read(idx, if is_male { Sex::Male } else { Sex::Female }));
    }
    let stands_alone = |idx: usize| {
        let is_letter =
            |idx: usize| cells.get(idx).is_some_and(|it| it.ch().is_ascii_alphanumeric());
        let joined_after = is_letter(idx + 1) && cells.get(idx + 1).is_some_and(|it| !it.gap);
        let joined_before =
            idx.checked_sub(1).is_some_and(is_letter) && cells.get(idx).is_some_and(|it| !it.gap);
        !joined_after && !joined_before
    };
    for (letter, sex) in [('M', Sex::Male), ('F', Sex::Female)] {
        if let Some(idx) = at(&[letter]).filter(|idx| stands_alone(*idx)) {
            return Some(read(idx, sex));
        }
    }
    let first = cells.first().filter(|_| cells.len() == 1)?;
    let (male, female) = (first.p_of('男'), first.p_of('女'));
    let chosen = if female < male { Sex::Male } else { Sex::Female };
    (MIN_ALTERNATIVE <= male.max(female)).then(|| {
        let mut reading = read(0, chosen);
        reading.p = male.max(female);
        reading.repair = Some("lexicon");
        reading
    })
}

/// The longest word of `list` that stands in the span, read with the recogniser's alternatives.
pub(crate) fn best(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    find(span, list).map(|it| it.1)
}

/// The same with the position of the word in the span.
pub(crate) fn find(span: Span<'_>, list: &[&str]) -> Option<(usize, Reading)> {
    let mut found: Option<(usize, usize, Reading)> = None;
    for word in list {
        let len = word.chars().count();
        for from in 0..(span.len() + 1).saturating_sub(len) {
            let part = span.slice(from, from + len);
            let Some(p) = probability(part, word) else { continue };
            let better = found.as_ref().is_none_or(|(best, _, it)| (*best, it.p) < (len, p));
            if better {
                let mut reading = Reading::plain(part, (*word).to_owned());
                reading.p = p;
                reading.repair = (part.compact() != *word).then_some("lexicon");
                found = Some((len, from, reading));
            }
        }
    }
    found.map(|(_, from, reading)| (from, reading))
}

/// The lowest probability of the word's characters; `None` when one of them was not thought of.
fn probability(part: Span<'_>, word: &str) -> Option<f32> {
    let mut lowest: f32 = 1.0;
    for (cell, ch) in part.cells().iter().zip(word.chars()) {
        let p = cell.p_of(ch).max(if cell.ch() == ch { cell.p() } else { 0.0 });
        if p < MIN_ALTERNATIVE {
            return None;
        }
        lowest = lowest.min(p);
    }
    Some(lowest)
}

/// What is printed, without marks around it.
pub(crate) fn words(span: Span<'_>) -> Option<Reading> {
    let span = span.trim(|ch| !ch.is_alphanumeric() && ch != '(' && ch != ')');
    let text = if span.has_han() { span.compact() } else { span.spaced() };
    (2 <= span.len()).then(|| Reading::plain(span, text))
}

/// The longest stretch of Latin words.
pub(crate) fn latin_words(span: Span<'_>) -> Option<Reading> {
    let cells = span.cells();
    let fits = |ch: char| ch.is_ascii_alphabetic() || "-.,'()".contains(ch);
    let runs = cells.split(|cell| !fits(cell.ch()));
    let mut at = 0;
    let mut best = (0, 0);
    for run in runs {
        if best.1 - best.0 < run.len() {
            best = (at, at + run.len());
        }
        at += run.len() + 1;
    }
    let span = span.slice(best.0, best.1).trim(|ch| !ch.is_ascii_alphabetic());
    let is_words = 2 <= span.len() && !cells.iter().take(MAX_EXTRA).all(|cell| is_han(cell.ch()));
    is_words.then(|| Reading::plain(span, span.spaced()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::idcard::lexicon::MILITARY_SERVICE;
    use crate::pipeline::idcard::line::Page;
    use crate::pipeline::idcard::text::fixture::{line, page, unsure};
    use crate::pipeline::idcard::text::rows;

    fn check_sex(text: &str, expected: Option<&str>) {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        assert_eq!(sex(rows[0].span()).map(|it| it.value).as_deref(), expected, "{text}");
    }

    #[test]
    fn sexes() {
        check_sex("女", Some("F"));
        check_sex("男 M", Some("M"));
        check_sex("F", Some("F"));
        check_sex("FEMALE", None);
        check_sex("05 JUN", None);
    }

    #[test]
    fn a_list_decides_between_alternatives() {
        let line = unsure(line(0.0, 0.0, "免段"), 1, &[('段', 0.7), ('役', 0.2)]);
        let rows = rows(&Page { lines: vec![line], ..Page::default() });
        let reading = best(rows[0].span(), MILITARY_SERVICE).unwrap();
        assert_eq!((reading.value.as_str(), reading.raw.as_str()), ("免役", "免段"));
        assert_eq!((reading.p, reading.repair), (0.2, Some("lexicon")));
    }

    #[test]
    fn nothing_is_invented() {
        let rows = rows(&page(&[(0.0, 0.0, "免段")]));
        assert!(best(rows[0].span(), MILITARY_SERVICE).is_none());
    }
}
