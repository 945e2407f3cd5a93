//! `/api/v1/speech/transcriptions`: recordings become jobs, and their transcripts are read in the form that is wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::base::{ErrorCode, Private};
use crate::http::told::OfLoad;
use crate::policy::Scope;
use crate::service::jobs::{Job, JobInput, JobOrder, JobState, failed};
use crate::service::speech::{Heard, KeptTranscript, heard};
use crate::task::call::{CallContext, CallError};
use crate::task::speech::{CorrectedSegment, Rendition};
use crate::wire::problem::Problem;
use crate::wire::v1::jobs::JobAccepted;
use crate::wire::v1::meta::Purpose;
use crate::wire::v1::speech::{
    self, TranscriptionOrder, TranscriptionRequest, TranscriptionResponse,
};
use crate::wire::v1::transcript::{Form, Shown};

use super::body::{self, BodyLimit};
use super::failure::Failure;
use super::jobs::{Sender, accept_prepared, find, repeated};
use super::recording::RecordingForm;
use super::{App, guard, refuse};

/// The path, for the catalogue.
pub(super) const PATH: &str = "/api/v1/speech/transcriptions";

/// The path of one, for the envelope: it has query parameters.
pub(super) const ITEM: &str = "/api/v1/speech/transcriptions/{id}";

/// The service and the operation of its jobs.
pub(super) const SERVICE: &str = "speech";
const OPERATION: &str = "transcribe";

/// Bytes of a JSON body here.
const JSON_BYTES: usize = 64 << 10;

/// Seconds that a client waits before it asks again.
const ASK_AGAIN: &str = "2";

/// The form, as the API's description shows it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart form, whose parts are read one by one")]
pub(super) struct TranscriptionForm {
    /// JSON, as the body of a request with an upload, without `blob_id`. May be left out in the demo profile.
    meta: Option<TranscriptionRequest>,
    /// The recording (WAV, MP3, FLAC, OGG/Opus, M4A/AAC, WebM), at most 25 MiB. Its name and type are ignored.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// 語音轉寫:錄音一律成為工作,立即回覆 202。
///
/// 錄音以 `blob_id` 指定(先以 `POST /api/v1/blobs` 上傳),或以 multipart 的 `file` 直接附上(25 MiB 以內)。
/// 格式於受理前檢查;進度與狀態以工作查詢,逐字稿以 `GET /api/v1/speech/transcriptions/{job_id}` 取得。
#[utoipa::path(
    post,
    path = "/api/v1/speech/transcriptions",
    operation_id = "transcribe_recording",
    tag = "speech",
    params(
        ("idempotency-key" = Option<String>, Header, pattern = "^[!-~]{1,256}$", description = "重送的識別碼,1 到 256 個可見字元;24 小時內有效。"),
        ("x-request-id" = Option<String>, Header, description = "呼叫端的識別碼,原樣回覆:1 到 64 個英數字、-、_、.。"),
    ),
    request_body(content(
        (TranscriptionRequest = "application/json"),
        (TranscriptionForm = "multipart/form-data"),
    )),
    responses(
        (status = 202, description = "已受理", body = JobAccepted),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "ER0521:內容傳送太慢", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:尚未安裝語音模型", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:錄音過大或過長", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "ER0440:不支援的媒體類型或錄音格式", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "ER0400:Idempotency-Key 已用於其他請求;ER0450:錄音毀損;ER0451:含有惡意程式", body = Problem, content_type = "application/problem+json"),
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
    Ok(transcribe(&app, &cx, request).await?)
}

