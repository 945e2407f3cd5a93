//! What persons may ask about their data: what mentions them, a copy, an erasure, a hold.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;

use super::approvals::AskedResponse;
use super::body;

/// Most bytes of a request.
pub const MAX_BYTES: usize = 16 << 10;

/// Whom it is about. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "id-number", "identifier": "A123456789"}))]
pub struct SubjectRequest {
    /// `id-number`, `phone` or `email`.
    #[schema(pattern = "^(id-number|phone|email)$")]
    pub kind: String,
    /// The identifier; only a pseudonym of it is used, and it is not kept.
    #[schema(min_length = 1)]
    pub identifier: String,
}

/// An erasure to ask for. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "id-number", "identifier": "A123456789", "reason": "當事人申請", "by": "u-88"}))]
pub struct ErasureRequest {
    /// `id-number`, `phone` or `email`.
    #[schema(pattern = "^(id-number|phone|email)$")]
    pub kind: String,
    /// The identifier; only a pseudonym of it is kept.
    #[schema(min_length = 1)]
    pub identifier: String,
    /// Why, or the number of a document, without personal data: 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub reason: String,
    /// Who asks: only where callers are not proven; else it is whoever calls.
    pub by: Option<String>,
}

/// A hold to lay. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"held": "case", "object": "1150001234", "reason": "訴願", "by": "u-88"}))]
pub struct HoldRequest {
    /// `subject`, `prediction`, `job` or `case`.
    #[schema(pattern = "^(subject|prediction|job|case)$")]
    pub held: String,
    /// Id of the row or number of the case; for `subject` an identifier is given instead.
    pub object: Option<String>,
    /// Of a subject: `id-number`, `phone` or `email`.
    #[schema(pattern = "^(id-number|phone|email)$")]
    pub kind: Option<String>,
    /// Of a subject: the identifier; only a pseudonym of it is kept.
    pub identifier: Option<String>,
    /// Why, or the number of a document, without personal data: 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub reason: String,
    /// Who approves it: only where callers are not proven.
    pub by: Option<String>,
}

/// What mentions a person, the oldest first.
#[derive(Serialize, ToSchema)]
pub struct FoundResponse {
    /// Rows.
    pub items: Vec<FoundRow>,
}

/// A row that mentions a person.
#[derive(Serialize, ToSchema)]
pub struct FoundRow {
    /// `prediction` or `job`.
    #[schema(example = "prediction")]
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Since when it is known to mention the person.
    pub noted_at: String,
    /// The agency that sent it; null when the row itself is gone.
    #[schema(required = true)]
    pub agency: Option<String>,
    /// Of which service; null when the row itself is gone.
    #[schema(required = true)]
    pub service: Option<String>,
    /// When it is erased by itself.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// Where it is corrected. What somebody wrote or said is kept as it came: it is corrected in the system that sent it,
    /// which sends it again. A label is corrected by this route; null where there is none.
    #[schema(required = true)]
    pub label_corrected_at: Option<String>,
}

/// Copies of what mentions a person.
#[derive(Serialize, ToSchema)]
pub struct CopiesResponse {
    /// Files.
    pub files: Vec<CopiedFileResponse>,
}

/// A copy. It is not encrypted.
#[derive(Serialize, ToSchema)]
pub struct CopiedFileResponse {
    /// Its name: kind and id of the row, and what of it this is.
    pub name: String,
    /// Its content, where that is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its content in base64, where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// A request to erase.
#[derive(Serialize, ToSchema)]
pub struct ErasureResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub erasure_id: String,
    /// The agency whose rows are meant; null for those of all.
    #[schema(required = true)]
    pub agency: Option<String>,
    /// Who asked, and what became of it.
    pub request: AskedResponse,
}

/// Requests to erase, the newest first.
#[derive(Serialize, ToSchema)]
pub struct ErasureList {
    /// Requests.
    pub items: Vec<ErasureResponse>,
}

/// What is known of a request to erase when it is made.
#[derive(Serialize, ToSchema)]
pub struct ErasureAskedResponse {
    /// Identifies it. Another person approves it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub erasure_id: String,
    /// Rows that mention the person now.
    pub found: usize,
}

/// What an approval has erased.
#[derive(Serialize, ToSchema)]
pub struct ErasedResponse {
    /// Rows.
    pub erased: u64,
}

/// A hold.
#[derive(Serialize, ToSchema)]
pub struct HoldResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub hold_id: String,
    /// `subject`, `prediction`, `job` or `case`.
    #[schema(example = "case")]
    pub held: &'static str,
    /// Id of the row, number of the case, or the pseudonym of a person.
    pub object: String,
    /// The agency whose rows it holds; null for those of all.
    #[schema(required = true)]
    pub agency: Option<String>,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approved_by: String,
    /// Since when.
    pub created_at: String,
    /// When it was lifted.
    #[schema(required = true)]
    pub lifted_at: Option<String>,
    /// Who lifted it.
    #[schema(required = true)]
    pub lifted_by: Option<String>,
}

/// Holds, the newest first.
#[derive(Serialize, ToSchema)]
pub struct HoldList {
    /// Holds; also those that were lifted.
    pub items: Vec<HoldResponse>,
}

/// A hold that was laid.
#[derive(Serialize, ToSchema)]
pub struct HoldLaidResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub hold_id: String,
}

/// Reads a [`SubjectRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<SubjectRequest, CallError> {
    body::parse(json, "", &[""])
}

/// Reads an [`ErasureRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_erasure(json: &[u8]) -> Result<ErasureRequest, CallError> {
    body::parse(json, "", &[""])
}

/// Reads a [`HoldRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_hold(json: &[u8]) -> Result<HoldRequest, CallError> {
    body::parse(json, "", &[""])
}
