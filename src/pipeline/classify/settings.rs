//! What a classifier knows beside its weights: calibration, thresholds, the weight of the encoder. Written by training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ClassifyError;

/// Least probability of a label that needs no person: one that is rather wrong than right is never sure, however often its class
/// was right in the mean.
const LEAST: f32 = 0.5;

/// Version of this file.
pub const SETTINGS_FORMAT: u32 = 1;

/// The file `classifier.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// [`SETTINGS_FORMAT`].
    pub format: u32,
    /// For answers of the linear model alone.
    pub linear: Confidence,
    /// For answers of the linear model and the encoder together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fused: Option<Fusion>,
}

/// How the two scores of a class become one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fusion {
    /// SHA-256 of the weights of the encoder that the head was trained on, in hexadecimal digits.
    pub encoder: String,
    /// Name of the text that is embedded; one of the linear model's inputs.
    pub input: String,
    /// z(linear) + `weight` · z(dense); z over the classes of one text.
    pub weight: f32,
    /// For the sum.
    pub confidence: Confidence,
}

/// How scores become probabilities, and which of them suffice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// Scores are divided by it before the softmax.
    pub temperature: f32,
    /// `[softmax of the first label, its probability]`, ascending, piecewise linear; empty: as it is.
    pub points: Vec<[f32; 2]>,
    /// The promise that [`Confidence::threshold`] was chosen for.
    pub precision: f32,
    /// Below this probability of the first label a person decides.
    pub threshold: f32,
    /// Labels with a threshold of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_thresholds: BTreeMap<String, f32>,
    /// Where no label is likely enough: from this probability on, the unit above them is the answer; none: it never is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_threshold: Option<f32>,
}

impl Confidence {
    /// The identity: probabilities are the softmax of the scores, and nobody abstains.
    pub fn plain() -> Confidence {
        Confidence {
            temperature: 1.0,
            points: Vec::new(),
            precision: 0.0,
            threshold: 0.0,
            class_thresholds: BTreeMap::new(),
            unit_threshold: None,
        }
    }

    /// Calibrated probabilities of the classes, from their scores. They sum up to 1, and their order is that of the
    /// scores unless the correction of the first says that another is as likely: then they are level.
    pub fn probabilities(&self, scores: &[f32]) -> Vec<f32> {
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut all: Vec<f32> =
            scores.iter().map(|it| ((it - largest) / self.temperature).exp()).collect();
        let sum: f32 = all.iter().sum();
        all.iter_mut().for_each(|it| *it /= sum);
        let Some((first, top)) = largest_of(&all) else { return all };
        if self.points.is_empty() || all.len() < 2 {
            return all;
        }
        // A first label keeps at least an even share, or it would not be the first.
        let corrected = self.corrected(top).max(1.0 / all.len() as f32);
        // Their own sum: 1 - top is zero long before they are.
        let others = all.iter().enumerate().filter(|(class, _)| *class != first);
        let rest = others.map(|it| *it.1).sum::<f32>().max(f32::MIN_POSITIVE);
        for (class, probability) in all.iter_mut().enumerate() {
            *probability = if class == first {
                corrected
            } else {
                (*probability / rest * (1.0 - corrected)).min(corrected)
            };
        }
        let sum: f32 = all.iter().sum();
        all.iter_mut().for_each(|it| *it /= sum);
        all
    }

    /// The threshold of a label, a half or more.
    pub fn threshold_of(&self, label: &str) -> f32 {
        self.class_thresholds.get(label).copied().unwrap_or(self.threshold).max(LEAST)
    }

    fn corrected(&self, top: f32) -> f32 {
        let after = self.points.partition_point(|it| it[0] <= top);
        match (after.checked_sub(1).and_then(|it| self.points.get(it)), self.points.get(after)) {
            (Some(low), Some(high)) => {
                let share = (top - low[0]) / (high[0] - low[0]).max(f32::MIN_POSITIVE);
                low[1] + share * (high[1] - low[1])
            }
            (Some(only), None) | (None, Some(only)) => only[1],
            (None, None) => top,
        }
    }

    fn check(&self) -> Result<(), ClassifyError> {
        let ordered = self.points.is_sorted_by(|a, b| a[0] < b[0] && a[1] <= b[1]);
        let shares = self.points.iter().flatten().chain(self.class_thresholds.values());
        let in_range = shares
            .chain([&self.threshold, &self.precision])
            .chain(&self.unit_threshold)
            .all(|it| (0.0..=2.0).contains(it));
        let temperature = 0.0 < self.temperature && self.temperature.is_finite();
        if ordered && in_range && temperature {
            Ok(())
        } else {
            Err(ClassifyError::Settings("a calibration is not possible"))
        }
    }
}

