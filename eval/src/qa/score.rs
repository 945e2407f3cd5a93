//! From ranks and probabilities to numbers with their intervals.

use fenwen::pipeline::answers::index::Match;
use fenwen::pipeline::answers::rank::Ranker;
use serde::Serialize;

use super::data::Part;
use super::time::Time;
use crate::idcard::tally::Rate;

/// A question that was asked.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Its half.
    pub part: Part,
    /// What kind of question it is.
    pub kind: Kind,
    /// Words and cosine of each match, and whether it is the right source; best first by the ranker in use.
    pub matches: Vec<(f32, f32, bool)>,
    /// What its first match's probability is computed from.
    pub features: [f32; 3],
    /// The probability that its first match is right.
    pub probability: f32,
    /// Whether it was answered.
    pub is_answered: bool,
}

/// What kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its source is there.
    Answerable,
    /// The same, its source and near-duplicates of it taken away.
    Removed,
    /// Another city's.
    Outside,
}

impl Trial {
    /// What came of a question whose right source is `truth`; sources for which `is_removed` holds are taken away.
    pub fn of(
        part: Part,
        found: &[Match],
        truth: Option<usize>,
        is_removed: Option<&dyn Fn(usize) -> bool>,
    ) -> Trial {
        let kind = match (truth, is_removed) {
            (Some(_), _) => Kind::Answerable,
            (None, Some(_)) => Kind::Removed,
            (None, None) => Kind::Outside,
        };
        let is_there = |it: &&Match| !is_removed.is_some_and(|removed| removed(it.source));
        let left: Vec<&Match> = found.iter().filter(is_there).collect();
        let row = |it: &&Match| (it.words, it.cosine.unwrap_or(0.0), Some(it.source) == truth);
        let ranker = Ranker::default();
        let (mut features, mut probability, mut is_answered) = ([0.0; 3], 0.0, false);
        if let Some(first) = left.first() {
            let confidence = ranker.confidence(first);
            features = ranker.features(first, left.get(1).map_or(0.0, |it| it.score));
            probability = confidence.right.probability(features);
            is_answered = confidence.answers(features);
        }
        let matches = left.iter().map(row).collect();
        Trial { part, kind, matches, features, probability, is_answered }
    }

    /// The rank of the right source, from 1; none when it is not among those looked at.
    pub fn rank(&self) -> Option<usize> {
        self.matches.iter().position(|(_, _, is_right)| *is_right).map(|it| it + 1)
    }
}

/// A share with its Wilson 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// Counted.
    pub k: usize,
    /// Of.
    pub n: usize,
    /// `k / n`.
    pub share: f64,
    /// Ends of the interval.
    pub interval: (f64, f64),
}

impl Share {
    fn of(k: usize, n: usize) -> Share {
        let rate = Rate { k, n };
        Share { k, n, share: rate.share().unwrap_or(0.0), interval: rate.interval() }
    }
}

/// What a half of the questions came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Sources in the index.
    pub n_sources: usize,
    /// Whether only words were compared.
    pub words_only: bool,
    /// The right source is first.
    pub r_at_1: Share,
    /// The right source is among the first five.
    pub r_at_5: Share,
    /// Mean of one over the rank of the right source.
    pub mrr: f64,
    /// Answerable questions that were answered, rightly or not.
    pub kept: Share,
    /// Answers to answerable questions that quote the right source.
    pub right_of_answered: Share,
    /// Another city's questions that were refused.
    pub refused_outside: Share,
    /// Questions that were refused after their source was taken away.
    pub refused_removed: Share,
    /// Refusals of answerable and another city's questions that are another city's.
    pub refusal_precision: Share,
    /// Expected calibration error of the first source's probability, over answerable and outside questions.
    pub ece: f64,
    /// The half that weights and threshold were learnt on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<Box<Summary>>,
    /// Time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

