//! What happened to jobs: rows for callers who watch one, and events for the bus.

use std::time::Duration;

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::base::{EVENT_ROOT, RequestId, SCHEMA_ROOT, rfc3339};
use crate::store::engine::{Kind, Reply, Tx};
use crate::store::outbox::{self, OutboxRow};
use crate::store::value::{Row, owned, values};
use crate::store::{Store, StoreError};

use super::{Job, JobState, ms, time};

/// Rows of one answer.
const PAGE: u64 = 200;

/// A change of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobEvent {
    /// Of which job.
    pub job: String,
    /// The job's version after the change.
    pub version: u64,
    /// The job's state after the change.
    pub state: JobState,
    /// Times the job was begun.
    pub attempt: u32,
    /// Share that is done, 0 to 1.
    pub progress: Option<f64>,
    /// Code of the failure.
    pub error: Option<String>,
    /// When: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

/// A job changed its state: what the bus is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobChanged {
    /// The job.
    pub job_id: String,
    /// Its service, such as `speech`.
    pub service: String,
    /// Its operation, such as `transcribe`.
    pub operation: String,
    /// The new state.
    pub state: JobState,
    /// Which attempt this is, from 1; 0 while it was never tried.
    pub attempt: u32,
    /// Number of the failure, such as `ER0520`.
    pub error: Option<String>,
}

impl JobChanged {
    /// What is told of a job as it is now.
    pub fn of(job: &Job) -> JobChanged {
        JobChanged {
            job_id: job.id.clone(),
            service: job.service.clone(),
            operation: job.operation.clone(),
            state: job.state,
            attempt: job.attempt,
            error: job.error.clone(),
        }
    }
}

impl Store {
    /// Changes of a job after version `after`, oldest first; some hundred at most.
    ///
    /// # Errors
    /// When the database fails.
    pub fn job_events(&self, id: &str, after: u64) -> Reply<Vec<JobEvent>> {
        self.call(Kind::Query, (id.to_owned(), after), |(id, after), tx| {
            events(id, *after, tx).boxed()
        })
    }
}

async fn events(id: &str, after: u64, tx: &mut dyn Tx) -> Result<Vec<JobEvent>, StoreError> {
    let select = "SELECT job, version, state, attempt, progress, error, created FROM job_event
        WHERE job = $1 AND $2 < version ORDER BY version LIMIT $3";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(JobEvent {
            job: row.take()?,
            version: row.take()?,
            state: row.take::<String>()?.parse()?,
            attempt: row.take()?,
            progress: row.take()?,
            error: row.take()?,
            created: time(row.take()?),
        })
    };
    tx.rows(select, values![id, after, PAGE]).await?.into_iter().map(read).collect()
}

/// Keeps a change for callers who watch the job.
pub(super) fn keep(job: &Job, now: Duration, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let insert = "INSERT INTO job_event(job, version, state, attempt, progress, error, created)
        VALUES($1, $2, $3, $4, $5, $6, $7)";
    let values = owned![
        &job.id,
        job.version,
        job.state.as_str(),
        job.attempt,
        job.progress,
        &job.error,
        ms(now),
    ];
    tx.write(insert, values)
}

/// Keeps a change of state, and tells the bus.
pub(super) fn tell(job: &Job, now: Duration, tx: &mut dyn Tx) -> Result<(), StoreError> {
    keep(job, now, tx)?;
    tx.rung().waits |= job.state == JobState::Queued;
    outbox::add(&event(job, now), tx)?;
    if job.state == JobState::Dead {
        outbox::add(&dead_letter(job, now), tx)?;
    }
    Ok(())
}

/// The dead letter of a job that was given up, as the bus makes one of a command: for whoever looks after those.
fn dead_letter(job: &Job, now: Duration) -> OutboxRow {
    let (service, operation) = (&job.service, &job.operation);
    let (id, mut letter) = envelope(job, now);
    letter["deadreason"] = json!(job.error.as_deref().unwrap_or("max-attempts"));
    letter["deadsubject"] = json!(format!("moi.ai.v1.job.{service}.{operation}"));
    letter["deaddeliveries"] = json!(job.attempt);
    let subject = format!("moi.ai.v1.dlq.{service}.{operation}");
    OutboxRow { id, subject, body: letter.to_string(), created: ms(now) }
}

/// The event of a change.
fn event(job: &Job, now: Duration) -> OutboxRow {
    let (id, body) = envelope(job, now);
    let subject = format!("moi.ai.v1.evt.{}.{}.{}", job.org, job.service, job.state.event_name());
    OutboxRow { id, subject, body: body.to_string(), created: ms(now) }
}

/// A CloudEvent of a change, in the envelope of every other event, with its id. It carries ids, codes and numbers only,
/// never content.
fn envelope(job: &Job, now: Duration) -> (String, Value) {
    let (service, id) = (&job.service, RequestId::at(now).to_string());
    let name = job.state.event_name();
    let mut body = json!({
        "specversion": "1.0", "id": id, "source": format!("/moi/ai/{service}"),
        "type": format!("{EVENT_ROOT}.{service}.{name}.v1"),
        "subject": format!("jobs/{}", job.id), "time": rfc3339(now),
        "datacontenttype": "application/json", "dataschema": format!("{SCHEMA_ROOT}/{name}.v1"),
        "orgcode": job.org, "correlationid": job.correlation, "sequence": job.version.to_string(),
        "data": JobChanged::of(job),
    });
    if let Some(traceparent) = &job.traceparent {
        body["traceparent"] = json!(traceparent);
    }
    if job.result.is_some() {
        body["dataref"] = json!(format!("/api/v1/jobs/{}/result", job.id));
    }
    (id, body)
}
