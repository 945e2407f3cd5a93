//! Predictions made earlier, and feedback on them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{Date, ErrorCode};
use crate::task::call::CallError;
use crate::task::prediction::{self, KeptPrediction};
use crate::wire::catalogue::Model;
use crate::wire::names;

use super::body;
use super::id::VisibleId;
use super::text::share;

/// Feedback on a prediction. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"decision": "corrected", "label": "RIS-05", "unit": "301000000A/戶政司",
    "reason": "wrong_category", "decided_by": {"id": "u-88", "role": "承辦人"}}))]
pub struct FeedbackRequest {
    /// What was decided.
    #[schema(value_type = names::Verdict)]
    pub decision: String,
    /// The right label: a class of the model, a unit of the taxonomy or the id of a source. Needed for `corrected`.
    pub label: Option<String>,
    /// Path of the right unit.
    pub unit: Option<String>,
    /// Code of the reason: 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    #[schema(pattern = "^[a-z0-9_-]{1,64}$")]
    pub reason: Option<String>,
    /// Who decided.
    pub decided_by: Option<DecidedBy>,
}

/// Who decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidedBy {
    /// Id, never a name: at most 64 characters.
    pub id: Option<VisibleId>,
    /// Role: at most 64 characters.
    pub role: Option<VisibleId>,
}

/// Feedback that names its prediction, for transports without paths. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"prediction_id": "019a9f4e5d7c7d3e9c550d6a3f2b1c00", "decision": "accepted"}))]
pub struct NamedFeedbackRequest {
    /// The prediction.
    pub prediction_id: String,
    /// What was decided.
    #[schema(value_type = names::Verdict)]
    pub decision: String,
    /// As of [`FeedbackRequest`].
    pub label: Option<String>,
    /// As of [`FeedbackRequest`].
    pub unit: Option<String>,
    /// As of [`FeedbackRequest`].
    pub reason: Option<String>,
    /// Who decided.
    pub decided_by: Option<DecidedBy>,
}

/// Reads feedback.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<prediction::Feedback, CallError> {
    checked(body::parse(json, "", OBJECTS)?)
}

/// Reads feedback that names its prediction.
///
/// # Errors
/// As [`parse`]; an id that no prediction can have is told as by [`parse_id`].
pub fn parse_named(json: &[u8]) -> Result<(String, prediction::Feedback), CallError> {
    let request: NamedFeedbackRequest = body::parse(json, "", OBJECTS)?;
    let NamedFeedbackRequest { prediction_id, decision, label, unit, reason, decided_by } = request;
    let feedback = FeedbackRequest { decision, label, unit, reason, decided_by };
    Ok((parse_id(&prediction_id)?, checked(feedback)?))
}

/// The places of objects.
const OBJECTS: &[&str] = &["", "/decided_by"];

fn checked(request: FeedbackRequest) -> Result<prediction::Feedback, CallError> {
    let verdict = names::Verdict::parse(&request.decision).ok_or_else(|| {
        CallError::bad_value("/decision", "應為 accepted、corrected 或 discarded。")
    })?;
    for (text, at) in [(&request.label, "/label"), (&request.unit, "/unit")] {
        body::require_short(text.as_deref().unwrap_or_default(), 256, at)?;
    }
    body::require_code(request.reason.as_ref(), "/reason")?;
    let by = request.decided_by.unwrap_or(DecidedBy { id: None, role: None });
    Ok(prediction::Feedback {
        verdict,
        label: request.label,
        unit: request.unit,
        reason: request.reason,
        decided_by: by.id.map(String::from),
        role: by.role.map(String::from),
    })
}

/// Checks the id in a path.
///
/// # Errors
/// When no prediction can have it.
pub fn parse_id(id: &str) -> Result<String, CallError> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if id.len() == 32 && id.bytes().all(is_digit) {
        return Ok(id.to_owned());
    }
    Err(CallError::new(ErrorCode::NotFound, "沒有這筆預測,或已逾保存期限。"))
}

