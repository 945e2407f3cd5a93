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

/// Where the API page lives.
pub(super) const DOCS: &str = "/docs";

/// The API page runs its own scripts, which style elements as they go.
pub(super) const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const START_PAGE: &str = include_str!("start.html");
const TRY_PAGE: &str = include_str!("console/try.html");

/// Pictures that are shown are those that the person has just chosen.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

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

/// The console: pages, and the files they need.
pub(super) fn console() -> Router<Arc<App>> {
    let page = |content| ([(CONTENT_SECURITY_POLICY, CONSOLE_POLICY)], Html(content));
    Router::new()
        .route("/try", routing::get(async move || page(TRY_PAGE)))
        .route("/assets/{file}", routing::get(asset))
}

async fn asset(Path(file): Path<String>) -> Result<Response, Failure> {
    let (kind, content) = match file.as_str() {
        "console.css" => ("text/css", include_str!("console/console.css")),
        "try.js" => ("text/javascript", include_str!("console/try.js")),
        _ => return Err(Failure::new(ErrorCode::NotFound, "沒有這個路徑。")),
    };
    Ok(([(CONTENT_TYPE, kind)], content).into_response())
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
