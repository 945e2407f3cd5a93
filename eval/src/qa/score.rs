//! From ranks and probabilities to numbers with their intervals.

use fenwen::pipeline::answers::evidence::N_FEATURES;
use fenwen::pipeline::answers::index::{AnswerIndex, Match};
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
    pub features: [f32; N_FEATURES],
    /// Whether the index had the sources of all departments.
    pub is_whole: bool,
    /// The probability that its first match is right.
    pub probability: f32,
    /// Whether it was answered.
    pub is_answered: bool,
}

/// What kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Its source is there.
    Answerable,
    /// The same, its source and near-duplicates of it taken away.
    Removed,
    /// The same, its department and near-duplicates of its source not in the index.
    Department,
    /// Another city's.
    City,
    /// Subjects of other ministries' documents.
    Documents,
    /// Of agencies of the state.
    Agencies,
    /// Chat, general knowledge, nonsense.
    SmallTalk,
}

/// Kinds that are to be refused, each counting alike; a removed source's question is told apart: near sources are left.
pub const OUTSIDE: [(Kind, &str); 5] = [
    (Kind::City, "another city's"),
    (Kind::Department, "a department's that is not in the index"),
    (Kind::Documents, "subjects of other ministries' documents"),
    (Kind::Agencies, "agencies of the state"),
    (Kind::SmallTalk, "chat, knowledge, nonsense"),
];

/// A question as it is asked of an index.
#[derive(Clone, Copy)]
pub struct Posed<'a> {
    /// Its words.
    pub text: &'a str,
    /// Its half.
    pub part: Part,
    /// Its kind.
    pub kind: Kind,
    /// The right source, if there is one.
    pub truth: Option<usize>,
    /// Whether the index has the sources of all departments.
    pub is_whole: bool,
}