async fn transcribe(app: &App, cx: &CallContext, request: Request) -> Result<Response, CallError> {
    app.service.speech_for(&cx.origin.org)?.require_jobs()?;
    let (order, recording, sender) = match body::media_type(request.headers()).as_str() {
        "application/json" => {
            let limit = BodyLimit { bytes: JSON_BYTES, ..app.json_limit(cx) };
            body::check_length(request.headers(), limit.bytes)?;
            let sender = Sender::admit(app, request.headers(), SERVICE).await?;
            let json = body::collect(request, limit).await?;
            (speech::parse(json.expose(), app.options.purpose.noting(cx), "")?, None, sender)
        }
        "multipart/form-data" => {
            let sender = Sender::admit(app, request.headers(), SERVICE).await?;
            let (order, recording) = form(app, cx, &sender, request).await?;
            (order, Some(recording), sender)
        }
        _ => {
            let message = "請以 application/json(附 blob_id)或 multipart/form-data(附 file)傳送。";
            return Err(refuse(ErrorCode::UnsupportedMedia, message));
        }
    };
    let source = Source::of(recording, &order)?;
    let fingerprint = source.fingerprint(&order)?;
    // Before the recording is looked at: that of the first call may be gone by now, and this one need not be kept.
    if let Some(answer) = repeated(app, &sender, (SERVICE, &fingerprint)).await? {
        return Ok(answer);
    }
    let (blob_id, made) = match source {
        Source::Upload(id) => {
            inspect(app, &sender, &id).await?;
            (id, None)
        }
        Source::Form(recording) => {
            let recording = app.service.speech().inspect_bytes(recording).await?;
            let id = keep(app, &sender, recording).await?;
            (id.clone(), Some(id))
        }
    };
    let job = job(cx, &sender, &blob_id, order)?;
    let prepared = match (app.jobs.prepare(job).await, made) {
        (Ok(prepared), Some(blob)) => prepared.with_made(blob),
        (Err(refused), Some(blob)) => {
            // No job will take it; if it cannot be deleted now, it goes like an upload.
            let _ = app.jobs.blobs().delete(&blob).await;
            return Err(refused);
        }
        (prepared, None) => prepared?,
    };
    accept_prepared(app, prepared, sender, (SERVICE, fingerprint)).await
}

/// Where a recording comes from.
enum Source {
    /// It was uploaded before.
    Upload(String),
    /// It came with the request.
    Form(Private<Vec<u8>>),
}

impl Source {
    fn of(
        recording: Option<Private<Vec<u8>>>,
        order: &TranscriptionOrder,
    ) -> Result<Source, CallError> {
        match (recording, &order.blob_id) {
            (Some(_), Some(_)) => {
                Err(CallError::bad_value("/meta/blob_id", "已附上 file,不可再指定 blob_id。"))
            }
            (None, None) => Err(CallError::bad_value("/blob_id", "必填。")),
            (None, Some(id)) => Ok(Source::Upload(id.clone())),
            (Some(recording), None) => Ok(Source::Form(recording)),
        }
    }

    /// Hash of the call: of the recording, or its id, and what is asked about it.
    fn fingerprint(&self, order: &TranscriptionOrder) -> Result<Vec<u8>, CallError> {
        let mut hasher = Sha256::new();
        match self {
            Source::Upload(id) => hasher.update(id),
            Source::Form(recording) => hasher.update(recording.expose()),
        }
        hasher.update(speech::input("", order)?);
        Ok(hasher.finalize().to_vec())
    }
}

/// The job that hears a recording.
fn job(
    cx: &CallContext,
    sender: &Sender,
    blob_id: &str,
    order: TranscriptionOrder,
) -> Result<JobOrder, CallError> {
    Ok(JobOrder {
        caller: sender.caller.clone(),
        service: SERVICE.to_owned(),
        operation: OPERATION.to_owned(),
        input: JobInput::Bytes {
            media_type: "application/json",
            content: Private::new(speech::input(blob_id, &order)?),
            at: "",
        },
        priority: order.priority,
        case_no: order.purpose.as_ref().and_then(Purpose::case_no),
        purpose: order.purpose.map(|it| it.code),
        correlation: cx.request_id.to_string(),
        traceparent: sender.traceparent.clone(),
    })
}

