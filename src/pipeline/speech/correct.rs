//! A segment with the words of a person who has listened: what stays the same keeps its time, its doubt and its mask.
//!
//! Personal data is looked for anew in what was written. What was hidden stays hidden where it stays at all: nobody
//! makes a number readable by changing the words around it.

use crate::base::Private;
use crate::task::speech::{Millis, Segment, SpokenLanguage, SpokenPii, Word};

use super::line::{HeardChar, Line};
use super::redact;
use super::transcribe::words;

/// Longest text that a person may write for one segment, in characters.
pub const MAX_CHARS: usize = 1000;

/// Longest segment that can be corrected, in characters; a window of half a minute has some hundred.
pub const MAX_HEARD: usize = 4000;

/// What stands for hidden characters whose own mask is shown elsewhere.
const HIDDEN: &str = "〔個資〕";

/// Another text for a segment.
pub struct Change<'a> {
    /// Place of the segment.
    pub idx: usize,
    /// At most [`MAX_CHARS`]; empty when nothing was said.
    pub text: &'a str,
}

/// Writes these texts; places that there are none are skipped. Personal data of all segments is found anew.
pub fn correct(segments: &mut [Segment], changes: &[Change<'_>]) {
    let mut kept = Vec::with_capacity(changes.len());
    for change in changes {
        let Some(segment) = segments.get_mut(change.idx) else { continue };
        let (corrected, hidden) = rewritten(segment, change.text);
        *segment = corrected;
        kept.push((change.idx, hidden));
    }
    // Whatever an earlier change has kept hidden is hidden still.
    let before: Vec<Vec<SpokenPii>> = segments.iter().map(|it| it.pii.clone()).collect();
    redact::redact(segments);
    for (segment, hidden) in segments.iter_mut().zip(before) {
        hide(segment, hidden);
    }
    for (idx, hidden) in kept {
        if let Some(segment) = segments.get_mut(idx) {
            hide(segment, hidden);
        }
    }
}

/// What a person means who has changed the redacted text of `segment`: each mask stands for what it hides. `None` when
/// there is a mask that the segment does not have, or not in this place.
pub fn unmasked(segment: &Segment, text: &str) -> Option<String> {
    let chars: Vec<char> = segment.text.expose().chars().collect();
    let piece =
        |it: &SpokenPii| chars.get(it.start..it.end).unwrap_or_default().iter().collect::<String>();
    let mut masked = segment.pii.iter().peekable();
    let mut whole = String::new();
    // What goes on from the segment before shows no mask here; nobody has seen it, nobody has changed it.
    while let Some(it) = masked.next_if(|it| it.mask.is_empty()) {
        whole.push_str(&piece(it));
    }
    let names: Vec<&'static str> =
        segment.pii.iter().map(|it| it.mask).filter(|it| !it.is_empty()).collect();
    let mut rest = text;
    while let Some(ch) = rest.chars().next() {
        let name = names.iter().find(|it| rest.starts_with(**it));
        let Some(name) = name else {
            whole.push(ch);
            rest = rest.get(ch.len_utf8()..).unwrap_or_default();
            continue;
        };
        let hidden = masked.find(|it| it.mask == *name)?;
        whole.push_str(&piece(hidden));
        rest = rest.get(name.len()..).unwrap_or_default();
    }
    Some(whole)
}

/// The segment with another text, and what of it was hidden before.
fn rewritten(heard: &Segment, text: &str) -> (Segment, Vec<SpokenPii>) {
    let old = spoken(heard);
    let new: Vec<char> = text.chars().collect();
    let from = aligned(&old, &new);
    let line = timed(heard, &old, (&new, &from));
    let mut words = words(&line);
    let old_words = word_of_each(heard, old.len());
    for word in &mut words {
        if !is_kept(word, &from, (&old, &old_words)) {
            word.confidence = 1.0;
        }
    }
    let is_understood = heard.language == SpokenLanguage::Other && !new.is_empty();
    let corrected = Segment {
        language: if is_understood { SpokenLanguage::Mandarin } else { heard.language },
        text: Private::new(text.to_owned()),
        confidence: mean(&words),
        words,
        pii: Vec::new(),
        ..heard.clone()
    };
    (corrected, carried(&heard.pii, &from))
}

/// The characters of a segment, each with its share of its word's time.
fn spoken(segment: &Segment) -> Vec<HeardChar> {
    let untimed = |ch| HeardChar { ch, start: segment.start, end: segment.start, confidence: 1.0 };
    let mut chars: Vec<HeardChar> = segment.text.expose().chars().map(untimed).collect();
    for word in &segment.words {
        let n_chars = word.text.expose().chars().count();
        let length = word.end.saturating_sub(word.start);
        let at = |idx: usize| word.start + length * idx as u64 / n_chars.max(1) as u64;
        for (idx, it) in chars.iter_mut().skip(word.offset).take(n_chars).enumerate() {
            (it.start, it.end, it.confidence) = (at(idx), at(idx + 1), word.confidence);
        }
    }
    chars
}

/// Place of the word of each character, as far as it has one.
fn word_of_each(segment: &Segment, n_chars: usize) -> Vec<Option<usize>> {
    let mut places = vec![None; n_chars];
    for (idx, word) in segment.words.iter().enumerate() {
        let n_chars = word.text.expose().chars().count();
        places.iter_mut().skip(word.offset).take(n_chars).for_each(|it| *it = Some(idx));
    }
    places
}

/// For each new character the old one that it is: a longest common subsequence.
fn aligned(old: &[HeardChar], new: &[char]) -> Vec<Option<usize>> {
    let same = |(one, other): &(&HeardChar, &char)| one.ch == **other;
    let n_head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) =
        (old.get(n_head..).unwrap_or_default(), new.get(n_head..).unwrap_or_default());
    let n_tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let old_middle = old_rest.get(..old_rest.len() - n_tail).unwrap_or_default();
    let new_middle = new_rest.get(..new_rest.len() - n_tail).unwrap_or_default();
    let mut from: Vec<Option<usize>> = (0..n_head).map(Some).collect();
    from.extend(common(old_middle, new_middle).into_iter().map(|it| it.map(|it| it + n_head)));
    from.extend((old.len() - n_tail..old.len()).map(Some));
    from
}

