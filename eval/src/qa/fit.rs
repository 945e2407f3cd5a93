//! Learns from the dev part: how words and meanings are weighed, what a probability is made of, where to refuse.

use std::collections::{BTreeMap, BTreeSet};

use fenwen::pipeline::answers::evidence::{FEATURES, N_FEATURES};
use fenwen::pipeline::answers::lexical::runs;

use super::data::Part;
use super::score::{Kind, OUTSIDE, Trial};

/// Share of the answerable questions that the threshold keeps.
const KEEP: f64 = 0.91;
/// Steps of the regression, their length, and how much weights are held back.
const STEPS: usize = 4_000;
const RATE: f64 = 0.5;
const DECAY: f64 = 1e-4;
/// What a cosine counts; the least that is near the best, as another encoder's cosines may be wider.
const MEANING: f32 = 0.5;

/// Share of questions from which a pair of characters is common.
const COMMON: f32 = 0.006;

/// `ranker.toml`: learnt from trials with meanings and by words alone.
pub fn learn(both: &[Trial], words: &[Trial], common: &BTreeMap<String, f32>) -> String {
    let whole = both.iter().filter(|it| it.part == Part::Dev && it.is_whole).collect::<Vec<_>>();
    let best = (0..=30_u8)
        .map(|it| f32::from(it) / 20.0)
        .map(|meaning| (mean_reciprocal_rank(&whole, meaning), meaning))
        .fold((0.0, 0.0), |best, it| if best.0 < it.0 { it } else { best });
    let mut text = format!(
        "# Written by `fenwen eval qa --fit` (eval/README.md has the command): weights of {}.\n\
         # Learnt on the dev half of 753 questions of Kaohsiung City and on questions that its sources do not answer\n\
         # (Taipei City, gazette, written ones); `common` are pairs of characters in questions of both cities.\n\
         version = 1\n# Best for finding the right source on the dev half: {:.2} (MRR {:.4}).\nmeaning = {MEANING:?}\n",
        FEATURES.join(", "),
        best.1,
        best.0
    );
    text += &confidence("both", both);
    text += &confidence("words", words);
    text += "\n[common]\n";
    for (pair, share) in common {
        text += &format!("\"{pair}\" = {share:.4}\n");
    }
    text
}

/// One part of the file.
fn confidence(name: &str, trials: &[Trial]) -> String {
    let is_judged = |it: &&Trial| it.part == Part::Dev && it.kind != Kind::Removed;
    let judged: Vec<&Trial> = trials.iter().filter(is_judged).collect();
    let count = |kind| judged.iter().filter(|it| it.kind == kind).count().max(1) as f64;
    // Each kind of question without a source counts alike, together as much as those with one.
    let weights: BTreeMap<Kind, f64> = OUTSIDE
        .iter()
        .map(|(kind, _)| (*kind, count(Kind::Answerable) / count(*kind) / OUTSIDE.len() as f64))
        .collect();
    let learnt = |is_true: &dyn Fn(&Trial) -> bool| {
        let example = |it: &&Trial| Example {
            features: it.features.map(f64::from),
            is_true: is_true(it),
            weight: weights.get(&it.kind).copied().unwrap_or(1.0),
        };
        regress(&judged.iter().map(example).collect::<Vec<_>>())
    };
    let right = learnt(&|it| it.rank() == Some(1));
    let answerable = learnt(&|it| it.kind == Kind::Answerable);
    let mut kept: Vec<f64> = judged
        .iter()
        .filter(|it| it.kind == Kind::Answerable && it.is_whole)
        .map(|it| answerable.probability(&it.features.map(f64::from)))
        .collect();
    kept.sort_by(f64::total_cmp);
    let lost = ((1.0 - KEEP) * kept.len() as f64).floor();
    let threshold = kept.iter().zip(0_u32..).find(|(_, idx)| lost <= f64::from(*idx));
    let shown = |it: &Learnt| {
        let weights: Vec<String> = it.weights.iter().map(|it| format!("{it:.3}")).collect();
        format!("{{ weights = [{}], bias = {:.3} }}", weights.join(", "), it.bias)
    };
    format!(
        "\n[{name}]\nthreshold = {:.4}\nright = {}\nanswerable = {}\n",
        threshold.map_or(0.5, |it| *it.0),
        shown(&right),
        shown(&answerable)
    )
}

