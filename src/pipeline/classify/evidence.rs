//! From contributions of n-grams to the spans of the original that drove a decision.

use crate::engine::linear::Contribution;
use crate::media::text::Normalised;

/// A piece of one of the original texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Which text.
    pub input: usize,
    /// First code point.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    /// What its characters added to the label's score, above the runner-up's where there is one.
    pub weight: f32,
}

/// Spans that together hold this share of what speaks for the label.
const SHARE: f32 = 0.5;

/// Share of the weight of what speaks clearly that a neighbour has at least.
const EDGE: f32 = 0.25;

/// The strongest spans of the texts, at most `limit`, strongest first.
///
/// Every n-gram spreads its weight over its characters. A span begins with characters that speak clearly for the label, and
/// takes in their neighbours that speak for it less clearly, so that words stay whole (hysteresis, as Canny has it of edges).
pub(super) fn spans(
    texts: &[Normalised],
    contributions: &[Contribution],
    limit: usize,
) -> Vec<Span> {
    let mut weights: Vec<Vec<f32>> = texts.iter().map(|it| vec![0.0; it.chars().len()]).collect();
    for it in contributions {
        let share = it.weight / (it.end - it.start) as f32;
        weights[it.input][it.start..it.end].iter_mut().for_each(|weight| *weight += share);
    }
    let floor = floor(&weights);
    let edge = floor.max(0.0) * EDGE;
    let mut spans: Vec<Span> = Vec::new();
    for (input, weights) in weights.iter().enumerate() {
        let mut place = 0;
        for run in weights.chunk_by(|a, b| (edge < *a) == (edge < *b)) {
            if run.iter().any(|it| floor < *it) {
                let (start, end) = texts[input].origin(place, place + run.len());
                spans.push(Span { input, start, end, weight: run.iter().sum() });
            }
            place += run.len();
        }
    }
    spans.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.start.cmp(&b.start)));
    spans.truncate(limit);
    spans
}

/// The weight that a character must exceed, so that the characters above hold [`SHARE`] of all that speaks for the label.
fn floor(weights: &[Vec<f32>]) -> f32 {
    let mut all: Vec<f32> = weights.iter().flatten().copied().filter(|it| 0.0 < *it).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    let wanted = SHARE * all.iter().sum::<f32>();
    let mut sum = 0.0;
    for weight in all {
        sum += weight;
        if wanted <= sum {
            // The character itself is above the floor.
            return weight.next_down();
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_takes_in_the_neighbours_that_speak_for_the_label_too() {
        let texts = [Normalised::new("想請教兵役的事")];
        let one = |at, weight| Contribution { input: 0, start: at, end: at + 1, weight };
        // 請 is weaker than 教 beside it; 兵 and 的 hardly say anything, 役 speaks against it, and 事 is weak by itself.
        let given = [one(1, 0.4), one(2, 1.0), one(3, 0.1), one(4, -1.0), one(5, 0.1), one(6, 0.4)];
        let found = spans(&texts, &given, 5);
        let places: Vec<(u32, u32)> = found.iter().map(|it| (it.start, it.end)).collect();
        assert_eq!(places, [(1, 3)]);
        assert!((found[0].weight - 1.4).abs() < 1e-6, "{found:?}");
    }
}
