//! The most likely segmentation of a text into pieces.

use crate::engine::tokenizer::pieces::Pieces;

/// The best way to segment the text up to some place.
#[derive(Clone, Copy)]
struct Step {
    score: f64,
    /// Where its last piece begins.
    start: usize,
    /// That piece.
    id: u32,
}

/// Appends the ids of the most likely segmentation of `chars`; of equal ones that whose last piece is longer.
///
/// Each place looks ahead by the longest piece at most, so the time is linear in the text.
pub(super) fn segment(pieces: &Pieces, chars: &[char], ids: &mut Vec<u32>) {
    let (unknown, unknown_score) = pieces.unknown();
    if chars.is_empty() {
        ids.push(unknown);
        return;
    }
    let mut best = vec![Step { score: f64::NEG_INFINITY, start: 0, id: unknown }; chars.len() + 1];
    best[0].score = 0.0;
    for start in 0..chars.len() {
        let base = best[start].score;
        let mut has_single = false;
        pieces.prefixes(&chars[start..], |len, id, score| {
            has_single |= len == 1;
            improve(&mut best, start + len, Step { score: base + score, start, id });
        });
        if !has_single {
            let step = Step { score: base + unknown_score, start, id: unknown };
            improve(&mut best, start + 1, step);
        }
    }
    let first = ids.len();
    let mut end = chars.len();
    while 0 < end {
        let step = best[end];
        ids.push(step.id);
        end = step.start;
    }
    ids[first..].reverse();
}

/// Takes `step` as the way to `end` if it is more likely than the one known.
fn improve(best: &mut [Step], end: usize, step: Step) {
    if let Some(known) = best.get_mut(end)
        && known.score < step.score
    {
        *known = step;
    }
}
