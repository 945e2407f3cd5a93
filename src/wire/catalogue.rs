//! What the server offers and how it is.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::idcard::{Health, ModelInfo};

/// The services of this server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Catalogue {
    /// Each with its address.
    pub services: Vec<ServiceEntry>,
}

/// One service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceEntry {
    /// Stable name.
    #[schema(example = "identity-documents")]
    pub name: &'static str,
    /// Name in Traditional Chinese.
    #[schema(example = "證件影像辨識")]
    pub title: &'static str,
    /// HTTP method.
    #[schema(example = "POST")]
    pub method: &'static str,
    /// Path of the operation.
    #[schema(example = "/api/v1/identity-documents/recognitions")]
    pub path: &'static str,
    /// Whether it answers now.
    pub ready: bool,
    /// What answers; null where no model is active.
    #[schema(required = true)]
    pub model: Option<Model>,
    /// What an operator should know of it; absent when there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// A model, by name and content.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Model {
    /// Identifier.
    #[schema(example = "idcard")]
    pub name: String,
    /// Version.
    #[schema(example = "1")]
    pub version: String,
    /// SHA-256 of its content, lower-case hex.
    pub sha256: String,
}

impl From<ModelInfo> for Model {
    fn from(info: ModelInfo) -> Model {
        Model { name: info.name, version: info.version, sha256: info.sha256 }
    }
}

/// State of the server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct State {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    pub status: &'static str,
    /// What an operator should know; absent when there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// Whether a service in this state answers.
pub fn is_ready(health: &Health) -> bool {
    *health == Health::Ready
}
