//! `GET /v1/models`: which models clients of OpenAI's interface may name here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use crate::task::call::{CallContext, Task};
use crate::wire::openai::AudioFailure;
use crate::wire::openai::models::ServedModels;

use super::App;
use super::failure::Failure;

/// 可用的模型(OpenAI 相容):這個節點提供的文字向量與語音轉寫模型。
///
/// 語音轉寫接受任何名稱;`whisper-1` 為既有用戶端程式慣用者。未安裝、已停用或由其他節點提供者不列。
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "list_models",
    tag = "inference",
    responses(
        (status = 200, description = "模型", body = ServedModels),
        (status = 429, description = "ER0429:系統忙碌,依 Retry-After 再試", body = AudioFailure),
        (status = 500, description = "ER0500:系統錯誤", body = AudioFailure),
        (status = 503, description = "ER0510:即將停機", body = AudioFailure),
        (status = 504, description = "ER0520:逾時", body = AudioFailure),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
) -> Result<Json<ServedModels>, Failure> {
    let embeds = app.service.admit(&cx, Task::Embeddings)?.embeds().await?;
    let speech = app.service.speech_for(&cx.origin.org).ok();
    let hears = speech.and_then(|it| it.model()).map(|it| it.name.as_str());
    Ok(Json(ServedModels::of(embeds, hears)))
}
