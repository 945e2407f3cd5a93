//! Numbers of a classifier from its answers.

use std::collections::BTreeMap;

use fenwen::pipeline::classify::is_below;
use serde::Serialize;

use super::resample;
use crate::idcard::tally::Rate;

/// Bins of the calibration error: equal widths from 0 to 1.
pub const N_BINS: usize = 10;

/// Shares of texts left to the machine at which precision is told.
pub const COVERAGES: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0];

/// The answer for one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The label that the text has; may be one that the model does not know.
    pub truth: String,
    /// The model's labels with their probabilities, best first.
    pub ranked: Vec<(String, f32)>,
    /// The unit that was answered because none of its sections is sure.
    pub unit: Option<String>,
    /// Whether a person was asked for.
    pub requires_human: bool,
}

/// What a set of answers came to. The first five entries are those that other programs read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Texts.
    pub n: usize,
    /// Share whose first label is right.
    pub accuracy: f64,
    /// Mean over labels (that occur or are answered) of the harmonic mean of precision and recall.
    pub macro_f1: f64,
    /// Share with the right label among the first three.
    pub top3: f64,
    /// Expected calibration error of the first label's probability, in [`N_BINS`] bins.
    pub ece: f64,
    /// Wilson 95 % interval of the accuracy.
    pub accuracy_interval: (f64, f64),
    /// Wilson 95 % interval of `top3`.
    pub top3_interval: (f64, f64),
    /// Bootstrap 95 % interval of `macro_f1`.
    pub macro_f1_interval: (f64, f64),
    /// Bootstrap 95 % interval of `ece`; it lies above zero even where calibration is perfect.
    pub ece_interval: (f64, f64),
    /// Texts whose label the model does not know; they count as wrong.
    pub unknown_label: usize,
    /// Rows left out, without text or label.
    pub skipped: usize,
    /// Answers without a person, and how many of them are right.
    pub automatic: Share,
    /// Units answered for unsure sections without a person, and how many of those are right.
    pub by_unit: Share,
    /// The most confident shares of the answers, and how many of them are right.
    pub coverage: Vec<Share>,
    /// Bins of the first label's probability.
    pub bins: Vec<Bin>,
    /// By label.
    pub units: BTreeMap<String, Unit>,
    /// Texts by true and by answered label.
    pub confusion: BTreeMap<String, BTreeMap<String, usize>>,
}

/// A part of the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// How large it is, of all.
    pub coverage: f64,
    /// Lowest probability in it.
    pub threshold: f32,
    /// Right ones among them.
    pub precision: f64,
    /// Wilson 95 % interval of the precision.
    pub interval: (f64, f64),
}

/// A bin of probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Sum of the probabilities.
    pub probability: f64,
    /// Right ones.
    pub right: Rate,
}

/// One label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Unit {
    /// Texts that have it.
    pub n: usize,
    /// Texts that it was answered for.
    pub answered: usize,
    /// Both.
    pub right: usize,
}

impl Unit {
    /// Harmonic mean of precision and recall.
    pub fn f1(self) -> f64 {
        2.0 * self.right as f64 / (self.n + self.answered).max(1) as f64
    }
}

impl Answer {
    fn first(&self) -> (&str, f32) {
        self.ranked.first().map_or(("", 0.0), |(label, probability)| (label, *probability))
    }

    fn is_right(&self) -> bool {
        self.first().0 == self.truth
    }
}

/// Adds up `answers` of a model that knows `labels`.
pub fn summarise(answers: &[Answer], labels: &[String], skipped: usize) -> Summary {
    let all: Vec<&Answer> = answers.iter().collect();
    let mut summary = Summary::of(&all);
    summary.skipped = skipped;
    summary.unknown_label = all.iter().filter(|it| !labels.contains(&it.truth)).count();
    let drawn = resample::intervals(&all, |answers| {
        let drawn = Summary::of(answers);
        [drawn.macro_f1, drawn.ece]
    });
    [summary.macro_f1_interval, summary.ece_interval] = drawn;
    let alone = |it: &&Answer| !it.requires_human && it.unit.is_none();
    let taken: Vec<&Answer> = answers.iter().filter(alone).collect();
    summary.automatic = share(&taken, answers.len());
    summary.by_unit = by_unit(answers);
    summary.coverage = coverage(answers);
    summary
}

impl Summary {
    /// Counts, and the five numbers.
    fn of(answers: &[&Answer]) -> Summary {
        let mut summary = Summary { n: answers.len(), ..Summary::default() };
        let (mut right, mut among) = (Rate::default(), Rate::default());
        summary.bins = vec![Bin::default(); N_BINS];
        for answer in answers {
            let (label, probability) = answer.first();
            right.add(answer.is_right());
            among.add(answer.ranked.iter().take(3).any(|it| it.0 == answer.truth));
            let bin = &mut summary.bins[bin_of(probability)];
            bin.probability += f64::from(probability);
            bin.right.add(answer.is_right());
            summary.units.entry(answer.truth.clone()).or_default().n += 1;
            summary.units.entry(label.to_owned()).or_default().answered += 1;
            if answer.is_right() {
                summary.units.entry(label.to_owned()).or_default().right += 1;
            }
            let row = summary.confusion.entry(answer.truth.clone()).or_default();
            *row.entry(label.to_owned()).or_default() += 1;
        }
        summary.accuracy = right.share().unwrap_or(0.0);
        summary.accuracy_interval = right.interval();
        summary.top3 = among.share().unwrap_or(0.0);
        summary.top3_interval = among.interval();
        let f1: f64 = summary.units.values().map(|it| it.f1()).sum();
        summary.macro_f1 = f1 / summary.units.len().max(1) as f64;
        let gap = |it: &Bin| (it.probability - it.right.k as f64).abs();
        summary.ece = summary.bins.iter().map(gap).sum::<f64>() / answers.len().max(1) as f64;
        summary
    }
}

