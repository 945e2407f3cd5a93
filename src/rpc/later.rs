//! Operations that become jobs, for which large inputs were uploaded before; and what is done with the results of jobs.

use crate::base::{ErrorCode, Private};
use crate::policy::{Denial, Scope};
use crate::service::jobs::{JobInput, JobOrder, Repetition, failed};
use crate::service::speech::{Change, Editor, change};
use crate::task::call::CallError;
use crate::task::speech::Rendition;
use crate::wire::v1::correction::{self, CorrectionResponse, NamedCorrection};
use crate::wire::v1::jobs::JobAccepted;
use crate::wire::v1::meta::Purpose;
use crate::wire::v1::speech;
use crate::wire::v1::transcript::Shown;

use super::Rpc;
use super::operation::{Asked, encode};

/// Transcription of an upload.
pub(super) async fn transcribe(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    order(rpc, asked, None).await
}

/// The same, where its caller may send it again.
pub(super) async fn order(
    rpc: &Rpc,
    asked: Asked<'_>,
    repetition: Option<Repetition>,
) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    let desk = rpc.service.speech_for(&asked.cx.origin.org)?;
    desk.require_jobs()?;
    let (upload, order) =
        speech::parse_input(asked.body.expose(), rpc.options.purpose.noting(&asked.cx))?;
    let found = rpc.jobs.blobs().read(&upload).await.map_err(|it| failed(&it))?;
    let reader = found.filter(|it| it.meta().client == asked.caller.client).ok_or_else(|| {
        CallError::bad_value("/blob_id", "沒有這個已完成上傳的內容,或已逾保存期限。")
    })?;
    desk.inspect_upload(reader).await?;
    let content = Private::new(speech::input(&upload, &order)?);
    let job = JobOrder {
        caller: asked.caller,
        service: "speech".to_owned(),
        operation: "transcribe".to_owned(),
        input: JobInput::Bytes { media_type: "application/json", content, at: "" },
        priority: order.priority,
        case_no: order.purpose.as_ref().and_then(Purpose::case_no),
        purpose: order.purpose.map(|it| it.code),
        correlation: asked.cx.origin.correlation.clone(),
        traceparent: asked.cx.origin.trace_parent.clone(),
    };
    accept(rpc, job, repetition).await
}

/// Accepts a job; the answer is that of the call over HTTP.
pub(super) async fn accept(
    rpc: &Rpc,
    order: JobOrder,
    repetition: Option<Repetition>,
) -> Result<Vec<u8>, CallError> {
    let prepared = rpc.jobs.prepare(order).await?;
    let answer = encode(&JobAccepted::from(&prepared.outlook))?;
    let answer = rpc.jobs.accept(prepared, repetition, answer).await?;
    metrics::counter!("fenwen_jobs_accepted_total").increment(1);
    Ok(answer)
}

/// Another text for an utterance of a transcript.
pub(super) async fn correct(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    let ask = rpc.options.purpose.noting(&asked.cx);
    let NamedCorrection { job_id, segment, version, order } =
        correction::parse_named(asked.body.expose(), ask)?;
    if order.rendition == Rendition::Original && !asked.scopes.has(Scope::SpeechRead) {
        return Err(Denial::Scope.into());
    }
    let job = rpc.jobs.find(&asked.caller, &job_id).await?;
    if job.service != "speech" {
        let message = "沒有這件轉寫或這一句,或已逾保存期限。";
        return Err(CallError::new(ErrorCode::NotFound, message));
    }
    let editor = Editor { by: asked.by, at: rpc.clock.unix_time() };
    let words = Some((order.rendition, order.text));
    let wanted = Change { segment, seen: version, words, editor };
    let changed = change(&rpc.jobs, job, wanted, &asked.cx.origin).await?;
    let shown = Shown {
        transcript: &changed.transcript,
        rendition: changed.rendition,
        speakers: &changed.speakers,
        corrected: Some(&changed.about),
    };
    let job = &changed.job;
    encode(&CorrectionResponse::new((&job.id, job.n_corrections), &shown, &changed.differs))
}
