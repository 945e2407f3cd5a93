//! What takes two persons: what is said to approve or reject a request, and how a request is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;

use super::body;

/// Most bytes of a request.
pub const MAX_BYTES: usize = 4 << 10;

/// An approval. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub struct ApprovalRequest {
    /// Who approves: only where callers are not proven; else it is whoever calls.
    pub by: Option<String>,
}

/// A rejection. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "非本人申請"}))]
pub struct RejectionRequest {
    /// Why, without personal data: 1 to 128 characters.
    pub reason: String,
    /// Who rejects: only where callers are not proven.
    pub by: Option<String>,
}

/// Who asked for something, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct AskedResponse {
    /// `waiting`, `approved`, `done` or `rejected`.
    #[schema(example = "waiting")]
    pub state: &'static str,
    /// Why it was asked for.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: String,
    /// Who approved it.
    #[schema(required = true)]
    pub approved_by: Option<String>,
    /// When.
    #[schema(required = true)]
    pub approved_at: Option<String>,
    /// When it was done to its end.
    #[schema(required = true)]
    pub done_at: Option<String>,
    /// Who rejected it.
    #[schema(required = true)]
    pub rejected_by: Option<String>,
    /// When.
    #[schema(required = true)]
    pub rejected_at: Option<String>,
    /// Why.
    #[schema(required = true)]
    pub rejection: Option<String>,
    /// Whether the caller asked, and so cannot approve.
    pub own: bool,
}

/// Reads an [`ApprovalRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_approval(json: &[u8]) -> Result<ApprovalRequest, CallError> {
    body::parse(json, "", &[""])
}

/// Reads a [`RejectionRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_rejection(json: &[u8]) -> Result<RejectionRequest, CallError> {
    body::parse(json, "", &[""])
}
