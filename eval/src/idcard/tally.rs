//! Adding scores up: exact match with its interval, character errors, trust.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::idcard::score::{FieldScore, ImageScore};

/// Normal quantile of a 95 % interval.
const Z: f64 = 1.959_963_985;

/// Confidence thresholds of the coverage table.
pub const THRESHOLDS: [f32; 8] = [0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995];

/// `k` of `n` with a Wilson 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// How many are right.
    pub k: usize,
    /// Of how many.
    pub n: usize,
}

impl Rate {
    /// Counts one more.
    pub fn add(&mut self, right: bool) {
        self.k += usize::from(right);
        self.n += 1;
    }

    /// Share, 0 to 1; `None` of nothing.
    pub fn share(self) -> Option<f64> {
        (self.n > 0).then(|| self.k as f64 / self.n as f64)
    }

    /// Lower and upper end of the Wilson interval; everything, of nothing.
    pub fn interval(self) -> (f64, f64) {
        let Some(share) = self.share() else { return (0.0, 1.0) };
        let n = self.n as f64;
        let spread = Z * ((share * (1.0 - share) + Z * Z / (4.0 * n)) / n).sqrt();
        let (centre, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
        (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
    }
}

/// What a group of fields came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// Values right.
    pub exact: Rate,
    /// Fields over which the lines say what is printed, where the answers have lines.
    pub lines_exact: Rate,
    /// Characters wrong.
    pub edits: usize,
    /// Characters.
    pub length: usize,
}

impl Group {
    fn add(&mut self, field: &FieldScore) {
        self.exact.add(field.exact);
        if let Some(right) = field.lines_exact {
            self.lines_exact.add(right);
        }
        self.edits += field.edits;
        self.length += field.length;
    }

    /// Character error rate.
    pub fn cer(&self) -> f64 {
        self.edits as f64 / self.length.max(1) as f64
    }
}

/// How far confidence can be trusted: answers at or above a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Threshold.
    pub threshold: f32,
    /// Answers at or above it, of all fields.
    pub covered: Rate,
    /// Right ones among them.
    pub right: Rate,
}

/// Answers whose confidence lies in one tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Sum of the confidences.
    pub confidence: f64,
    /// Right ones.
    pub right: Rate,
}

/// Everything that a set of scores comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Pictures by level.
    pub images: BTreeMap<String, usize>,
    /// Pictures without an answer.
    pub failed: usize,
    /// Document type by level; empty for readers that give none.
    pub types: BTreeMap<String, Rate>,
    /// Document type by true type.
    pub types_by_document: BTreeMap<String, Rate>,
    /// All fields by level.
    pub levels: BTreeMap<String, Group>,
    /// Fields by document type and level.
    pub documents: BTreeMap<String, BTreeMap<String, Group>>,
    /// Fields by name and level.
    pub fields: BTreeMap<String, BTreeMap<String, Group>>,
    /// Machine-readable zones, all lines right, by level.
    pub mrz: BTreeMap<String, Rate>,
    /// Machine-readable zones whose check digits all hold, by level.
    pub mrz_digits: BTreeMap<String, Rate>,
    /// Wrong values by status.
    pub wrong_by_status: BTreeMap<String, usize>,
    /// Values by status.
    pub by_status: BTreeMap<String, usize>,
    /// Repaired identity numbers that are right.
    pub number_repairs: Rate,
    /// Other repaired values that are right.
    pub other_repairs: Rate,
    /// Numbers printed with a wrong check digit: flagged `invalid`.
    pub wrong_digits_flagged: Rate,
    /// Fields answered that are not printed, by name.
    pub extra: BTreeMap<String, usize>,
    /// Coverage and precision by threshold.
    pub coverage: Vec<Coverage>,
    /// Reliability in ten bins of confidence.
    pub bins: Vec<Bin>,
    /// Expected calibration error over the bins.
    pub calibration_error: f64,
}

/// Adds scores up.
pub fn summarise(scores: &[ImageScore]) -> Summary {
    let mut summary = Summary {
        coverage: THRESHOLDS
            .map(|threshold| Coverage { threshold, ..Coverage::default() })
            .to_vec(),
        bins: vec![Bin::default(); 10],
        ..Summary::default()
    };
    for score in scores {
        summary.add_image(score);
        for field in &score.fields {
            summary.add_field(score, field);
            summary.add_trust(field);
        }
    }
    let n: usize = summary.bins.iter().map(|it| it.right.n).sum();
    let gaps = summary.bins.iter().map(|it| (it.confidence - it.right.k as f64).abs());
    summary.calibration_error = gaps.sum::<f64>() / n.max(1) as f64;
    summary
}

