//! `/api/v1/blobs`: large inputs come in parts, in any order, before the job that works on them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::base::{ErrorCode, Private};
use crate::http::told::{OfBody, OfLoad};
use crate::service::jobs::{Blob, Caller, Completed, failed};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::jobs::{
    self, BlobRequest, BlobResponse, BlobState, CompleteRequest, CompleteResponse, MAX_PART_BYTES,
    MAX_PARTS, PartReceived,
};

use super::body::{self, BodyLimit};
use super::caller::{caller, take};
use super::failure::Failure;
use super::{App, refuse};

/// Largest upload in bytes.
const MAX_BYTES: u64 = MAX_PARTS as u64 * MAX_PART_BYTES as u64;

/// Header of a part's hash, and where it is wrong.
const CONTENT_DIGEST: &str = "content-digest";
const DIGEST_POINTER: &str = "/headers/content-digest";

/// Runs of missing parts that are named.
const MAX_RUNS: usize = 32;

/// Bytes of the JSON bodies here.
const JSON_BYTES: usize = 4 << 10;

/// 開始上傳:取得 `blob_id`,再分段傳送。
///
/// 每段至多 4 MiB,順序不拘,可重送;全部送達後以 `complete` 確認 SHA-256。內容加密保存,逾期或刪除即銷毀金鑰。
#[utoipa::path(
    post,
    path = "/api/v1/blobs",
    operation_id = "open_blob",
    tag = "blobs",
    request_body(content = BlobRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "可開始傳送", body = BlobResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 429, description = "ER0429:超過配額或系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn open(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    Ok(open_blob(&app, &cx, request).await?)
}

async fn open_blob(app: &App, cx: &CallContext, request: Request) -> Result<Response, CallError> {
    let caller = caller(request.headers())?;
    let quota = take(app, &caller)?;
    let json = body::small_json(app, cx, request, JSON_BYTES).await?;
    let asked = jobs::parse_blob(&json, MAX_BYTES)?;
    let expires = app.clock.unix_time() + app.jobs.settings().upload;
    let mut meta = app.jobs.meta(caller, (&asked.kind, &asked.media_type), expires);
    meta.size = asked.size;
    let answer = BlobResponse {
        blob_id: meta.id.clone(),
        part_size: MAX_PART_BYTES,
        parts: jobs::n_parts(asked.size),
        expires_at: jobs::time(meta.expires),
    };
    app.jobs.blobs().open(meta).await.map_err(|it| failed(&it))?;
    Ok((StatusCode::CREATED, quota, Json(answer)).into_response())
}