/// Pairs of characters that stand in many questions of two sets, with the lower of their shares: words of asking, not
/// what one city has and the other lacks.
pub fn common<'a>(
    here: impl Iterator<Item = &'a str>,
    elsewhere: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, f32> {
    let (here, elsewhere) = (shares(here), shares(elsewhere));
    let lower =
        |(pair, share): (String, f32)| Some((pair.clone(), share.min(*elsewhere.get(&pair)?)));
    here.into_iter().filter_map(lower).filter(|(_, share)| COMMON <= *share).collect()
}

fn shares<'a>(questions: impl Iterator<Item = &'a str>) -> BTreeMap<String, f32> {
    let mut counts: BTreeMap<String, f32> = BTreeMap::new();
    let mut n_questions = 0.0;
    for question in questions {
        n_questions += 1.0;
        let runs = runs(question);
        let pairs: BTreeSet<&[char]> = runs.iter().flat_map(|it| it.windows(2)).collect();
        for pair in pairs {
            *counts.entry(pair.iter().collect()).or_default() += 1.0;
        }
    }
    counts.into_iter().map(|(pair, count)| (pair, count / n_questions)).collect()
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

/// A question's numbers, what is to be told of it, and how much it counts.
struct Example {
    features: [f64; N_FEATURES],
    is_true: bool,
    weight: f64,
}

/// A regression.
struct Learnt {
    weights: [f64; N_FEATURES],
    bias: f64,
}

impl Learnt {
    fn probability(&self, features: &[f64; N_FEATURES]) -> f64 {
        let sum: f64 = self.weights.iter().zip(features).map(|(weight, it)| weight * it).sum();
        1.0 / (1.0 + (-(sum + self.bias)).exp())
    }
}

/// Logistic regression by gradient descent over features of one scale: convex, so that any start ends in one place.
fn regress(examples: &[Example]) -> Learnt {
    let n = examples.iter().map(|it| it.weight).sum::<f64>().max(1.0);
    let mean = |of: &dyn Fn(&Example) -> f64| {
        examples.iter().map(|it| it.weight * of(it)).sum::<f64>() / n
    };
    let means: [f64; N_FEATURES] = std::array::from_fn(|idx| mean(&|it| it.features[idx]));
    let spreads: [f64; N_FEATURES] = std::array::from_fn(|idx| {
        let spread = mean(&|it| (it.features[idx] - means[idx]).powi(2)).sqrt();
        if spread < 1e-9 { 1.0 } else { spread }
    });
    let scaled: Vec<[f64; N_FEATURES]> = examples
        .iter()
        .map(|it| std::array::from_fn(|idx| (it.features[idx] - means[idx]) / spreads[idx]))
        .collect();
    let mut learnt = Learnt { weights: [0.0; N_FEATURES], bias: 0.0 };
    for _ in 0..STEPS {
        let (mut slopes, mut bias_slope) = ([0.0; N_FEATURES], 0.0);
        for (features, it) in scaled.iter().zip(examples) {
            let error =
                it.weight * (learnt.probability(features) - f64::from(u8::from(it.is_true)));
            slopes.iter_mut().zip(features).for_each(|(slope, it)| *slope += error * it);
            bias_slope += error;
        }
        for (weight, slope) in learnt.weights.iter_mut().zip(slopes) {
            *weight -= RATE * (slope / n + DECAY * *weight);
        }
        learnt.bias -= RATE * bias_slope / n;
    }
    for (weight, (mean, spread)) in learnt.weights.iter_mut().zip(means.iter().zip(spreads)) {
        *weight /= spread;
        learnt.bias -= *weight * mean;
    }
    learnt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regression_finds_what_divides() {
        let features = |x: f64| {
            let mut features = [0.0; N_FEATURES];
            features[0] = x;
            features
        };
        let example = |it: u8| Example {
            features: features(f64::from(it) / 100.0),
            is_true: 50 <= it,
            weight: 1.0,
        };
        let learnt = regress(&(0..100_u8).map(example).collect::<Vec<_>>());
        let at = |x: f64| learnt.probability(&features(x));
        assert!(at(0.2) < 0.2 && 0.8 < at(0.8) && (at(0.5) - 0.5).abs() < 0.1);
    }

    #[test]
    fn words_of_asking_are_common() {
        let found = common(["如何到高雄"].into_iter(), ["台北如何", "如何"].into_iter());
        assert_eq!(found, BTreeMap::from([("如何".to_owned(), 1.0)]));
    }
}
