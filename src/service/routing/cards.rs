//! What officers found who compared an ID image with what was read of it. Nothing of the image is kept, and no value: only
//! which fields were right, as feedback on a prediction that is written for it.

use serde_json::json;

use crate::base::{ErrorCode, Private};
use crate::service::events::{Event, FeedbackReceived};
use crate::store::{FeedbackRow, NewPrediction, Prediction};
use crate::task::call::{CallError, Origin};
use crate::task::idcard::ModelInfo;
use crate::task::prediction::{CardCheck, FieldCheck, Verdict};

use super::{DAY, Routing, internal};

/// The service of these predictions.
const CARDS: &str = "identity-documents";

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
