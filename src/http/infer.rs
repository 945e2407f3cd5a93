//! The Open Inference Protocol (KServe v2) over HTTP: raw access to the models that take tensors.

mod about;
mod told;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::base::ErrorCode;
use crate::service::Unread;
use crate::service::infer::{Asked, InferPlace, case_of};
use crate::task::call::{CallContext, CallError};
use crate::task::idcard::Health;
use crate::wire::problem;
use crate::wire::v2::{
    self, InferFailure, InferRequest, InferResponse, ModelMetadata, ModelReady,
    RepositoryIndexRequest, RepositoryModel, RepositoryModelRequest, RepositoryModelResponse,
    ServerLive, ServerMetadata, ServerReady,
};

use super::body::BodyLimit;
use super::failure::{Failure, failed, keep_hints, status};
use super::{App, body, record, refuse};

use told::{OfChange, OfInference, OfList, OfModel};

/// What every path of this protocol begins with.
const PREFIX: &str = "/v2";
/// Length of the JSON in a body that goes on in bytes.
const JSON_LENGTH: &str = "inference-header-content-length";
/// Bytes of a request about the repository.
pub(super) const MAX_BYTES: usize = 4 << 10;

/// Whether failures of a route have the shape of this protocol.
pub(super) fn is_route(label: &str) -> bool {
    label.strip_prefix(PREFIX).is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

/// The routes of this protocol.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(server))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(model))
        .routes(routes!(model_ready))
        .routes(routes!(about::config))
        .routes(routes!(about::statistics))
        .routes(routes!(about::model_statistics))
        .routes(routes!(model_infer))
        .routes(routes!(model_version))
        .routes(routes!(model_version_ready))
        .routes(routes!(about::version_config))
        .routes(routes!(about::version_statistics))
        .routes(routes!(model_version_infer))
        .routes(routes!(index))
        .routes(routes!(load))
        .routes(routes!(unload))
}

/// KServe v2:伺服器名稱、版本與支援的延伸。
#[utoipa::path(
    get,
    path = "/v2",
    operation_id = "v2_server_metadata",
    tag = "inference",
    responses(
        (status = 200, description = "伺服器與支援的延伸", body = ServerMetadata),
    ),
)]
pub(super) async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata::current())
}

/// KServe v2:程序是否存活。
#[utoipa::path(
    get,
    path = "/v2/health/live",
    operation_id = "v2_server_live",
    tag = "inference",
    responses(
        (status = 200, description = "存活", body = ServerLive),
    ),
)]
pub(super) async fn live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// KServe v2:是否接受新的請求。
#[utoipa::path(
    get,
    path = "/v2/health/ready",
    operation_id = "v2_server_ready",
    tag = "inference",
    responses(
        (status = 200, description = "就緒", body = ServerReady),
        (status = 503, description = "ER0510:尚未就緒或即將停機", body = InferFailure),
    ),
)]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<ServerReady>, Failure> {
    require_ready(&app)?;
    Ok(Json(ServerReady { ready: true }))
}

/// KServe v2:已載入模型的輸入與輸出。
#[utoipa::path(
    get,
    path = "/v2/models/{name}",
    operation_id = "v2_model_metadata",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
    ),
    responses(
        (status = 200, description = "模型的輸入與輸出", body = ModelMetadata),
        OfModel,
    ),
)]
pub(super) async fn model(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelMetadata>, Failure> {
    Ok(Json((&*app.service.models().info(&name, None)?).into()))
}

/// KServe v2:模型是否已載入。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/ready",
    operation_id = "v2_model_ready",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
    ),
    responses(
        (status = 200, description = "已載入", body = ModelReady),
        OfModel,
    ),
)]
pub(super) async fn model_ready(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelReady>, Failure> {
    app.service.models().info(&name, None)?;
    Ok(Json(ModelReady { name, ready: true }))
}

/// KServe v2:以張量呼叫模型。
///
/// 僅接受 FP32 與 INT64;張量以 JSON 或二進位延伸(binary tensor data)傳送。輸入不保存。
#[utoipa::path(
    post,
    path = "/v2/models/{name}/infer",
    operation_id = "v2_model_infer",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("inference-header-content-length" = Option<usize>, Header, description = "JSON 的位元組數;其後為二進位張量。"),
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
    ),
    request_body(content = InferRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "模型的輸出:JSON,或 JSON 之後接二進位張量", body = InferResponse),
        OfInference,
    ),
)]
pub(super) async fn model_infer(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    require_open(&app)?;
    let n_bytes = body::announced(request.headers());
    let asked = Asked { name: &name, version: None, case: &case_of(&cx) };
    let place = app.service.models().admit_announced(asked, n_bytes)?;
    Ok(infer(&app, &cx, place, request).await?)
}

