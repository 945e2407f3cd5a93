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
