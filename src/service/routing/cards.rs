//! What officers found who compared an ID image with what was read of it. Nothing of the image is kept, and no value: only
//! which fields were right, as feedback on a prediction that is written for it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::base::{ErrorCode, Private};
use crate::service::events::{Event, FeedbackReceived};
use crate::store::{FeedbackRow, NewPrediction, Prediction, Review};
use crate::task::call::{CallError, Origin};
use crate::task::idcard::ModelInfo;
use crate::task::prediction::{CardCheck, CardStatistics, FieldCheck, FieldReview, Verdict};

use super::automation::wilson;
use super::{DAY, Routing, internal};

/// The service of these predictions.
const CARDS: &str = "identity-documents";

/// Newest checks that are counted.
const N_COUNTED: usize = 1000;

impl Routing {
    /// Appends what an officer found of the recognition `id` of `model`.
    ///
    /// # Errors
    /// When another agency has such a prediction, or the store fails.
    pub fn check_card(
        &self,
        (id, model): (&str, ModelInfo),
        check: CardCheck,
        origin: &Origin,
    ) -> Result<(), CallError> {
        let about = self.recognition((id, model), &check, origin)?;
        let wrong: Vec<String> =
            check.fields.iter().filter(|it| !it.is_right).map(|it| code(&check, it)).collect();
        let verdict = if wrong.is_empty() { Verdict::Accepted } else { Verdict::Corrected };
        let row = FeedbackRow {
            prediction: id.to_owned(),
            verdict: verdict.as_str().to_owned(),
            label: (!wrong.is_empty()).then(|| wrong.join(" ")),
            unit: None,
            reason: None,
            decided_by: check.decided_by,
            role: check.role,
            created: self.clock.unix_time().as_secs(),
        };
        let event = Event::FeedbackReceived(FeedbackReceived::new(id, verdict));
        let told = self.told(&event, id, origin)?;
        self.store.add_feedback(row, about, told).wait().map_err(|it| internal(&it))
    }

    /// What officers found of the fields that `model` read: the last word on each of the newest recognitions.
    ///
    /// # Errors
    /// When the store fails.
    pub fn card_statistics(&self, model: ModelInfo) -> Result<CardStatistics, CallError> {
        let found = self.store.reviews(CARDS, &model.version, N_COUNTED).wait();
        let found = found.map_err(|it| internal(&it))?;
        Ok(CardStatistics { model, n_checked: found.len(), fields: count(&found) })
    }

    /// The prediction of a recognition: written with the first word on it.
    fn recognition(
        &self,
        (id, model): (&str, ModelInfo),
        check: &CardCheck,
        origin: &Origin,
    ) -> Result<Prediction, CallError> {
        let created = self.clock.unix_time().as_secs();
        let find = || self.store.prediction(id, created).wait().map_err(|it| internal(&it));
        let mut found = find()?;
        if found.is_none() {
            let labels: Vec<(String, f32)> =
                check.fields.iter().map(|it| (code(check, it), it.confidence)).collect();
            let ModelInfo { name, version, sha256 } = model;
            let new = NewPrediction {
                id: id.to_owned(),
                org: origin.org.clone(),
                service: CARDS,
                model: [name, version, sha256],
                taxonomy: String::new(),
                labels: json!(labels).to_string(),
                text: Private::new(Vec::new()),
                signature: None,
                subjects: Vec::new(),
                shape: None,
                case_no: None,
                created,
                text_expires: created,
                expires: created + self.settings.prediction_days * DAY,
            };
            let kept = self.store.keep(vec![new], Vec::new()).map_err(|it| internal(&it))?;
            let kept = kept.wait();
            found = find()?;
            // Somebody else may have written it a moment ago: then it is there.
            if found.is_none() {
                kept.map_err(|it| internal(&it))?;
            }
        }
        found
            .filter(|it| it.org == origin.org && it.service == CARDS)
            .ok_or_else(|| CallError::new(ErrorCode::NotFound, "沒有這次辨識,或已逾保存期限。"))
    }
}

/// A field as a label: kind of document and name.
fn code(check: &CardCheck, field: &FieldCheck) -> String {
    format!("{}/{}", check.kind.as_str(), field.name.as_str())
}

/// Counts checks by kind of document and field. What a check says wrong of is listed in it, all else was right.
fn count(checks: &[Review]) -> Vec<FieldReview> {
    let mut counted: BTreeMap<String, (usize, usize, f64)> = BTreeMap::new();
    for check in checks {
        let given: Vec<(String, f32)> = serde_json::from_str(&check.given).unwrap_or_default();
        let wrong: Vec<&str> = check.label.iter().flat_map(|it| it.split(' ')).collect();
        for (code, confidence) in given {
            let is_right = !wrong.contains(&code.as_str());
            let (n, n_right, sum) = counted.entry(code).or_default();
            *n += 1;
            *n_right += usize::from(is_right);
            *sum += f64::from(confidence);
        }
    }
    let review = |(code, (n, n_right, sum)): (String, (usize, usize, f64))| {
        let (kind, name) = code.split_once('/')?;
        Some(FieldReview {
            kind: kind.to_owned(),
            name: name.to_owned(),
            n,
            n_right,
            interval: wilson(n_right, n),
            confidence: sum / n as f64,
        })
    };
    counted.into_iter().filter_map(review).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, wrong: Option<&str>) -> Review {
        let verdict = if wrong.is_some() { Verdict::Corrected } else { Verdict::Accepted };
        Review {
            given: given.to_owned(),
            verdict: verdict.as_str().to_owned(),
            label: wrong.map(str::to_owned),
        }
    }

    #[test]
    fn each_field_of_each_kind_is_counted() {
        let front = r#"[["front/id",0.9],["front/name",0.5]]"#;
        let found = count(&[
            check(front, None),
            check(front, Some("front/name")),
            check(r#"[["front/name",0.2],["back/name",1.0]]"#, Some("front/name back/name")),
            check("not what is written here", None),
        ]);
        let row = |it: &FieldReview| {
            let mean = (100.0 * it.confidence).round();
            (format!("{}/{}", it.kind, it.name), it.n, it.n_right, mean)
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        let expected =
            [("back/name", 1, 0, 100.0), ("front/id", 2, 2, 90.0), ("front/name", 3, 1, 40.0)];
        assert_eq!(
            rows,
            expected.map(|(code, n, n_right, mean)| (code.to_owned(), n, n_right, mean))
        );
        assert_eq!(found[2].interval, wilson(1, 3));
    }
}
