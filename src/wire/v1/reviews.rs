//! Reviews: the queue of answers that wait for an officer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;
use crate::task::prediction::Verdict;

use super::body;

/// Bytes of a body: codes and ids.
pub const MAX_BYTES: usize = 16 << 10;
/// Items of one page.
pub const MAX_PAGE: usize = 200;

/// What is taken next. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "letter", "unit": "301000000A/戶政司"}))]
pub struct NextRequest {
    /// `letter`, `document`, `identity_document` or `transcript`; any kind without it.
    #[schema(pattern = "^(letter|document|identity_document|transcript)$")]
    pub kind: Option<String>,
    /// Of a unit and those below it only.
    pub unit: Option<String>,
}

/// What was decided. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"action": "correct", "label": "RIS-05", "unit": "301000000A/戶政司", "note_code": "wrong_category"}))]
pub struct DecisionRequest {
    /// `accept` (the first suggestion), `correct` (another label) or `discard` (no case at all).
    #[schema(example = "accept", pattern = "^(accept|correct|discard)$")]
    pub action: String,
    /// The right label: a class of the model or a unit of the taxonomy. Needed for `correct`.
    pub label: Option<String>,
    /// Path of the right unit.
    pub unit: Option<String>,
    /// Code of the reason: 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    #[schema(pattern = "^[a-z0-9_-]{1,64}$")]
    pub note_code: Option<String>,
}

/// Why an item is given up. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note_code": "unclear"}))]
pub struct EscalationRequest {
    /// Code of the reason: 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    #[schema(pattern = "^[a-z0-9_-]{1,64}$")]
    pub note_code: Option<String>,
}

/// Documents whose first suggestion is accepted. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// 1 to 50.
    #[schema(min_items = 1, max_items = 50)]
    pub items: Vec<BatchItem>,
}

/// One of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchItem {
    /// The item.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00", pattern = "^[0-9a-f]{32}$")]
    pub review_id: String,
    /// The version that was seen.
    #[schema(format = "uint64", example = 1)]
    pub version: u64,
}