impl Trial {
    /// What came of a question; sources for which `is_removed` holds are taken away.
    pub fn of(
        posed: Posed<'_>,
        index: &AnswerIndex,
        found: &[Match],
        is_removed: &dyn Fn(usize) -> bool,
    ) -> Trial {
        let left: Vec<Match> = found.iter().filter(|it| !is_removed(it.source)).copied().collect();
        let row = |it: &Match| (it.words, it.cosine.unwrap_or(0.0), Some(it.source) == posed.truth);
        let (mut features, mut probability, mut is_answered) = ([0.0; N_FEATURES], 0.0, false);
        if let Some((first, evidence)) = index.evidence(posed.text, &left, 1).next() {
            let confidence = index.ranker().confidence(first);
            features = evidence.features();
            probability = confidence.right.probability(&features);
            is_answered = index.refusal(posed.text, first, &evidence).is_none();
        }
        let Posed { part, kind, is_whole, .. } = posed;
        let matches = left.iter().map(row).collect();
        Trial { part, kind, matches, features, is_whole, probability, is_answered }
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
    /// The same in indexes of half of the departments.
    pub kept_of_half: Share,
    /// Questions of each kind without a source that were refused.
    pub refused: Vec<(&'static str, Share)>,
    /// All of them.
    pub refused_outside: Share,
    /// The mean of the kinds, each counting alike.
    pub refused_mean: f64,
    /// Questions that were refused after their source was taken away.
    pub refused_removed: Share,
    /// Refusals of answerable questions and those without a source that are of the latter.
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
        let (trials, of_half): (Vec<&Trial>, Vec<&Trial>) =
            trials.partition(|it| it.is_whole || it.kind == Kind::Department);
        let of = |kind| trials.iter().filter(move |it| it.kind == kind);
        let share = |kind, holds: &dyn Fn(&Trial) -> bool| {
            Share::of(of(kind).filter(|it| holds(it)).count(), of(kind).count())
        };
        let refused = OUTSIDE.map(|(kind, name)| (name, share(kind, &|it| !it.is_answered)));
        let sum = |of: &dyn Fn(&Share) -> usize| refused.iter().map(|it| of(&it.1)).sum::<usize>();
        let refused_outside = Share::of(sum(&|it| it.k), sum(&|it| it.n));
        let refused_mean = refused.iter().map(|it| it.1.share).sum::<f64>() / OUTSIDE.len() as f64;
        let of_half: Vec<&&Trial> =
            of_half.iter().filter(|it| it.kind == Kind::Answerable).collect();
        let n_kept = of_half.iter().filter(|it| it.is_answered).count();
        let within = |it: &Trial, most| it.rank().is_some_and(|rank| rank <= most);
        let n_answerable = of(Kind::Answerable).count();
        let reciprocal: f64 =
            of(Kind::Answerable).filter_map(|it| it.rank()).map(|it| 1.0 / it as f64).sum();
        let kept = share(Kind::Answerable, &|it| it.is_answered);
        let right = of(Kind::Answerable).filter(|it| it.is_answered && within(it, 1)).count();
        let n_refused = refused_outside.k + (kept.n - kept.k);
        let judged = trials.iter().filter(|it| it.kind != Kind::Removed);
        let judged: Vec<(f32, bool)> = judged.map(|it| (it.probability, within(it, 1))).collect();
        Summary {
            n_sources,
            words_only,
            r_at_1: share(Kind::Answerable, &|it| within(it, 1)),
            r_at_5: share(Kind::Answerable, &|it| within(it, 5)),
            mrr: reciprocal / n_answerable.max(1) as f64,
            kept,
            right_of_answered: Share::of(right, kept.k),
            kept_of_half: Share::of(n_kept, of_half.len()),
            refused: refused.to_vec(),
            refused_outside,
            refused_mean,
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
    use crate::qa::TODAY;
    use fenwen::pipeline::answers::index::Asked;
    use fenwen::pipeline::answers::rank::Ranker;
    use fenwen::task::answers::Source;

    #[test]
    fn ranks_and_refusals_are_counted() {
        const LOST: &str = "身分證遺失請攜帶印章與相片至戶政事務所補發";
        let source = |answer: &str| Source { answer: answer.to_owned(), ..Source::default() };
        let sources = vec![source(LOST), source("護照換發"), source("停車費")];
        let index = AnswerIndex::new(sources, None, Ranker::default()).unwrap();
        let ask = |text: &str, kind, truth, is_removed: &dyn Fn(usize) -> bool| {
            let asked = Asked { text, vector: None };
            let found = index.search(asked, TODAY, 9).unwrap();
            let posed = Posed { text, part: Part::Test, kind, truth, is_whole: true };
            Trial::of(posed, &index, &found, is_removed)
        };
        let none = |_: usize| false;
        let trials = [
            ask(LOST, Kind::Answerable, Some(0), &none),
            ask(&format!("{LOST}換發"), Kind::Answerable, Some(1), &none),
            ask("鯨魚", Kind::Answerable, Some(2), &none),
            ask("鯨魚", Kind::City, None, &none),
            ask(LOST, Kind::Removed, None, &|it| it == 0),
        ];
        let ranks: Vec<Option<usize>> = trials.iter().map(Trial::rank).collect();
        assert_eq!(ranks, [Some(1), Some(2), None, None, None]);
        assert_eq!(trials[4].matches.len() + 1, trials[0].matches.len());
        let summary = Summary::of(trials.iter(), 3, true);
        assert_eq!((summary.r_at_1.k, summary.r_at_5.k, summary.r_at_1.n), (1, 2, 3));
        assert!((summary.mrr - 0.5).abs() < 1e-9);
        assert_eq!((summary.kept.k, summary.right_of_answered.k), (2, 1));
        assert_eq!((summary.refused_outside.k, summary.refused_outside.n), (1, 1));
        assert_eq!((summary.refusal_precision.k, summary.refusal_precision.n), (1, 2));
        assert_eq!(summary.refused_removed.k, 1);
    }

    #[test]
    fn calibration_is_the_mean_gap() {
        let judged = [(0.95, true), (0.85, false), (0.05, false)];
        assert!((calibration_error(&judged) - (0.05 + 0.85 + 0.05) / 3.0).abs() < 1e-6);
    }
}
