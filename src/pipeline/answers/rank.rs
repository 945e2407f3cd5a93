//! Two ways of being alike → one order, and the probability that the first source answers.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::evidence::N_FEATURES;
use super::index::Match;

/// How words and meanings are weighed against each other, and what a probability is made of.
///
/// The default is `ranker.toml`, which `fenwen eval qa --fit` writes; `eval/reports/qa` has what it is worth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranker {
    /// Of the features and weights, 1.
    pub version: u32,
    /// What a cosine of 1 counts beside a share of words of 1.
    pub meaning: f32,
    /// With meanings.
    pub both: Confidence,
    /// By words alone.
    pub words: Confidence,
    /// Pairs of characters that stand in many questions, with their share of all questions.
    pub common: HashMap<String, f32>,
}

/// Two logistic regressions over the same features, and the probability below which nothing is answered.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// The least probability of `answerable` that is answered.
    pub threshold: f32,
    /// Whether the first source is the right one: what is shown.
    pub right: Logistic,
    /// Whether any source is: what decides to answer.
    pub answerable: Logistic,
}

/// A logistic regression.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// Of the features, in the order of [`super::evidence::FEATURES`].
    pub weights: [f32; N_FEATURES],
    /// Added to them.
    pub bias: f32,
}

static DEFAULT: LazyLock<Ranker> = LazyLock::new(built_in);

#[expect(clippy::expect_used, reason = "the file is part of the program and a test reads it")]
fn built_in() -> Ranker {
    toml::from_str(include_str!("ranker.toml")).expect("ranker.toml is valid")
}

impl Default for Ranker {
    fn default() -> Ranker {
        DEFAULT.clone()
    }
}

impl Ranker {
    /// The score that orders sources.
    pub fn fused(&self, words: f32, cosine: Option<f32>) -> f32 {
        words + self.meaning * cosine.unwrap_or(0.0)
    }

    /// How a match is judged: with its meaning where that is known.
    pub fn confidence(&self, found: &Match) -> &Confidence {
        if found.cosine.is_some() { &self.both } else { &self.words }
    }
}

impl Confidence {
    /// Whether these features are enough to answer.
    pub fn answers(&self, features: &[f32; N_FEATURES]) -> bool {
        self.threshold <= self.answerable.probability(features)
    }
}

impl Logistic {
    /// The probability of these features.
    pub fn probability(&self, features: &[f32; N_FEATURES]) -> f32 {
        let sum: f32 = self.weights.iter().zip(features).map(|(weight, it)| weight * it).sum();
        1.0 / (1.0 + (-(sum + self.bias)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::answers::evidence::Evidence;

    #[test]
    fn words_and_meanings_are_fused() {
        let ranker = Ranker::default();
        assert_eq!(ranker.fused(0.5, None), 0.5);
        assert!(ranker.fused(0.3, Some(0.9)) > ranker.fused(0.4, Some(0.1)));
        let found = Match { source: 0, words: 0.5, cosine: Some(0.6), score: 0.9 };
        assert_eq!(ranker.confidence(&found), &ranker.both);
        assert_eq!(ranker.confidence(&Match { cosine: None, ..found }), &ranker.words);
    }

    #[test]
    fn evidence_makes_an_answer_likely_and_another_place_does_not() {
        let weak = Evidence { length: 2.3, missed: 1.5, meaning: 0.1, ..Evidence::default() };
        let strong = Evidence {
            words: 0.6,
            pairs: 0.9,
            rare_pairs: 0.8,
            triples: 0.8,
            missed: 0.1,
            covered: 3.0,
            meaning: 0.4,
            lead: 0.2,
            ..weak
        };
        let elsewhere = Evidence { elsewhere: true, ..strong };
        for confidence in [Ranker::default().both, Ranker::default().words] {
            let right = |it: &Evidence| confidence.right.probability(&it.features());
            assert!(!confidence.answers(&weak.features()) && right(&weak) < 0.2);
            assert!(confidence.answers(&strong.features()) && 0.8 < right(&strong));
            let answerable = |it: &Evidence| confidence.answerable.probability(&it.features());
            assert!(answerable(&elsewhere) < answerable(&strong));
        }
    }
}
