//! Jobs and uploads.

mod named;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::base::{ErrorCode, rfc3339};
use crate::task::call::CallError;
use crate::task::job::{JobStatus, Outlook};

use super::body;
use super::meta::{self, Purpose, PurposeAsk};

pub use named::{
    JobList, JobListRequest, MAX_PAGE, NamedJobRequest, PAGE, parse_list, parse_named,
};

/// Largest `input` of a request in bytes; more goes by an upload.
pub const MAX_INPUT_BYTES: usize = 64 << 10;

/// Largest part of an upload in bytes.
pub const MAX_PART_BYTES: usize = 4 << 20;

/// Parts of one upload.
pub const MAX_PARTS: u32 = 256;

/// A job to do. Exactly one of `input` and `blob_id`. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"service": "letters", "operation": "classify",
    "input": {"purpose": {"code": "petition-handling"}, "letters": [{"subject": "戶籍遷入遭退件"}]}}))]
pub struct JobRequest {
    /// Which service.
    #[schema(example = "letters")]
    pub service: String,
    /// Which of its operations.
    #[schema(example = "classify")]
    pub operation: String,
    /// What it works on: the body that the operation takes when it is called directly, at most 64 KiB.
    #[schema(value_type = Option<Object>)]
    pub input: Option<Value>,
    /// Id of a complete upload.
    pub blob_id: Option<String>,
    /// Among the client's own jobs, higher goes first: -100 to 100, 0 unless given.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub priority: i32,
    /// Why.
    pub purpose: Option<Purpose>,
}

/// Reads a job to do.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<JobRequest, CallError> {
    let request: JobRequest = body::parse(json, "", &["", "/purpose"])?;
    for (name, at) in [(&request.service, "/service"), (&request.operation, "/operation")] {
        if !is_name(name) {
            return Err(CallError::bad_value(at, "應為 1 到 64 個小寫英文字母、數字或連字號。"));
        }
    }
    match (&request.input, &request.blob_id) {
        (Some(_), None) => (),
        (None, Some(id)) => check_id(id, "/blob_id")?,
        _ => return Err(CallError::bad_value("/input", "input 與 blob_id 應擇一填寫。")),
    }
    if !(-100..=100).contains(&request.priority) {
        return Err(CallError::bad_value("/priority", "應為 -100 到 100 的整數。"));
    }
    // An input has a purpose of its own.
    let ask = ask.into();
    let ask = if request.input.is_some() { ask.optional() } else { ask };
    meta::check_purpose(request.purpose.as_ref(), &ask, "")?;
    Ok(request)
}

fn is_name(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_safe)
}

fn check_id(id: &str, at: &str) -> Result<(), CallError> {
    if is_id(id) {
        Ok(())
    } else {
        Err(CallError::bad_value(at, "應為 32 個十六進位數字。"))
    }
}

/// Whether a job or an upload can have this id.
pub fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// A job that was accepted. A repetition under the same `Idempotency-Key` is answered the same bytes.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct JobAccepted {
    /// Identifies the job.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub job_id: String,
    /// `queued`.
    #[schema(example = "queued")]
    pub state: String,
    /// When it was accepted.
    #[schema(example = "2026-11-23T03:07:47.000Z")]
    pub created_at: String,
    /// Jobs before it.
    pub queue_position: u64,
    /// When it may have ended; none while nothing is known.
    #[schema(required = true)]
    pub estimated_finish_at: Option<String>,
    /// Where to go from here.
    pub links: JobLinks,
}

impl From<&Outlook> for JobAccepted {
    fn from(outlook: &Outlook) -> JobAccepted {
        JobAccepted {
            job_id: outlook.id.clone(),
            state: "queued".to_owned(),
            created_at: time(outlook.created),
            queue_position: outlook.position,
            estimated_finish_at: outlook.finish.map(time),
            links: JobLinks::of(&outlook.id),
        }
    }
}

/// Paths of a job.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct JobLinks {
    /// Its state.
    #[serde(rename = "self")]
    pub own: String,
    /// Its result, once it has succeeded.
    pub result: String,
    /// Its changes as they happen.
    pub events: String,
    /// Takes it back.
    pub cancel: String,
}

impl JobLinks {
    /// The paths of the job of this id.
    pub fn of(id: &str) -> JobLinks {
        let own = format!("/api/v1/jobs/{id}");
        JobLinks {
            result: format!("{own}/result"),
            events: format!("{own}/events"),
            cancel: format!("{own}/cancel"),
            own,
        }
    }
}