/// Units answered for sections: right when the true label is at or below them.
fn by_unit(answers: &[Answer]) -> Share {
    let mut rate = Rate::default();
    for answer in answers.iter().filter(|it| !it.requires_human) {
        if let Some(unit) = &answer.unit {
            rate.add(answer.truth == *unit || is_below(&answer.truth, unit));
        }
    }
    Share {
        coverage: rate.n as f64 / answers.len().max(1) as f64,
        threshold: 0.0,
        precision: rate.share().unwrap_or(0.0),
        interval: rate.interval(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share in ten bins")]
fn bin_of(probability: f32) -> usize {
    ((probability * N_BINS as f32) as usize).min(N_BINS - 1)
}

fn coverage(answers: &[Answer]) -> Vec<Share> {
    let mut sorted: Vec<&Answer> = answers.iter().collect();
    sorted.sort_by(|a, b| b.first().1.total_cmp(&a.first().1));
    let up_to = |coverage: f64| share(&sorted[..part(coverage, sorted.len())], answers.len());
    COVERAGES.map(up_to).to_vec()
}

/// `share` of `n`, rounded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn part(share: f64, n: usize) -> usize {
    ((share * n as f64).round() as usize).min(n)
}

fn share(taken: &[&Answer], n: usize) -> Share {
    let mut rate = Rate::default();
    taken.iter().for_each(|it| rate.add(it.is_right()));
    Share {
        coverage: taken.len() as f64 / n.max(1) as f64,
        threshold: taken.iter().map(|it| it.first().1).reduce(f32::min).unwrap_or(0.0),
        precision: rate.share().unwrap_or(0.0),
        interval: rate.interval(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(truth: &str, ranked: &[(&str, f32)]) -> Answer {
        let ranked = ranked.iter().map(|(label, p)| ((*label).to_owned(), *p)).collect();
        Answer { truth: truth.to_owned(), ranked, unit: None, requires_human: false }
    }

    fn labels() -> Vec<String> {
        ["甲", "乙", "丙", "丁"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_five_numbers_are_right() {
        let answers = [
            answer("甲", &[("甲", 0.95), ("乙", 0.05)]),
            answer("甲", &[("乙", 0.65), ("甲", 0.2), ("丙", 0.1)]),
            answer("乙", &[("乙", 0.85), ("甲", 0.1), ("丙", 0.05)]),
            answer("戊", &[("甲", 0.4), ("乙", 0.3), ("丙", 0.2)]),
        ];
        let summary = summarise(&answers, &labels(), 2);
        assert_eq!((summary.n, summary.unknown_label, summary.skipped), (4, 1, 2));
        assert!((summary.accuracy - 0.5).abs() < 1e-9 && (summary.top3 - 0.75).abs() < 1e-9);
        // 甲: 2·1/(2+2), 乙: 2·1/(1+2), 戊: 0.
        assert!((summary.macro_f1 - (0.5 + 2.0 / 3.0) / 3.0).abs() < 1e-9);
        assert!((summary.ece - (0.05 + 0.65 + 0.15 + 0.4) / 4.0).abs() < 1e-6);
        assert_eq!(summary.confusion["甲"]["乙"], 1);
    }

    #[test]
    fn precision_follows_confidence() {
        let answers: Vec<Answer> = (0..100_u8)
            .map(|idx| {
                answer(if idx < 50 { "甲" } else { "乙" }, &[("甲", 1.0 - f32::from(idx) / 200.0)])
            })
            .collect();
        let summary = summarise(&answers, &labels(), 0);
        let half = summary.coverage[0];
        assert!((half.precision - 1.0).abs() < 1e-9 && (half.coverage - 0.5).abs() < 1e-9);
        assert!((summary.coverage[7].precision - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_unit_is_right_where_a_section_of_it_is_true() {
        let of_unit = |truth: &str, unit: Option<&str>| Answer {
            unit: unit.map(str::to_owned),
            ..answer(truth, &[("地政司/一科", 0.5)])
        };
        let answers = [
            of_unit("地政司/二科", Some("地政司")),
            of_unit("役政司", Some("地政司")),
            of_unit("地政司/一科", None),
            Answer { requires_human: true, ..of_unit("地政司/二科", Some("地政司")) },
        ];
        let summary = summarise(&answers, &labels(), 0);
        let shares = [summary.by_unit, summary.automatic].map(|it| (it.coverage, it.precision));
        assert_eq!(shares, [(0.5, 0.5), (0.25, 1.0)]);
    }

    #[test]
    fn intervals_hold_their_numbers() {
        let answers: Vec<Answer> = (0..60)
            .map(|idx| answer(if idx % 3 == 0 { "乙" } else { "甲" }, &[("甲", 0.7)]))
            .collect();
        let summary = summarise(&answers, &labels(), 0);
        for (value, (low, high)) in
            [(summary.macro_f1, summary.macro_f1_interval), (summary.ece, summary.ece_interval)]
        {
            assert!(low <= value && value <= high && low < high, "{low} {value} {high}");
        }
        assert_eq!(summary, summarise(&answers, &labels(), 0));
    }

    #[test]
    fn nothing_is_no_division_by_zero() {
        assert_eq!(summarise(&[], &labels(), 0).accuracy, 0.0);
    }
}