/// The order and the recording of a form.
async fn form(
    app: &App,
    cx: &CallContext,
    sender: &Sender,
    request: Request,
) -> Result<(TranscriptionOrder, Private<Vec<u8>>), CallError> {
    // Each is in memory while it arrives: no more at one time than these places.
    let place = app.uploads.take(&sender.caller.client).ok_or_else(|| {
        refuse(ErrorCode::Overloaded, "同時上傳的內容已達上限,請稍後再試。")
            .retry_after(std::time::Duration::from_secs(1))
    })?;
    let time = app.json_limit(cx).time;
    let most = app.service.speech().limits().direct_bytes;
    let form = RecordingForm::read(request, most, time).await?;
    drop(place);
    app.service.scanner().check(&form.file).await?;
    let meta = form.bytes("meta").unwrap_or(b"{}");
    let order = speech::parse(meta, app.options.purpose.noting(cx), "/meta")?;
    Ok((order, form.file))
}

/// Looks at the headers of an upload of the sender.
async fn inspect(app: &App, sender: &Sender, id: &str) -> Result<(), CallError> {
    let found = app.jobs.blobs().read(id).await.map_err(|it| failed(&it))?;
    let reader = found.filter(|it| it.meta().client == sender.caller.client).ok_or_else(|| {
        CallError::bad_value("/blob_id", "沒有這個已完成上傳的內容,或已逾保存期限。")
    })?;
    app.service.speech().inspect_upload(reader).await.map(|_| ())
}

/// Seals a recording that came with its request; its id.
async fn keep(
    app: &App,
    sender: &Sender,
    recording: Private<Vec<u8>>,
) -> Result<String, CallError> {
    // Should it not become a job, it goes like an upload.
    let expires = app.clock.unix_time() + app.jobs.settings().upload;
    let media = ("audio", "application/octet-stream");
    let meta = app.jobs.meta(sender.caller.clone(), media, expires);
    app.jobs.blobs().keep_in_files(meta, recording).await.map_err(|it| failed(&it))
}

/// 逐字稿:完成者全文,進行中者為目前已轉寫的部分。
///
/// 承辦人更正過的語句以更正後的文字回覆(`correction` 載明原轉寫、更正者與時間)。
/// 預設遮蔽個人資料(`rendition=redacted`);`format` 為 `json`(含逐字時間與信心度)、`srt`、`vtt` 或 `txt`。
/// 回覆標頭 `x-transcription-state` 為工作狀態;尚未完成時另有 `Retry-After`,完成後另有 `ETag`(更正的版本)。
#[utoipa::path(
    get,
    path = "/api/v1/speech/transcriptions/{id}",
    operation_id = "read_transcription",
    tag = "speech",
    params(
        ("id" = String, Path, description = "job_id"),
        ("rendition" = Option<String>, Query, pattern = "^(redacted|original)$", description = "redacted(預設,遮蔽個資)或 original(全文)"),
        ("format" = Option<String>, Query, pattern = "^(json|srt|vtt|txt)$", description = "json(預設)、srt、vtt、txt"),
    ),
    responses(
        (status = 200, description = "逐字稿", body = TranscriptionResponse),
        (status = 400, description = "ER0200、ER0210:參數或標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這件轉寫,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:轉寫未能完成", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:錄音過大或過長", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "ER0440:不支援的錄音格式", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "ER0450:錄音毀損", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (rendition, form) = speech::parse_query(request.uri().query().unwrap_or_default())?;
    if rendition == Rendition::Original {
        guard::require(request.extensions(), Scope::SpeechRead)?;
    }
    let job = find(&app, request.headers(), &id).await?;
    if job.service != SERVICE {
        return Err(Failure::new(ErrorCode::NotFound, "沒有這件轉寫,或已逾保存期限。"));
    }
    Ok(transcript(&app, &job, rendition, form).await?)
}

/// The transcript of a job, as far as it is.
pub(super) async fn transcript(
    app: &App,
    job: &Job,
    rendition: Rendition,
    form: Form,
) -> Result<Response, CallError> {
    let shown = match job.state {
        JobState::Succeeded => {
            let Heard { job, mut kept, corrections } = heard(&app.jobs, job.clone()).await?;
            let corrected = corrections.apply(std::mem::take(&mut kept.transcript.segments));
            kept.transcript.segments = corrected.segments;
            Transcription { job, kept: Some(kept), corrected: corrected.about }
        }
        JobState::Queued | JobState::Running => {
            let left = app.jobs.left(job).await?;
            let kept = left.map(|it| KeptTranscript::unpack(it.expose())).transpose()?;
            Transcription { job: job.clone(), kept, corrected: BTreeMap::new() }
        }
        JobState::Failed | JobState::Cancelled | JobState::Dead => {
            return Err(not_transcribed(job));
        }
    };
    let body = render(&shown, rendition, form)?;
    let job = &shown.job;
    let state = HeaderName::from_static("x-transcription-state");
    let headers = [(CONTENT_TYPE, form.media_type()), (state, job.state.as_str())];
    let mut answer = (StatusCode::OK, headers, body).into_response();
    if job.state.is_final() {
        answer.headers_mut().insert(ETAG, etag(job));
    } else {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(ASK_AGAIN));
    }
    Ok(answer)
}

