//! `POST /api/v1/identity-documents/recognitions`, and what an officer found who compared its answer with the image.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::policy::Scope;
use crate::service::Unread;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::idcard::IdCall;
use crate::wire::problem::Problem;
use crate::wire::v1::card_check::{self, CardCheckRequest};
use crate::wire::v1::meta::{Meta, RecognitionOrder};
use crate::wire::v1::prediction::{self, PredictionResponse};
use crate::wire::v1::recognition::RecognitionAnswer;

use super::failure::Failure;
use super::{App, body, form, guard, refuse};

/// The path, for the catalogue.
pub(super) const PATH: &str = "/api/v1/identity-documents/recognitions";

/// The form, as the API's description shows it; [`form`] reads it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart form, whose parts are read one by one")]
pub(super) struct RecognitionForm {
    /// JSON, at most 64 KiB. May be left out in the demo profile.
    meta: Option<Meta>,
    /// One or two pictures (JPEG, PNG, WebP, TIFF, BMP), at most 10 MiB each. File names and types are ignored.
    #[schema(value_type = Vec<String>, format = Binary, content_media_type = "application/octet-stream", min_items = 1, max_items = 2)]
    image: Vec<Vec<u8>>,
}

/// 辨識證件影像:種類、欄位、檢核與影像品質。
///
/// 結果僅供承辦人參考。影像、讀到的值與 `expected` 於回覆後即丟棄,不儲存、不記錄;只留存預測紀錄:證件種類、欄位名稱、
/// 信心度與模型版本,可用 `GET /api/v1/identity-documents/recognitions/{id}` 查詢(id 即 `recognition_id`)。
/// 頂層的 `document`、`quality`、`fields`、`mrz` 描述第一張影像;送出兩張時另有 `documents`,依序各一。
#[utoipa::path(
    post,
    path = "/api/v1/identity-documents/recognitions",
    operation_id = "recognise_identity_document",
    tag = "identity-documents",
    params(
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content = RecognitionForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "辨識結果", body = RecognitionAnswer),
        (status = 400, description = "ER0200、ER0210:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 422, description = "ER0450:影像無法處理;ER0451:含有惡意程式", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:尚未就緒或即將停機,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn recognise(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<RecognitionAnswer>, Failure> {
    Ok(Json(answer(&app, &cx, request).await?))
}

async fn answer(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<RecognitionAnswer, CallError> {
    form::check_header(request.headers(), &app.options)?;
    let admitted = app.service.admit(cx, Task::IdCard)?;
    let left = cx.deadline.saturating_duration_since(app.clock.now());
    let form = form::read(request, &app.options, left.min(app.options.body_timeout)).await?;
    let meta = form.meta.as_ref().map(|it| it.expose().as_slice());
    let order = RecognitionOrder::parse(meta, app.options.purpose.noting(cx))?;
    let call = IdCall { pictures: form.images, wanted: order.wanted };
    let answers = admitted.recognise_id(call).await?;
    let model = app.service.idcard_model();
    model
        .and_then(|it| RecognitionAnswer::new(cx.request_id, &order, answers, it))
        .ok_or_else(|| refuse(ErrorCode::Internal, "系統發生錯誤。"))
}

/// 一次辨識的紀錄:證件種類與讀到的欄位及其信心度、模型版本、期限與核對結果;不含任何值。
///
/// 具 `id:read` 者可查詢本機關的每一次;只有 `id:recognize` 者可查詢自己送出的。
#[utoipa::path(
    get,
    path = "/api/v1/identity-documents/recognitions/{id}",
    operation_id = "read_recognition",
    tag = "identity-documents",
    params(("id" = String, Path, description = "recognition_id")),
    responses(
        (status = 200, description = "紀錄", body = PredictionResponse),
        (status = 404, description = "ER0100:沒有這次辨識,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
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
    request: Request,
) -> Result<Json<PredictionResponse>, Failure> {
    let id = prediction::parse_id(&id)?;
    let principal = guard::principal(request.extensions())?;
    let maker = (!principal.scopes.has(Scope::IdRead)).then(|| principal.subject.clone());
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    Ok(Json(admitted.recognition(id, maker).await?.into()))
}

/// Bytes of what an officer found.
const CHECK_BYTES: usize = 16 << 10;

/// 證件複核的結果:各欄位相符或更正;作為回饋留存,不含任何欄位的值。
///
/// 只接受本機關的辨識,且只核對這次辨識讀到的欄位;可再補送,以最後一次為準。可用 `GET /api/v1/identity-documents/recognitions/{id}` 查詢。
#[utoipa::path(
    post,
    path = "/api/v1/identity-documents/recognitions/{id}/feedback",
    operation_id = "check_identity_document",
    tag = "identity-documents",
    params(("id" = String, Path, description = "recognition_id")),
    request_body(content = CardCheckRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已收下"),
        (status = 404, description = "ER0100:沒有這次辨識,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn check(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let id = prediction::parse_id(&id)?;
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    let json = body::small_json(&app, &cx, request, CHECK_BYTES).await?;
    let n_bytes = json.len();
    let read = move || card_check::parse(&json);
    admitted.check_card(id, Unread { n_bytes, read }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 證件複核顯示號碼與姓名之前呼叫:只寫入稽核紀錄(何人、何時、哪一次辨識),不回傳任何值。
///
/// 值只在辨識的回覆中;畫面預設遮蔽,收到 204 後才顯示。無法寫入稽核紀錄時為 ER0530,畫面維持遮蔽。
#[utoipa::path(
    post,
    path = "/api/v1/identity-documents/recognitions/{id}/reveal",
    operation_id = "reveal_identity_document",
    tag = "identity-documents",
    params(("id" = String, Path, description = "recognition_id")),
    responses(
        (status = 204, description = "已記錄"),
        (status = 400, description = "ER0200:參數有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這次辨識,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reveal(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = prediction::parse_id(&id)?;
    app.service.admit(&cx, Task::Predictions)?.require_card(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
