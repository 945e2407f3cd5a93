//! Pages for people: the start page, the API's description and the page that renders it. All of it works offline.

use std::io::{Cursor, Read};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

use super::{App, Failure};
use crate::base::ErrorCode;
use crate::service::events::Event;
use crate::wire::problem::Problem;

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
    responses(
        (status = 200, description = "首頁", body = String, content_type = "text/html"),
        (status = 303, description = "轉到操作介面"),
    ),
)]
pub(super) async fn start(State(app): State<Arc<App>>) -> Response {
    if let Some(pages) = &app.pages {
        return Redirect::to(pages.start).into_response();
    }
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
) -> Result<([(HeaderName, &'static str); 1], String), Failure> {
    Ok(([(CONTENT_TYPE, "application/json")], app.openapi()?.to_owned()))
}

/// 企業匯流排與事件的描述檔。
#[utoipa::path(
    get,
    path = "/asyncapi.yaml",
    operation_id = "asyncapi",
    tag = "operation",
    responses((status = 200, description = "AsyncAPI 3.1", body = serde_json::Value, content_type = "application/yaml")),
)]
pub(super) async fn bus_description(
    State(app): State<Arc<App>>,
) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "application/yaml")], app.asyncapi.clone())
}

/// 一種事件內容的 JSON Schema;檔名見 `/asyncapi.yaml`。
#[utoipa::path(
    get,
    path = "/schemas/{file}",
    operation_id = "event_schema",
    tag = "operation",
    params(("file" = String, Path, description = "例如 letters.classification.completed.v1.json")),
    responses(
        (status = 200, description = "JSON Schema(draft 7)", body = serde_json::Value, content_type = "application/schema+json"),
        (status = 404, description = "ER0100:沒有這種事件", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn schema(Path(file): Path<String>) -> Result<Response, Failure> {
    let found = Event::types().iter().find(|it| it.schema_file() == file);
    let Some(kind) = found else {
        return Err(Failure::new(ErrorCode::NotFound, "沒有這種事件;名稱列於 /asyncapi.yaml。"));
    };
    Ok(([(CONTENT_TYPE, "application/schema+json")], kind.schema_text()).into_response())
}

/// The API page, from files inside the binary.
pub(super) fn docs() -> Router<Arc<App>> {
    Router::new()
        .route(DOCS, routing::get(async || Redirect::permanent("/docs/")))
        .route("/docs/", routing::get(async || Html(DOCS_PAGE)))
        .route("/docs/{file}", routing::get(docs_file))
}

const DOCS_PAGE: &str = r#"<!doctype html>
<html lang="zh-Hant-TW">
<meta charset="utf-8">
<title>fenwen API</title>
<link rel="api" href="/apis.json">
<link rel="stylesheet" href="./swagger-ui.css">
<link rel="icon" href="./favicon-32x32.png">
<div id="swagger-ui"></div>
<script src="./swagger-ui-bundle.js"></script>
<script src="./swagger-initializer.js"></script>
</html>
"#;

/// The validator would send the description to a host outside.
const DOCS_START: &str = r##"SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: "none",
});
"##;

async fn docs_file(Path(file): Path<String>) -> Result<Response, Failure> {
    static STYLE: LazyLock<Vec<u8>> = LazyLock::new(|| unpacked("swagger-ui.css"));
    static SCRIPT: LazyLock<Vec<u8>> = LazyLock::new(|| unpacked("swagger-ui-bundle.js"));
    static ICON: LazyLock<Vec<u8>> = LazyLock::new(|| unpacked("favicon-32x32.png"));
    let (kind, content): (_, &'static [u8]) = match file.as_str() {
        "swagger-initializer.js" => ("text/javascript", DOCS_START.as_bytes()),
        "swagger-ui-bundle.js" => ("text/javascript", &SCRIPT),
        "swagger-ui.css" => ("text/css", &STYLE),
        "favicon-32x32.png" => ("image/png", &ICON),
        _ => return Err(Failure::new(ErrorCode::NotFound, "沒有這個路徑。")),
    };
    Ok(([(CONTENT_TYPE, kind)], content).into_response())
}

/// A file of the Swagger UI distribution; empty when it is not there.
fn unpacked(name: &str) -> Vec<u8> {
    let mut content = Vec::new();
    if let Ok(mut archive) = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)) {
        let suffix = format!("/dist/{name}");
        let place = archive.file_names().position(|it| it.is_ok_and(|it| it.ends_with(&suffix)));
        if let Some(mut file) = place.and_then(|it| archive.by_index(it).ok()) {
            let _ = file.read_to_end(&mut content);
        }
    }
    content
}