/// The same without what is alike at both ends.
fn common(old: &[HeardChar], new: &[char]) -> Vec<Option<usize>> {
    let width = new.len() + 1;
    let mut longest = vec![0_u16; (old.len() + 1) * width];
    let at = |longest: &[u16], row: usize, column: usize| {
        longest.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, one) in old.iter().enumerate().rev() {
        for (column, other) in new.iter().enumerate().rev() {
            let best = if one.ch == *other {
                at(&longest, row + 1, column + 1) + 1
            } else {
                at(&longest, row + 1, column).max(at(&longest, row, column + 1))
            };
            if let Some(place) = longest.get_mut(row * width + column) {
                *place = best;
            }
        }
    }
    let mut from = vec![None; new.len()];
    let (mut row, mut column) = (0, 0);
    while let (Some(one), Some(other)) = (old.get(row), new.get(column)) {
        if one.ch == *other {
            if let Some(place) = from.get_mut(column) {
                *place = Some(row);
            }
            (row, column) = (row + 1, column + 1);
        } else if at(&longest, row, column + 1) < at(&longest, row + 1, column) {
            row += 1;
        } else {
            column += 1;
        }
    }
    from
}

/// The new characters: those that are old ones with their times, the others with the time between them, and sure.
fn timed(heard: &Segment, old: &[HeardChar], (new, from): (&[char], &[Option<usize>])) -> Line {
    let of = |idx: usize| from.get(idx).copied().flatten().and_then(|it| old.get(it)).copied();
    let mut chars: Vec<HeardChar> = Vec::with_capacity(new.len());
    let mut idx = 0;
    while idx < new.len() {
        if let Some(it) = of(idx) {
            chars.push(it);
            idx += 1;
            continue;
        }
        let n_typed = (idx..new.len()).take_while(|it| of(*it).is_none()).count();
        let begin: Millis = chars.last().map_or(heard.start, |it| it.end);
        let end = of(idx + n_typed).map_or(heard.end, |it| it.start).max(begin);
        let at = |step: usize| begin + (end - begin) * step as u64 / n_typed.max(1) as u64;
        let typed = new.iter().skip(idx).take(n_typed).enumerate();
        chars.extend(typed.map(|(step, ch)| HeardChar {
            ch: *ch,
            start: at(step),
            end: at(step + 1),
            confidence: 1.0,
        }));
        idx += n_typed;
    }
    Line { chars }
}

/// Whether a new word is an old one: all of its letters, no others, and none is missing.
fn is_kept(
    word: &Word,
    from: &[Option<usize>],
    (old, old_words): (&[HeardChar], &[Option<usize>]),
) -> bool {
    let place = |idx: usize| old_words.get(idx).copied().flatten();
    let mut of = None;
    let mut n_letters = 0;
    for (idx, _) in word.text.expose().chars().enumerate().filter(|it| it.1.is_alphanumeric()) {
        let found = from.get(word.offset + idx).copied().flatten().and_then(place);
        if found.is_none() || (of.is_some() && of != found) {
            return false;
        }
        of = found;
        n_letters += 1;
    }
    let n_old = old
        .iter()
        .zip(old_words)
        .filter(|it| of.is_some() && *it.1 == of && it.0.ch.is_alphanumeric());
    n_letters == n_old.count()
}

/// Geometric mean of the confidences.
fn mean(words: &[Word]) -> f32 {
    let sum: f32 = words.iter().map(|it| it.confidence.max(1e-6).ln()).sum();
    (sum / words.len().max(1) as f32).exp()
}

/// Where the characters are now that were hidden before. Each run of them has a mask of its own.
fn carried(pii: &[SpokenPii], from: &[Option<usize>]) -> Vec<SpokenPii> {
    let mut hidden: Vec<SpokenPii> = Vec::new();
    for it in pii {
        let is_in = |at: &Option<usize>| at.is_some_and(|at| it.start <= at && at < it.end);
        let mut idx = 0;
        while idx < from.len() {
            let n_in = from.iter().skip(idx).take_while(|at| is_in(at)).count();
            if 0 < n_in {
                hidden.push(SpokenPii { start: idx, end: idx + n_in, ..*it });
            }
            idx += n_in.max(1);
        }
    }
    hidden.sort_by_key(|it| it.start);
    hidden
}

/// Hides these characters too, unless they are hidden already.
fn hide(segment: &mut Segment, hidden: Vec<SpokenPii>) {
    for it in hidden {
        let touching = |other: &&SpokenPii| it.start < other.end && other.start < it.end;
        let found: Vec<SpokenPii> = segment.pii.iter().filter(touching).copied().collect();
        if found.iter().any(|other| other.start <= it.start && it.end <= other.end) {
            continue;
        }
        segment.pii.retain(|other| !touching(&other));
        let shown = found.iter().chain([&it]).find(|it| !it.mask.is_empty());
        segment.pii.push(SpokenPii {
            kind: it.kind,
            mask: shown.map_or(HIDDEN, |it| it.mask),
            start: found.iter().map(|it| it.start).fold(it.start, usize::min),
            end: found.iter().map(|it| it.end).fold(it.end, usize::max),
        });
        segment.pii.sort_by_key(|it| it.start);
    }
}

#[cfg(test)]
mod tests;