impl Settings {
    /// Reads and checks `classifier.json`.
    ///
    /// # Errors
    /// When it cannot be read, is of another version or holds numbers that cannot be.
    pub fn read(bytes: &[u8]) -> Result<Settings, ClassifyError> {
        let settings: Settings = serde_json::from_slice(bytes)?;
        if settings.format != SETTINGS_FORMAT {
            return Err(ClassifyError::Settings("the settings are of another version"));
        }
        settings.linear.check()?;
        if let Some(fusion) = &settings.fused {
            fusion.confidence.check()?;
            if fusion.encoder.len() != 64
                || !fusion.encoder.bytes().all(|it| it.is_ascii_hexdigit())
            {
                return Err(ClassifyError::Settings("the settings name no encoder by its hash"));
            }
            if !(0.0..=100.0).contains(&fusion.weight) {
                return Err(ClassifyError::Settings("the weight of the encoder is not possible"));
            }
        }
        Ok(settings)
    }
}

/// The first of the largest values, with its place.
fn largest_of(values: &[f32]) -> Option<(usize, f32)> {
    values.iter().copied().enumerate().reduce(|best, it| if best.1 < it.1 { it } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confidence(points: &[[f32; 2]]) -> Confidence {
        Confidence { points: points.to_vec(), ..Confidence::plain() }
    }

    fn check(points: &[[f32; 2]], scores: &[f32], expected: &[f32]) {
        let made = confidence(points).probabilities(scores);
        let near = made.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near && made.len() == expected.len(), "{made:?}");
    }

    #[test]
    fn probabilities_are_calibrated_and_sum_to_one() {
        let log2 = 2.0_f32.ln();
        check(&[], &[log2, 0.0, 0.0], &[0.5, 0.25, 0.25]);
        check(&[[0.4, 0.6], [0.6, 0.8]], &[log2, 0.0, 0.0], &[0.7, 0.15, 0.15]);
        check(&[[0.6, 0.9]], &[log2, 0.0, 0.0], &[0.9, 0.05, 0.05]);
        check(&[[0.1, 0.2]], &[0.0], &[1.0]);
        check(&[[0.6, 0.9]], &[20.0, 0.0], &[0.9, 0.1]);
        check(&[], &[], &[]);
    }

    #[test]
    fn what_is_rather_wrong_is_never_sure() {
        let class_thresholds = BTreeMap::from([("甲".to_owned(), 0.45), ("乙".to_owned(), 0.8)]);
        let confidence = Confidence { threshold: 0.3, class_thresholds, ..Confidence::plain() };
        let found = ["甲", "乙", "丙"].map(|it| confidence.threshold_of(it));
        assert_eq!(found.map(f32::to_bits), [0.5_f32, 0.8, 0.5].map(f32::to_bits));
    }

    #[test]
    fn the_first_stays_the_first() {
        let made = confidence(&[[0.0, 0.01], [1.0, 0.02]]).probabilities(&[3.0, 2.9, -4.0]);
        assert!(made[1] <= made[0] && made[2] < made[1], "{made:?}");
        assert!((made.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        check(&[], &[1e30, -1e30], &[1.0, 0.0]);
    }

    #[test]
    fn impossible_settings_are_refused() {
        let good = Settings { format: 1, linear: Confidence::plain(), fused: None };
        let read = |settings: &Settings| Settings::read(&serde_json::to_vec(settings).unwrap());
        assert_eq!(read(&good).unwrap(), good);
        let mut bad = good.clone();
        bad.linear.temperature = 0.0;
        assert!(read(&bad).is_err());
        bad = good.clone();
        bad.linear.points = vec![[0.5, 0.5], [0.4, 0.6]];
        assert!(read(&bad).is_err());
        bad = good.clone();
        bad.linear.unit_threshold = Some(3.0);
        assert!(read(&bad).is_err());
        let fusion = Fusion {
            encoder: "ab".repeat(32),
            input: "text".to_owned(),
            weight: 0.5,
            confidence: Confidence::plain(),
        };
        let fused = |fusion: Fusion| read(&Settings { fused: Some(fusion), ..good.clone() });
        assert!(fused(fusion.clone()).is_ok());
        assert!(fused(Fusion { encoder: "use-multilingual-v3".to_owned(), ..fusion }).is_err());
        bad = Settings { format: 2, ..good };
        assert!(read(&bad).is_err());
        assert!(Settings::read(b"{}").is_err());
    }
}
