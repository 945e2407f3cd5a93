//! How long a classifier takes, on one thread, beside the least that hashing its n-grams must take.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use fenwen::engine::linear::{Features, LinearModel, Scratch, grams};
use fenwen::media::text::Normalised;
use fenwen::pipeline::classify::{Ask, Workspace};
use serde::Serialize;

use super::{Order, load, read};

/// Rounds over all texts. Of each text the least time counts: what else the machine did is not the classifier's.
const N_ROUNDS: usize = 15;

/// Microseconds a text, means over the texts; what reading the clock takes, some 0.03, is in each.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// Texts.
    pub n: usize,
    /// Mean characters of a text.
    pub mean_chars: f64,
    /// Features of the model.
    pub features: usize,
    /// Labels of the model.
    pub labels: usize,
    /// Normalise, hash every n-gram, add up the keys: no less is possible.
    pub hash: f64,
    /// Normalise, hash, look up, count, weigh: what a hashing vectoriser does.
    pub vectorise: f64,
    /// Vectorise, one score for each label.
    pub scores: f64,
    /// Scores, the label of the largest: what `predict` of a library answers.
    pub predict: f64,
    /// All of it with calibrated, ranked labels and the decision to abstain.
    pub classify: f64,
    /// 99th percentile over the texts.
    pub classify_p99: f64,
    /// `vectorise` over `hash`.
    pub vectorise_over_hash: f64,
    /// `scores` over `vectorise`.
    pub scores_over_vectorise: f64,
}

/// Measures the model of `order` on its rows.
///
/// # Errors
/// When a file cannot be read.
pub fn measure(order: &Order) -> Result<Times> {
    let classifier = load(&order.model)?;
    let model = classifier.linear();
    let (rows, _) = read(order)?;
    let texts: Vec<Vec<&str>> =
        rows.iter().map(|row| row.texts.iter().map(String::as_str).collect()).collect();
    let n_chars: usize = texts.iter().flatten().map(|it| it.chars().count()).sum();
    let mut normalised: Vec<Normalised> =
        model.spec().inputs.iter().map(|_| Normalised::default()).collect();
    let hash = least(&texts, |text| {
        black_box(hashed(model, text, &mut normalised));
    });
    let (mut scratch, mut features) = (Scratch::default(), Features::default());
    let vectorise = least(&texts, |text| {
        let inputs = normalise(text, &mut normalised);
        model.features_into(&inputs, &mut scratch, &mut features);
        black_box(&features);
    });
    let mut all = Vec::new();
    let scores = least(&texts, |text| {
        let inputs = normalise(text, &mut normalised);
        model.features_into(&inputs, &mut scratch, &mut features);
        model.scores_into(&features, &mut scratch, &mut all);
        black_box(&all);
    });
    let predict = least(&texts, |text| {
        let inputs = normalise(text, &mut normalised);
        model.features_into(&inputs, &mut scratch, &mut features);
        model.scores_into(&features, &mut scratch, &mut all);
        let labels = all.iter().zip(model.classes());
        black_box(labels.reduce(|best, it| if best.0 < it.0 { it } else { best }));
    });
    let ask = Ask { top_k: 3, spans: 0 };
    let mut workspace = Workspace::default();
    let classify = least(&texts, |text| {
        drop(black_box(classifier.classify(text, None, ask, &mut workspace)));
    });
    Ok(Times {
        n: texts.len(),
        mean_chars: n_chars as f64 / texts.len().max(1) as f64,
        features: model.n_features(),
        labels: model.classes().len(),
        hash: mean(&hash),
        vectorise: mean(&vectorise),
        scores: mean(&scores),
        predict: mean(&predict),
        classify: mean(&classify),
        classify_p99: percentile(&classify, 99),
        vectorise_over_hash: mean(&vectorise) / mean(&hash),
        scores_over_vectorise: mean(&scores) / mean(&vectorise),
    })
}

fn normalise<'a>(text: &[&str], into: &'a mut [Normalised]) -> Vec<&'a [char]> {
    into.iter_mut().zip(text).for_each(|(kept, text)| kept.refill(text));
    into.iter().map(Normalised::chars).collect()
}

fn hashed(model: &LinearModel, text: &[&str], normalised: &mut [Normalised]) -> u32 {
    let inputs = normalise(text, normalised);
    let mut sum = 0_u32;
    for view in &model.spec().views {
        grams(view.chars(&inputs), view.field, view.order_bits(), |key, _, _| {
            sum = sum.wrapping_add(key);
        });
    }
    sum
}

/// For each text, the least of [`N_ROUNDS`] times in microseconds.
fn least(texts: &[Vec<&str>], mut each: impl FnMut(&[&str])) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; texts.len()];
    for _ in 0..N_ROUNDS {
        for (text, least) in texts.iter().zip(&mut least) {
            let start = Instant::now();
            each(text);
            *least = least.min(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    least
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len().max(1) as f64
}

fn percentile(times: &[f64], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or(0.0)
}
