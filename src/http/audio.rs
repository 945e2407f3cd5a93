//! `GET /api/v1/speech/transcriptions/{id}/audio`: the recording itself, as long as it is kept.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::base::ErrorCode;
use crate::http::told::OfLoad;
use crate::service::jobs::{BlobReader, Job, failed};
use crate::task::call::CallError;
use crate::wire::problem::Problem;
use crate::wire::v1::meta::PurposeRule;
use crate::wire::v1::speech as order;

use super::failure::Failure;
use super::jobs::find;
use super::results::body_of;
use super::{App, speech};

/// Bytes of what a job was given.
const ORDER_BYTES: u64 = 64 << 10;

/// 錄音原檔,保存期間內可取得;其中的個資未經遮蔽。
#[utoipa::path(
    get,
    path = "/api/v1/speech/transcriptions/{id}/audio",
    operation_id = "read_recording",
    tag = "speech",
    params(("id" = String, Path, description = "job_id")),
    responses(
        (status = 200, description = "錄音,格式與送出時相同", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這件轉寫,或錄音已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = find(&app, &headers, &id).await?;
    if job.service != speech::SERVICE {
        return Err(gone().into());
    }
    let reader = recording(&app, &job).await?.ok_or_else(gone)?;
    let size = reader.meta().size.to_string();
    let headers = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, size)];
    Ok((headers, body_of(reader)).into_response())
}

/// The recording that a job was given, if it is still there.
async fn recording(app: &App, job: &Job) -> Result<Option<BlobReader>, CallError> {
    let blobs = app.jobs.blobs();
    let Some(input) = &job.input else { return Ok(None) };
    let Some(input) = blobs.read(input).await.map_err(|it| failed(&it))? else { return Ok(None) };
    let Some(json) = input.collect(ORDER_BYTES).await.map_err(|it| failed(&it))? else {
        return Ok(None);
    };
    // Its purpose was asked for when it came.
    let (id, _) = order::parse_input(json.expose(), PurposeRule::Optional)?;
    let found = blobs.read(&id).await.map_err(|it| failed(&it))?;
    Ok(found.filter(|it| it.meta().client == job.client))
}

fn gone() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這件轉寫,或錄音已逾保存期限。")
}
