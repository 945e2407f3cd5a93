//! From out-of-fold scores to calibrated probabilities, thresholds, and what they are worth.

use std::collections::BTreeMap;

use fenwen::pipeline::classify::{Confidence, Hierarchy, is_below};

use super::recipe::ConfidencePart;
use crate::isotonic::{self, Outcome};

/// A threshold that no probability reaches.
const NEVER: f32 = 1.01;

/// Out-of-fold scores of a row and the label it has.
#[derive(Clone)]
pub(crate) struct Scored {
    /// One for each class.
    pub(crate) scores: Vec<f32>,
    /// The right class.
    pub(crate) label: usize,
}

/// A first label with its probability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// The class answered.
    pub(crate) class: usize,
    /// Calibrated.
    pub(crate) probability: f32,
    /// Whether it is the right one.
    pub(crate) is_right: bool,
}

/// Fits temperature, correction of the first label's probability, and thresholds.
pub(crate) fn fit(scored: &[Scored], labels: &[String], part: &ConfidencePart) -> Confidence {
    let mut confidence = Confidence { temperature: temperature(scored), ..Confidence::plain() };
    let outcomes: Vec<Outcome> = answers(scored, &confidence)
        .iter()
        .map(|it| Outcome { score: f64::from(it.probability), is_right: it.is_right })
        .collect();
    let points = isotonic::fit(&outcomes, part.min_block);
    confidence.points = points.iter().map(|it| [round(it.score), round(it.probability)]).collect();
    confidence.points.dedup_by(|b, a| b[0] <= a[0]);
    confidence.precision = round(part.precision);
    let answers = answers(scored, &confidence);
    confidence.threshold = threshold(&answers, part.precision);
    let mut has_rows = vec![false; labels.len()];
    scored.iter().for_each(|it| has_rows[it.label] = true);
    for (class, label) in labels.iter().enumerate() {
        if !has_rows[class] {
            // Known by its duties only: nothing was measured that a promise could stand on.
            confidence.class_thresholds.insert(label.clone(), NEVER);
            continue;
        }
        let own: Vec<Answer> = answers.iter().copied().filter(|it| it.class == class).collect();
        if part.min_class <= own.len() {
            confidence.class_thresholds.insert(label.clone(), threshold(&own, part.precision));
        }
    }
    confidence.unit_threshold = unit_threshold(scored, labels, &confidence, part);
    confidence
}

/// The threshold of units that stand in for labels that are not likely enough, chosen among the rows where they would;
/// none where labels have no units above them or such rows are too few.
fn unit_threshold(
    scored: &[Scored],
    labels: &[String],
    confidence: &Confidence,
    part: &ConfidencePart,
) -> Option<f32> {
    let mut answers = Vec::new();
    let hierarchy = Hierarchy::new(labels);
    for row in scored {
        let probabilities = confidence.probabilities(&row.scores);
        let class = best(&row.scores);
        if confidence.threshold_of(&labels[class]) <= probabilities[class] {
            continue;
        }
        if let Some(place) = hierarchy.back_off(&probabilities, 0.0) {
            let label = &labels[row.label];
            let is_right = *label == place.path || is_below(label, &place.path);
            answers.push(Answer { class, probability: place.probability, is_right });
        }
    }
    (part.min_block <= answers.len()).then(|| threshold(&answers, part.precision))
}

/// The first label of every row.
pub(crate) fn answers(scored: &[Scored], confidence: &Confidence) -> Vec<Answer> {
    let answer = |row: &Scored| {
        let class = best(&row.scores);
        let probability = confidence.probabilities(&row.scores)[class];
        Answer { class, probability, is_right: class == row.label }
    };
    scored.iter().map(answer).collect()
}

/// The class with the largest score, the first of those alike.
pub(crate) fn best(scores: &[f32]) -> usize {
    let better = |best: (usize, f32), it: (usize, f32)| if best.1 < it.1 { it } else { best };
    scores.iter().copied().enumerate().reduce(better).map_or(0, |it| it.0)
}

/// The smallest probability from which on the answers are right as often as `precision`; above 1 where none is.
fn threshold(answers: &[Answer], precision: f64) -> f32 {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let (mut n, mut n_right) = (0_usize, 0_usize);
    let mut found = NEVER;
    for level in sorted.chunk_by(|a, b| a.probability == b.probability) {
        n += level.len();
        n_right += level.iter().filter(|it| it.is_right).count();
        if precision <= n_right as f64 / n as f64 {
            found = level[0].probability;
        }
    }
    found
}

/// The temperature of least log loss, by golden-section search over its logarithm.
fn temperature(scored: &[Scored]) -> f32 {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.01_f64.ln(), 10.0_f64.ln());
    for _ in 0..40 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if log_loss(scored, a.exp()) < log_loss(scored, b.exp()) { high = b } else { low = a }
    }
    round(f64::midpoint(low, high).exp())
}

/// The log loss at the best temperature, summed over the rows.
pub(crate) fn least_log_loss(scored: &[Scored]) -> f64 {
    log_loss(scored, f64::from(temperature(scored)))
}

fn log_loss(scored: &[Scored], temperature: f64) -> f64 {
    let row = |row: &Scored| {
        let scores = row.scores.iter().map(|it| f64::from(*it) / temperature);
        let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.map(|it| (it - largest).exp()).sum();
        sum.ln() + largest - f64::from(row.scores[row.label]) / temperature
    };
    scored.iter().map(row).sum()
}

/// Share of `answers` at or above the thresholds, and how many of those are right.
pub(crate) fn automatic(
    answers: &[Answer],
    confidence: &Confidence,
    labels: &[String],
) -> (f64, f64) {
    let taken: Vec<&Answer> = answers
        .iter()
        .filter(|it| confidence.threshold_of(&labels[it.class]) <= it.probability)
        .collect();
    let right = taken.iter().filter(|it| it.is_right).count();
    (taken.len() as f64 / answers.len().max(1) as f64, right as f64 / taken.len().max(1) as f64)
}

