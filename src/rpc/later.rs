//! Operations that become jobs: large inputs were uploaded before, and the request names them.

use crate::base::Private;
use crate::service::jobs::{JobInput, JobOrder, JobState, failed};
use crate::task::call::CallError;
use crate::wire::v1::jobs::{self, JobAccepted, JobLinks};
use crate::wire::v1::speech;

use super::Rpc;
use super::operation::{Asked, encode};

/// Transcription of an upload.
pub(super) async fn transcribe(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    let desk = rpc.service.speech();
    desk.require_ready()?;
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
        input: JobInput::Bytes { media_type: "application/json", content },
        priority: order.priority,
        case_no: order.purpose.as_ref().and_then(|it| it.case_no.clone()),
        purpose: order.purpose.map(|it| it.code),
        correlation: asked.cx.request_id.to_string(),
        traceparent: asked.cx.origin.trace_parent.clone(),
    };
    let prepared = rpc.jobs.prepare(job).await?;
    let outlook = &prepared.outlook;
    let answer = encode(&JobAccepted {
        job_id: outlook.id.clone(),
        state: JobState::Queued.as_str().to_owned(),
        created_at: jobs::time(outlook.created),
        queue_position: outlook.position,
        estimated_finish_at: outlook.finish.map(jobs::time),
        links: JobLinks::of(&outlook.id),
    })?;
    rpc.jobs.accept(prepared, None, answer).await
}
