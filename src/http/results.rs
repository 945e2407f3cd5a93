//! Results of jobs and their changes as they happen: answers that are written as they are read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use crate::http::told::OfLoad;
use crate::service::jobs::{BlobReader, Job, JobEvent, JobState, StoreError};
use crate::task::call::{CallContext, CallError};
use crate::task::speech::Rendition;
use crate::wire::problem::Problem;
use crate::wire::v1::jobs::{self, JobChange, JobMessage};
use crate::wire::v1::transcript::Form;

use super::App;
use super::failure::Failure;
use super::holder::Holder;
use super::jobs::{find, is_match};
use super::speech;

/// How often a stream without news says that it is still there.
const SIGN_EVERY: Duration = Duration::from_secs(15);

/// How soon a stream ends when the server is about to.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// 工作的結果:與該服務直接呼叫時的回覆相同。
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/result",
    operation_id = "read_job_result",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "job_id"),
        ("if-none-match" = Option<String>, Header, description = "先前回覆的 ETag;未改變時回覆 304"),
    ),
    responses(
        (status = 200, description = "結果", body = serde_json::Value, content_type = "application/json"),
        (status = 304, description = "未改變"),
        (status = 204, description = "工作已結束,且最後一則事件已收到"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個工作,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:工作尚未完成", body = Problem, content_type = "application/problem+json"),
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
    // What is kept of a recording is more than anybody may see.
    if job.service == speech::SERVICE && job.state == JobState::Succeeded {
        return Ok(speech::transcript(&app, &job, Rendition::default(), Form::default()).await?);
    }
    Ok(result(&app, &job, &headers).await?)
}

/// The result of a job, part by part.
pub(super) async fn result(
    app: &App,
    job: &Job,
    headers: &HeaderMap,
) -> Result<Response, CallError> {
    let reader = app.jobs.result(job).await?;
    let meta = reader.meta();
    let tag = format!("\"{}\"", meta.sha256.as_deref().unwrap_or_default());
    if is_match(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let headers = [
        (ETAG, tag),
        (CONTENT_TYPE, meta.media_type.clone()),
        (CONTENT_LENGTH, meta.size.to_string()),
    ];
    Ok((headers, body_of(reader)).into_response())
}

/// What is kept, part by part, as the caller reads it.
pub(super) fn body_of(reader: BlobReader) -> Body {
    let parts = stream::try_unfold(reader, |mut reader: BlobReader| async move {
        let part = reader.next().await.inspect_err(|error| {
            tracing::error!(reason = %error, "a blob could not be read to its end");
        })?;
        Ok::<_, StoreError>(part.map(|it| (Bytes::from(it.into_inner()), reader)))
    });
    Body::from_stream(parts)
}

/// 工作的變化(Server-Sent Events):狀態與進度,至結束為止。
///
/// 每則事件的 `id` 為版本;中斷後以 `Last-Event-ID` 接續。
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/events",
    operation_id = "watch_job",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "job_id"),
        ("last-event-id" = Option<String>, Header, pattern = "^[0-9]{1,18}$", description = "已收到的最後一則事件的 id"),
    ),
    responses(
        (status = 200, description = "事件", body = JobMessage, content_type = "text/event-stream"),
        (status = 204, description = "工作已結束,沒有更多事件"),
        (status = 400, description = "ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個工作,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn watch(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Extension(holder): Extension<Holder>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let job = find(&app, &headers, &id).await?;
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(value) => {
            let number = value.to_str().ok().and_then(|it| it.parse().ok());
            number.ok_or_else(|| CallError::bad_value("/headers/last-event-id", "應為整數。"))?
        }
    };
    // Whoever claims to have seen more than there was yet misses nothing that is to come.
    let after = after.min(job.version);
    // Of a job that ended there is nothing more to come: 204 tells an EventSource not to come back.
    let has_more = !job.state.is_final()
        || !app.jobs.changes(&job.id, after, Duration::ZERO).await?.is_empty();
    if !has_more {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let refused = Box::pin(holder.cut(Arc::clone(&app), cx));
    let watch = Watch { app, id: job.id, after, is_over: false };
    // The client comes back, and is told why it may not.
    let events = stream::unfold(watch, Watch::next).take_until(refused);
    let headers = [(CONTENT_TYPE, "text/event-stream; charset=utf-8")];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// A client that watches a job.
struct Watch {
    app: Arc<App>,
    id: String,
    after: u64,
    is_over: bool,
}

impl Watch {
    /// What is written next; `None` at the end: of the job, or of the server.
    async fn next(mut self) -> Option<(Result<Bytes, std::convert::Infallible>, Watch)> {
        let mut quiet = Duration::ZERO;
        while !self.is_over && !self.app.service.is_draining() {
            let Ok(events) = self.app.jobs.changes(&self.id, self.after, LOOK_EVERY).await else {
                // The client comes back with the last id that it has seen.
                return None;
            };
            if let Some(last) = events.last() {
                self.after = last.version;
                self.is_over = last.state.is_final();
                let text: String = events.iter().map(event).collect();
                return Some((Ok(Bytes::from(text)), self));
            }
            quiet += LOOK_EVERY;
            if SIGN_EVERY <= quiet {
                return Some((Ok(Bytes::from_static(b": quiet\n\n")), self));
            }
        }
        None
    }
}

/// An event of the stream.
fn event(event: &JobEvent) -> String {
    let change = JobChange {
        job_id: event.job.clone(),
        state: event.state.as_str(),
        progress: event.progress,
        attempt: event.attempt,
        error: event.error.clone(),
        created_at: jobs::time(event.created),
    };
    let data = serde_json::to_string(&change).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.version, event.state.as_str())
}