/// How many answers of each label were given and right.
pub(crate) fn by_label(answers: &[Answer]) -> BTreeMap<usize, (usize, usize)> {
    let mut counts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for answer in answers {
        let count = counts.entry(answer.class).or_default();
        count.0 += 1;
        count.1 += usize::from(answer.is_right);
    }
    counts
}

/// Mean over the labels of the harmonic mean of precision and recall; labels that neither occur nor are answered
/// do not count.
pub(crate) fn macro_f1(scored: &[Scored], n_classes: usize) -> f64 {
    let (mut given, mut held, mut right) =
        (vec![0_usize; n_classes], vec![0_usize; n_classes], vec![0_usize; n_classes]);
    for row in scored {
        let class = best(&row.scores);
        given[class] += 1;
        held[row.label] += 1;
        right[class] += usize::from(class == row.label);
    }
    let f1: Vec<f64> = (0..n_classes)
        .filter(|it| 0 < given[*it] + held[*it])
        .map(|it| 2.0 * right[it] as f64 / (given[it] + held[it]) as f64)
        .collect();
    f1.iter().sum::<f64>() / f1.len().max(1) as f64
}

/// Share of rows whose label is among the three best.
pub(crate) fn top_3(scored: &[Scored]) -> f64 {
    let is_in = |row: &&Scored| {
        let own = row.scores[row.label];
        row.scores.iter().filter(|it| own < **it).count() < 3
    };
    scored.iter().filter(is_in).count() as f64 / scored.len().max(1) as f64
}

#[expect(clippy::cast_possible_truncation, reason = "five digits are kept")]
fn round(value: f64) -> f32 {
    ((value * 1e5).round() / 1e5) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenwen::base::Chance;

    /// Rows whose first label is right in `share` of the cases where the margin is `margin`.
    fn rows(margin: f32, share: f64, n: usize) -> Vec<Scored> {
        let row = |idx: usize| {
            let is_right = (idx as f64 + 0.5) / (n as f64) < share;
            Scored { scores: vec![margin, 0.0, 0.0], label: usize::from(!is_right) }
        };
        (0..n).map(row).collect()
    }

    fn fitted(part: &ConfidencePart) -> (Vec<Scored>, Confidence) {
        let mut scored = rows(0.1, 0.5, 400);
        scored.extend(rows(0.5, 0.8, 400));
        scored.extend(rows(1.5, 0.99, 400));
        let labels = ["甲", "乙", "丙"].map(str::to_owned);
        let confidence = fit(&scored, &labels, part);
        (scored, confidence)
    }

    #[test]
    fn probabilities_are_what_was_seen() {
        let (_, confidence) = fitted(&ConfidencePart::default());
        for (margin, share) in [(0.1, 0.5), (0.5, 0.8), (1.5, 0.99)] {
            let made = confidence.probabilities(&[margin, 0.0, 0.0])[0];
            assert!((made - share).abs() < 0.02, "{margin}: {made}");
        }
    }

    #[test]
    fn the_threshold_keeps_the_promise() {
        let part = ConfidencePart { precision: 0.85, ..ConfidencePart::default() };
        let (scored, confidence) = fitted(&part);
        let labels = ["甲", "乙", "丙"].map(str::to_owned);
        let (share, precision) = automatic(&answers(&scored, &confidence), &confidence, &labels);
        assert!((share - 2.0 / 3.0).abs() < 1e-6 && 0.85 <= precision, "{share} {precision}");
        let part = ConfidencePart { precision: 1.0, ..part };
        assert!(1.0 < fitted(&part).1.threshold);
    }

    #[test]
    fn a_label_without_rows_never_decides() {
        let (_, confidence) = fitted(&ConfidencePart::default());
        assert!(1.0 < confidence.threshold_of("丙") && confidence.threshold_of("甲") <= 1.0);
    }

    #[test]
    fn units_stand_in_from_where_they_keep_the_promise() {
        let labels = ["部/甲/一", "部/甲/二", "部/乙"].map(str::to_owned);
        let fit_at = |margin: f32| {
            // The sections of 甲 are alike; it is 乙 in one of ten rows.
            let row = |idx: usize| {
                let label = if idx.is_multiple_of(10) { 2 } else { idx % 2 };
                Scored { scores: vec![margin, margin, 0.0], label }
            };
            let scored: Vec<Scored> = (0..400).map(row).collect();
            fit(&scored, &labels, &ConfidencePart { precision: 0.9, ..ConfidencePart::default() })
        };
        let threshold = fit_at(2.0).unit_threshold.unwrap();
        assert!((0.5..1.0).contains(&threshold), "{threshold}");
        let part = ConfidencePart { precision: 0.95, ..ConfidencePart::default() };
        let (plain, _) = fitted(&part);
        assert_eq!(fit(&plain, &["甲", "乙", "丙"].map(str::to_owned), &part).unit_threshold, None);
    }

    #[test]
    fn the_temperature_undoes_a_scale() {
        let mut chance = Chance::new(9);
        let scored: Vec<Scored> = (0..4000)
            .map(|_| {
                let wide = (chance.below(1000) as f32) / 250.0;
                let p = 1.0 / (1.0 + (-f64::from(wide)).exp());
                let is_right = (chance.below(100_000) as f64) < p * 1e5;
                Scored { scores: vec![wide * 0.3, 0.0], label: usize::from(!is_right) }
            })
            .collect();
        assert!((temperature(&scored) - 0.3).abs() < 0.03, "{}", temperature(&scored));
    }
}
