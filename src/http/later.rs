//! Calls that become jobs because their caller prefers it (`Prefer: respond-async`).

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use sha2::{Digest, Sha256};

use crate::base::ErrorCode;
use crate::service::jobs::{JobInput, JobOrder, JobState};
use crate::task::call::{CallContext, CallError};

use super::jobs::{Sender, accept, accepted_id, idempotency_key};
use super::prefer::Preference;
use super::{App, body, refuse, results};

/// What kind of job a call becomes.
#[derive(Clone, Copy)]
pub(super) struct LaterKind {
    /// Of which service.
    pub(super) service: &'static str,
    /// Which operation.
    pub(super) operation: &'static str,
}

/// What becomes of a call.
pub(super) enum Diverted {
    /// It is answered at once, as its caller wants it.
    Now(Request),
    /// It has become a job: the answer.
    Later(Response),
}

/// Makes a job of a call in JSON whose caller prefers that; waits for it as long as the caller likes.
pub(super) async fn divert(
    app: &App,
    cx: &CallContext,
    kind: LaterKind,
    request: Request,
) -> Result<Diverted, CallError> {
    // Also where no job is made: whoever sends one that cannot hold would rather know now.
    idempotency_key(request.headers())?;
    let preference = Preference::read(request.headers());
    let is_json = body::media_type(request.headers()) == "application/json";
    if !preference.respond_async || !is_json {
        return Ok(Diverted::Now(request));
    }
    body::check_length(request.headers(), app.options.max_json_bytes)?;
    let sender = Sender::admit(app, request.headers(), kind.service).await?;
    let content = body::collect(request, app.json_limit(cx)).await?;
    app.options.purpose.noting(cx).check_document(content.expose())?;
    let fingerprint = Sha256::digest(content.expose()).to_vec();
    let order = JobOrder {
        caller: sender.caller.clone(),
        service: kind.service.to_owned(),
        operation: kind.operation.to_owned(),
        input: JobInput::Bytes { media_type: "application/json", content, at: "" },
        priority: 0,
        purpose: None,
        case_no: None,
        correlation: cx.request_id.to_string(),
        traceparent: sender.traceparent.clone(),
    };
    let mut answer = accept(app, order, sender, (kind.service, fingerprint)).await?;
    if !preference.wait.is_zero() {
        // A moment is kept for writing the answer.
        let left = cx.deadline.saturating_duration_since(app.clock.now());
        let wait = preference.wait.min(left.mul_f64(0.9));
        let job = app.jobs.ended(accepted_id(&answer), wait).await?;
        match job.state {
            JobState::Queued | JobState::Running => (),
            JobState::Succeeded => answer = results::result(app, &job, &HeaderMap::new()).await?,
            JobState::Failed | JobState::Cancelled | JobState::Dead => {
                return Err(ended_badly(job.error.as_deref()));
            }
        }
    }
    let applied = HeaderName::from_static("preference-applied");
    answer.headers_mut().insert(applied, HeaderValue::from_static("respond-async"));
    Ok(Diverted::Later(answer))
}

/// The failure of a job as that of its call, where that fits.
fn ended_badly(number: Option<&str>) -> CallError {
    let code = ErrorCode::ALL.into_iter().find(|it| Some(it.number()) == number);
    match code {
        Some(code @ (ErrorCode::BadValue | ErrorCode::UnknownField | ErrorCode::Classified)) => {
            CallError::new(code, format!("{}。", code.title()))
        }
        _ => refuse(ErrorCode::Conflict, "工作未能完成,請查詢工作狀態。"),
    }
}
