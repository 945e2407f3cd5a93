//! Jobs: how far they are, what came of them, and taking one back.

use crate::base::ErrorCode;
use crate::service::jobs::{Job, JobFilter, JobState, failed, status};
use crate::service::speech::{Heard, heard};
use crate::task::call::CallError;
use crate::task::speech::Rendition;
use crate::wire::v1::jobs::{self, JobLinks, JobPage, JobResponse};
use crate::wire::v1::speech::TranscriptionResponse;
use crate::wire::v1::transcript::Shown;

use super::Rpc;
use super::operation::{Asked, encode};

/// How far a job is.
pub(super) async fn read(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    let job = find(rpc, &asked).await?;
    let outlook = if job.state.is_final() { None } else { Some(rpc.jobs.outlook_of(&job).await?) };
    encode(&JobResponse::from(status(job, outlook)))
}

/// What came of a job: the answer of a call that is done at once.
pub(super) async fn result(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    let job = find(rpc, &asked).await?;
    let path = JobLinks::of(&job.id).result;
    let answer = match (job.service.as_str(), job.state) {
        // What is kept of a recording is more than anybody may see.
        ("speech", JobState::Succeeded) => transcript(rpc, job).await?,
        _ => {
            let reader = rpc.jobs.result(&job).await?;
            let found = reader.collect(asked.max_reply as u64).await.map_err(|it| failed(&it))?;
            found.ok_or_else(|| too_large(&path))?.into_inner()
        }
    };
    if asked.max_reply < answer.len() { Err(too_large(&path)) } else { Ok(answer) }
}

/// Takes a job back.
pub(super) async fn cancel(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    let id = id(rpc, &asked)?;
    let job = rpc.jobs.cancel(&asked.caller, &id).await?;
    encode(&JobResponse::from(status(job, None)))
}

/// A page of the caller's jobs, the newest first.
pub(super) async fn list(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    let wanted = jobs::parse_list(asked.body.expose())?;
    let wrong_state = || CallError::bad_value("/state", "不是已知的狀態。");
    let filter = JobFilter {
        state: wanted.state.map(|it| it.parse().map_err(|_| wrong_state())).transpose()?,
        service: wanted.service,
        before: wanted.before,
        limit: wanted.limit,
        ..JobFilter::default()
    };
    let found = rpc.jobs.list(&asked.caller, filter).await?;
    let next = found.last().filter(|_| found.len() == wanted.limit).map(|it| it.seq.to_string());
    encode(&JobPage { items: found.into_iter().map(|it| status(it, None).into()).collect(), next })
}

fn id(rpc: &Rpc, asked: &Asked<'_>) -> Result<String, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    jobs::parse_named(asked.body.expose())
}

async fn find(rpc: &Rpc, asked: &Asked<'_>) -> Result<Job, CallError> {
    rpc.jobs.find(&asked.caller, &id(rpc, asked)?).await
}

/// The redacted transcript of a recording, corrections included.
async fn transcript(rpc: &Rpc, job: Job) -> Result<Vec<u8>, CallError> {
    let Heard { job, mut kept, corrections } = heard(&rpc.jobs, job).await?;
    let corrected = corrections.apply(std::mem::take(&mut kept.transcript.segments));
    kept.transcript.segments = corrected.segments;
    let shown = Shown {
        transcript: &kept.transcript,
        rendition: Rendition::default(),
        speakers: &kept.speakers,
        corrected: Some(&corrected.about),
    };
    encode(&TranscriptionResponse {
        job_id: job.id.clone(),
        state: job.state.as_str(),
        progress: job.progress,
        version: job.n_corrections,
        transcript: Some(shown.document(kept.model.clone().into())),
    })
}

fn too_large(path: &str) -> CallError {
    let message = format!("結果超過匯流排單則訊息的上限,請改以 HTTP 取得:GET {path}");
    CallError::new(ErrorCode::TooLarge, message)
}
