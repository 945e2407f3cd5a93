//! Learns from the dev part: how words and meanings are weighed, what a probability is made of, where to refuse.

use super::data::Part;
use super::score::{Kind, Trial};

/// Share of the answerable questions that the threshold keeps.
const KEEP: f64 = 0.92;
/// Steps of the regression, their length, and how much weights are held back.
const STEPS: usize = 20_000;
const RATE: f64 = 0.5;
const DECAY: f64 = 1e-4;

/// The weights as they are written in `Ranker::default`.
pub fn learn(trials: &[Trial], words_only: bool) -> String {
    let dev: Vec<&Trial> = trials.iter().filter(|it| it.part == Part::Dev).collect();
    let mut text = String::new();
    if !words_only {
        let best = (0..=30_u8)
            .map(|it| f32::from(it) / 20.0)
            .map(|meaning| (mean_reciprocal_rank(&dev, meaning), meaning))
            .fold((0.0, 0.0), |best, it| if best.0 < it.0 { it } else { best });
        text += &format!("meaning: {:.2} (MRR {:.4})\n", best.1, best.0);
    }
    let judged: Vec<&Trial> = dev.iter().copied().filter(|it| it.kind != Kind::Removed).collect();
    let learnt = |is_true: &dyn Fn(&Trial) -> bool| {
        let example = |it: &&Trial| (it.features.map(f64::from), is_true(it));
        regress(&judged.iter().map(example).collect::<Vec<_>>())
    };
    let right = learnt(&|it| it.rank() == Some(1));
    let answerable = learnt(&|it| it.kind == Kind::Answerable);
    let mut kept: Vec<f64> = judged
        .iter()
        .filter(|it| it.kind == Kind::Answerable)
        .map(|it| logistic(&answerable.0, answerable.1, &it.features.map(f64::from)))
        .collect();
    kept.sort_by(f64::total_cmp);
    let lost = ((1.0 - KEEP) * kept.len() as f64).floor();
    let threshold = kept.iter().zip(0_u32..).find(|(_, idx)| lost <= f64::from(*idx));
    let shown = |(weights, bias): ([f64; 3], f64)| {
        let [words, cosine, lead] = weights;
        format!("weights: [{words:.3}, {cosine:.3}, {lead:.3}], bias: {bias:.3}")
    };
    text + &format!(
        "right: {}\nanswerable: {}\nthreshold: {:.4}",
        shown(right),
        shown(answerable),
        threshold.map_or(0.5, |it| *it.0)
    )
}

/// Of answerable questions, were a cosine of 1 to count `meaning`.
fn mean_reciprocal_rank(dev: &[&Trial], meaning: f32) -> f64 {
    let answerable = dev.iter().filter(|it| it.kind == Kind::Answerable);
    let (mut sum, mut n) = (0.0, 0_u32);
    for trial in answerable {
        n += 1;
        let score = |it: &(f32, f32, bool)| it.0 + meaning * it.1;
        let Some(right) = trial.matches.iter().find(|it| it.2).map(score) else { continue };
        let before = trial.matches.iter().filter(|it| right < score(it)).count();
        sum += 1.0 / (before + 1) as f64;
    }
    sum / f64::from(n.max(1))
}

fn logistic(weights: &[f64; 3], bias: f64, features: &[f64; 3]) -> f64 {
    let sum: f64 = weights.iter().zip(features).map(|(weight, it)| weight * it).sum();
    1.0 / (1.0 + (-(sum + bias)).exp())
}

/// Logistic regression by gradient descent: three weights and a bias, convex, so that any start ends in one place.
fn regress(examples: &[([f64; 3], bool)]) -> ([f64; 3], f64) {
    let (mut weights, mut bias) = ([0.0; 3], 0.0);
    let n = examples.len().max(1) as f64;
    for _ in 0..STEPS {
        let (mut slopes, mut bias_slope) = ([0.0; 3], 0.0);
        for (features, is_right) in examples {
            let error = logistic(&weights, bias, features) - f64::from(u8::from(*is_right));
            slopes.iter_mut().zip(features).for_each(|(slope, it)| *slope += error * it);
            bias_slope += error;
        }
        for (weight, slope) in weights.iter_mut().zip(slopes) {
            *weight -= RATE * (slope / n + DECAY * *weight);
        }
        bias -= RATE * bias_slope / n;
    }
    (weights, bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regression_finds_what_divides() {
        let examples: Vec<([f64; 3], bool)> =
            (0..100_u8).map(|it| ([f64::from(it) / 100.0, 0.5, 0.0], 50 <= it)).collect();
        let (weights, bias) = regress(&examples);
        let at = |x: f64| logistic(&weights, bias, &[x, 0.5, 0.0]);
        assert!(
            at(0.2) < 0.2 && 0.8 < at(0.8) && (at(0.5) - 0.5).abs() < 0.1,
            "{weights:?} {bias}"
        );
    }
}
