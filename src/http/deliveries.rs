//! `/api/v1/webhooks/{id}/deliveries`: what was sent to a webhook, and sending it again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::base::{ErrorCode, rfc3339};
use crate::http::told::OfLoad;
use crate::service::webhooks::{Attempt, Delivery, DeliveryState};
use crate::task::call::CallError;
use crate::wire::problem::Problem;
use crate::wire::v1::webhooks::{AttemptResponse, DeliveryPage, DeliveryResponse, is_delivery_id};

use super::caller::{caller, take};
use super::failure::Failure;
use super::webhooks::check_id;
use super::{App, refuse};

/// The path, for the envelope: it has query parameters.
pub(super) const PATH: &str = "/api/v1/webhooks/{id}/deliveries";

/// Deliveries of one page, unless asked for otherwise; and at most.
const PAGE: usize = 50;
const MAX_PAGE: usize = 100;

/// 遞送紀錄:新的在前,每筆附各次嘗試;保存 30 天。
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "webhooks",
    params(
        ("id" = String, Path, description = "webhook_id"),
        ("before" = Option<String>, Query, pattern = "^[0-9]{1,18}$", description = "上一頁回覆的 next"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "筆數,1 到 100;預設 50"),
    ),
    responses(
        (status = 200, description = "一頁紀錄", body = DeliveryPage),
        (status = 400, description = "ER0200、ER0210:參數有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個 webhook", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<DeliveryPage>, Failure> {
    check_id(&id)?;
    let caller = caller(request.headers())?;
    let (before, limit) = page(request.uri().query().unwrap_or_default())?;
    let found = app.webhooks.deliveries(&caller, &id, before, limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|it| it.0.seq.to_string());
    let items = found.into_iter().map(|(delivery, log)| response(delivery, log)).collect();
    Ok(Json(DeliveryPage { items, next }))
}

fn page(query: &str) -> Result<(Option<u64>, usize), CallError> {
    let (mut before, mut limit) = (None, PAGE);
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let wrong = |detail: &str| CallError::bad_value(format!("/query/{name}"), detail);
        match name {
            "before" => {
                before = Some(value.parse().map_err(|_| wrong("應為上一頁回覆的 next。"))?);
            }
            "limit" => {
                let asked = value.parse().ok().filter(|it| (1..=MAX_PAGE).contains(it));
                limit = asked.ok_or_else(|| wrong("應為 1 到 100 的整數。"))?;
            }
            _ => return Err(refuse(ErrorCode::UnknownParameter, "含有未定義的查詢參數。")),
        }
    }
    Ok((before, limit))
}

/// 重新遞送:立即再送,`webhook-id` 與先前相同。
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
    operation_id = "redeliver",
    tag = "webhooks",
    params(
        ("id" = String, Path, description = "webhook_id"),
        ("delivery_id" = String, Path, description = "delivery_id"),
    ),
    responses(
        (status = 202, description = "已排入"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個 webhook 或這筆紀錄", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:webhook 已停用", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "ER0429:超過配額或系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用、即將停機,或本程式未含 webhook 遞送功能", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn redeliver(
    State(app): State<Arc<App>>,
    Path((id, delivery)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    check_id(&id)?;
    if !is_delivery_id(&delivery) {
        return Err(Failure::new(ErrorCode::NotFound, "沒有這筆遞送紀錄,或已逾保存期限。"));
    }
    let caller = caller(&headers)?;
    let quota = take(&app, &caller)?;
    app.webhooks.redeliver(&caller, &id, &delivery).await?;
    Ok((StatusCode::ACCEPTED, quota).into_response())
}

fn response(delivery: Delivery, log: Vec<Attempt>) -> DeliveryResponse {
    let attempt = |it: Attempt| AttemptResponse {
        at: rfc3339(it.at),
        took_ms: u64::try_from(it.took.as_millis()).unwrap_or(u64::MAX),
        status: it.status,
        failure: it.failure,
    };
    DeliveryResponse {
        delivery_id: delivery.id,
        event: delivery.name,
        state: delivery.state.as_str(),
        next_attempt_at: match delivery.state {
            DeliveryState::Due(at) => Some(rfc3339(at)),
            DeliveryState::Delivered | DeliveryState::Failed => None,
        },
        created_at: rfc3339(delivery.created),
        attempts: log.into_iter().map(attempt).collect(),
    }
}
