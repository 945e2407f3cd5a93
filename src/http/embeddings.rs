//! `POST /v1/embeddings`: vectors of texts for clients of OpenAI's interface.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};

use crate::base::ErrorCode;
use crate::service::Unread;
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::openai::AudioFailure;
use crate::wire::openai::embeddings::{self, EmbeddingRequest, EmbeddingResponse};

use super::failure::Failure;
use super::{App, body, refuse};

/// 文字向量(OpenAI 相容):供既有的 `openai` 用戶端程式比對、檢索文字。
///
/// 模型為 `use-multilingual-v3`,512 維單位向量。文字不保存;過長的文字不會默默截斷,而是拒絕。
#[utoipa::path(
    post,
    path = "/v1/embeddings",
    operation_id = "create_embedding",
    tag = "inference",
    params(
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
    ),
    request_body(content = EmbeddingRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "每筆文字一個向量", body = EmbeddingResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤,或文字過長", body = AudioFailure),
        (status = 404, description = "ER0100:沒有這個模型", body = AudioFailure),
        (status = 408, description = "ER0521:內容傳送太慢", body = AudioFailure),
        (status = 409, description = "ER0410:尚未安裝模型", body = AudioFailure),
        (status = 413, description = "ER0430:內容過大", body = AudioFailure),
        (status = 415, description = "ER0440:不支援的媒體類型", body = AudioFailure),
        (status = 429, description = "ER0429:系統忙碌,依 Retry-After 再試", body = AudioFailure),
        (status = 500, description = "ER0500:系統錯誤", body = AudioFailure),
        (status = 503, description = "ER0510:即將停機", body = AudioFailure),
        (status = 504, description = "ER0520:逾時", body = AudioFailure),
    ),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<EmbeddingResponse>, Failure> {
    Ok(Json(answer(&app, &cx, request).await?))
}

async fn answer(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<EmbeddingResponse, CallError> {
    if body::media_type(request.headers()) != "application/json" {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"));
    }
    body::check_length(request.headers(), app.options.max_json_bytes)?;
    let admitted = app.service.admit(cx, Task::Embeddings)?;
    let json = body::collect(request, app.json_limit(cx)).await?;
    let n_bytes = json.expose().len();
    let read = move || embeddings::parse(json.expose());
    let (answer, encoding) = admitted.embed(Unread { n_bytes, read }).await?;
    Ok(EmbeddingResponse::of(answer, encoding))
}