/// A page of the queue.
#[derive(Serialize, ToSchema)]
pub struct ReviewPageResponse {
    /// Items, without their texts.
    pub items: Vec<ReviewItem>,
    /// How much waits, by kind; whatever was filtered.
    pub waiting: Vec<WaitingReviews>,
    /// Value of `after` for the next page; none at the end.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// How much of a kind waits.
#[derive(Serialize, ToSchema)]
pub struct WaitingReviews {
    /// The kind.
    #[schema(example = "letter")]
    pub kind: &'static str,
    /// What nobody holds, and that is not escalated.
    pub open: u64,
    /// What somebody holds.
    pub claimed: u64,
    /// What waits for somebody who may assign.
    pub escalated: u64,
    /// How much of all that is past its deadline.
    pub overdue: u64,
}

/// An item of the queue.
#[derive(Serialize, ToSchema)]
pub struct ReviewItem {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub review_id: String,
    /// The answer in question.
    pub prediction_id: String,
    /// `letter`, `document`, `identity_document` or `transcript`.
    #[schema(example = "letter")]
    pub kind: &'static str,
    /// One line of it, personal data masked; null once it was erased.
    #[schema(required = true)]
    pub title: Option<String>,
    /// Path of the unit that was suggested; null when it is none of today's.
    #[schema(required = true)]
    pub unit: Option<String>,
    /// `requires_human`, `sampled`, `second_opinion` or `escalated`.
    #[schema(example = "requires_human")]
    pub reason: &'static str,
    /// 0 (danger) to 3; lower is more urgent.
    pub priority: u32,
    /// Probability of the first suggestion, 0 to 1.
    pub confidence: f64,
    /// Whether it is a letter of an informer (檢舉).
    pub confidential: bool,
    /// When it should be decided.
    pub deadline: String,
    /// When it came.
    pub created_at: String,
    /// `open`, `claimed`, `decided` or `escalated`.
    #[schema(example = "open")]
    pub state: &'static str,
    /// Rises with every change; the `ETag` in words.
    #[schema(example = 1)]
    pub version: u64,
    /// Who holds it; null when nobody does.
    #[schema(required = true)]
    pub lease: Option<Lease>,
    /// What was decided; null until then.
    #[schema(required = true)]
    pub decision: Option<DecisionResponse>,
}

/// Who holds an item.
#[derive(Serialize, ToSchema)]
pub struct Lease {
    /// Whether it is the caller.
    pub own: bool,
    /// Until when.
    pub until: String,
}

/// What was decided.
#[derive(Serialize, ToSchema)]
pub struct DecisionResponse {
    /// `accepted`, `corrected` or `discarded`.
    #[schema(example = "corrected")]
    pub decision: String,
    /// The right label, of a correction.
    #[schema(required = true)]
    pub label: Option<String>,
    /// The right unit, where it was said.
    #[schema(required = true)]
    pub unit: Option<String>,
    /// Whether the caller decided.
    pub own: bool,
    /// When.
    pub decided_at: String,
    /// Until when it can be taken back; null when it is feedback by now.
    #[schema(required = true)]
    pub undo_until: Option<String>,
    /// Code of the reason.
    #[schema(required = true)]
    pub note_code: Option<String>,
}

/// An item with its text.
#[derive(Serialize, ToSchema)]
pub struct ReviewResponse {
    /// The item.
    #[serde(flatten)]
    pub item: ReviewItem,
    /// Text and suggestions; null once they were erased.
    #[schema(required = true)]
    pub content: Option<ReviewContent>,
    /// Reviews of the earlier letter that this one repeats.
    pub earlier: Vec<ReviewItem>,
}

/// The next item.
#[derive(Serialize, ToSchema)]
pub struct NextResponse {
    /// It; null when nothing waits.
    #[schema(required = true)]
    pub review: Option<ReviewResponse>,
}

/// Text and suggestions of an item.
#[derive(Serialize, ToSchema)]
pub struct ReviewContent {
    /// Your id.
    #[schema(required = true)]
    pub external_id: Option<String>,
    /// Your case.
    #[schema(required = true)]
    pub case_no: Option<String>,
    /// Subject in pieces.
    pub subject: Vec<TextRun>,
    /// Paragraphs in pieces.
    pub body: Vec<Vec<TextRun>>,
    /// Suggested labels, most likely first.
    pub labels: Vec<ReviewLabel>,
    /// Suggested units of a document, the main one first.
    pub units: Vec<ReviewUnit>,
    /// Suggested officers of a document, best first.
    pub officers: Vec<ReviewOfficer>,
    /// Numbers that speak for a unit or an officer.
    pub references: Vec<ReviewReference>,
    /// Names of the flags that are raised.
    pub flags: Vec<String>,
    /// The prediction of an earlier letter that says nearly the same; null when there is none.
    #[schema(required = true)]
    pub repeated: Option<String>,
    /// Similarity to it, 0 to 1.
    #[schema(required = true)]
    pub repeated_similarity: Option<f64>,
    /// Another ministry whose matter it may be.
    #[schema(required = true)]
    pub ministry: Option<String>,
    /// Whether the first suggestion is not likely enough.
    pub abstained: bool,
    /// Name and version of the model, such as `letters@3`.
    #[schema(example = "letters@3")]
    pub model: String,
}

/// A piece of a text.
#[derive(Serialize, ToSchema)]
pub struct TextRun {
    /// The text; of personal data the name of its kind in brackets.
    #[schema(example = "〔行動電話〕")]
    pub text: String,
    /// `evidence`, `flag` or `pii`; null for the rest.
    #[schema(required = true)]
    pub mark: Option<&'static str>,
}

/// A suggested label.
#[derive(Serialize, ToSchema)]
pub struct ReviewLabel {
    /// As the model was trained with.
    #[schema(example = "RIS-02")]
    pub code: String,
    /// In words.
    pub name: String,
    /// Path of the unit.
    #[schema(required = true)]
    pub unit: Option<String>,
    /// Probability, 0 to 1.
    pub score: f64,
}

/// A suggested unit.
#[derive(Serialize, ToSchema)]
pub struct ReviewUnit {
    /// Path.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Probability, 0 to 1.
    pub score: f64,
    /// `main` or `co`.
    #[schema(example = "main")]
    pub role: String,
}

/// A suggested officer.
#[derive(Serialize, ToSchema)]
pub struct ReviewOfficer {
    /// Id.
    pub officer_id: String,
    /// By the documented rule, 0 to 1.
    pub score: f64,
    /// 前案, 職掌, 案量.
    pub basis: Vec<String>,
    /// Cases not yet closed.
    pub open_cases: u32,
}

/// A number that speaks for a unit or an officer.
#[derive(Serialize, ToSchema)]
pub struct ReviewReference {
    /// `own_number` or `prior_case`.
    #[schema(example = "prior_case")]
    pub kind: String,
    /// The number.
    #[serde(rename = "ref")]
    pub reference: String,
}

/// What became of a batch, in the order of the request.
#[derive(Serialize, ToSchema)]
pub struct BatchResponse {
    /// One for each item.
    pub items: Vec<BatchOutcome>,
}

/// What became of an item of a batch.
#[derive(Serialize, ToSchema)]
pub struct BatchOutcome {
    /// The item.
    pub review_id: String,
    /// Its version now; null when it was not accepted.
    #[schema(required = true)]
    pub version: Option<u64>,
    /// Number of the failure; null when it was accepted.
    #[schema(required = true, example = "ER0410")]
    pub code: Option<&'static str>,
    /// Why it was not accepted.
    #[schema(required = true)]
    pub detail: Option<String>,
}

/// A decision as read.
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The right label.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Code of the reason.
    pub note: Option<String>,
}

