//! The name part of a zone: no check digit covers it, so only its grammar can tidy it.

use crate::pipeline::idcard::mrz::align::{Column, FILLER_LETTERS};

/// Shortest run of one letter taken for fillers.
const MIN_RUN: usize = 3;
/// A filler this likely (negative logarithm, relative) completes a lost separator.
const SEPARATOR_COST: f32 = 3.0;
/// A gap this much wider than one filler holds two.
const WIDE_GAP: f32 = 2.6;

/// Replaces letters read for fillers and restores a separator that lost one of its two fillers.
pub(crate) fn tidy(columns: &mut [Column]) {
    fill_trailing_run(columns);
    if !has_separator(columns) {
        restore_separator(columns);
    }
    fill_after_names(columns);
}

/// Surname and given names; the given names are empty when nothing separates them.
pub(crate) fn split(columns: &[Column]) -> (String, String) {
    let text: String = columns.iter().map(|it| it.ch).collect();
    let text = text.trim_matches('<');
    let (primary, secondary) = text.split_once("<<").unwrap_or((text, ""));
    (words(primary), words(secondary))
}

/// Given names as the issuer prints them: Taiwan joins the two syllables that the zone sets apart.
pub(crate) fn as_printed(issuer: &str, given: &str) -> String {
    let mut syllables = given.split(' ');
    match (syllables.next(), syllables.next(), syllables.next()) {
        (Some(first), Some(second), None) if issuer == "TWN" => format!("{first}-{second}"),
        _ => given.to_owned(),
    }
}

fn words(text: &str) -> String {
    text.split('<').filter(|it| !it.is_empty()).collect::<Vec<&str>>().join(" ")
}

/// `LINGKKKKK` → `LING<<<<<`.
fn fill_trailing_run(columns: &mut [Column]) {
    let Some(last) = columns.last().map(|it| it.ch) else { return };
    let run = columns.iter().rev().take_while(|it| it.ch == last).count();
    if FILLER_LETTERS.contains(last) && MIN_RUN <= run {
        let from = columns.len() - run;
        columns.iter_mut().skip(from).for_each(|it| it.ch = '<');
    }
}

/// After surname and given names only fillers follow; stray letters there are fillers.
fn fill_after_names(columns: &mut [Column]) {
    let text: Vec<char> = columns.iter().map(|it| it.ch).collect();
    let Some(separator) = find_pair(&text, 0) else { return };
    let given = text.iter().skip(separator).take_while(|ch| **ch == '<').count() + separator;
    // A surname without given names ends at its first pair already.
    let n_letters_left = text.iter().skip(given).filter(|ch| **ch != '<').count();
    let only_fillers =
        |from: usize| text.iter().skip(from).all(|ch| *ch == '<' || FILLER_LETTERS.contains(*ch));
    let ends_early = separator + 2 < given && only_fillers(given) && n_letters_left <= 4;
    let end = if ends_early { Some(given) } else { find_pair(&text, given) };
    let Some(end) = end else { return };
    let rest = text.len().saturating_sub(end);
    let n_letters = text.iter().skip(end).filter(|ch| **ch != '<').count();
    if only_fillers(end) || n_letters * 4 <= rest {
        columns.iter_mut().skip(end).for_each(|it| it.ch = '<');
    }
}

fn has_separator(columns: &[Column]) -> bool {
    let text: Vec<char> = columns.iter().map(|it| it.ch).collect();
    find_pair(&text, 0).is_some_and(|at| text.iter().skip(at).any(|ch| *ch != '<'))
}

fn find_pair(text: &[char], from: usize) -> Option<usize> {
    let pairs = text.windows(2).enumerate().skip(from);
    pairs.filter(|(_, pair)| pair.iter().all(|ch| *ch == '<')).map(|(idx, _)| idx).next()
}

