//! Sex, words of closed lists, and free words.

use crate::base::Sex;
use crate::media::text::is_han;
use crate::pipeline::idcard::lexicon::label_form;
use crate::pipeline::idcard::text::{Cell, Span};
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

/// The longest word of `list` that stands in the span, read with the recogniser's alternatives; else the one that
/// differs in one character from a span as long.
pub(crate) fn best(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    find(span, list).map(|it| it.1).or_else(|| near(span, list))
}

/// A word of `list`; else what is printed, if it can be a word at all, for a person to look at.
pub(crate) fn preferred(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    let unlisted = || phrase(span).map(|it| Reading { doubtful: true, ..it });
    best(span, list).or_else(unlisted)
}

/// What is printed, 外籍移工 or 依親(妻): the list corrects it, and does not shorten it.
pub(crate) fn printed(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    let whole = phrase(span);
    let Some((from, word)) = find(span, list) else {
        return near(span, list).or(whole);
    };
    let to = from + word.value.chars().count();
    let (before, after) = (tail(span.slice(0, from)), head(span.slice(to, span.len())));
    let value = format!("{}{}{}", before.compact(), word.value, after.compact());
    let n_before = before.len();
    let all = span.slice(from - n_before, to + after.len());
    let around =
        [before, after].iter().filter(|it| !it.is_empty()).map(Span::p).fold(1.0, f32::min);
    Some(Reading {
        p: word.p.min(around),
        repair: word.repair,
        doubtful: word.doubtful,
        ..Reading::plain(all, value)
    })
}

/// The characters of a phrase that stand at the end of a span without a gap.
fn tail(span: Span<'_>) -> Span<'_> {
    let n_joined = span.cells().iter().rev().take_while(|cell| is_han(cell.ch())).count();
    span.slice(span.len() - n_joined, span.len())
}

/// The characters of a phrase that stand at the beginning of a span, brackets that close included.
fn head(span: Span<'_>) -> Span<'_> {
    let cells = span.cells();
    let n_joined = cells.iter().take_while(|cell| is_han(cell.ch())).count();
    let opens = cells.get(n_joined).is_some_and(|cell| cell.ch() == '(');
    let close = cells.iter().position(|cell| cell.ch() == ')');
    let n_joined = close.filter(|_| opens).map_or(n_joined, |close| close + 1);
    span.slice(0, n_joined)
}

/// Chinese words as printed, brackets included: never a number, never a date.
fn phrase(span: Span<'_>) -> Option<Reading> {
    let fits = |ch: char| is_han(ch) || matches!(ch, '(' | ')' | '、' | '‧' | '·');
    let is_phrase = span.cells().iter().any(|cell| is_han(cell.ch()))
        && !span.cells().iter().any(|cell| cell.ch().is_ascii_digit());
    let from = span.cells().iter().position(|cell| is_han(cell.ch())).filter(|_| is_phrase)?;
    let n_fitting = span.cells().iter().skip(from).take_while(|cell| fits(cell.ch())).count();
    let phrase = span.slice(from, from + n_fitting).trim(|ch| matches!(ch, '、' | '‧' | '·'));
    (2 <= phrase.len()).then(|| Reading::plain(phrase, phrase.compact()))
}

/// The only word of `list` that differs in one character from a span of its length, for a person to look at.
fn near(span: Span<'_>, list: &[&str]) -> Option<Reading> {
    let span = span.trim(|ch| !is_han(ch));
    let differs_in_one = |word: &&&str| {
        let n_same =
            span.cells().iter().zip(word.chars()).filter(|(it, ch)| reads(it, *ch)).count();
        2 <= span.len() && word.chars().count() == span.len() && n_same + 1 == span.len()
    };
    let mut words = list.iter().filter(differs_in_one);
    let (only, None) = (words.next()?, words.next()) else { return None };
    let mut reading = Reading::plain(span, (*only).to_owned());
    reading.repair = Some("lexicon");
    reading.doubtful = true;
    Some(reading)
}

/// Whether the recogniser thought of `ch`, in this form or in another of the same character.
fn reads(cell: &Cell, ch: char) -> bool {
    MIN_ALTERNATIVE <= likelihood(cell, ch)
}

fn likelihood(cell: &Cell, ch: char) -> f32 {
    if cell.ch() == ch {
        return cell.p();
    }
    cell.options().iter().filter(|it| it.0 == ch || label_form(it.0) == ch).map(|it| it.1).sum()
}

/// The longest word of `list` in the span, and where it begins.
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
        let p = likelihood(cell, ch);
        if p < MIN_ALTERNATIVE {
            return None;
        }
        lowest = lowest.min(p);
    }
    Some(lowest)
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

    fn check_words(
        read: fn(Span<'_>, &[&str]) -> Option<Reading>,
        text: &str,
        expected: Option<&str>,
    ) {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        let reading = read(rows[0].span(), &["依親", "移工", "越南", "菲律賓", "應聘"]);
        assert_eq!(reading.map(|it| it.value).as_deref(), expected, "{text}");
    }

    #[test]
    fn what_is_printed_is_not_shortened() {
        check_words(printed, "依親(妻)", Some("依親(妻)"));
        check_words(printed, "外籍移工", Some("外籍移工"));
        check_words(printed, "依親 M", Some("依親"));
        check_words(printed, "特殊事由", Some("特殊事由"));
        check_words(printed, "2018/08/08", None);
    }

    #[test]
    fn a_value_is_of_its_kind() {
        check_words(preferred, "越南 VIET NAM", Some("越南"));
        check_words(preferred, "菲律宾", Some("菲律賓"));
        check_words(preferred, "菲件賓", Some("菲律賓"));
        check_words(preferred, "甲乙國", Some("甲乙國"));
        check_words(preferred, "2018/08/08", None);
        check_words(preferred, "A123456789", None);
        check_words(preferred, "SPECIMEN", None);
    }

    #[test]
    fn a_word_off_by_one_character_is_for_a_person_to_see() {
        let rows = rows(&page(&[(0.0, 0.0, "免段")]));
        let reading = best(rows[0].span(), &["免役", "除役"]).unwrap();
        assert_eq!((reading.value.as_str(), reading.doubtful), ("免役", true));
        assert!(best(rows[0].span(), &["免役", "免稅"]).is_none());
        assert!(best(rows[0].span(), &["替代役"]).is_none());
    }
}
