//! Recognitions of ID images: which kinds and fields were read and how surely, kept as a prediction, and what officers found
//! who compared them with the images. Nothing of an image is kept, and no value.

use std::collections::BTreeMap;

use serde_json::json;

use crate::base::{ErrorCode, Private};
use crate::service::events::{Event, FeedbackReceived};
use crate::service::jobs::failed;
use crate::service::subjects::{Identifier, IdentifierKind};
use crate::store::{FeedbackRow, NewPrediction, Prediction, Review};
use crate::task::call::{CallContext, CallError, Origin};
use crate::task::idcard::{FieldName, IdAnswer, ModelInfo};
use crate::task::prediction::{
    CardCheck, CardStatistics, FieldCheck, FieldReview, KeptPrediction, Verdict,
};
use crate::task::text::Mode;

use super::automation::wilson;
use super::letters::case_no;
use super::{CARDS, DAY, Routing};

/// Newest checks that are counted.
const N_COUNTED: usize = 1000;

impl Routing {
    /// A recognition as it is kept: of each picture its kind and then its fields, each with its confidence. No value is in it;
    /// whose number was read is noted as a pseudonym, for as long as that of a text would be.
    pub fn recognised(
        &self,
        cx: &CallContext,
        mode: Mode,
        answers: &[IdAnswer],
        model: &ModelInfo,
    ) -> NewPrediction {
        let created = self.clock.unix_time().as_secs();
        let ModelInfo { name, version, sha256 } = model.clone();
        NewPrediction {
            id: cx.request_id.to_string(),
            org: cx.origin.org.clone(),
            service: CARDS,
            model: [name, version, sha256],
            taxonomy: String::new(),
            labels: json!(labels(answers)).to_string(),
            text: Private::new(Vec::new()),
            signature: None,
            subjects: self.store.subjects(&holders(answers)),
            shape: None,
            case_no: case_no(cx),
            mode: Some(mode.as_str()),
            made_by: cx.said.caller().map(|it| it.subject.clone()),
            created,
            text_expires: created + self.settings.text_days * DAY,
            expires: created + self.settings.prediction_days * DAY,
        }
    }

    /// Appends what an officer found of the recognition `id`.
    ///
    /// # Errors
    /// When the agency has no such recognition, it read other kinds or fields, or the store fails.
    pub fn check_card(&self, id: &str, check: CardCheck, origin: &Origin) -> Result<(), CallError> {
        let mut about = self.recognition(id, origin)?;
        // What was not compared was not found right.
        about.labels = compared(&about.labels, &check)?;
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
        self.store.add_feedback(row, about, told).wait().map_err(|it| failed(&it))
    }

    /// What officers found of the fields that `model` read: the last word on each of the newest recognitions.
    ///
    /// # Errors
    /// When the store fails.
    pub fn card_statistics(&self, model: ModelInfo) -> Result<CardStatistics, CallError> {
        let found = self.store.reviews(CARDS, &model.version, N_COUNTED).wait();
        let found = found.map_err(|it| failed(&it))?;
        Ok(CardStatistics { model, n_checked: found.len(), fields: count(&found) })
    }

    /// A recognition as kept: an agency's, or with `maker` only what that one has asked for.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn recognition_of(
        &self,
        id: &str,
        origin: &Origin,
        maker: Option<&str>,
    ) -> Result<KeptPrediction, CallError> {
        let found = self.recognition(id, origin)?;
        if maker.is_some_and(|it| found.made_by.as_deref() != Some(it)) {
            return Err(unknown());
        }
        self.kept(found)
    }

    /// The agency's recognition of this id.
    ///
    /// # Errors
    /// When it has none, or the store fails.
    pub(in crate::service) fn recognition(
        &self,
        id: &str,
        origin: &Origin,
    ) -> Result<Prediction, CallError> {
        let now = self.clock.unix_time().as_secs();
        let found = self.store.prediction(id, now).wait().map_err(|it| failed(&it))?;
        found.filter(|it| it.org == origin.org && it.service == CARDS).ok_or_else(unknown)
    }
}

