//! What Triton's clients ask of a model beside the protocol's own: its configuration, and what it has done.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use crate::http::App;
use crate::http::failure::Failure;
use crate::service::infer::Asked;
use crate::task::call::CallError;
use crate::wire::v2::{ModelConfig, StatisticsResponse};

use super::told::{OfModel, OfModels};

/// Triton:模型的設定(輸入、輸出與一次最多筆數)。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/config",
    operation_id = "v2_model_config",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
    ),
    responses(
        (status = 200, description = "模型的設定", body = ModelConfig),
        OfModel,
    ),
)]
pub(in crate::http) async fn config(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelConfig>, Failure> {
    Ok(Json((&*app.service.models().info(&name, None)?).into()))
}

/// Triton:模型的設定(指定版本)。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/versions/{version}/config",
    operation_id = "v2_model_version_config",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("version" = String, Path, description = "版本"),
    ),
    responses(
        (status = 200, description = "模型的設定", body = ModelConfig),
        OfModel,
    ),
)]
pub(in crate::http) async fn version_config(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<ModelConfig>, Failure> {
    Ok(Json((&*app.service.models().info(&name, Some(&version))?).into()))
}

/// Triton:所有已載入模型的呼叫統計,自載入起計。
#[utoipa::path(
    get,
    path = "/v2/models/stats",
    operation_id = "v2_statistics",
    tag = "inference",
    responses(
        (status = 200, description = "各模型各版本的統計;未量測的項目不列", body = StatisticsResponse),
        OfModels,
    ),
)]
pub(in crate::http) async fn statistics(
    State(app): State<Arc<App>>,
) -> Result<Json<StatisticsResponse>, Failure> {
    Ok(counted(&app, None)?)
}

/// Triton:模型各版本的呼叫統計,自載入起計。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/stats",
    operation_id = "v2_model_statistics",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
    ),
    responses(
        (status = 200, description = "各版本的統計;未量測的項目不列", body = StatisticsResponse),
        OfModel,
    ),
)]
pub(in crate::http) async fn model_statistics(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<StatisticsResponse>, Failure> {
    Ok(counted(&app, Some(name.as_str().into()))?)
}

/// Triton:模型一個版本的呼叫統計,自載入起計。
#[utoipa::path(
    get,
    path = "/v2/models/{name}/versions/{version}/stats",
    operation_id = "v2_model_version_statistics",
    tag = "inference",
    params(
        ("name" = String, Path, description = "模型名稱"),
        ("version" = String, Path, description = "版本"),
    ),
    responses(
        (status = 200, description = "這個版本的統計;未量測的項目不列", body = StatisticsResponse),
        OfModel,
    ),
)]
pub(in crate::http) async fn version_statistics(
    State(app): State<Arc<App>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<StatisticsResponse>, Failure> {
    let asked = Asked { version: Some(&version), ..name.as_str().into() };
    Ok(counted(&app, Some(asked))?)
}

fn counted(app: &App, asked: Option<Asked<'_>>) -> Result<Json<StatisticsResponse>, CallError> {
    Ok(Json(app.service.models().statistics(asked)?.into_iter().collect()))
}
