//! `GET /api/v1/statistics`, and whether answers drift away.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use crate::http::told::OfLoad;
use crate::task::call::{CallContext, Task};
use crate::wire::problem::Problem;
use crate::wire::v1::drift::DriftResponse;
use crate::wire::v1::statistics::StatisticsResponse;

use super::App;
use super::failure::Failure;

/// Days of comparisons that are answered.
const DAYS: u32 = 30;

/// 承辦人複審的統計:承諾的精確度與實測值,依服務與標籤;證件核對的結果,依證件種類與欄位。
#[utoipa::path(
    get,
    path = "/api/v1/statistics",
    operation_id = "read_statistics",
    tag = "predictions",
    responses(
        (status = 200, description = "統計", body = StatisticsResponse),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
) -> Result<Json<StatisticsResponse>, Failure> {
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    let statistics = admitted.statistics().await?;
    Ok(Json(StatisticsResponse::new(statistics, app.reviews.agreement().await?)))
}

/// 漂移:近 30 日每日的作答與該版模型最初作答的比較,依服務、特徵與量度;告警時附建議處置。
#[utoipa::path(
    get,
    path = "/api/v1/statistics/drift",
    operation_id = "read_drift",
    tag = "predictions",
    responses(
        (status = 200, description = "漂移", body = DriftResponse),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn drift(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
) -> Result<Json<DriftResponse>, Failure> {
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    Ok(Json(DriftResponse::new(admitted.drift(DAYS).await?)))
}