impl Summary {
    /// The numbers of these questions.
    pub fn of<'a>(
        trials: impl Iterator<Item = &'a Trial>,
        n_sources: usize,
        words_only: bool,
    ) -> Summary {
        let trials: Vec<&Trial> = trials.collect();
        let of = |kind| trials.iter().filter(move |it| it.kind == kind);
        let share = |kind, holds: &dyn Fn(&Trial) -> bool| {
            Share::of(of(kind).filter(|it| holds(it)).count(), of(kind).count())
        };
        let within = |it: &Trial, most| it.rank().is_some_and(|rank| rank <= most);
        let n_answerable = of(Kind::Answerable).count();
        let reciprocal: f64 =
            of(Kind::Answerable).filter_map(|it| it.rank()).map(|it| 1.0 / it as f64).sum();
        let kept = share(Kind::Answerable, &|it| it.is_answered);
        let refused_outside = share(Kind::Outside, &|it| !it.is_answered);
        let right = of(Kind::Answerable).filter(|it| it.is_answered && within(it, 1)).count();
        let n_refused = refused_outside.k + (kept.n - kept.k);
        let judged = of(Kind::Answerable).chain(of(Kind::Outside));
        let judged: Vec<(f32, bool)> = judged.map(|it| (it.probability, within(it, 1))).collect();
        Summary {
            n_sources,
            words_only,
            r_at_1: share(Kind::Answerable, &|it| within(it, 1)),
            r_at_5: share(Kind::Answerable, &|it| within(it, 5)),
            mrr: reciprocal / n_answerable.max(1) as f64,
            kept,
            right_of_answered: Share::of(right, kept.k),
            refused_outside,
            refused_removed: share(Kind::Removed, &|it| !it.is_answered),
            refusal_precision: Share::of(refused_outside.k, n_refused),
            ece: calibration_error(&judged),
            dev: None,
            time: None,
        }
    }
}

/// Expected calibration error in ten bins.
fn calibration_error(judged: &[(f32, bool)]) -> f64 {
    let mut error = 0.0;
    for bin in 0..10_u8 {
        let (low, high) = (f32::from(bin) / 10.0, f32::from(bin + 1) / 10.0);
        let is_in = |it: &f32| low <= *it && (*it < high || bin == 9);
        let inside: Vec<&(f32, bool)> = judged.iter().filter(|(it, _)| is_in(it)).collect();
        let mean: f64 = inside.iter().map(|(it, _)| f64::from(*it)).sum();
        let right = inside.iter().filter(|(_, is_right)| *is_right).count() as f64;
        error += (mean - right).abs();
    }
    error / judged.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(scores: &[f32]) -> Vec<Match> {
        let one = |(source, score): (usize, &f32)| Match {
            source,
            words: *score,
            cosine: Some(*score),
            score: 1.5 * score,
        };
        scores.iter().enumerate().map(one).collect()
    }

    #[test]
    fn ranks_and_refusals_are_counted() {
        let strong = found(&[0.9, 0.2, 0.1]);
        let weak = found(&[0.05, 0.04]);
        let first_is_gone = |it: usize| it == 0;
        let trials = [
            Trial::of(Part::Test, &strong, Some(0), None),
            Trial::of(Part::Test, &strong, Some(1), None),
            Trial::of(Part::Test, &weak, Some(9), None),
            Trial::of(Part::Test, &weak, None, None),
            Trial::of(Part::Test, &strong, None, Some(&first_is_gone)),
        ];
        let ranks: Vec<Option<usize>> = trials.iter().map(Trial::rank).collect();
        assert_eq!(ranks, [Some(1), Some(2), None, None, None]);
        assert_eq!(trials[4].matches.len(), 2);
        let summary = Summary::of(trials.iter(), 3, false);
        assert_eq!((summary.r_at_1.k, summary.r_at_5.k, summary.r_at_1.n), (1, 2, 3));
        assert!((summary.mrr - 0.5).abs() < 1e-9);
        assert_eq!((summary.kept.k, summary.right_of_answered.k), (2, 1));
        assert_eq!((summary.refused_outside.k, summary.refused_outside.n), (1, 1));
        assert_eq!((summary.refusal_precision.k, summary.refusal_precision.n), (1, 2));
    }

    #[test]
    fn calibration_is_the_mean_gap() {
        let judged = [(0.95, true), (0.85, false), (0.05, false)];
        assert!((calibration_error(&judged) - (0.05 + 0.85 + 0.05) / 3.0).abs() < 1e-6);
    }
}