/// Reads what is taken next.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_next(json: &[u8]) -> Result<NextRequest, CallError> {
    let request: NextRequest = body::parse(json, "", &[""])?;
    require_path(request.unit.as_ref())?;
    Ok(request)
}

/// Reads a decision.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_decision(json: &[u8]) -> Result<Decision, CallError> {
    let request: DecisionRequest = body::parse(json, "", &[""])?;
    let verdict = match request.action.as_str() {
        "accept" => Verdict::Accepted,
        "correct" => Verdict::Corrected,
        "discard" => Verdict::Discarded,
        _ => return Err(CallError::bad_value("/action", "應為 accept、correct 或 discard。")),
    };
    if let Some(label) = &request.label {
        body::require_short(label, 256, "/label")?;
    }
    require_path(request.unit.as_ref())?;
    body::require_code(request.note_code.as_ref(), "/note_code")?;
    let DecisionRequest { label, unit, note_code, .. } = request;
    Ok(Decision { verdict, label, unit, note: note_code })
}

/// Reads why an item is given up.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_escalation(json: &[u8]) -> Result<Option<String>, CallError> {
    let request: EscalationRequest = body::parse(json, "", &[""])?;
    body::require_code(request.note_code.as_ref(), "/note_code")?;
    Ok(request.note_code)
}

/// Reads a batch.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_batch(json: &[u8], most: usize) -> Result<Vec<(String, u64)>, CallError> {
    let request: BatchRequest = body::parse(json, "", &["", "/items/*"])?;
    if !(1..=most).contains(&request.items.len()) {
        return Err(CallError::bad_value("/items", format!("應有 1 到 {most} 筆。")));
    }
    let mut ids = std::collections::BTreeSet::new();
    for (idx, item) in request.items.iter().enumerate() {
        if !super::jobs::is_id(&item.review_id) || !ids.insert(&item.review_id) {
            let at = format!("/items/{idx}/review_id");
            return Err(CallError::bad_value(at, "應為 review_id,且不重複。"));
        }
    }
    Ok(request.items.into_iter().map(|it| (it.review_id, it.version)).collect())
}

fn require_path(unit: Option<&String>) -> Result<(), CallError> {
    unit.map_or(Ok(()), |it| body::require_short(it, 256, "/unit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(found: Result<T, CallError>, expected: Option<&str>) {
        let pointer = |it: CallError| it.errors.first().map(|it| it.pointer.clone());
        assert_eq!(found.err().map(|it| pointer(it).unwrap_or_default()).as_deref(), expected);
    }

    #[test]
    fn good_and_bad_requests() {
        let decision = |json: &str| parse_decision(json.as_bytes());
        check(decision(r#"{"action":"accept"}"#), None);
        check(decision(r#"{"action":"correct","label":"甲","note_code":"a-1"}"#), None);
        check(decision(r#"{"action":"escalate"}"#), Some("/action"));
        check(decision(r#"{"action":"accept","note_code":"A b"}"#), Some("/note_code"));
        check(decision(r#"{"action":"accept","by":"u-1"}"#), Some("/by"));
        check(decision("[]"), Some(""));
        let long = "字".repeat(257);
        check(decision(&format!(r#"{{"action":"correct","label":"{long}"}}"#)), Some("/label"));
        check(parse_next(b"{}"), None);
        check(parse_next(format!(r#"{{"unit":"{long}"}}"#).as_bytes()), Some("/unit"));
        check(parse_escalation(br#"{"note_code":""}"#), Some("/note_code"));
        let id = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
        let item = format!(r#"{{"review_id":"{id}","version":1}}"#);
        check(parse_batch(format!(r#"{{"items":[{item}]}}"#).as_bytes(), 2), None);
        let twice = format!(r#"{{"items":[{item},{item}]}}"#);
        check(parse_batch(twice.as_bytes(), 2), Some("/items/1/review_id"));
        check(parse_batch(twice.as_bytes(), 1), Some("/items"));
        check(parse_batch(br#"{"items":[[]]}"#, 2), Some("/items/0"));
    }
}
