//! Two ways of being alike → one order, and the probability that the first source answers.

use super::index::Match;

/// How words and meanings are weighed against each other, and what a probability is made of.
///
/// Learnt on the dev part of the Kaohsiung questions by `fenwen eval qa --fit`; `eval/reports/qa` has what they are
/// worth on the other part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranker {
    /// What a cosine of 1 counts beside a share of words of 1.
    pub meaning: f32,
    /// With meanings.
    pub both: Confidence,
    /// By words alone.
    pub words: Confidence,
}

/// Two logistic regressions over the same features, and the probability below which nothing is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// Whether the first source is the right one: what is shown.
    pub right: Logistic,
    /// Whether any source is: what decides to answer.
    pub answerable: Logistic,
    /// The least probability of `answerable` that is answered.
    pub threshold: f32,
}

/// A logistic regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic {
    /// Of the features: share of words, cosine, lead of the first source over the second.
    pub weights: [f32; 3],
    /// Added to them.
    pub bias: f32,
}

impl Default for Ranker {
    fn default() -> Ranker {
        Ranker {
            meaning: 0.5,
            both: Confidence {
                right: Logistic { weights: [7.48, 3.194, 14.841], bias: -4.22 },
                answerable: Logistic { weights: [22.973, 2.509, 4.788], bias: -5.058 },
                threshold: 0.3096,
            },
            words: Confidence {
                right: Logistic { weights: [7.699, 0.0, 23.762], bias: -3.641 },
                answerable: Logistic { weights: [27.887, 0.0, 3.254], bias: -5.276 },
                threshold: 0.3106,
            },
        }
    }
}

impl Ranker {
    /// The score that orders sources.
    pub fn fused(&self, words: f32, cosine: Option<f32>) -> f32 {
        words + self.meaning * cosine.unwrap_or(0.0)
    }

    /// What the probability of a match is computed from; `others` is the best score of any other source.
    pub fn features(&self, found: &Match, others: f32) -> [f32; 3] {
        [found.words, found.cosine.unwrap_or(0.0), found.score - others]
    }

    /// How a match is judged: with its meaning where that is known.
    pub fn confidence(&self, found: &Match) -> &Confidence {
        if found.cosine.is_some() { &self.both } else { &self.words }
    }
}

impl Confidence {
    /// Whether these features are enough to answer.
    pub fn answers(&self, features: [f32; 3]) -> bool {
        self.threshold <= self.answerable.probability(features)
    }
}

impl Logistic {
    /// The probability of these features.
    pub fn probability(&self, features: [f32; 3]) -> f32 {
        let sum: f32 = self.weights.iter().zip(features).map(|(weight, it)| weight * it).sum();
        1.0 / (1.0 + (-(sum + self.bias)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_meanings_are_fused() {
        let ranker = Ranker::default();
        assert_eq!(ranker.fused(0.5, None), 0.5);
        assert!(ranker.fused(0.3, Some(0.9)) > ranker.fused(0.4, Some(0.1)));
        let found = Match { source: 0, words: 0.5, cosine: Some(0.6), score: 0.9 };
        let expected = [0.5, 0.6, 0.9 - 0.7];
        assert_eq!(ranker.features(&found, 0.7), expected);
        assert_eq!(ranker.confidence(&found), &ranker.both);
        assert_eq!(ranker.confidence(&Match { cosine: None, ..found }), &ranker.words);
    }

    #[test]
    fn a_probability_rises_with_each_feature() {
        for confidence in [Ranker::default().both, Ranker::default().words] {
            let (low, high) = ([0.1, 0.0, 0.0], [0.5, 0.6, 0.2]);
            assert!(!confidence.answers(low) && confidence.answers(high));
            assert!(confidence.right.probability(low) < 0.2);
            assert!(0.8 < confidence.right.probability(high));
        }
    }
}
