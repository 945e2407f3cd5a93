//! `POST /api/v1/documents/dispatch-suggestions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::service::Unread;
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::problem::Problem;
use crate::wire::v1::dispatch::DispatchResponse;
use crate::wire::v1::documents::{self, DispatchRequest, DocumentFormat, ExchangeMeta};
use crate::wire::v1::jobs::JobAccepted;

use super::failure::Failure;
use super::later::{self, Diverted, LaterKind};
use super::{App, body, refuse};

/// The path, for the catalogue.
pub(super) const PATH: &str = "/api/v1/documents/dispatch-suggestions";

/// The form, as the API's description shows it; [`body`] reads it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart form, whose parts are read by themselves")]
pub(super) struct DocumentForm {
    /// A DI file of the exchange (公文本文檔), at most 4 MiB.
    #[schema(value_type = String, format = Binary, content_media_type = "application/xml")]
    document: Vec<u8>,
    /// What is known of it beside: received_at, due_on, officers, prior_cases, options, purpose.
    meta: Option<ExchangeMeta>,
}

/// How a document is carried.
#[derive(Clone, Copy)]
enum Carrier {
    Body(DocumentFormat),
    Part,
}

impl Carrier {
    fn of(media_type: &str) -> Result<Carrier, CallError> {
        if media_type == "multipart/form-data" {
            return Ok(Carrier::Part);
        }
        DocumentFormat::of(media_type).map(Carrier::Body).ok_or_else(|| {
            let message = "請以 application/json、application/xml(DI)或 multipart/form-data 的 document 傳送。";
            refuse(ErrorCode::UnsupportedMedia, message)
        })
    }
}

/// 電子公文智能分文:主辦與會辦單位、承辦人、理由、辦理期限與移文建議。
///
/// 接受 JSON、公文交換本文檔(DI,`application/xml`),或 multipart 的 `document`(另以 `meta` 附上收文日、承辦人等)。密等高於普通者不讀取內容,回覆 ER0452。
/// 引用本部文號的復文依規則直接分文。結果僅供承辦人參考。
#[utoipa::path(
    post,
    path = "/api/v1/documents/dispatch-suggestions",
    operation_id = "suggest_dispatch",
    tag = "documents",
    params(
        ("prefer" = Option<String>, Header, description = "respond-async:JSON 改為工作,回覆 202;加上 wait=秒數 則先等候結果。"),
        ("idempotency-key" = Option<String>, Header, pattern = "^[!-~]{1,256}$", description = "改為工作時的重送識別碼。"),
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content(
        (DispatchRequest = "application/json"),
        (String = "application/xml"),
        (DocumentForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "分文建議", body = DispatchResponse),
        (status = 202, description = "已受理為工作(Prefer: respond-async,限 JSON)", body = JobAccepted),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:工作未能完成", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "ER0400:Idempotency-Key 已用於其他請求;ER0450:檔案無法處理;ER0452:不受理密等公文", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:尚未啟用模型,或即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn suggest(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = LaterKind { service: "documents", operation: "dispatch" };
    match later::divert(&app, &cx, kind, request).await? {
        Diverted::Later(answer) => Ok(answer),
        Diverted::Now(request) => Ok(Json(answer(&app, &cx, request).await?).into_response()),
    }
}

async fn answer(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<DispatchResponse, CallError> {
    let carrier = Carrier::of(&body::media_type(request.headers()))?;
    body::check_length(request.headers(), app.options.max_json_bytes)?;
    let admitted = app.service.admit(cx, Task::Documents)?;
    let limit = app.json_limit(cx);
    let ask = app.options.purpose.noting(cx);
    let answer = match carrier {
        Carrier::Part => {
            let parts = body::collect_parts(request, ["document", "meta"], limit).await?;
            let [Some(file), meta] = parts else {
                return Err(CallError::bad_value("/document", "必填。"));
            };
            let n_bytes = file.expose().len();
            let read = move || {
                let meta = meta.as_ref().map(|it| it.expose().as_slice());
                documents::parse_form(file.expose(), meta, ask)
            };
            admitted.dispatch_document(Unread { n_bytes, read }).await?
        }
        Carrier::Body(form) => {
            let bytes = body::collect(request, limit).await?;
            let n_bytes = bytes.expose().len();
            let read = move || form.parse(bytes.expose(), ask);
            admitted.dispatch_document(Unread { n_bytes, read }).await?
        }
    };
    Ok(answer.into())
}