impl Summary {
    fn add_image(&mut self, score: &ImageScore) {
        let level = || score.level.clone();
        *self.images.entry(level()).or_default() += 1;
        self.failed += usize::from(score.error.is_some());
        if let Some(ok) = score.type_ok {
            self.types.entry(level()).or_default().add(ok);
            self.types_by_document.entry(score.document_type.clone()).or_default().add(ok);
        }
        if let Some(mrz) = score.mrz {
            self.mrz.entry(level()).or_default().add(mrz.exact);
            self.mrz_digits.entry(level()).or_default().add(mrz.digits_ok);
        }
        for name in &score.extra {
            *self.extra.entry(name.clone()).or_default() += 1;
        }
    }

    fn add_field(&mut self, score: &ImageScore, field: &FieldScore) {
        let level = &score.level;
        self.levels.entry(level.clone()).or_default().add(field);
        let by_document = self.documents.entry(score.document_type.clone()).or_default();
        by_document.entry(level.clone()).or_default().add(field);
        self.fields
            .entry(field.name.clone())
            .or_default()
            .entry(level.clone())
            .or_default()
            .add(field);
        if field.repaired {
            let number = matches!(field.name.as_str(), "id_number" | "residence_no");
            let rate = if number { &mut self.number_repairs } else { &mut self.other_repairs };
            rate.add(field.exact);
        }
        if field.valid == Some(false) {
            self.wrong_digits_flagged.add(field.status == "invalid");
        }
        if field.confidence.is_some() && !field.status.is_empty() {
            *self.by_status.entry(field.status.clone()).or_default() += 1;
            *self.wrong_by_status.entry(field.status.clone()).or_default() +=
                usize::from(!field.exact);
        }
    }

    fn add_trust(&mut self, field: &FieldScore) {
        for row in &mut self.coverage {
            let accepted = field.confidence.is_some_and(|it| it >= row.threshold);
            row.covered.add(accepted);
            if accepted {
                row.right.add(field.exact);
            }
        }
        if let Some(confidence) = field.confidence {
            let tenth = THRESHOLD_OF_BIN.iter().rposition(|it| confidence >= *it).unwrap_or(0);
            if let Some(bin) = self.bins.get_mut(tenth) {
                bin.confidence += f64::from(confidence);
                bin.right.add(field.exact);
            }
        }
    }
}

/// Where the bins of confidence begin.
const THRESHOLD_OF_BIN: [f32; 10] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

#[cfg(test)]
mod tests {
    use super::{FieldScore, ImageScore, Rate, summarise};

    fn check(k: usize, n: usize, expected: (f64, f64)) {
        let (low, high) = Rate { k, n }.interval();
        assert!(
            (low - expected.0).abs() < 5e-4 && (high - expected.1).abs() < 5e-4,
            "{k}/{n}: {low} {high}"
        );
    }

    #[test]
    fn intervals_are_wilsons() {
        check(0, 0, (0.0, 1.0));
        check(10, 10, (0.7225, 1.0));
        check(0, 10, (0.0, 0.2775));
        check(81, 263, (0.2553, 0.3662));
    }

    fn field(exact: bool, confidence: f32, status: &str) -> FieldScore {
        FieldScore {
            name: "id_number".to_owned(),
            exact,
            lines_exact: Some(exact),
            edits: usize::from(!exact),
            length: 10,
            confidence: Some(confidence),
            status: status.to_owned(),
            repaired: confidence < 0.6,
            valid: Some(exact),
        }
    }

    #[test]
    fn wrong_verified_values_repairs_and_coverage_are_counted() {
        let score = ImageScore {
            image: "a".into(),
            level: "bad".into(),
            document_type: "visa".into(),
            type_ok: Some(false),
            fields: vec![
                field(true, 0.99, "verified"),
                field(false, 0.96, "verified"),
                field(false, 0.55, "invalid"),
            ],
            mrz: None,
            extra: vec!["spouse".into()],
            error: None,
        };
        let summary = summarise(&[score]);
        assert_eq!(summary.wrong_by_status["verified"], 1);
        assert_eq!(
            (summary.number_repairs, summary.wrong_digits_flagged),
            (Rate { k: 0, n: 1 }, Rate { k: 1, n: 2 })
        );
        let at = |threshold: f32| {
            summary.coverage.iter().find(|it| it.threshold == threshold).copied().unwrap()
        };
        assert_eq!((at(0.95).covered, at(0.95).right), (Rate { k: 2, n: 3 }, Rate { k: 1, n: 2 }));
        assert_eq!(at(0.97).right, Rate { k: 1, n: 1 });
        assert!((summary.levels["bad"].cer() - 2.0 / 30.0).abs() < 1e-9);
        assert!(
            (summary.calibration_error - (0.95 + 0.55) / 3.0).abs() < 1e-6,
            "{}",
            summary.calibration_error
        );
        assert_eq!(summary.extra["spouse"], 1);
    }
}