/// KServe v2:已載入模型的輸入與輸出(指定版本)。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/versions/{version}",
    operation_id = "v2_model_version_metadata",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("version" = String, Path, description = "版本"),
    ),
    responses(
        (status = 200, description = "模型的輸入與輸出", body = ModelMetadata),
        OfModel,
    ),
)]
pub(super) async fn model_version(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<ModelMetadata>, Failure> {
    Ok(Json((&*app.service.models().info(&name, Some(&version))?).into()))
}

/// KServe v2:模型是否已載入(指定版本)。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/versions/{version}/ready",
    operation_id = "v2_model_version_ready",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("version" = String, Path, description = "版本"),
    ),
    responses(
        (status = 200, description = "已載入", body = ModelReady),
        OfModel,
    ),
)]
pub(super) async fn model_version_ready(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<ModelReady>, Failure> {
    app.service.models().info(&name, Some(&version))?;
    Ok(Json(ModelReady { name, ready: true }))
}

/// KServe v2:以張量呼叫模型(指定版本)。
#[utoipa::path(
    post,
    path = "/v2/models/{name}/versions/{version}/infer",
    operation_id = "v2_model_version_infer",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("version" = String, Path, description = "版本"),
        ("inference-header-content-length" = Option<usize>, Header, description = "JSON 的位元組數;其後為二進位張量。"),
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
    ),
    request_body(content = InferRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "模型的輸出:JSON,或 JSON 之後接二進位張量", body = InferResponse),
        OfInference,
    ),
)]
pub(super) async fn model_version_infer(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    require_open(&app)?;
    let n_bytes = body::announced(request.headers());
    let asked = Asked { name: &name, version: Some(&version), case: "" };
    let place = app.service.models().admit_announced(asked, n_bytes)?;
    Ok(infer(&app, &cx, place, request).await?)
}

