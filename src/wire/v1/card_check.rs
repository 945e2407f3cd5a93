//! What an officer found who has compared an ID image with what was read of it: field by field right or wrong, and no value.

use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::task::call::CallError;
use crate::task::idcard::FieldName;
use crate::task::prediction::{CardCheck, FieldCheck};
use crate::wire::names;

use super::body;
use super::prediction::DecidedBy;

/// A comparison that is complete. Unknown fields are refused; there is no place for a value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"document_type": "tw_national_id_front", "fields": [
    {"name": "name", "decision": "accepted", "confidence": 0.998},
    {"name": "birth_date", "decision": "corrected", "confidence": 0.71}], "decided_by": {"id": "u-88"}}))]
pub struct CardCheckRequest {
    /// Kind of document, as it was answered.
    #[schema(value_type = names::DocumentType)]
    pub document_type: String,
    /// Every field that was compared, each once.
    #[schema(min_items = 1, max_items = 24)]
    pub fields: Vec<CheckedField>,
    /// Who decided.
    pub decided_by: Option<DecidedBy>,
}

/// A field that was compared. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedField {
    /// Its name.
    #[schema(value_type = names::FieldName)]
    pub name: String,
    /// `accepted`: it was read right; `corrected`: it was not.
    #[schema(pattern = "^(accepted|corrected)$")]
    pub decision: String,
    /// As it was answered.
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: f32,
}

/// Reads a comparison.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<CardCheck, CallError> {
    let request: CardCheckRequest = body::parse(json, "", &["", "/fields/*", "/decided_by"])?;
    let kind = names::DocumentType::parse(&request.document_type)
        .ok_or_else(|| CallError::bad_value("/document_type", "不是已知的證件種類。"))?;
    if !(1..=FieldName::ALL.len()).contains(&request.fields.len()) {
        let detail = format!("應為 1 到 {} 個欄位。", FieldName::ALL.len());
        return Err(CallError::bad_value("/fields", detail));
    }
    let mut seen = BTreeSet::new();
    let mut fields = Vec::with_capacity(request.fields.len());
    for (idx, it) in request.fields.into_iter().enumerate() {
        let at = |part: &str| format!("/fields/{idx}/{part}");
        let name = names::FieldName::parse(&it.name).filter(|it| seen.insert(*it));
        let name =
            name.ok_or_else(|| CallError::bad_value(at("name"), "不是已知的欄位,或重複出現。"))?;
        let is_right = match it.decision.as_str() {
            "accepted" => true,
            "corrected" => false,
            _ => {
                let detail = "應為 accepted 或 corrected。";
                return Err(CallError::bad_value(at("decision"), detail));
            }
        };
        if !(0.0..=1.0).contains(&it.confidence) {
            return Err(CallError::bad_value(at("confidence"), "應為 0 到 1 的數。"));
        }
        fields.push(FieldCheck { name, is_right, confidence: it.confidence });
    }
    let by = request.decided_by.unwrap_or(DecidedBy { id: None, role: None });
    let (decided_by, role) = (by.id.map(String::from), by.role.map(String::from));
    Ok(CardCheck { kind, fields, decided_by, role })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        let found = parse(json.as_bytes()).err();
        let found =
            found.map(|it| it.errors.first().map(|it| it.pointer.clone()).unwrap_or_default());
        assert_eq!(found.as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_comparisons() {
        let name = r#"{"name":"name","decision":"accepted","confidence":1}"#;
        let with = |fields: &str| {
            format!(r#"{{"document_type":"tw_national_id_front","fields":[{fields}]}}"#)
        };
        check(&with(name), None);
        check(&with(""), Some("/fields"));
        check(&with(&format!("{name},{name}")), Some("/fields/1/name"));
        check(
            &with(r#"{"name":"name","decision":"maybe","confidence":1}"#),
            Some("/fields/0/decision"),
        );
        check(
            &with(r#"{"name":"name","decision":"accepted","confidence":2}"#),
            Some("/fields/0/confidence"),
        );
        check(
            &with(r#"{"name":"x","decision":"accepted","confidence":1}"#),
            Some("/fields/0/name"),
        );
        let value = r#"{"name":"name","decision":"accepted","confidence":1,"value":"王小明"}"#;
        check(&with(value), Some("/fields/0/value"));
        check(r#"{"document_type":"x","fields":[]}"#, Some("/document_type"));
    }
}
