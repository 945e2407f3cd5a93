//! Features → one score for each class.

use super::rows::LANES;
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
        let sums = &mut scratch.sums;
        sums.clear();
        sums.resize(self.rows.width(), [0.0; LANES]);
        self.rows.add(&features.entries, sums);
        let scaled = sums.iter().flatten().zip(&self.scale).zip(&self.bias);
        scores.clear();
        scores.extend(scaled.map(|((sum, scale), bias)| sum * scale + bias));
    }
}
