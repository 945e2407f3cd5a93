//! Predictions made earlier, and feedback on them.

use std::sync::Arc;

use crate::base::ErrorCode;
use crate::pipeline::documents::taxonomy::Mapping;
use crate::service::events::{Circumstances, Event, FeedbackReceived};
use crate::service::jobs::failed;
use crate::store::{FeedbackRow, OutboxRow, Prediction};
use crate::task::call::{self, CallError};
use crate::task::idcard::ModelInfo;
use crate::task::prediction::{Feedback, KeptPrediction, Verdict};
use crate::task::text::{Label, Mode};

use super::model::main_of;
use super::{ANSWERS, ActiveModel, CARDS, DOCUMENTS, LETTERS, Routing, internal};

impl Routing {
    /// A prediction of an agency as kept.
    ///
    /// # Errors
    /// When it has none of this id, or it has expired.
    pub fn prediction_of(&self, id: &str, org: &str) -> Result<KeptPrediction, CallError> {
        self.kept(self.find(id, org)?)
    }

    /// A prediction with the feedback on it.
    pub(super) fn kept(&self, found: Prediction) -> Result<KeptPrediction, CallError> {
        let feedback = self.store.feedback(&found.id).wait().map_err(|it| failed(&it))?;
        // Nobody sees what the shadow suggested before somebody has decided without it.
        let is_hidden = is_unshown(&found) && feedback.is_empty();
        let [name, version, sha256] = found.model;
        Ok(KeptPrediction {
            labels: if is_hidden { Vec::new() } else { labels(&found.labels) },
            id: found.id,
            service: found.service,
            mode: found.mode,
            model: ModelInfo { name, version, sha256 },
            taxonomy_version: found.taxonomy,
            created: found.created,
            expires: found.expires,
            feedback: feedback.into_iter().map(|it| (it.verdict, it.label, it.created)).collect(),
        })
    }

    /// Appends feedback to a prediction.
    ///
    /// # Errors
    /// When there is no such prediction, or the label or unit is none that the model or the taxonomy knows.
    pub fn feedback(
        &self,
        id: &str,
        feedback: Feedback,
        origin: &call::Origin,
    ) -> Result<(), CallError> {
        let about = self.find(id, &origin.org)?;
        if about.service == CARDS {
            let detail =
                "這是證件辨識;核對結果請送 /api/v1/identity-documents/recognitions/{id}/feedback。";
            return Err(CallError::new(ErrorCode::Conflict, detail));
        }
        if is_unshown(&about) && feedback.verdict != Verdict::Discarded && feedback.label.is_none()
        {
            let detail = "影子階段未顯示建議,請填實際決定的標籤。";
            return Err(CallError::bad_value("/label", detail));
        }
        self.check_feedback(&about.service, &feedback)?;
        if !is_unshown(&about) {
            self.check_accepted(&about, &feedback)?;
        }
        let row = FeedbackRow {
            prediction: about.id.clone(),
            verdict: feedback.verdict.as_str().to_owned(),
            label: feedback.label,
            unit: feedback.unit,
            reason: feedback.reason,
            decided_by: feedback.decided_by,
            role: feedback.role,
            created: self.clock.unix_time().as_secs(),
        };
        let event = FeedbackReceived::new(&about.id, feedback.verdict);
        let told = self.told(&Event::FeedbackReceived(event), &about.id, origin)?;
        self.store.add_feedback(row, about, told).wait().map_err(|it| failed(&it))?;
        self.remeasure();
        Ok(())
    }

    /// An event about a prediction, to be written with it.
    pub(in crate::service) fn told(
        &self,
        event: &Event,
        prediction: &str,
        origin: &call::Origin,
    ) -> Result<OutboxRow, CallError> {
        let about = format!("predictions/{prediction}");
        let of = Circumstances {
            data_ref: Some(format!("/api/v1/{about}")),
            ..Circumstances::of(origin, about.clone(), self.clock.as_ref())
        };
        event.outbox_row(&of).map_err(|it| internal(&it))
    }