fn restore_separator(columns: &mut [Column]) {
    let n_columns = columns.len();
    let misread = (1..n_columns.saturating_sub(1)).find(|idx| {
        let is = |idx: usize, ch: char| columns.get(idx).is_some_and(|it| it.ch == ch);
        let beside = is(idx - 1, '<') || is(idx + 1, '<');
        beside && columns.get(*idx).is_some_and(may_be_filler)
    });
    if let Some(column) = misread.and_then(|idx| columns.get_mut(idx)) {
        column.ch = '<';
        return;
    }
    let Some(at) = wide_gap(columns) else { return };
    if columns.last().is_some_and(|it| it.ch == '<')
        && let Some(tail) = columns.get_mut(at..)
    {
        tail.rotate_right(1);
    }
}

fn may_be_filler(column: &Column) -> bool {
    let cost = |ch: char| column.options.iter().find(|it| it.0 == ch).map(|it| it.1);
    FILLER_LETTERS.contains(column.ch)
        && cost('<').is_some_and(|filler| filler - cost(column.ch).unwrap_or(0.0) < SEPARATOR_COST)
}

/// The single filler whose neighbours stand apart as far as three columns.
fn wide_gap(columns: &[Column]) -> Option<usize> {
    let centre = |column: &Column| column.bounds.map(|it| (it.left + it.right) / 2.0);
    let mut steps: Vec<f32> = columns
        .windows(2)
        .filter(|pair| pair.iter().all(|it| it.ch != '<'))
        .filter_map(|pair| Some(centre(pair.last()?)? - centre(pair.first()?)?))
        .collect();
    steps.sort_by(f32::total_cmp);
    let pitch = steps.get(steps.len() / 2).copied().filter(|it| 0.0 < *it)?;
    let gaps = columns.windows(3).enumerate().filter_map(|(idx, three)| {
        let [before, filler, after] = three else { return None };
        let is_single = before.ch != '<' && filler.ch == '<' && after.ch != '<';
        is_single.then_some(())?;
        Some((idx + 1, (centre(after)? - centre(before)?) / pitch))
    });
    let widest = gaps.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (WIDE_GAP <= widest.1).then_some(widest.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<Column> {
        let column =
            |ch| Column { ch, read: Some(ch), p: 0.9, options: vec![(ch, 0.1)], bounds: None };
        text.chars().map(column).collect()
    }

    fn check(text: &str, expected: &str, surname: &str, given: &str) {
        let mut columns = columns(text);
        tidy(&mut columns);
        assert_eq!(columns.iter().map(|it| it.ch).collect::<String>(), expected);
        assert_eq!(split(&columns), (surname.to_owned(), given.to_owned()), "{text}");
    }

    #[test]
    fn fillers_read_as_letters() {
        check("CHEN<<HSIAO<LING<<<<<<", "CHEN<<HSIAO<LING<<<<<<", "CHEN", "HSIAO LING");
        check("CHEN<<HSIAO<LING<<<K<<", "CHEN<<HSIAO<LING<<<<<<", "CHEN", "HSIAO LING");
        check("CHEN<<HSIAO<LING<<KCSE", "CHEN<<HSIAO<LING<<<<<<", "CHEN", "HSIAO LING");
        check("CHEN<<HSIAO<LINGKKKKKK", "CHEN<<HSIAO<LING<<<<<<", "CHEN", "HSIAO LING");
        check("MUSTERMANN<<<<<<<<<<K<", "MUSTERMANN<<<<<<<<<<<<", "MUSTERMANN", "");
        check("VAN<DER<BERG<<ANNA<<<<", "VAN<DER<BERG<<ANNA<<<<", "VAN DER BERG", "ANNA");
    }

    #[test]
    fn names_of_taiwan_carry_a_hyphen() {
        assert_eq!(as_printed("TWN", "FANG PEI"), "FANG-PEI");
        assert_eq!(as_printed("TWN", "SU"), "SU");
        assert_eq!(as_printed("UTO", "ANNA MARIA"), "ANNA MARIA");
        assert_eq!(as_printed("TWN", "A MARIA LI"), "A MARIA LI");
    }

    #[test]
    fn names_that_end_in_such_letters_stay() {
        check("BLACK<<JACK<<<<<<<<<<<", "BLACK<<JACK<<<<<<<<<<<", "BLACK", "JACK");
        check("WANG<KAI<<<<<<<<<<<<<<", "WANG<KAI<<<<<<<<<<<<<<", "WANG KAI", "");
    }
}