/// A job.
#[derive(Serialize, ToSchema)]
pub struct JobResponse {
    /// Identifies the job.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub job_id: String,
    /// Which service.
    pub service: String,
    /// Which of its operations.
    pub operation: String,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled` or `dead`.
    #[schema(example = "running")]
    pub state: &'static str,
    /// Share that is done, 0 to 1.
    #[schema(required = true)]
    pub progress: Option<f64>,
    /// Times it was begun.
    pub attempt: u32,
    /// Times it is tried before it is dead.
    pub max_attempts: u32,
    /// Whether it was taken back.
    pub cancel_requested: bool,
    /// Code of the failure, see the list of error codes.
    #[schema(required = true, example = "ER0510")]
    pub error: Option<String>,
    /// Jobs before it; none when it does not wait.
    #[schema(required = true)]
    pub queue_position: Option<u64>,
    /// When it may have ended; none when nothing is known, or it has ended.
    #[schema(required = true)]
    pub estimated_finish_at: Option<String>,
    /// When it was accepted.
    pub created_at: String,
    /// When its latest attempt began.
    #[schema(required = true)]
    pub started_at: Option<String>,
    /// When it ended.
    #[schema(required = true)]
    pub finished_at: Option<String>,
    /// When it is erased.
    pub expires_at: String,
    /// Where to go from here.
    pub links: JobLinks,
}

impl From<JobStatus> for JobResponse {
    fn from(job: JobStatus) -> JobResponse {
        JobResponse {
            links: JobLinks::of(&job.id),
            job_id: job.id,
            service: job.service,
            operation: job.operation,
            state: job.state,
            progress: job.progress,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            cancel_requested: job.cancel_requested,
            error: job.error,
            queue_position: job.position,
            estimated_finish_at: job.finish.map(time),
            created_at: time(job.created),
            started_at: job.started.map(time),
            finished_at: job.finished.map(time),
            expires_at: time(job.expires),
        }
    }
}

/// A page of jobs, the newest first.
#[derive(Serialize, ToSchema)]
pub struct JobPage {
    /// Jobs.
    pub items: Vec<JobResponse>,
    /// Value of `before` for the next page; none at the end.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// A message of the stream of changes, as Server-Sent Events have it.
#[derive(ToSchema)]
pub struct JobMessage {
    /// The version of the job after the change; `Last-Event-ID` goes on behind it.
    pub id: String,
    /// The state after the change.
    pub event: String,
    /// A `JobChange`.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// A change of a job, as an event of the stream.
#[derive(Serialize, ToSchema)]
pub struct JobChange {
    /// Identifies the job.
    pub job_id: String,
    /// Its state after the change.
    pub state: &'static str,
    /// Share that is done, 0 to 1.
    pub progress: Option<f64>,
    /// Times it was begun.
    pub attempt: u32,
    /// Code of the failure.
    pub error: Option<String>,
    /// When.
    pub created_at: String,
}

/// An upload to open. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "audio", "media_type": "audio/wav", "size": 12_582_912}))]
pub struct BlobRequest {
    /// What it is: 1 to 64 of `a-z`, `0-9` and `-`.
    #[schema(pattern = "^[a-z0-9-]{1,64}$")]
    pub kind: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    #[schema(minimum = 1, maximum = 1073741824)]
    #[serde(deserialize_with = "body::count")]
    pub size: u64,
}

/// Reads an upload to open; at most `max_bytes`.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_blob(json: &[u8], max_bytes: u64) -> Result<BlobRequest, CallError> {
    let request: BlobRequest = body::parse(json, "", &[""])?;
    if !is_name(&request.kind) {
        let detail = "應為 1 到 64 個小寫英文字母、數字或連字號。";
        return Err(CallError::bad_value("/kind", detail));
    }
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-".contains(&byte);
    let media_type = request.media_type.as_str();
    if !(3..=128).contains(&media_type.len())
        || !media_type.bytes().all(is_safe)
        || media_type.split('/').count() != 2
    {
        return Err(CallError::bad_value("/media_type", "應為媒體類型,例如 audio/wav。"));
    }
    if request.size == 0 {
        return Err(CallError::bad_value("/size", "應大於 0。"));
    }
    if max_bytes < request.size {
        let message = format!("內容超過 {max_bytes} 位元組的上限。");
        return Err(CallError::new(ErrorCode::TooLarge, message));
    }
    Ok(request)
}

/// An upload.
#[derive(Serialize, ToSchema)]
pub struct BlobResponse {
    /// Identifies the upload.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub blob_id: String,
    /// Most bytes of one part; every part but the last should have so many.
    pub part_size: usize,
    /// Parts of that size.
    pub parts: u64,
    /// Until when it must be used.
    pub expires_at: String,
}

/// How far an upload is.
#[derive(Serialize, ToSchema)]
pub struct BlobState {
    /// Identifies the upload.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub blob_id: String,
    /// Its bytes.
    pub size: u64,
    /// Bytes of one part; the last has what is left.
    pub part_size: usize,
    /// Parts of that size.
    pub parts: u64,
    /// Parts that are there, in order. Those that are shorter than they should be are to be sent again.
    pub received: Vec<PartReceived>,
    /// Whether it is whole: it takes no more parts, and jobs may work on it.
    pub complete: bool,
    /// SHA-256 of its content; none while it is not whole.
    #[schema(required = true)]
    pub sha256: Option<String>,
    /// Until when it must be used.
    pub expires_at: String,
}

/// A part that is there.
#[derive(Serialize, ToSchema)]
pub struct PartReceived {
    /// Its number, from 1.
    pub number: u32,
    /// Its bytes.
    pub size: u64,
}

/// Parts of an upload of `size` bytes.
pub fn n_parts(size: u64) -> u64 {
    size.div_ceil(MAX_PART_BYTES as u64)
}

/// The end of an upload. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteRequest {
    /// SHA-256 of the whole content in 64 hexadecimal digits.
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    pub sha256: String,
}

/// Reads the end of an upload.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_complete(json: &[u8]) -> Result<String, CallError> {
    let request: CompleteRequest = body::parse(json, "", &[""])?;
    let sha256 = request.sha256.to_ascii_lowercase();
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|it| it.is_ascii_hexdigit());
    if is_hash {
        Ok(sha256)
    } else {
        Err(CallError::bad_value("/sha256", "應為 64 個十六進位數字。"))
    }
}

/// An upload that is whole.
#[derive(Serialize, ToSchema)]
pub struct CompleteResponse {
    /// Identifies the upload.
    pub blob_id: String,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Until when it must be used.
    pub expires_at: String,
}

/// A time since 1970-01-01T00:00:00Z on the wire.
pub fn time(time: Duration) -> String {
    rfc3339(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    fn pointer(error: &CallError) -> String {
        error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
    }

    fn check(json: &str, expected: Option<&str>) {
        let found = parse(json.as_bytes(), PurposeRule::Required).err();
        assert_eq!(found.as_ref().map(pointer).as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_jobs() {
        check(r#"{"service":"letters","operation":"classify","input":{}}"#, None);
        let id = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
        let blob =
            |rest: &str| format!(r#"{{"service":"s","operation":"o","blob_id":"{id}"{rest}}}"#);
        check(&blob(r#","purpose":{"code":"a"}"#), None);
        check(&blob(""), Some("/purpose"));
        check(&blob(r#","input":{}"#), Some("/input"));
        check(r#"{"service":"s","operation":"o"}"#, Some("/input"));
        check(r#"{"service":"s","operation":"o","blob_id":"../x"}"#, Some("/blob_id"));
        check(r#"{"service":"S","operation":"o","input":{}}"#, Some("/service"));
        check(r#"{"service":"s","operation":"","input":{}}"#, Some("/operation"));
        check(r#"{"service":"s","operation":"o","input":{},"priority":101}"#, Some("/priority"));
        check(r#"{"service":"s","operation":"o","input":{},"name":1}"#, Some("/name"));
    }

    fn check_blob(json: &str, expected: Option<&str>) {
        let found = parse_blob(json.as_bytes(), 100).err();
        assert_eq!(found.as_ref().map(pointer).as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_uploads() {
        check_blob(r#"{"kind":"audio","media_type":"audio/x-wav","size":100}"#, None);
        check_blob(r#"{"kind":"audio","media_type":"audio/x-wav","size":101}"#, Some(""));
        check_blob(r#"{"kind":"audio","media_type":"audio/x-wav","size":0}"#, Some("/size"));
        check_blob(r#"{"kind":"audio","media_type":"audio/x-wav","size":-1}"#, Some("/size"));
        check_blob(r#"{"kind":"audio","media_type":"audio","size":1}"#, Some("/media_type"));
        check_blob(r#"{"kind":"audio","media_type":"a/b\r\nx","size":1}"#, Some("/media_type"));
        check_blob(r#"{"kind":"","media_type":"a/b","size":1}"#, Some("/kind"));
        assert!(
            parse_complete(format!(r#"{{"sha256":"{}"}}"#, "AB".repeat(32)).as_bytes()).is_ok()
        );
        assert!(parse_complete(br#"{"sha256":"ab"}"#).is_err());
    }
}
