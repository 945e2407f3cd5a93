//! `POST /api/v1/letters/classifications`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};

use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::service::Unread;
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::problem::Problem;
use crate::wire::v1::jobs::JobAccepted;
use crate::wire::v1::letters::{self, ClassificationRequest, ClassificationResponse};

use super::failure::Failure;
use super::later::{self, Diverted, LaterKind};
use super::{App, body, refuse};

/// The path, for the catalogue.
pub(super) const PATH: &str = "/api/v1/letters/classifications";

/// 信件智能分類:標籤與承辦單位、依據、旗標、個資位置與重複陳情。
///
/// 一次 1 到 100 封。結果僅供承辦人參考。位置皆為所送欄位的 Unicode 碼位,不回覆文字;文字加密保存至期限為止,供回饋使用。
#[utoipa::path(
    post,
    path = "/api/v1/letters/classifications",
    operation_id = "classify_letters",
    tag = "letters",
    params(
        ("prefer" = Option<String>, Header, description = "respond-async:改為工作,回覆 202;加上 wait=秒數 則先等候結果。"),
        ("idempotency-key" = Option<String>, Header, pattern = "^[!-~]{1,256}$", description = "改為工作時的重送識別碼。"),
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content = ClassificationRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "分類結果", body = ClassificationResponse),
        (status = 202, description = "已受理為工作(Prefer: respond-async)", body = JobAccepted),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:工作未能完成", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "ER0400:Idempotency-Key 已用於其他請求", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:尚未啟用模型,或即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn classify(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = LaterKind { service: "letters", operation: "classify" };
    match later::divert(&app, &cx, kind, request).await? {
        Diverted::Later(answer) => Ok(answer),
        Diverted::Now(request) => Ok(Json(answer(&app, &cx, request).await?).into_response()),
    }
}

async fn answer(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<ClassificationResponse, CallError> {
    if body::media_type(request.headers()) != "application/json" {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"));
    }
    body::check_length(request.headers(), app.options.max_json_bytes)?;
    let admitted = app.service.admit(cx, Task::Letters)?;
    let json = body::collect(request, app.json_limit(cx)).await?;
    let ask = app.options.purpose.noting(cx);
    let n_bytes = json.expose().len();
    let read = move || letters::parse(json.expose(), ask);
    let answers = admitted.classify_letters(Unread { n_bytes, read }).await?;
    Ok(answers.into())
}