fn unknown() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這次辨識,或已逾保存期限。")
}

/// What is kept of pictures: kinds and fields, each once.
fn labels(answers: &[IdAnswer]) -> Vec<(String, f32)> {
    let mut found: Vec<(String, f32)> = Vec::new();
    for answer in answers {
        let read = &answer.recognition;
        let kind = read.document_type.as_str();
        let fields = read.fields.iter();
        let fields = fields.map(|it| (format!("{kind}/{}", it.name.as_str()), it.confidence));
        for mut label in std::iter::once((kind.to_owned(), read.type_score)).chain(fields) {
            // What is no number could not be read again.
            label.1 = if label.1.is_finite() { label.1 } else { 0.0 };
            if !found.iter().any(|(code, _)| *code == label.0) {
                found.push(label);
            }
        }
    }
    found
}

/// Whose documents were read, by their numbers.
fn holders(answers: &[IdAnswer]) -> Vec<Identifier> {
    let fields = answers.iter().flat_map(|it| &it.recognition.fields);
    let numbers = fields
        .filter(|it| matches!(it.name, FieldName::IdNumber | FieldName::ResidenceNo))
        .filter_map(|it| it.value.clone());
    numbers.map(|value| Identifier { kind: IdentifierKind::IdNumber, value }).collect()
}

/// The labels of what was compared, with the confidences that were answered: its kind first.
fn compared(kept: &str, check: &CardCheck) -> Result<String, CallError> {
    let kept: Vec<(String, f32)> = serde_json::from_str(kept).unwrap_or_default();
    let answered = |code: &str| kept.iter().find(|(it, _)| it == code).cloned();
    let kind = check.kind.as_str();
    let of_kind = |(it, _): &(String, f32)| it.split('/').next() == Some(kind);
    if !kept.iter().any(of_kind) {
        return Err(CallError::bad_value("/document_type", "這次辨識讀到的不是這種證件。"));
    }
    let mut found: Vec<(String, f32)> = answered(kind).into_iter().collect();
    for (idx, field) in check.fields.iter().enumerate() {
        let label = answered(&code(check, field)).ok_or_else(|| {
            CallError::bad_value(format!("/fields/{idx}/name"), "這次辨識沒有讀到這個欄位。")
        })?;
        found.push(label);
    }
    Ok(json!(found).to_string())
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
    use crate::task::idcard::DocumentType;

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
    fn only_what_was_answered_can_be_compared() {
        let kept = r#"[["passport",0.9],["passport/name",0.5],["passport/sex",0.25],["visa",1.0]]"#;
        let check = |kind, name| CardCheck {
            kind,
            fields: vec![FieldCheck { name, is_right: true, confidence: 1.0 }],
            decided_by: None,
            role: None,
        };
        let found = |kind, name| {
            compared(kept, &check(kind, name)).map_err(|it| it.errors[0].pointer.clone())
        };
        let labels = r#"[["passport",0.9],["passport/sex",0.25]]"#;
        let found_labels = found(DocumentType::Passport, FieldName::Sex).unwrap();
        let read = |it: &str| serde_json::from_str::<Vec<(String, f32)>>(it).unwrap();
        assert_eq!(read(&found_labels), read(labels));
        let at = |kind, name| found(kind, name).unwrap_err();
        assert_eq!(at(DocumentType::Passport, FieldName::Address), "/fields/0/name");
        assert_eq!(at(DocumentType::Visa, FieldName::Sex), "/fields/0/name");
        assert_eq!(at(DocumentType::TwPassport, FieldName::Name), "/document_type");
    }

    #[test]
    fn each_field_of_each_kind_is_counted() {
        let front = r#"[["front",0.8],["front/id",0.9],["front/name",0.5]]"#;
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