/// 上傳到哪裡:已收到的各段與長度,供中斷後接續。
#[utoipa::path(
    get,
    path = "/api/v1/blobs/{id}",
    operation_id = "read_blob",
    tag = "blobs",
    params(("id" = String, Path, description = "blob_id")),
    responses(
        (status = 200, description = "上傳", body = BlobState),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個上傳,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<BlobState>, Failure> {
    let Blob { meta, is_complete, .. } = find(&app, &caller(&headers)?, &id).await?;
    let there = app.jobs.blobs().parts(&id).await.map_err(|it| failed(&it))?;
    let received = there.into_iter().map(|(number, size)| PartReceived { number, size });
    Ok(Json(BlobState {
        blob_id: meta.id,
        size: meta.size,
        part_size: MAX_PART_BYTES,
        parts: jobs::n_parts(meta.size),
        received: received.collect(),
        complete: is_complete,
        // While it is being completed this is what its sender says.
        sha256: meta.sha256.filter(|_| is_complete),
        expires_at: jobs::time(meta.expires),
    }))
}

/// 傳送一段內容;編號從 1 起,可重送。
#[utoipa::path(
    put,
    path = "/api/v1/blobs/{id}/parts/{number}",
    operation_id = "put_blob_part",
    tag = "blobs",
    params(
        ("id" = String, Path, description = "blob_id"),
        ("number" = u32, Path, minimum = 1, maximum = 256, description = "第幾段,1 到 256"),
        ("content-digest" = Option<String>, Header, description = "這一段的 SHA-256(RFC 9530),`sha-256=:` 與 `:` 之間為 base64;不符者不收"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "已收下"),
        (status = 400, description = "ER0210:編號或內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個上傳,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "ER0521:內容傳送太慢", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:上傳已經完成,或正在完成", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:一段至多 4 MiB", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path((id, number)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Failure> {
    put_part(&app, &cx, (&id, &number), request).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_part(
    app: &App,
    cx: &CallContext,
    (id, number): (&str, &str),
    request: Request,
) -> Result<(), CallError> {
    let caller = caller(request.headers())?;
    let number = number.parse().ok().filter(|it| (1..=MAX_PARTS).contains(it));
    let number =
        number.ok_or_else(|| CallError::bad_value("/path/number", "應為 1 到 256 的整數。"))?;
    body::check_length(request.headers(), MAX_PART_BYTES)?;
    let blob = find(app, &caller, id).await?;
    // Each part is in memory while it arrives: no more at one time than these places.
    let place = app.uploads.take(&caller.client).ok_or_else(|| {
        refuse(ErrorCode::Overloaded, "同時上傳的段數已達上限,請稍後再試。")
            .retry_after(std::time::Duration::from_secs(1))
    })?;
    let limit = BodyLimit { bytes: MAX_PART_BYTES, ..app.json_limit(cx) };
    let digest = digest_of(request.headers())?;
    let mut content = body::collect(request, limit).await?;
    if content.expose().is_empty() {
        return Err(refuse(ErrorCode::BadValue, "內容不可為空。"));
    }
    let there = app.jobs.blobs().parts(id).await.map_err(|it| failed(&it))?;
    let others: u64 = there.iter().filter(|it| it.0 != number).map(|it| it.1).sum();
    if blob.meta.size < others + content.expose().len() as u64 {
        return Err(refuse(ErrorCode::TooLarge, "各段合計超過開啟時所填的 size。"));
    }
    if let Some(digest) = digest {
        content = with_digest(content, digest).await?;
    }
    let stored = app.jobs.blobs().put_part(&blob, number, content).await;
    drop(place);
    if stored.map_err(|it| failed(&it))? { Ok(()) } else { Err(closed()) }
}

/// SHA-256 of a body as its sender has it (`Content-Digest`, RFC 9530); none when it is not told.
fn digest_of(headers: &HeaderMap) -> Result<Option<Vec<u8>>, CallError> {
    let values = headers.get_all(CONTENT_DIGEST).iter().filter_map(|it| it.to_str().ok());
    let mut digests = values.flat_map(|it| it.split(','));
    let Some(digest) = digests.find_map(|it| it.trim().strip_prefix("sha-256=")) else {
        return Ok(None);
    };
    let digest = digest.strip_prefix(':').and_then(|it| it.strip_suffix(':'));
    digest
        .and_then(|it| STANDARD.decode(it).ok())
        .map(Some)
        .ok_or_else(|| CallError::bad_value(DIGEST_POINTER, "sha-256 應為兩個冒號之間的 base64。"))
}

/// The same content, when it has this SHA-256.
async fn with_digest(
    content: Private<Vec<u8>>,
    digest: Vec<u8>,
) -> Result<Private<Vec<u8>>, CallError> {
    let hash = move || (Sha256::digest(content.expose()).to_vec() == digest, content);
    let (is_same, content) =
        spawn_blocking(hash).await.map_err(|_| refuse(ErrorCode::Internal, "系統發生錯誤。"))?;
    if is_same {
        return Ok(content);
    }
    Err(CallError::bad_value(DIGEST_POINTER, "內容與 SHA-256 不符,請重送這一段。"))
}

/// 完成上傳:確認長度與 SHA-256。
///
/// 確認期間不收任何一段。未收到回覆時,以相同的 SHA-256 重送,回覆相同。
#[utoipa::path(
    post,
    path = "/api/v1/blobs/{id}/complete",
    operation_id = "complete_blob",
    tag = "blobs",
    params(("id" = String, Path, description = "blob_id")),
    request_body(content = CompleteRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "完整", body = CompleteResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個上傳,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:缺少某幾段(detail 列出編號)、已以另一個 SHA-256 完成,或雜湊不符", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "ER0451:含有惡意程式,內容已銷毀", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區或防毒掃描無法使用(內容已銷毀,請重新上傳),或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn complete(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<CompleteResponse>, Failure> {
    Ok(Json(complete_blob(&app, &cx, &id, request).await?))
}

async fn complete_blob(
    app: &App,
    cx: &CallContext,
    id: &str,
    request: Request,
) -> Result<CompleteResponse, CallError> {
    let caller = caller(request.headers())?;
    let blob = find(app, &caller, id).await?;
    let sha256 = jobs::parse_complete(&body::small_json(app, cx, request, JSON_BYTES).await?)?;
    let completed = app.jobs.blobs().complete(&blob, &sha256).await.map_err(|it| failed(&it))?;
    let conflict = |message: &str| Err(refuse(ErrorCode::Conflict, message));
    match completed {
        Completed::Whole(meta) => {
            scan(app, &meta.id, blob.is_complete).await?;
            Ok(CompleteResponse {
                blob_id: meta.id,
                size: meta.size,
                sha256,
                expires_at: jobs::time(meta.expires),
            })
        }
        Completed::Lacking(there) => {
            let lacking = lacking(blob.meta.size, &there);
            conflict(&format!("{lacking},請補送後再完成。"))
        }
        Completed::OtherSize => conflict("總長度與 size 不符,請刪除後重新上傳。"),
        Completed::OtherHash => conflict("SHA-256 不符,請重送內容有誤的段落後再完成。"),
        Completed::Changed => conflict("確認期間內容有所更動,請再完成一次。"),
        Completed::NotOpen => conflict("上傳已經完成,且 SHA-256 不同。"),
    }
}

/// What an upload of `size` bytes lacks: the parts before its last that are not there, else how many bytes.
fn lacking(size: u64, there: &[(u32, u64)]) -> String {
    let last = there.last().map_or(0, |it| it.0);
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in (1..last).filter(|number| there.iter().all(|it| it.0 != *number)) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    if runs.is_empty() {
        let found: u64 = there.iter().map(|it| it.1).sum();
        return format!("還少 {} 位元組", size.saturating_sub(found));
    }
    let named = runs.iter().take(MAX_RUNS).map(|(first, last)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    });
    let named = named.collect::<Vec<_>>().join("、");
    format!("缺少第 {named}{} 段", if runs.len() <= MAX_RUNS { "" } else { "…" })
}

/// Has a whole upload looked at; what the scanner does not let through is destroyed. Whoever completes it again may be the
/// first to hear what the scanner said; but what may be a job's input by now outlives a scanner that is away.
async fn scan(app: &App, id: &str, is_repeated: bool) -> Result<(), CallError> {
    let scanner = app.service.scanner();
    if !scanner.is_on() {
        return Ok(());
    }
    let blobs = app.jobs.blobs();
    let reader = blobs.read(id).await.map_err(|it| failed(&it))?.ok_or_else(gone)?;
    let scanned = scanner.check_upload(reader).await;
    if scanned.as_ref().is_err_and(|it| !is_repeated || it.code == ErrorCode::Infected) {
        blobs.delete(id).await.map_err(|it| failed(&it))?;
    }
    scanned
}

/// 刪除上傳的內容:立即銷毀金鑰。
#[utoipa::path(
    delete,
    path = "/api/v1/blobs/{id}",
    operation_id = "delete_blob",
    tag = "blobs",
    params(("id" = String, Path, description = "blob_id")),
    responses(
        (status = 204, description = "已銷毀"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個上傳,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    find(&app, &caller(&headers)?, &id).await?;
    app.jobs.blobs().delete(&id).await.map_err(|it| failed(&it))?;
    Ok(StatusCode::NO_CONTENT)
}

/// An upload of the caller's own.
async fn find(app: &App, caller: &Caller, id: &str) -> Result<Blob, CallError> {
    if !jobs::is_id(id) {
        return Err(gone());
    }
    let found = app.jobs.blobs().find(id).await.map_err(|it| failed(&it))?;
    let now = app.clock.unix_time();
    found.filter(|it| it.meta.client == caller.client && now < it.meta.expires).ok_or_else(gone)
}

fn gone() -> CallError {
    refuse(ErrorCode::NotFound, "沒有這個上傳,或已逾保存期限。")
}

fn closed() -> CallError {
    let message = "上傳已經完成或正在完成,不可再更動;若未收到 complete 的回覆,請重送 complete。";
    refuse(ErrorCode::Conflict, message)
}
