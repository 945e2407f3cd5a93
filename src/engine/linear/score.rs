//! Features → one score for each class.

use super::features::place;
use super::{Features, LinearModel, Scratch};

impl LinearModel {
    /// One score for each class: the signed distance to its hyperplane.
    pub fn scores(&self, features: &Features) -> Vec<f32> {
        let mut scores = Vec::new();
        self.scores_into(features, &mut Scratch::default(), &mut scores);
        scores
    }

    /// As [`LinearModel::scores`], into memory that is used again.
    pub fn scores_into(&self, features: &Features, scratch: &mut Scratch, scores: &mut Vec<f32>) {
        let n_classes = self.bias.len();
        scratch.sums.clear();
        scratch.sums.resize(n_classes, 0.0);
        // Vectorised for the processor at hand; the order of the additions is the same on all of them.
        pulp::Arch::new().dispatch(|| self.accumulate(features, &mut scratch.sums));
        let scaled = scratch.sums.iter().zip(&self.scale).zip(&self.bias);
        scores.clear();
        scores.extend(scaled.map(|((sum, scale), bias)| sum * scale + bias));
    }

    #[inline(always)]
    fn accumulate(&self, features: &Features, sums: &mut [f32]) {
        let n_classes = sums.len();
        for (feature, value) in &features.entries {
            let start = place(*feature) * n_classes;
            let row = &self.weights[start..start + n_classes];
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum += *value * f32::from(*weight);
            }
        }
    }
}