    fn find(&self, id: &str, org: &str) -> Result<Prediction, CallError> {
        let now = self.clock.unix_time().as_secs();
        let found = self.store.prediction(id, now).wait().map_err(|it| failed(&it))?;
        found
            .filter(|it| it.org == org)
            .ok_or_else(|| CallError::new(ErrorCode::NotFound, "沒有這筆預測,或已逾保存期限。"))
    }

    /// Refuses feedback on a prediction of `service` with a label or unit that neither its model nor the taxonomy knows.
    pub(in crate::service) fn check_feedback(
        &self,
        service: &str,
        feedback: &Feedback,
    ) -> Result<(), CallError> {
        if feedback.verdict == Verdict::Corrected && feedback.label.is_none() {
            return Err(CallError::bad_value("/label", "更正時必填。"));
        }
        if let Some(label) = &feedback.label {
            let model = self.active(service);
            let is_class =
                |it: &ActiveModel| it.classifier.labels().iter().any(|class| class == label);
            let is_known = match service {
                ANSWERS => self.answers.names_source(label),
                _ => model.as_ref().is_some_and(|it| is_class(it)) || self.names_unit(label),
            };
            let is_gone = model.is_some_and(|it| it.has_gone(label));
            if is_gone && feedback.verdict == Verdict::Corrected {
                let detail = "這個標籤的單位已裁撤或移出本部,請改選現行單位的標籤。";
                return Err(CallError::bad_value("/label", detail));
            }
            if !is_known {
                return Err(CallError::bad_value("/label", "不是模型、問答來源或分類表中的標籤。"));
            }
        }
        if feedback.unit.as_ref().is_some_and(|it| !self.names_unit(it)) {
            return Err(CallError::bad_value("/unit", "不是分類表中的單位。"));
        }
        Ok(())
    }

    /// Refuses to accept what was not suggested: that is a correction.
    fn check_accepted(&self, about: &Prediction, feedback: &Feedback) -> Result<(), CallError> {
        let Some(label) = feedback.label.as_ref().filter(|_| feedback.verdict == Verdict::Accepted)
        else {
            return Ok(());
        };
        let unit = |code: &str| self.unit_of(&about.service, code);
        let own = unit(label);
        let mut given = labels(&about.labels).into_iter().map(|it| it.0);
        let is_given = given.any(|it| it == *label || (own.is_some() && unit(&it) == own));
        if is_given {
            return Ok(());
        }
        let detail = "不是這筆預測所建議的標籤;改為其他標籤時,decision 應為 corrected。";
        Err(CallError::bad_value("/label", detail))
    }

    /// The unit that a label of a service means today.
    fn unit_of(&self, service: &str, code: &str) -> Option<String> {
        let known = self.active(service).and_then(|it| it.unit_of(code));
        known.or_else(|| main_of(self.taxonomy.load().map(code, None, self.today())))
    }

    /// The classifier of a service.
    fn active(&self, service: &str) -> Option<Arc<ActiveModel>> {
        match service {
            LETTERS => self.letters.get(),
            DOCUMENTS => self.documents.get(),
            _ => None,
        }
    }

    /// Every label of the classifier of `service`, by code; none without one.
    pub(in crate::service) fn all_labels(&self, service: &str) -> Vec<Label> {
        self.active(service).map(|it| it.all_labels()).unwrap_or_default()
    }

    pub(super) fn names_unit(&self, label: &str) -> bool {
        matches!(
            self.taxonomy.load().map(label, None, self.today()),
            Mapping::Unit(_) | Mapping::Split { .. }
        )
    }
}

/// Whether a prediction was made in the shadow.
fn is_unshown(it: &Prediction) -> bool {
    it.mode.as_deref() == Some(Mode::Shadow.as_str())
}

/// Labels in the form in which [`Routing`] keeps them.
fn labels(text: &str) -> Vec<(String, f32)> {
    serde_json::from_str(text).unwrap_or_default()
}
