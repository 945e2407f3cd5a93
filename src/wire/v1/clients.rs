//! Applications of systems that want to be clients, and clients.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;

use super::approvals::AskedResponse;
use super::body;

/// Most bytes of an application.
pub const MAX_BYTES: usize = 64 << 10;

/// What a system asks for, as in a file of `client-application.v1`. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"application_no": "SO-2026-000123", "applied_by": "u-31", "client_id": "minister-mailbox",
    "org": "301000000A", "scopes": ["letters:classify", "feedback:write"], "purposes": ["petition-handling"],
    "networks": ["10.1.0.0/16"], "valid_days": 365}))]
pub struct ApplicationRequest {
    /// Number that the applicant knows it by: 1 to 128 characters.
    pub application_no: String,
    /// Account of the applicant, who cannot approve: 1 to 128 characters.
    pub applied_by: String,
    /// Id of the system: 1 to 64 letters, digits, `-` or `_`.
    pub client_id: String,
    /// Code of its agency.
    pub org: String,
    /// Units below which it may see rows; the whole agency when empty.
    #[serde(default)]
    pub units: Vec<String>,
    /// What it may do, at least one. What needs a strong login of people is registered at the machine only.
    pub scopes: Vec<String>,
    /// Codes of what it may do that for, at least one.
    pub purposes: Vec<String>,
    /// When of a day it may call (time of Taiwan), such as `08:00-18:00`.
    #[serde(default)]
    pub hours: Option<String>,
    /// Networks that it may call from.
    #[serde(default)]
    pub networks: Vec<String>,
    /// After how many days the registration ends.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub valid_days: Option<u64>,
    /// SHA-256 of the certificate that it must show, 64 hexadecimal digits.
    #[serde(default)]
    pub certificate_sha256: Option<String>,
    /// Its name at the exchange: instance/class/member/subsystem.
    #[serde(default)]
    pub exchange_name: Option<String>,
}

/// An application.
#[derive(Serialize, ToSchema)]
pub struct ApplicationResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub application_id: String,
    /// Number that the applicant knows it by.
    pub application_no: String,
    /// Id of the system.
    #[schema(example = "minister-mailbox")]
    pub client_id: String,
    /// Code of its agency.
    #[schema(example = "301000000A")]
    pub org: String,
    /// Units below which it would see rows.
    pub units: Vec<String>,
    /// What it would be allowed to do.
    pub scopes: Vec<String>,
    /// What for.
    pub purposes: Vec<String>,
    /// When of a day it would call.
    #[schema(required = true)]
    pub hours: Option<String>,
    /// Networks that it would call from.
    pub networks: Vec<String>,
    /// After how many days the registration would end.
    #[schema(required = true)]
    pub valid_days: Option<u64>,
    /// Whether it would have to show a certificate.
    pub certificate: bool,
    /// Its name at the exchange.
    #[schema(required = true)]
    pub exchange_name: Option<String>,
    /// Who handed it over, and so cannot approve either.
    pub sent_by: String,
    /// Who applied, and what became of that.
    pub request: AskedResponse,
}

/// Applications, the newest first.
#[derive(Serialize, ToSchema)]
pub struct ApplicationList {
    /// Applications.
    pub items: Vec<ApplicationResponse>,
}

/// A client.
#[derive(Serialize, ToSchema)]
pub struct ClientResponse {
    /// Identifies it.
    #[schema(example = "minister-mailbox")]
    pub client_id: String,
    /// Code of its agency.
    #[schema(example = "301000000A")]
    pub org: String,
    /// `active`, `suspended` or `expired`.
    #[schema(example = "active")]
    pub state: &'static str,
    /// Units below which it may see rows; the whole agency when empty.
    pub units: Vec<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// What for.
    pub purposes: Vec<String>,
    /// When of a day it may call.
    #[schema(required = true)]
    pub hours: Option<String>,
    /// Networks that it may call from; from everywhere when empty.
    pub networks: Vec<String>,
    /// When the registration ends.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// Its name at the exchange.
    #[schema(required = true)]
    pub exchange_name: Option<String>,
    /// Who approved it.
    pub approved_by: String,
    /// About when it last called, or was registered or enabled.
    pub used_at: String,
    /// Its keys: never the secret part.
    pub keys: Vec<KeyResponse>,
}

/// Clients, by their ids.
#[derive(Serialize, ToSchema)]
pub struct ClientList {
    /// Clients.
    pub items: Vec<ClientResponse>,
}

/// A key of a client.
#[derive(Serialize, ToSchema)]
pub struct KeyResponse {
    /// The part that is no secret.
    #[schema(example = "0123456789abcdef")]
    pub key_id: String,
    /// When it was made.
    pub created_at: String,
    /// Whether it is for demonstrations only.
    pub demo: bool,
}

/// A key that was made just now. No `Debug`: it holds a credential.
#[derive(Serialize, ToSchema)]
pub struct IssuedKeyResponse {
    /// The part that is no secret.
    #[schema(example = "0123456789abcdef")]
    pub key_id: String,
    /// The whole key: it is shown this once.
    pub key: String,
}

/// Reads an [`ApplicationRequest`].
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<ApplicationRequest, CallError> {
    body::parse(json, "", &[""])
}
