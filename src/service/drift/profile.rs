//! What is known of a sample of answers without their texts: first labels, confidences, lengths, shares of Chinese.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::Observed;

use super::measure::{Table, ks, ks_p};

/// Ranges that a measured feature is cut into, each with as many values of the reference.
const RANGES: usize = 10;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// The first label.
    Label,
    /// Its probability.
    Confidence,
    /// Characters of the text.
    Length,
    /// Share of Chinese among them.
    Chinese,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Feature; 4] =
        [Feature::Label, Feature::Confidence, Feature::Length, Feature::Chinese];

    /// As written to the store, metrics and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Feature::Label => "label",
            Feature::Confidence => "confidence",
            Feature::Length => "length",
            Feature::Chinese => "chinese",
        }
    }
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Population stability index.
    Psi,
    /// Jensen–Shannon divergence, in bits.
    JensenShannon,
    /// Kolmogorov–Smirnov distance.
    Ks,
}

impl Measure {
    /// As written to the store, metrics and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Psi => "psi",
            Measure::JensenShannon => "js",
            Measure::Ks => "ks",
        }
    }
}

/// Figures of a sample. Values are in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Answers in it.
    pub n: usize,
    labels: BTreeMap<String, u64>,
    confidences: Vec<f64>,
    lengths: Vec<f64>,
    chinese: Vec<f64>,
}

/// One comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Of what.
    pub feature: Feature,
    /// How.
    pub measure: Measure,
    /// How far the samples lie apart.
    pub value: f64,
    /// How likely that is by chance.
    pub p: f64,
}

impl Profile {
    /// Of answers as they were kept.
    pub fn of(answers: &[Observed]) -> Profile {
        let mut profile = Profile { n: answers.len(), ..Profile::default() };
        for it in answers {
            let labels: Vec<(String, f64)> = serde_json::from_str(&it.labels).unwrap_or_default();
            if let Some((label, confidence)) = labels.into_iter().next() {
                *profile.labels.entry(label).or_default() += 1;
                profile.confidences.push(round(confidence));
            }
            if let Some(shape) = it.shape {
                profile.lengths.push(f64::from(shape.n_chars));
                let share = f64::from(shape.n_han) / f64::from(shape.n_chars.max(1));
                profile.chinese.push(round(share));
            }
        }
        for values in [&mut profile.confidences, &mut profile.lengths, &mut profile.chinese] {
            values.sort_by(f64::total_cmp);
        }
        profile
    }

    /// This reference beside a later sample: every feature that both know.
    pub fn compare(&self, later: &Profile) -> Vec<Compared> {
        let of = |profile: &Profile, label: &String| profile.labels.get(label).copied();
        let names =
            self.labels.keys().chain(later.labels.keys().filter(|it| of(self, it).is_none()));
        let counts = names.map(|it| [of(self, it), of(later, it)].map(Option::unwrap_or_default));
        let mut found = shares(Feature::Label, &Table::of_kinds(counts)).to_vec();
        for (feature, a, b) in [
            (Feature::Confidence, &self.confidences, &later.confidences),
            (Feature::Length, &self.lengths, &later.lengths),
            (Feature::Chinese, &self.chinese, &later.chinese),
        ] {
            if a.is_empty() || b.is_empty() {
                continue;
            }
            found.extend(shares(feature, &Table::of_ranges(ranges(a, b))));
            let distance = ks(a, b);
            let p = ks_p(distance, a.len(), b.len());
            found.push(Compared { feature, measure: Measure::Ks, value: distance, p });
        }
        found
    }
}

/// To four digits: as much as is kept of a share.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn shares(feature: Feature, table: &Table) -> [Compared; 2] {
    let p = table.p();
    [
        Compared { feature, measure: Measure::Psi, value: table.psi(), p },
        Compared { feature, measure: Measure::JensenShannon, value: table.jensen_shannon(), p },
    ]
}

/// Cases of both samples between the deciles of the first.
fn ranges(a: &[f64], b: &[f64]) -> Vec<[u64; 2]> {
    let at = |it: usize| a.get(it * a.len() / RANGES).copied();
    let mut edges: Vec<f64> = (1..RANGES).filter_map(at).collect();
    edges.dedup();
    let mut counts = vec![[0, 0]; edges.len() + 1];
    for (sample, values) in [a, b].into_iter().enumerate() {
        for value in values {
            let range = edges.partition_point(|edge| edge <= value);
            if let Some(count) = counts.get_mut(range).and_then(|it| it.get_mut(sample)) {
                *count += 1;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use crate::store::Shape;

    use super::*;

    fn answer(label: &str, confidence: f64, n_chars: u32, n_han: u32) -> Observed {
        let labels = format!(r#"[["{label}",{confidence}],["z",0.01]]"#);
        Observed { seq: 1, labels, shape: Some(Shape { n_chars, n_han }) }
    }

    #[test]
    fn a_profile_has_figures_only() {
        let older = Observed { seq: 1, labels: r#"[["乙",0.7]]"#.to_owned(), shape: None };
        let none = Observed { seq: 2, labels: "[]".to_owned(), shape: None };
        let profile =
            Profile::of(&[answer("甲", 0.912_345, 40, 30), answer("甲", 0.5, 20, 20), older, none]);
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(
            text,
            r#"{"n":4,"labels":{"乙":1,"甲":2},"confidences":[0.5,0.7,0.9123],"lengths":[20.0,40.0],"chinese":[0.75,1.0]}"#
        );
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
    }

    #[test]
    fn equal_samples_lie_nowhere_apart() {
        let one = |n: u32| answer(["甲", "乙"][n as usize % 2], 0.001 * f64::from(n), 10 + n, 10);
        let answers: Vec<Observed> = (0..400).map(one).collect();
        let profile = Profile::of(&answers);
        let found = profile.compare(&profile);
        assert_eq!(found.len(), 2 + 3 * 3);
        assert!(found.iter().all(|it| it.value.abs() < 1e-12 && 0.99 < it.p), "{found:?}");
    }

    #[test]
    fn features_that_one_does_not_know_are_left_out() {
        let older = Observed { seq: 1, labels: r#"[["乙",0.7]]"#.to_owned(), shape: None };
        let found = Profile::of(&[older]).compare(&Profile::of(&[answer("甲", 0.9, 1, 1)]));
        let features: Vec<_> = found.iter().map(|it| it.feature).collect();
        assert!(!features.contains(&Feature::Length) && features.contains(&Feature::Confidence));
    }

    #[test]
    fn values_lie_between_deciles() {
        let a: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(ranges(&a, &[-1.0, 0.0, 10.0, 99.0, 1e9])[..2], [[10, 2], [10, 1]]);
        assert_eq!(ranges(&a, &[-1.0, 99.0, 1e9])[9], [10, 2]);
        assert_eq!(ranges(&[1.0; 50], &[1.0, 2.0, 0.5]), [[0, 1], [50, 2]]);
    }
}