/// A prediction as kept; without its text.
#[derive(Serialize, ToSchema)]
pub struct PredictionResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub prediction_id: String,
    /// `letters`, `documents` or `qa`.
    #[schema(example = "letters")]
    pub service: String,
    /// In which mode the agency had the service; absent before there were modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pilot")]
    pub mode: Option<String>,
    /// Most likely first; those of the shadow only once somebody has decided without them.
    pub labels: Vec<GivenLabel>,
    /// What answered.
    pub model: Model,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// Day it was made (UTC).
    #[schema(example = "2026-11-24")]
    pub created_on: String,
    /// Day on which it is erased (UTC).
    #[schema(example = "2027-02-22")]
    pub expires_on: String,
    /// Feedback so far, oldest first.
    pub feedback: Vec<GivenFeedback>,
}

/// A label that was given.
#[derive(Serialize, ToSchema)]
pub struct GivenLabel {
    /// As the model was trained with.
    pub code: String,
    /// Calibrated probability, 0 to 1.
    pub score: f64,
}

/// Feedback that was given.
#[derive(Serialize, ToSchema)]
pub struct GivenFeedback {
    /// What was decided.
    #[schema(example = "corrected")]
    pub decision: String,
    /// The right label.
    #[schema(required = true)]
    pub label: Option<String>,
    /// Day it was given (UTC).
    pub created_on: String,
}

impl From<KeptPrediction> for PredictionResponse {
    fn from(kept: KeptPrediction) -> PredictionResponse {
        let labels = kept.labels.into_iter();
        let feedback = kept.feedback.into_iter();
        PredictionResponse {
            prediction_id: kept.id,
            service: kept.service,
            mode: kept.mode,
            labels: labels.map(|(code, score)| GivenLabel { code, score: share(score) }).collect(),
            model: kept.model.into(),
            taxonomy_version: kept.taxonomy_version,
            created_on: day(kept.created),
            expires_on: day(kept.expires),
            feedback: feedback
                .map(|(decision, label, created)| GivenFeedback {
                    decision,
                    label,
                    created_on: day(created),
                })
                .collect(),
        }
    }
}

/// The day (UTC) of a second since 1970-01-01T00:00:00Z.
pub(super) fn day(seconds: u64) -> String {
    let days = u32::try_from(seconds / (24 * 60 * 60)).unwrap_or(u32::MAX);
    Date::from_unix_days(days).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let found = parse(json.as_bytes()).err();
        let found =
            found.map(|it| it.errors.first().map(|it| it.pointer.clone()).unwrap_or_default());
        assert_eq!(found.as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_feedback() {
        check(r#"{"decision":"accepted"}"#, None);
        check(r#"{"decision":"corrected","label":"甲","decided_by":{"id":"u-1"}}"#, None);
        check(r#"{"decision":"maybe"}"#, Some("/decision"));
        check(r#"{"decision":"accepted","reason":"Bad reason"}"#, Some("/reason"));
        check(r#"{"decision":"accepted","decided_by":[]}"#, Some("/decided_by"));
        check(r#"{"decision":"accepted","name":"x"}"#, Some("/name"));
        let named = parse_named(br#"{"prediction_id":"../x","decision":"accepted"}"#);
        assert_eq!(named.err().map(|it| it.code), Some(ErrorCode::NotFound));
        for bad in
            [r#"{"decision":"accepted"}"#, r#"{"decision":"accepted","prediction_id":7}"#, "[]"]
        {
            let error = parse_named(bad.as_bytes()).err().unwrap();
            assert_eq!(error.code, ErrorCode::BadValue, "{bad}");
        }
        assert!(parse_id("019a9f4e5d7c7d3e9c550d6a3f2b1c00").is_ok());
        assert!(parse_id("019A9f4e5d7c7d3e9c550d6a3f2b1c00").is_err());
        assert!(parse_id("../x").is_err());
    }
}
