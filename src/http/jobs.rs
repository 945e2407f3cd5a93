//! `/api/v1/jobs`: what is done later, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::base::{ErrorCode, Private, TraceContext, hex};
use crate::http::told::OfLoad;
use crate::service::jobs::{
    Caller, Job, JobFilter, JobInput, JobOrder, Prepared, Repetition, status,
};
use crate::task::call::{CallContext, CallError};
use crate::wire::call;
use crate::wire::problem::Problem;
use crate::wire::v1::jobs::{self, JobAccepted, JobPage, JobRequest, JobResponse};
use crate::wire::v1::meta::Purpose;

use super::body::{self, BodyLimit};
use super::caller::{QuotaHeaders, caller, ceil, spent, take};
use super::failure::Failure;
use super::query::{Parameter, parameters};
use super::{App, guard, refuse};

/// The path, for the envelope: it has query parameters.
pub(super) const PATH: &str = "/api/v1/jobs";

/// What keys of repetitions belong to.
const ROUTE: &str = "jobs";

/// Where the input stands in a request.
const INPUT: &str = "/input";

/// Bytes around the input of a request.
const AROUND: usize = 4 << 10;

/// Longest idempotency key.
const MAX_KEY: usize = 256;

/// Seconds that a client waits before it asks again, when nothing is known.
const ASK_AGAIN: u64 = 2;

