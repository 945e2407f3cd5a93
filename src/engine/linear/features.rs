//! Characters → the features of a text, with their values.

use super::rows::LANES;
use super::{LinearModel, grams};

/// Most occurrences of one n-gram whose logarithm is kept ready.
const N_LOGS: usize = 256;

/// Working memory of one thread. Grows to the model's number of features.
#[derive(Debug)]
pub struct Scratch {
    /// Occurrences, by feature; all zero between calls.
    counts: Vec<u32>,
    /// `1 + ln n`, by n.
    logs: Vec<f32>,
    /// Sums, by class.
    pub(super) sums: Vec<[f32; LANES]>,
    /// Of the text at hand.
    runs: Vec<Run>,
    /// Places and weight, by feature; all zero between calls.
    pub(super) shares: Vec<(u32, f32)>,
}

/// Features that one norm is for: those of a view with a share, or all.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// One past its last feature; it begins where the run before ends.
    end: usize,
    share: f32,
    squares: f32,
}

impl Default for Scratch {
    fn default() -> Scratch {
        let logs = std::iter::once(0.0).chain((1..N_LOGS).map(|n| term_weight(n as f32))).collect();
        Scratch { logs, counts: Vec::new(), sums: Vec::new(), runs: Vec::new(), shares: Vec::new() }
    }
}

impl Scratch {
    fn log(&self, count: u32) -> f32 {
        let kept = usize::try_from(count).ok().and_then(|it| self.logs.get(it));
        kept.copied().unwrap_or_else(|| term_weight(count as f32))
    }
}

/// Known features of a text, each once, in the order of their first place; values of L2 norm 1.
///
/// No `Debug`: with the model at hand, the features of a text are the text.
#[derive(Clone, Default)]
pub struct Features {
    pub(super) entries: Vec<(u32, f32)>,
    pub(super) n_grams: usize,
}

impl Features {
    /// Number of different known features.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the model knows nothing of the text.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of n-grams, known or not, of the text.
    pub fn n_grams(&self) -> usize {
        self.n_grams
    }
}

/// Sub-linear weight of an n-gram that occurs `count` times, 1 or more.
fn term_weight(count: f32) -> f32 {
    1.0 + count.ln()
}

impl LinearModel {
    /// The features of a text given as normalised characters, one slice for each input.
    pub fn features(&self, inputs: &[&[char]], scratch: &mut Scratch) -> Features {
        let mut features = Features::default();
        self.features_into(inputs, scratch, &mut features);
        features
    }

    /// As [`LinearModel::features`], into memory that is used again.
    pub fn features_into(
        &self,
        inputs: &[&[char]],
        scratch: &mut Scratch,
        features: &mut Features,
    ) {
        scratch.counts.resize(self.n_features(), 0);
        scratch.runs.clear();
        features.entries.clear();
        features.n_grams = 0;
        for view in &self.spec.views {
            grams(view.chars(inputs), view.field, view.order_bits(), |key, _, _| {
                features.n_grams += 1;
                let Some(feature) = self.table.get(key) else { return };
                let count = &mut scratch.counts[place(feature)];
                if *count == 0 {
                    features.entries.push((feature, 0.0));
                }
                *count += 1;
            });
            if let Some(share) = view.share {
                scratch.runs.push(Run { end: features.entries.len(), share, squares: 0.0 });
            }
        }
        if scratch.runs.is_empty() {
            scratch.runs.push(Run { end: features.entries.len(), share: 1.0, squares: 0.0 });
        }
        self.weigh(&mut features.entries, scratch);
    }

    /// Counts → values, every run with its share of the norm; leaves the counts at zero.
    fn weigh(&self, entries: &mut [(u32, f32)], scratch: &mut Scratch) {
        let mut runs = std::mem::take(&mut scratch.runs);
        let mut start = 0;
        for run in &mut runs {
            for (feature, value) in &mut entries[start..run.end] {
                let place = place(*feature);
                *value = scratch.log(scratch.counts[place]) * self.idf[place];
                run.squares += *value * *value;
                scratch.counts[place] = 0;
            }
            start = run.end;
        }
        let told: f32 = runs.iter().map(|it| it.share * it.squares.sqrt()).sum();
        let mut start = 0;
        for run in &runs {
            if 0.0 < run.squares {
                let length = run.squares.sqrt();
                let factor = (run.share * length / told).sqrt() * length.recip();
                entries[start..run.end].iter_mut().for_each(|(_, value)| *value *= factor);
            }
            start = run.end;
        }
        scratch.runs = runs;
    }
}

/// A feature number as an index.
pub(super) fn place(feature: u32) -> usize {
    usize::try_from(feature).unwrap_or(usize::MAX)
}
