//! Proposals of versions of models.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;

use super::approvals::AskedResponse;
use super::body;

/// A version to propose. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"model": "letters", "version": 3, "reason": "年度重訓", "by": "u-88"}))]
pub struct ProposalRequest {
    /// `letters`, `documents` or `ministries`; before it the code of an agency with units of its own and `/`.
    pub model: String,
    /// Number of a version that is there; 0 is part of the program.
    pub version: u32,
    /// Why: 1 to 128 characters.
    pub reason: String,
    /// Who proposes it: only where callers are not proven.
    pub by: Option<String>,
}

/// A proposal.
#[derive(Serialize, ToSchema)]
pub struct ProposalResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub proposal_id: String,
    /// The model.
    #[schema(example = "letters")]
    pub model: String,
    /// The version.
    pub version: u32,
    /// SHA-256 of the version as it was proposed: nothing else is approved.
    pub sha256: String,
    /// Who proposed it, and what became of that.
    pub request: AskedResponse,
}

/// Proposals, the newest first.
#[derive(Serialize, ToSchema)]
pub struct ProposalList {
    /// Proposals.
    pub items: Vec<ProposalResponse>,
}

/// Reads a [`ProposalRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<ProposalRequest, CallError> {
    body::parse(json, "", &[""])
}
