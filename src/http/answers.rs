//! `POST /api/v1/qa/answers`, `POST /api/v1/qa/suggestions` and `GET /api/v1/qa/unanswered`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};

use crate::base::{ErrorCode, Private};
use crate::http::told::{OfBody, OfLoad};
use crate::service::{Admitted, Unread};
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::problem::Problem;
use crate::wire::v1::answers::{self, AnswerRequest, AnswerResponse, UnansweredResponse};
use crate::wire::v1::suggestions::{self, SuggestionRequest, SuggestionResponse};

use super::body::BodyLimit;
use super::failure::Failure;
use super::{App, body, refuse};

/// The path, for the catalogue.
pub(super) const PATH: &str = "/api/v1/qa/answers";

/// 客戶問答:只引用已核定的來源,並標示出處與位置;不確定時回覆「查無資料,將轉由專人處理」。
///
/// 不產生文字:`answer` 為來源原文的一段,`quote_start`、`quote_end` 為來源內文的 Unicode 碼位。問題加密保存至期限為止,供回饋使用。
#[utoipa::path(
    post,
    path = "/api/v1/qa/answers",
    operation_id = "answer_question",
    tag = "qa",
    params(
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content = AnswerRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "答案,或查無資料", body = AnswerResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:尚未建立索引", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:索引無法開啟,或即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<AnswerResponse>, Failure> {
    Ok(Json(answer(&app, &cx, request).await?))
}

/// 客服輔助:通話至今的逐字稿 → 民眾最近所問的問題與可引用的來源。通話內容不保存。
#[utoipa::path(
    post,
    path = "/api/v1/qa/suggestions",
    operation_id = "suggest_answers",
    tag = "qa",
    params(
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content = SuggestionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "問題與可引用的來源", body = SuggestionResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:尚未建立索引", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:索引無法開啟,或即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn suggest(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<SuggestionResponse>, Failure> {
    let limit = app.json_limit(&cx);
    let (admitted, json) = admit(&app, &cx, request, limit).await?;
    let ask = app.options.purpose.noting(&cx);
    let n_bytes = json.expose().len();
    let read = move || suggestions::parse(json.expose(), ask);
    Ok(Json(admitted.suggest_answers(Unread { n_bytes, read }).await?.into()))
}

/// 未能回答的問題:數量與識別碼,不含文字。
#[utoipa::path(
    get,
    path = "/api/v1/qa/unanswered",
    operation_id = "list_unanswered",
    tag = "qa",
    responses(
        (status = 200, description = "未能回答的問題", body = UnansweredResponse),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn unanswered(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
) -> Result<Json<UnansweredResponse>, Failure> {
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    Ok(Json(admitted.unanswered_questions().await?.into()))
}

async fn answer(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<AnswerResponse, CallError> {
    let limit = BodyLimit { bytes: app.options.max_meta_bytes, ..app.json_limit(cx) };
    let (admitted, json) = admit(app, cx, request, limit).await?;
    let ask = app.options.purpose.noting(cx);
    let n_bytes = json.expose().len();
    let read = move || answers::parse(json.expose(), ask);
    Ok(admitted.answer_question(Unread { n_bytes, read }).await?.into())
}

/// Takes a place before the body is read.
async fn admit(
    app: &App,
    cx: &CallContext,
    request: Request,
    limit: BodyLimit,
) -> Result<(Admitted, Private<Vec<u8>>), CallError> {
    if body::media_type(request.headers()) != "application/json" {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"));
    }
    body::check_length(request.headers(), limit.bytes)?;
    let admitted = app.service.admit(cx, Task::Answers)?;
    Ok((admitted, body::collect(request, limit).await?))
}
