//! Jobs that are named or listed in a body: for transports without paths and queries.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::task::call::CallError;
use crate::wire::v1::body;

use super::is_id;

/// A job that is named, for transports without paths. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"job_id": "019a9f4e5d7c7d3e9c550d6a3f2b1c00"}))]
pub struct NamedJobRequest {
    /// The job.
    pub job_id: String,
}

/// Reads the name of a job.
///
/// # Errors
/// With the place of what is wrong, never its value; an id that no job can have is told as a job that is not there.
pub fn parse_named(json: &[u8]) -> Result<String, CallError> {
    let NamedJobRequest { job_id } = body::parse(json, "", &[""])?;
    if !is_id(&job_id) {
        return Err(CallError::new(ErrorCode::NotFound, "沒有這個工作,或已逾保存期限。"));
    }
    Ok(job_id)
}

/// Which jobs are listed, for transports without queries. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "succeeded", "service": "letters", "limit": 50}))]
pub struct JobListRequest {
    /// Only those in this state.
    #[schema(pattern = "^(queued|running|succeeded|failed|cancelled|dead)$")]
    pub state: Option<String>,
    /// Only those of this service.
    #[schema(min_length = 1, max_length = 64)]
    pub service: Option<String>,
    /// `next` of the page before.
    #[schema(pattern = "^[0-9]{1,18}$")]
    pub before: Option<String>,
    /// Jobs of the page: 1 to 200, 50 unless given.
    #[schema(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Which jobs are listed, checked but for the state.
pub struct JobList {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this service.
    pub service: Option<String>,
    /// Only those before this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Jobs of one page, unless asked for otherwise.
pub const PAGE: usize = 50;
/// Jobs of one page at most.
pub const MAX_PAGE: usize = 200;

/// Reads which jobs are listed.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_list(json: &[u8]) -> Result<JobList, CallError> {
    let request: JobListRequest = body::parse(json, "", &[""])?;
    if request.service.as_ref().is_some_and(|it| !(1..=64).contains(&it.len())) {
        return Err(CallError::bad_value("/service", "應為 1 到 64 個字元。"));
    }
    let number = |it: String| {
        let is_number = (1..=18).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
        let found = it.parse().ok().filter(|_| is_number);
        found.ok_or_else(|| CallError::bad_value("/before", "應為上一頁回覆的 next。"))
    };
    let limit = request.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(CallError::bad_value("/limit", format!("應為 1 到 {MAX_PAGE} 的整數。")));
    }
    let before = request.before.map(number).transpose()?;
    Ok(JobList { state: request.state, service: request.service, before, limit })
}