/// KServe v2:可載入的模型與其狀態。
#[utoipa::path(
    post,
    path = "/v2/repository/index",
    operation_id = "v2_repository_index",
    tag = "inference",
    request_body(content = Option<RepositoryIndexRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "可載入的模型", body = Vec<RepositoryModel>),
        OfList,
    ),
)]
pub(super) async fn index(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<Vec<RepositoryModel>>, Failure> {
    let only = v2::parse_index(&small(&app, &cx, request).await?)?;
    Ok(Json(listed(&app, &only).collect()))
}

/// KServe v2:載入模型;已載入者不變。
#[utoipa::path(
    post,
    path = "/v2/repository/models/{name}/load",
    operation_id = "v2_repository_load",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
    ),
    request_body(content = Option<RepositoryModelRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "完成", body = RepositoryModelResponse),
        OfChange,
    ),
)]
pub(super) async fn load(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<RepositoryModelResponse>, Failure> {
    change(&app, &cx, request).await?;
    app.service.models().load(&name, cx.deadline).await?;
    Ok(Json(RepositoryModelResponse { name }))
}

/// KServe v2:卸載模型:處理中的呼叫完成後釋放。
#[utoipa::path(
    post,
    path = "/v2/repository/models/{name}/unload",
    operation_id = "v2_repository_unload",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
    ),
    request_body(content = Option<RepositoryModelRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "完成", body = RepositoryModelResponse),
        OfChange,
    ),
)]
pub(super) async fn unload(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<RepositoryModelResponse>, Failure> {
    change(&app, &cx, request).await?;
    app.service.models().unload(&name, cx.deadline).await?;
    Ok(Json(RepositoryModelResponse { name }))
}

/// The body of a request to load or unload.
async fn change(app: &App, cx: &CallContext, request: Request) -> Result<(), CallError> {
    require_open(app)?;
    v2::parse_change(&small(app, cx, request).await?)?;
    Ok(())
}

async fn infer(
    app: &App,
    cx: &CallContext,
    place: InferPlace,
    request: Request,
) -> Result<Response, CallError> {
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請勿壓縮內容(Content-Encoding)。"));
    }
    body::check_length(request.headers(), app.options.max_json_bytes)?;
    let json_len = json_length(request.headers())?;
    let bytes = body::collect(request, app.json_limit(cx)).await?;
    let model = Arc::clone(place.info());
    let n_bytes = bytes.expose().len();
    let read = {
        let model = Arc::clone(&model);
        move || v2::parse(bytes.expose(), json_len, &model)
    };
    let write = move |reply: &v2::Reply, outputs: &[_]| v2::write(&model, reply, outputs);
    let written = app.service.infer(place, Unread { n_bytes, read }, write, cx.deadline).await?;
    let kind = |it| [(CONTENT_TYPE, HeaderValue::from_static(it))];
    Ok(match written.json_len {
        None => (kind("application/json"), written.body).into_response(),
        Some(json_len) => {
            let length = [(HeaderName::from_static(JSON_LENGTH), HeaderValue::from(json_len))];
            (kind("application/octet-stream"), length, written.body).into_response()
        }
    })
}

/// Where the JSON of a body ends, when bytes follow.
fn json_length(headers: &HeaderMap) -> Result<Option<usize>, CallError> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|it| it.parse().ok());
    length.map(Some).ok_or_else(|| {
        refuse(ErrorCode::BadValue, "Inference-Header-Content-Length 應為位元組數。")
    })
}

/// The models that are listed, by name.
pub(super) fn listed(
    app: &App,
    only: &RepositoryIndexRequest,
) -> impl Iterator<Item = RepositoryModel> {
    let listed = app.service.models().list().into_iter();
    listed.filter(move |it| it.is_loaded || !only.ready).map(Into::into)
}

/// Refuses when calls are not answered.
pub(super) fn require_ready(app: &App) -> Result<(), CallError> {
    if !app.audit.is_healthy() {
        return Err(record::not_recorded());
    }
    match app.service.health() {
        Health::Ready => Ok(()),
        Health::Unavailable(_) => Err(refuse(ErrorCode::Unavailable, "服務尚未就緒或即將停機。")),
    }
}

/// Refuses when the server is about to end.
pub(super) fn require_open(app: &App) -> Result<(), CallError> {
    if !app.service.is_draining() {
        return Ok(());
    }
    Err(refuse(ErrorCode::Unavailable, "服務即將停機,請改送其他節點或稍後再試。"))
}

/// A small body, which may be empty; clients of this protocol name no media type.
async fn small(app: &App, cx: &CallContext, request: Request) -> Result<Vec<u8>, CallError> {
    body::check_length(request.headers(), MAX_BYTES)?;
    let limit = BodyLimit { bytes: MAX_BYTES, ..app.json_limit(cx) };
    Ok(body::collect(request, limit).await?.into_inner())
}

/// Writes the failure of a response in the shape of this protocol; leaves any other response alone.
pub(super) fn describe(mut response: Response, cx: &CallContext) -> Response {
    let Some(error) = failed(&mut response) else { return response };
    let retry_after = error.retry_after;
    let code = status(error.code);
    let mut described = (code, Json(InferFailure::of(error, cx.request_id))).into_response();
    if let Some(value) = retry_after.and_then(|it| problem::retry_after(it).parse().ok()) {
        let value: HeaderValue = value;
        described.headers_mut().insert(RETRY_AFTER, value);
    }
    keep_hints(&mut response, &mut described);
    described
}
