//! Pages for people: the start page, the API's description and the page that renders it. All of it works offline.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::App;

/// Where the API page lives.
pub(super) const DOCS: &str = "/docs";

/// The API page runs its own scripts, which style elements as they go.
pub(super) const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const START_PAGE: &str = include_str!("start.html");

/// 首頁。
#[utoipa::path(
    get,
    path = "/",
    operation_id = "start_page",
    tag = "operation",
    responses((status = 200, description = "首頁", body = String, content_type = "text/html")),
)]
pub(super) async fn start() -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; frame-ancestors 'none'; base-uri 'none'",
        STANDARD.encode(Sha256::digest(style_of(START_PAGE)))
    );
    ([(CONTENT_SECURITY_POLICY, policy)], Html(START_PAGE)).into_response()
}

/// The text of the page's only style element: its hash is all that the policy allows.
fn style_of(page: &str) -> &str {
    let after = page.split_once("<style>").map_or("", |(_, after)| after);
    after.split_once("</style>").map_or("", |(style, _)| style)
}

/// 本描述檔。
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)),
)]
pub(super) async fn description(
    State(app): State<Arc<App>>,
) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "application/json")], app.openapi.clone())
}

/// The API page, from files inside the binary.
pub(super) fn docs() -> Router<Arc<App>> {
    SwaggerUi::new(DOCS).config(Config::from("/openapi.json").validator_url("none")).into()
}
