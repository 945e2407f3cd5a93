//! Jobs. The row is the truth: every change of it writes the job's event and the outbox in the same transaction.
//!
//! A worker holds a job by a lease and proves it by the fence, a number that rises with every claim: what a worker says
//! under an old fence is refused, so that a job ends once however late its first worker wakes up.

mod claim;
mod correct;
mod events;
mod finish;
mod queue;
mod read;
mod submit;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::StoreError;
use super::blobs::NewBlob;
use super::subjects::Subject;
use super::value::Row;

pub use claim::{Beat, Claim};
pub use correct::Correction;
pub use events::{JobChanged, JobEvent};
pub use finish::{Ending, Expired, Success};
pub use queue::{Queue, Share};
pub use read::JobFilter;
pub use submit::{Answered, IdempotencyKey, Submitted};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// Ended with a result.
    Succeeded,
    /// Ended without: trying again cannot help.
    Failed,
    /// Ended because its client no longer wants it.
    Cancelled,
    /// Given up after too many attempts; an operator may queue it again.
    Dead,
}

impl JobState {
    /// Every state.
    pub const ALL: [JobState; 6] = [
        JobState::Queued,
        JobState::Running,
        JobState::Succeeded,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Dead,
    ];

    /// As written to the database and to callers.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Succeeded => "succeeded",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Dead => "dead",
        }
    }

    /// Name of the event of entering this state, after the service.
    pub fn event_name(self) -> &'static str {
        match self {
            JobState::Queued => "job.queued",
            JobState::Running => "job.started",
            JobState::Succeeded => "job.succeeded",
            JobState::Failed => "job.failed",
            JobState::Cancelled => "job.cancelled",
            JobState::Dead => "job.dead",
        }
    }

    /// Whether nothing more happens to the job by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, JobState::Queued | JobState::Running)
    }
}

impl FromStr for JobState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<JobState, StoreError> {
        JobState::ALL.into_iter().find(|it| it.as_str() == text).ok_or(StoreError::Shape)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bytes of an input or a result: in the database when they are few, else a blob that was uploaded before.
pub enum Payload {
    /// Written with the job.
    Inline(Box<NewBlob>),
    /// Id of a complete blob.
    Blob(String),
}

impl Payload {
    fn id(&self) -> &str {
        match self {
            Payload::Inline(blob) => &blob.id,
            Payload::Blob(id) => id,
        }
    }
}

/// A job to accept. All times are since 1970-01-01T00:00:00Z.
pub struct NewJob {
    /// Identifies it: a UUIDv7 in 32 hexadecimal digits.
    pub id: String,
    /// Agency that it counts for.
    pub org: String,
    /// Client system that sent it.
    pub client: String,
    /// Which service.
    pub service: String,
    /// Which of its operations.
    pub operation: String,
    /// Which workers may take it: the service, or the service and a device.
    pub lane: String,
    /// Among the jobs of one agency, higher goes first.
    pub priority: i32,
    /// Times it is tried before it is dead.
    pub max_attempts: u32,
    /// What it works on.
    pub input: Payload,
    /// Id of a complete blob that the input names; it lives as long as the input.
    pub attached: Option<String>,
    /// Code of the purpose.
    pub purpose: Option<String>,
    /// The caller's case.
    pub case_no: Option<String>,
    /// First request of the case.
    pub correlation: String,
    /// W3C trace context of the caller.
    pub traceparent: Option<String>,
    /// When it was accepted.
    pub created: Duration,
    /// Whom its input mentions.
    pub subjects: Vec<Subject>,
    /// When its input and what that names are erased.
    pub input_expires: Duration,
    /// When it and its result are erased.
    pub expires: Duration,
}

/// A job as kept. All times are since 1970-01-01T00:00:00Z, to the millisecond.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Place among all jobs.
    pub seq: u64,
    /// Identifies it.
    pub id: String,
    /// Agency that it counts for.
    pub org: String,
    /// Client system that sent it.
    pub client: String,
    /// Which service.
    pub service: String,
    /// Which of its operations.
    pub operation: String,
    /// Which workers may take it.
    pub lane: String,
    /// Where it stands.
    pub state: JobState,
    /// Among the jobs of one agency, higher goes first.
    pub priority: i32,
    /// Not before this it is tried.
    pub run_at: Duration,
    /// Times it was begun.
    pub attempt: u32,
    /// Times it is tried before it is dead.
    pub max_attempts: u32,
    /// Rises with every claim.
    pub fence: u64,
    /// Until when its worker holds it, unless that worker gives a sign of life.
    pub lease_until: Option<Duration>,
    /// Which worker holds it.
    pub owner: Option<String>,
    /// Share that is done, 0 to 1.
    pub progress: Option<f64>,
    /// Whether its client no longer wants it.
    pub cancel_requested: bool,
    /// Code of the purpose.
    pub purpose: Option<String>,
    /// The caller's case.
    pub case_no: Option<String>,
    /// Blob of the input.
    pub input: Option<String>,
    /// Blob of what an interrupted attempt left.
    pub checkpoint: Option<String>,
    /// Blob of the result.
    pub result: Option<String>,
    /// Code of the failure.
    pub error: Option<String>,
    /// First request of the case.
    pub correlation: String,
    /// W3C trace context of the caller.
    pub traceparent: Option<String>,
    /// When it was accepted.
    pub created: Duration,
    /// When its latest attempt began.
    pub started: Option<Duration>,
    /// When it ended.
    pub finished: Option<Duration>,
    /// When it is erased.
    pub expires: Duration,
    /// Rises with every change.
    pub version: u64,
    /// Blob of what was corrected of the result.
    pub corrections: Option<String>,
    /// Times that was changed.
    pub n_corrections: u64,
}

/// Columns of [`Job`] in its order.
const COLUMNS: &str = "seq, id, org, client, service, operation, lane, state, priority, run_at, attempt, max_attempts, \
    fence, lease_until, owner, progress, cancel_requested, purpose, case_no, input, checkpoint, result, error, \
    correlation, traceparent, created, started, finished, expires, version, \
    corrections, n_corrections";

impl Job {
    fn read(mut row: Row) -> Result<Job, StoreError> {
        Ok(Job {
            seq: row.take()?,
            id: row.take()?,
            org: row.take()?,
            client: row.take()?,
            service: row.take()?,
            operation: row.take()?,
            lane: row.take()?,
            state: row.take::<String>()?.parse()?,
            priority: row.take()?,
            run_at: time(row.take()?),
            attempt: row.take()?,
            max_attempts: row.take()?,
            fence: row.take()?,
            lease_until: row.take::<Option<u64>>()?.map(time),
            owner: row.take()?,
            progress: row.take()?,
            cancel_requested: row.take()?,
            purpose: row.take()?,
            case_no: row.take()?,
            input: row.take()?,
            checkpoint: row.take()?,
            result: row.take()?,
            error: row.take()?,
            correlation: row.take()?,
            traceparent: row.take()?,
            created: time(row.take()?),
            started: row.take::<Option<u64>>()?.map(time),
            finished: row.take::<Option<u64>>()?.map(time),
            expires: time(row.take()?),
            version: row.take()?,
            corrections: row.take()?,
            n_corrections: row.take()?,
        })
    }
}

/// Milliseconds of a column as a time.
pub(super) fn time(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A time as milliseconds of a column.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