/// How often a transcription was corrected, as its tag.
pub(super) fn etag(job: &Job) -> HeaderValue {
    let tag = HeaderValue::from_str(&format!("\"{}\"", job.n_corrections));
    tag.unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// A transcription as it is shown.
struct Transcription {
    job: Job,
    kept: Option<KeptTranscript>,
    corrected: BTreeMap<usize, CorrectedSegment>,
}

fn render(of: &Transcription, rendition: Rendition, form: Form) -> Result<Vec<u8>, CallError> {
    let Transcription { job, kept, corrected } = of;
    let shown = kept.as_ref().map(|it| Shown {
        transcript: &it.transcript,
        rendition,
        speakers: &it.speakers,
        corrected: Some(corrected),
    });
    let text = |text: Option<String>, empty: &str| text.unwrap_or(empty.to_owned()).into_bytes();
    Ok(match form {
        Form::Srt => text(shown.map(|it| it.srt()), ""),
        Form::Vtt => text(shown.map(|it| it.vtt()), "WEBVTT\n\n"),
        Form::Text => text(shown.map(|it| it.text()), ""),
        Form::Json => {
            let model = kept.as_ref().map(|it| it.model.clone());
            let document = shown.zip(model).map(|(it, model)| it.document(model.into()));
            let response = TranscriptionResponse {
                job_id: job.id.clone(),
                state: job.state.as_str(),
                progress: job.progress,
                version: job.n_corrections,
                transcript: document,
            };
            serde_json::to_vec(&response)
                .map_err(|_| refuse(ErrorCode::Internal, "系統發生錯誤。"))?
        }
    })
}

/// Why there is no transcript, as far as the job knows.
fn not_transcribed(job: &Job) -> CallError {
    let code = ErrorCode::ALL.into_iter().find(|it| Some(it.number()) == job.error.as_deref());
    match code {
        Some(code @ ErrorCode::TooLarge) => refuse(code, "錄音過大或過長,請分段送件。"),
        Some(code @ ErrorCode::UnsupportedMedia) => {
            refuse(code, "不支援的錄音格式,請改送 WAV、MP3、FLAC、OGG、M4A 或 WebM。")
        }
        Some(code @ (ErrorCode::ContentRefused | ErrorCode::BadValue)) => {
            refuse(code, "錄音檔毀損或不完整,請重新匯出後再送件。")
        }
        Some(code @ ErrorCode::NotFound) => refuse(code, "錄音已逾保存期限,請重新上傳。"),
        _ if job.state == JobState::Cancelled => {
            refuse(ErrorCode::Conflict, "轉寫已取消,請重新送件。")
        }
        _ => refuse(ErrorCode::Conflict, "轉寫未能完成,請查詢工作狀態後重新送件。"),
    }
}
