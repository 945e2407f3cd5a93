//! Jobs, as callers are told of them over whatever transport.

use std::time::Duration;

/// What a job may expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Identifies the job.
    pub id: String,
    /// When it was accepted: since 1970-01-01T00:00:00Z.
    pub created: Duration,
    /// Jobs before it; where very many wait, as of a moment ago.
    pub position: u64,
    /// When it may have ended; none while nothing is known.
    pub finish: Option<Duration>,
}

/// How far a job is. Times are since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq)]
pub struct JobStatus {
    /// Identifies it.
    pub id: String,
    /// Which service.
    pub service: String,
    /// Which of its operations.
    pub operation: String,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled` or `dead`.
    pub state: &'static str,
    /// Share that is done, 0 to 1.
    pub progress: Option<f64>,
    /// Times it was begun.
    pub attempt: u32,
    /// Times it is tried before it is dead.
    pub max_attempts: u32,
    /// Whether it was taken back.
    pub cancel_requested: bool,
    /// Code of the failure.
    pub error: Option<String>,
    /// Jobs before it; none when it does not wait.
    pub position: Option<u64>,
    /// When it may have ended; none when nothing is known, or it has.
    pub finish: Option<Duration>,
    /// When it was accepted.
    pub created: Duration,
    /// When its latest attempt began.
    pub started: Option<Duration>,
    /// When it ended.
    pub finished: Option<Duration>,
    /// When it is erased.
    pub expires: Duration,
}
