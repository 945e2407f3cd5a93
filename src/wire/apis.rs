//! Where the descriptions of the interfaces are, in the form of APIs.json 0.19 (<http://apisjson.org>).

use serde::Serialize;
use utoipa::ToSchema;

/// Interfaces of this server. Addresses are relative to that of this list: a server does not know under which name it is
/// reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Apis {
    /// Identifies the list.
    #[schema(example = "moi.gov.tw:ai")]
    pub aid: &'static str,
    /// Name.
    pub name: &'static str,
    /// What it is a list of.
    pub description: &'static str,
    /// `Index`: of one organisation.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where this list is.
    #[schema(example = "/apis.json")]
    pub url: &'static str,
    /// Version of APIs.json.
    #[schema(example = "0.19")]
    pub specification_version: &'static str,
    /// Words to find it by.
    pub tags: Vec<&'static str>,
    /// Interfaces.
    pub apis: Vec<Api>,
    /// What holds for all of them.
    pub common: Vec<ApiProperty>,
    /// Who keeps it.
    pub maintainers: Vec<Maintainer>,
}

/// An interface.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Api {
    /// Identifies it.
    #[schema(example = "moi.gov.tw:ai-letters")]
    pub aid: String,
    /// Name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// A picture that stands for it.
    pub image: &'static str,
    /// Where people read of it.
    #[serde(rename = "humanURL")]
    pub human_url: &'static str,
    /// What stands before every path of it.
    #[serde(rename = "baseURL")]
    pub base_url: &'static str,
    /// Words to find it by.
    pub tags: Vec<&'static str>,
    /// Its descriptions.
    pub properties: Vec<ApiProperty>,
}

/// Where something about interfaces is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiProperty {
    /// `OpenAPI`, `AsyncAPI`, `Documentation` or `Catalog`.
    #[serde(rename = "type")]
    #[schema(example = "OpenAPI")]
    pub kind: &'static str,
    /// Its media type.
    #[schema(example = "application/json")]
    pub media_type: &'static str,
    /// Its address.
    #[schema(example = "/openapi/letters.json")]
    pub url: String,
}

/// Who keeps a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Maintainer {
    /// Name of the organisation.
    pub name: &'static str,
}
