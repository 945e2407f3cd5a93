//! `/api/v1/taxonomy`: units, and other versions of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;

use crate::http::told::{OfBody, OfLoad};
use crate::service::{Admitted, Unread};
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::problem::Problem;
use crate::wire::v1::taxonomy::{
    MAX_TAXONOMY, TaxonomyComparisonResponse, TaxonomyRequest, TaxonomyResponse, parse,
};

use super::failure::Failure;
use super::{App, body};

/// 目前生效的單位、職掌、組織異動,與已加入的版本。
#[utoipa::path(
    get,
    path = "/api/v1/taxonomy",
    operation_id = "read_taxonomy",
    tag = "taxonomy",
    responses(
        (status = 200, description = "分類與職掌", body = TaxonomyResponse),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
) -> Result<Json<TaxonomyResponse>, Failure> {
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    Ok(Json(admitted.taxonomy().await?.into()))
}

/// 試算:另一個版本會增加、減少、改變哪些單位,以及模型的哪些標籤會對應到其他單位。不儲存。
#[utoipa::path(
    post,
    path = "/api/v1/taxonomy/comparisons",
    operation_id = "compare_taxonomy",
    tag = "taxonomy",
    request_body(content = TaxonomyRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "差異", body = TaxonomyComparisonResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn compare(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<TaxonomyComparisonResponse>, Failure> {
    let (admitted, json) = admit(&app, &cx, request).await?;
    let n_bytes = json.len();
    let read = move || parse(&json);
    Ok(Json(admitted.compare_taxonomy(Unread { n_bytes, read }).await?.into()))
}

/// 加入一個版本,自生效日起適用;已加入的版本不可變更。
#[utoipa::path(
    post,
    path = "/api/v1/taxonomy/versions",
    operation_id = "add_taxonomy",
    tag = "taxonomy",
    request_body(content = TaxonomyRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "加入後的分類與職掌", body = TaxonomyResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:已有同名的版本,或不在已簽署的發行清單", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<(StatusCode, Json<TaxonomyResponse>), Failure> {
    let (admitted, json) = admit(&app, &cx, request).await?;
    let n_bytes = json.len();
    let read = move || parse(&json);
    let state = admitted.add_taxonomy(Unread { n_bytes, read }).await?;
    Ok((StatusCode::CREATED, Json(state.into())))
}

/// Takes a place before the body is read.
async fn admit(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<(Admitted, Vec<u8>), CallError> {
    let admitted = app.service.admit(cx, Task::Predictions)?;
    Ok((admitted, body::small_json(app, cx, request, 2 * MAX_TAXONOMY).await?))
}