/// 建立工作:稍後處理,立即回覆 202。
///
/// 內容以 `input` 直接附上(64 KiB 以內,與該服務直接呼叫時相同),或以 `blob_id` 指定已上傳完成的內容。收到 202 時,工作已寫入磁碟。
/// 同一個 `Idempotency-Key` 重送時,回覆逐位元組相同。
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    operation_id = "create_job",
    tag = "jobs",
    params(
        ("idempotency-key" = Option<String>, Header, pattern = "^[!-~]{1,256}$", description = "重送的識別碼,1 到 256 個可見字元;24 小時內有效。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content = JobRequest, content_type = "application/json"),
    responses(
        (status = 202, description = "已受理", body = JobAccepted),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "ER0521:內容傳送太慢", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:內容過大,請改用上傳", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "ER0440:不支援的媒體類型", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "ER0400:Idempotency-Key 已用於其他請求;ER0450、ER0452:內容無法處理", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "ER0429:超過配額或系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    Ok(create_job(&app, &cx, request).await?)
}

async fn create_job(app: &App, cx: &CallContext, request: Request) -> Result<Response, CallError> {
    if body::media_type(request.headers()) != "application/json" {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"));
    }
    let limit = BodyLimit { bytes: jobs::MAX_INPUT_BYTES + AROUND, ..app.json_limit(cx) };
    body::check_length(request.headers(), limit.bytes)?;
    let sender = Sender::admit(app, request.headers(), ROUTE).await?;
    let principal = guard::principal(request.extensions())?;
    let json = body::collect(request, limit).await?;
    let fingerprint = Sha256::digest(json.expose()).to_vec();
    let ask = app.options.purpose.noting(cx);
    let asked = jobs::parse(json.expose(), ask.clone())?;
    guard::require_job(&principal, &asked.service)?;
    let input = match (asked.input, asked.blob_id) {
        (Some(input), _) => {
            let content = input.to_string().into_bytes();
            ask.check_document(&content).map_err(|it| it.within(INPUT))?;
            if jobs::MAX_INPUT_BYTES < content.len() {
                let message = "input 超過 65536 位元組,請改用上傳(POST /api/v1/blobs)。";
                return Err(refuse(ErrorCode::TooLarge, message));
            }
            let content = Private::new(content);
            JobInput::Bytes { media_type: "application/json", content, at: INPUT }
        }
        (None, blob) => JobInput::Blob(blob.unwrap_or_default()),
    };
    let order = JobOrder {
        caller: sender.caller.clone(),
        service: asked.service,
        operation: asked.operation,
        input,
        priority: asked.priority,
        case_no: asked.purpose.as_ref().and_then(Purpose::case_no),
        purpose: asked.purpose.map(|it| it.code),
        correlation: cx.request_id.to_string(),
        traceparent: sender.traceparent.clone(),
    };
    accept(app, order, sender, (ROUTE, fingerprint)).await
}

/// Who sends a call that becomes a job, and what its header says about it.
pub(super) struct Sender {
    /// Who.
    pub(super) caller: Caller,
    /// The caller's trace.
    pub(super) traceparent: Option<String>,
    key: Option<String>,
    quota: QuotaHeaders,
}

impl Sender {
    /// Takes one call of the quota, unless the server is about to end. Where none is left, whoever repeats a call is let in
    /// all the same: it makes no new job.
    pub(super) async fn admit(
        app: &App,
        headers: &HeaderMap,
        route: &'static str,
    ) -> Result<Sender, CallError> {
        if app.service.is_draining() {
            let message = "服務即將停機,請改送其他節點或稍後再試。";
            return Err(refuse(ErrorCode::Unavailable, message));
        }
        let caller = caller(headers)?;
        let key = idempotency_key(headers)?;
        let quota = match (take(app, &caller), key) {
            (Err(refused), Some(key)) if app.jobs.knows(&caller, (key, route)).await? => {
                refused.spent.as_ref().map(spent).ok_or(refused)?
            }
            (taken, _) => taken?,
        };
        let traceparent = headers.get(call::TRACE_PARENT).and_then(|it| it.to_str().ok());
        // Events and webhooks carry it on: nothing but a trace.
        let traceparent = traceparent.and_then(TraceContext::parse);
        Ok(Sender {
            caller,
            traceparent: traceparent.map(|it| it.to_string()),
            key: key.map(str::to_owned),
            quota,
        })
    }
}

/// The key that tells repetitions of a call.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, CallError> {
    let key = headers.get("idempotency-key").map(|it| it.to_str().unwrap_or_default());
    let is_safe = |it: &str| {
        (1..=MAX_KEY).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if key.is_some_and(|it| !is_safe(it)) {
        let detail = "應為 1 到 256 個可見的 ASCII 字元。";
        return Err(CallError::bad_value("/headers/idempotency-key", detail));
    }
    Ok(key)
}

/// Accepts a job and answers 202.
pub(super) async fn accept(
    app: &App,
    order: JobOrder,
    sender: Sender,
    call: (&'static str, Vec<u8>),
) -> Result<Response, CallError> {
    let prepared = app.jobs.prepare(order).await?;
    accept_prepared(app, prepared, sender, call).await
}

/// The same of a job that is ready.
pub(super) async fn accept_prepared(
    app: &App,
    prepared: Prepared,
    sender: Sender,
    (route, fingerprint): (&'static str, Vec<u8>),
) -> Result<Response, CallError> {
    let outlook = &prepared.outlook;
    let wait = outlook.finish.map_or(ASK_AGAIN, |it| ceil(it.saturating_sub(outlook.created)));
    let answer = encode(&JobAccepted::from(outlook))?;
    let repetition = sender.key.map(|key| Repetition { key, route, fingerprint });
    let answer = app.jobs.accept(prepared, repetition, answer).await?;
    metrics::counter!("fenwen_jobs_accepted_total").increment(1);
    answered(answer, wait, sender.quota)
}

/// The answer to a call that was sent before under the same key; none to any other.
pub(super) async fn repeated(
    app: &App,
    sender: &Sender,
    (route, fingerprint): (&'static str, &[u8]),
) -> Result<Option<Response>, CallError> {
    let Some(key) = sender.key.clone() else { return Ok(None) };
    let repetition = Repetition { key, route, fingerprint: fingerprint.to_vec() };
    let found = app.jobs.answered(&sender.caller, &repetition).await?;
    found.map(|it| answered(it, ASK_AGAIN, sender.quota.clone())).transpose()
}

/// A repetition is answered with the first job's id.
fn answered(answer: Vec<u8>, wait: u64, quota: QuotaHeaders) -> Result<Response, CallError> {
    let accepted: JobAccepted = serde_json::from_slice(&answer).map_err(|_| internal())?;
    let headers = [
        (LOCATION, accepted.links.own),
        (RETRY_AFTER, wait.clamp(1, 60).to_string()),
        (CONTENT_TYPE, "application/json".to_owned()),
    ];
    Ok((StatusCode::ACCEPTED, headers, quota, answer).into_response())
}

/// Id of the job in an answer of [`accept`].
pub(super) fn accepted_id(answer: &Response) -> &str {
    let location = answer.headers().get(LOCATION).and_then(|it| it.to_str().ok());
    location.and_then(|it| it.rsplit('/').next()).unwrap_or_default()
}

/// 工作清單:呼叫端自己的工作,新的在前。
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    operation_id = "list_jobs",
    tag = "jobs",
    params(
        ("state" = Option<String>, Query, pattern = "^(queued|running|succeeded|failed|cancelled|dead)$", description = "只列出這個狀態:queued、running、succeeded、failed、cancelled、dead"),
        ("service" = Option<String>, Query, description = "只列出這個服務"),
        ("before" = Option<String>, Query, pattern = "^[0-9]{1,18}$", description = "上一頁回覆的 next"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "筆數,1 到 200;預設 50"),
    ),
    responses(
        (status = 200, description = "一頁工作", body = JobPage),
        (status = 400, description = "ER0200、ER0210:參數有誤", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<JobPage>, Failure> {
    let caller = caller(request.headers())?;
    let filter = filter(request.uri().query().unwrap_or_default())?;
    let limit = filter.limit;
    let found = app.jobs.list(&caller, filter).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|it| it.seq.to_string());
    let mut items = Vec::with_capacity(found.len());
    for job in found {
        items.push(status(job, None).into());
    }
    Ok(Json(JobPage { items, next }))
}

fn filter(query: &str) -> Result<JobFilter, CallError> {
    let mut filter = JobFilter { limit: jobs::PAGE, ..JobFilter::default() };
    for it in parameters(query) {
        match it.name.as_ref() {
            "state" => filter.state = Some(it.read("不是已知的狀態。")?),
            "service" if (1..=64).contains(&it.value.len()) => {
                filter.service = Some(it.value.into_owned());
            }
            "service" => return Err(it.wrong("應為 1 到 64 個字元。")),
            "before" => filter.before = Some(it.read("應為上一頁回覆的 next。")?),
            "limit" => filter.limit = it.limit(jobs::MAX_PAGE)?,
            _ => return Err(Parameter::unknown()),
        }
    }
    Ok(filter)
}

/// 工作狀態、進度與預估完成時間。
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    operation_id = "read_job",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "job_id"),
        ("if-none-match" = Option<String>, Header, description = "先前回覆的 ETag;未改變時回覆 304"),
    ),
    responses(
        (status = 200, description = "工作", body = JobResponse),
        (status = 304, description = "未改變"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個工作,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = find(&app, &headers, &id).await?;
    let outlook = if job.state.is_final() { None } else { Some(app.jobs.outlook_of(&job).await?) };
    let is_final = job.state.is_final();
    let answer = encode(&JobResponse::from(status(job, outlook)))?;
    let tag = etag(&answer);
    if is_match(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let mut answer =
        ([(ETAG, tag), (CONTENT_TYPE, "application/json".to_owned())], answer).into_response();
    if !is_final {
        answer.headers_mut().insert(RETRY_AFTER, ASK_AGAIN.into());
    }
    Ok(answer)
}

/// 取消工作:排隊中者立即取消,執行中者於數秒內停止。
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/cancel",
    operation_id = "cancel_job",
    tag = "jobs",
    params(("id" = String, Path, description = "job_id")),
    responses(
        (status = 200, description = "工作", body = JobResponse),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個工作,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:工作已經結束", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<JobResponse>, Failure> {
    check_id(&id)?;
    let job = app.jobs.cancel(&caller(&headers)?, &id).await?;
    Ok(Json(status(job, None).into()))
}

/// 取消工作(同 `POST …/cancel`)。
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    operation_id = "delete_job",
    tag = "jobs",
    params(("id" = String, Path, description = "job_id")),
    responses(
        (status = 200, description = "工作", body = JobResponse),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個工作,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:工作已經結束", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(
    state: State<Arc<App>>,
    id: Path<String>,
    headers: HeaderMap,
) -> Result<Json<JobResponse>, Failure> {
    cancel(state, id, headers).await
}

/// The job of a path, when the caller may see it.
pub(super) async fn find(app: &App, headers: &HeaderMap, id: &str) -> Result<Job, CallError> {
    check_id(id)?;
    app.jobs.find(&caller(headers)?, id).await
}

fn check_id(id: &str) -> Result<(), CallError> {
    if jobs::is_id(id) {
        return Ok(());
    }
    Err(refuse(ErrorCode::NotFound, "沒有這個工作,或已逾保存期限。"))
}

/// Whether the caller has what it asks for.
pub(super) fn is_match(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    values.flat_map(|it| it.split(',')).any(|it| {
        let it = it.trim();
        it == "*" || it.trim_start_matches("W/") == tag
    })
}

fn etag(answer: &[u8]) -> String {
    let digits = hex(&Sha256::digest(answer)[..16]);
    format!("\"{digits}\"")
}

fn encode(answer: &impl serde::Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(answer).map_err(|_| internal())
}

fn internal() -> CallError {
    refuse(ErrorCode::Internal, "系統發生錯誤。")
}
