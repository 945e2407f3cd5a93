//! How far each value may be trusted: confidence, cross-checks, status.

use crate::base::{Date, IdNumber, Private};
use crate::pipeline::idcard::value::Reading;
use crate::task::idcard::{Field, FieldName, FieldStatus};

/// From this confidence on an unproven value is plausible (`design`: measured on held-out generated cards).
const PLAUSIBLE: f32 = 0.97;
/// A value whose characters are less sure than this is not verified, whatever a single check digit says.
const MIN_VERIFIED: f32 = 0.8;
/// What remains of the confidence of a refuted value.
const REFUTED: f32 = 0.3;
/// Share of the doubt that a check which holds leaves.
const DOUBT_AFTER_CHECK: f32 = 0.7;
const DOUBT_AFTER_PROOF: f32 = 0.1;

/// A monotone map from raw scores to probabilities: straight lines between knots. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    knots: Vec<(f32, f32)>,
}

impl Calibration {
    /// A calibration through `knots` of raw score and probability, both within 0 to 1.
    ///
    /// `None` when they do not rise, or leave 0 to 1.
    pub fn new(knots: Vec<(f32, f32)>) -> Option<Calibration> {
        let in_range = |it: &f32| (0.0..=1.0).contains(it);
        let inside = knots.iter().all(|(score, p)| in_range(score) && in_range(p));
        let rising = knots.windows(2).all(|pair| match pair {
            [(score, p), (next_score, next_p)] => score < next_score && p <= next_p,
            _ => true,
        });
        (inside && rising).then_some(Calibration { knots })
    }

    /// The probability for a raw score.
    pub fn apply(&self, score: f32) -> f32 {
        if self.knots.is_empty() {
            return score;
        }
        let ends = [(0.0, 0.0), (1.0, 1.0)];
        let below = self.knots.iter().rev().chain([&ends[0]]).find(|it| it.0 <= score);
        let above = self.knots.iter().chain([&ends[1]]).find(|it| score <= it.0);
        match (below, above) {
            (Some((from, from_p)), Some((to, to_p))) if from < to => {
                let share = (score - from) / (to - from);
                from_p + share * (to_p - from_p)
            }
            (Some((_, p)), _) | (None, Some((_, p))) => *p,
            (None, None) => score,
        }
    }
}

/// The raw score of a reading: its least sure character, moved by what the checks say.
pub(crate) fn score(reading: &Reading) -> f32 {
    if !reading.is_sound() {
        return reading.p * REFUTED;
    }
    let doubt = 1.0 - reading.p;
    let left = match (reading.proven, reading.checks.is_empty()) {
        (true, _) => DOUBT_AFTER_PROOF,
        (false, false) => DOUBT_AFTER_CHECK,
        (false, true) => 1.0,
    };
    1.0 - doubt * left
}

/// The field that a reading gives.
pub(crate) fn field(name: FieldName, reading: Reading, calibration: &Calibration) -> Field {
    let confidence = calibration.apply(score(&reading));
    let status = if !reading.is_sound() {
        FieldStatus::Invalid
    } else if reading.doubtful || reading.repair.is_some() {
        FieldStatus::Review
    } else if reading.proven && MIN_VERIFIED <= reading.p {
        FieldStatus::Verified
    } else if PLAUSIBLE <= confidence {
        FieldStatus::Plausible
    } else {
        FieldStatus::Review
    };
    Field {
        name,
        value: Some(Private::new(reading.value)),
        raw: Private::new(reading.raw),
        confidence,
        quad: reading.quad,
        checks: reading.checks,
        status,
        repair: reading.repair,
    }
}

/// Adds the checks that compare one field with another.
pub(crate) fn cross_check(found: &mut [(FieldName, Reading)], today: Date) {
    let value = |name: FieldName| found.iter().find(|it| it.0 == name).map(|it| it.1.value.clone());
    let (birth, issue) = (value(FieldName::BirthDate), value(FieldName::IssueDate));
    let sex = value(FieldName::Sex);
    let number = value(FieldName::IdNumber).or_else(|| value(FieldName::ResidenceNo));
    let stated = number.and_then(|it| IdNumber::shape(&it)).map(|it| it.sex().as_str());
    let today = today.to_string();
    for (name, reading) in found {
        // ISO 8601 days compare as text.
        match name {
            FieldName::BirthDate if today < reading.value => add(reading, "not_in_future", false),
            FieldName::IssueDate => {
                if today < reading.value {
                    add(reading, "not_in_future", false);
                }
                if let Some(birth) = &birth {
                    let ok = *birth <= reading.value;
                    add(reading, "issue_after_birth", ok);
                }
            }
            FieldName::ExpiryDate => {
                if let Some(from) = issue.as_ref().or(birth.as_ref()) {
                    let ok = *from < reading.value;
                    add(reading, "expiry_after_issue", ok);
                }
            }
            FieldName::Sex => {
                if let Some(stated) = stated {
                    let ok = stated == reading.value;
                    add(reading, "sex_digit", ok);
                }
            }
            FieldName::IdNumber | FieldName::ResidenceNo => {
                if let (Some(sex), Some(stated)) = (&sex, stated) {
                    reading.proven &= sex == stated;
                }
            }
            _ => (),
        }
    }
}

fn add(reading: &mut Reading, name: &'static str, ok: bool) {
    *reading = reading.clone().check(name, ok);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_is_the_identity_until_fitted() {
        assert_eq!(Calibration::default().apply(0.42), 0.42);
        let fitted = Calibration::new(vec![(0.5, 0.2), (0.9, 0.8)]).unwrap();
        assert!((fitted.apply(0.7) - 0.5).abs() < 1e-6);
        assert!((fitted.apply(1.0) - 1.0).abs() < 1e-6);
        assert!((fitted.apply(0.25) - 0.1).abs() < 1e-6);
        assert!(Calibration::new(vec![(0.5, 0.9), (0.9, 0.8)]).is_none());
        assert!(Calibration::new(vec![(0.5, 1.2)]).is_none());
    }
}
