//! `GET /api/v1/predictions/{id}` and `POST /api/v1/predictions/{id}/feedback`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;

use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::service::Unread;
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::problem::Problem;
use crate::wire::v1::prediction::{self, FeedbackRequest, PredictionResponse};

use super::body::BodyLimit;
use super::failure::Failure;
use super::{App, body, refuse};

/// 先前的預測:標籤、模型版本、期限與回饋;不含文字。
#[utoipa::path(
    get,
    path = "/api/v1/predictions/{id}",
    operation_id = "read_prediction",
    tag = "predictions",
    params(("id" = String, Path, description = "prediction_id")),
    responses(
        (status = 200, description = "預測", body = PredictionResponse),
        (status = 404, description = "ER0100:沒有這筆預測,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
) -> Result<Json<PredictionResponse>, Failure> {
    let id = prediction::parse_id(&id)?;
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    Ok(Json(admitted.prediction(id).await?.into()))
}

/// 承辦人的回饋:接受、更正或捨棄。只增不改,成為下一版模型的訓練資料。
#[utoipa::path(
    post,
    path = "/api/v1/predictions/{id}/feedback",
    operation_id = "add_feedback",
    tag = "predictions",
    params(("id" = String, Path, description = "prediction_id")),
    request_body(content = FeedbackRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已收下"),
        (status = 404, description = "ER0100:沒有這筆預測,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn feedback(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    answer(&app, &cx, &id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn answer(app: &App, cx: &CallContext, id: &str, request: Request) -> Result<(), CallError> {
    if body::media_type(request.headers()) != "application/json" {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"));
    }
    let limit = BodyLimit { bytes: app.options.max_meta_bytes, ..app.json_limit(cx) };
    body::check_length(request.headers(), limit.bytes)?;
    let id = prediction::parse_id(id)?;
    let admitted = app.service.admit(cx, Task::Predictions)?;
    let json = body::collect(request, limit).await?;
    let n_bytes = json.expose().len();
    let read = move || prediction::parse(json.expose());
    admitted.add_feedback(id, Unread { n_bytes, read }).await
}
