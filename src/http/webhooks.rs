//! `/api/v1/webhooks`: where a client wants to be told of events over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::base::{ErrorCode, rfc3339};
use crate::http::told::{OfBody, OfLoad};
use crate::service::webhooks::{SigningKey, Webhook, WebhookChange};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::jobs;
use crate::wire::v1::webhooks::{
    self, MAX_BYTES, WebhookChangeRequest, WebhookList, WebhookRequest, WebhookResponse,
};

use super::caller::{caller, take};
use super::failure::Failure;
use super::{App, body, refuse};

/// 建立 webhook:本機關的事件以 HTTPS 送到指定網址。
///
/// 依 Standard Webhooks 1.0 簽章。`secret` 只在建立與更換時回覆這一次,請立即保存。
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    operation_id = "create_webhook",
    tag = "webhooks",
    request_body(content = WebhookRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "已建立", body = WebhookResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:webhook 數已達上限", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "ER0429:超過配額或系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用、即將停機,或本程式未含 webhook 遞送功能", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    Ok(create_webhook(&app, &cx, request).await?)
}

async fn create_webhook(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<Response, CallError> {
    let caller = caller(request.headers())?;
    let quota = take(app, &caller)?;
    let json = body::small_json(app, cx, request, MAX_BYTES).await?;
    let WebhookRequest { url, events } = webhooks::parse(&json)?;
    let made = app.webhooks.create(&caller, url, events).await?;
    let place = [(LOCATION, format!("/api/v1/webhooks/{}", made.id))];
    let answer = Json(response(made, Secrets::Shown));
    Ok((StatusCode::CREATED, place, quota, answer).into_response())
}

/// webhook 清單:呼叫端自己的,舊的在前。
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    operation_id = "list_webhooks",
    tag = "webhooks",
    responses(
        (status = 200, description = "webhook", body = WebhookList),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<WebhookList>, Failure> {
    let found = app.webhooks.list(&caller(&headers)?).await?;
    let items = found.into_iter().map(|it| response(it, Secrets::Hidden)).collect();
    Ok(Json(WebhookList { items }))
}

/// 一個 webhook。
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}",
    operation_id = "read_webhook",
    tag = "webhooks",
    params(("id" = String, Path, description = "webhook_id")),
    responses(
        (status = 200, description = "webhook", body = WebhookResponse),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個 webhook", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<WebhookResponse>, Failure> {
    check_id(&id)?;
    let found = app.webhooks.find(&caller(&headers)?, &id).await?;
    Ok(Json(response(found, Secrets::Hidden)))
}

/// 變更 webhook:網址、事件,或停用與重新啟用。
#[utoipa::path(
    patch,
    path = "/api/v1/webhooks/{id}",
    operation_id = "change_webhook",
    tag = "webhooks",
    params(("id" = String, Path, description = "webhook_id")),
    request_body(content = WebhookChangeRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "webhook", body = WebhookResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個 webhook", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用、即將停機,或本程式未含 webhook 遞送功能", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<WebhookResponse>, Failure> {
    check_id(&id)?;
    let caller = caller(request.headers())?;
    let json = body::small_json(&app, &cx, request, MAX_BYTES).await?;
    let WebhookChangeRequest { url, events, active } = webhooks::parse_change(&json)?;
    let change = WebhookChange { url, names: events, is_active: active };
    let changed = app.webhooks.change(&caller, &id, change).await?;
    Ok(Json(response(changed, Secrets::Hidden)))
}

/// 刪除 webhook,尚未送出的事件與紀錄一併刪除。
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{id}",
    operation_id = "delete_webhook",
    tag = "webhooks",
    params(("id" = String, Path, description = "webhook_id")),
    responses(
        (status = 204, description = "已刪除"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個 webhook", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    check_id(&id)?;
    app.webhooks.delete(&caller(&headers)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 更換簽章金鑰:24 小時內新舊金鑰並列簽章,接收端可不中斷地更換。
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/rotate-secret",
    operation_id = "rotate_webhook_secret",
    tag = "webhooks",
    params(("id" = String, Path, description = "webhook_id")),
    responses(
        (status = 200, description = "新的金鑰", body = WebhookResponse),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個 webhook", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "ER0429:超過配額或系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    check_id(&id)?;
    let caller = caller(&headers)?;
    let quota = take(&app, &caller)?;
    let renewed = app.webhooks.renew(&caller, &id).await?;
    Ok((quota, Json(response(renewed, Secrets::Shown))).into_response())
}

/// Refuses an id that no webhook can have.
pub(super) fn check_id(id: &str) -> Result<(), CallError> {
    if jobs::is_id(id) {
        return Ok(());
    }
    Err(refuse(ErrorCode::NotFound, "沒有這個 webhook。"))
}

/// Whether an answer has the shared secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Shown,
    Hidden,
}

fn response(webhook: Webhook, secrets: Secrets) -> WebhookResponse {
    let (mut secret, mut public_key) = (None, String::new());
    for key in SigningKey::pair(&webhook.secret) {
        let check_with = key.check_with().expose().clone();
        match key {
            SigningKey::Shared(_) => secret = Some(check_with),
            SigningKey::Private(_) => public_key = check_with,
        }
    }
    WebhookResponse {
        webhook_id: webhook.id,
        url: webhook.url,
        events: webhook.names,
        active: webhook.is_active,
        public_key,
        secret: secret.filter(|_| secrets == Secrets::Shown),
        previous_secret_until: webhook.before.map(|(_, until)| rfc3339(until)),
        created_at: rfc3339(webhook.created),
    }
}
