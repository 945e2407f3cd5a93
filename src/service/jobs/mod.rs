//! Jobs: accepted once, given to a runner by lease, ended once. What callers, runners and operators do with them.
//!
//! A job's row is the truth. A bell tells runners and watchers of this process that something has changed; it may be
//! missed, so everybody also looks now and then.

mod ask;
mod correct;
mod counted;
mod kind;
mod quota;
mod retry;
mod runner;
mod tend;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::{Clock, ErrorCode, Private, RequestId};
use crate::service::subjects::{self, Subject};
use crate::store::Store;
use crate::store::jobs::{IdempotencyKey, NewJob, Payload, Submitted};
use crate::task::call::CallError;

pub use crate::store::StoreError;
pub use crate::store::blobs::{Blob, BlobMeta, BlobReader, Blobs, Completed};
pub use crate::store::jobs::{Job, JobEvent, JobFilter, JobState};

pub use crate::task::job::{JobStatus, Outlook};

pub use ask::status;
pub use correct::{Corrected, already_corrected};
pub use kind::{JobContext, JobFailure, JobKind, JobOutput, Matter};
pub use quota::{Quota, QuotaRate, QuotaState};
pub use retry::Backoff;
pub use runner::Worker;

use counted::Counted;
use retry::Jitter;

/// Bytes of an input up to which it is read before it is accepted: that takes some hundred microseconds.
const CHECKED_BYTES: usize = 64 << 10;

/// Bytes of an input in which identifiers are looked for at once; larger ones are read on a thread that may block.
const READ_BYTES: usize = 2 << 10;

/// Largest checkpoint in bytes: it lies in a row of the database.
const CHECKPOINT_BYTES: u64 = 1 << 20;

/// Manners of jobs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobSettings {
    /// How long a runner holds a job without a sign of life.
    pub lease: Duration,
    /// How often it gives one; also the longest time until it hears that a job is no longer wanted.
    pub beat: Duration,
    /// How often runners look for jobs that nobody rang for.
    pub poll: Duration,
    /// Jobs that a runner works on at one time.
    pub slots: usize,
    /// Times a job is tried before it is dead.
    pub max_attempts: u32,
    /// Jobs that a client may have waiting.
    pub max_queued: u64,
    /// Pauses between attempts.
    pub backoff: Backoff,
    /// How long jobs are kept, by what they work on.
    pub retention: JobRetention,
    /// How long an uploaded blob waits for its job.
    pub upload: Duration,
    /// How long a repeated call is recognised.
    pub repetition: Duration,
    /// How long a runner that is to stop lets its jobs go on.
    pub drain: Duration,
    /// Seed of the chance in pauses.
    pub seed: u64,
}

/// How long jobs with their inputs and results are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobRetention {
    /// Jobs of texts, with all that belongs to them.
    pub texts: Duration,
    /// Recordings.
    pub recordings: Duration,
    /// What was heard in them, with the job.
    pub transcripts: Duration,
}

impl JobRetention {
    /// How long the input of a kind is kept, and how long the job with its result.
    fn of(self, matter: Matter) -> (Duration, Duration) {
        match matter {
            Matter::Text => (self.texts, self.texts),
            Matter::Recording => (self.recordings, self.transcripts),
        }
    }
}

impl Default for JobSettings {
    /// A lease of 30 s with a sign every 2 s, 4 jobs at a time, 5 attempts; 30 days, transcripts 180, uploads and keys one
    /// day.
    fn default() -> JobSettings {
        let day = Duration::from_secs(24 * 60 * 60);
        JobSettings {
            lease: Duration::from_secs(30),
            beat: Duration::from_secs(2),
            poll: Duration::from_secs(1),
            slots: 4,
            max_attempts: 5,
            max_queued: 20_000,
            backoff: Backoff::default(),
            retention: JobRetention {
                texts: 30 * day,
                recordings: 30 * day,
                transcripts: 180 * day,
            },
            upload: day,
            repetition: day,
            drain: Duration::from_secs(20),
            seed: 0,
        }
    }
}

/// Who calls: for fair shares, quotas and what may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Client system.
    pub client: String,
    /// Agency.
    pub org: String,
}

/// What a job works on.
pub enum JobInput {
    /// Bytes of its own.
    Bytes {
        /// Their media type.
        media_type: &'static str,
        /// They.
        content: Private<Vec<u8>>,
        /// JSON pointer to where they stand in what the caller sent.
        at: &'static str,
    },
    /// Id of a blob that was uploaded before.
    Blob(String),
}

/// A job as a caller orders it. No `Debug`: it holds somebody's data.
pub struct JobOrder {
    /// Who orders.
    pub caller: Caller,
    /// Of which service.
    pub service: String,
    /// Which of its operations.
    pub operation: String,
    /// What it works on.
    pub input: JobInput,
    /// Among the caller's own jobs, higher goes first.
    pub priority: i32,
    /// Code of the purpose.
    pub purpose: Option<String>,
    /// The caller's case.
    pub case_no: Option<String>,
    /// First request of the case.
    pub correlation: String,
    /// W3C trace context of the caller.
    pub traceparent: Option<String>,
}

/// A job that is ready to be accepted.
pub struct Prepared {
    job: NewJob,
    /// Blobs that were made for it.
    made: Vec<String>,
    /// Whether its lane is long.
    is_long: bool,
    /// What is told about it when it is accepted.
    pub outlook: Outlook,
}

impl Prepared {
    /// Has a blob deleted when the job turns out not to be a new one.
    pub fn with_made(mut self, blob: String) -> Prepared {
        self.made.push(blob);
        self
    }
}

/// By which a caller sends the same call again, as far as a transport knows it.
pub struct Repetition {
    /// As the caller sent it.
    pub key: String,
    /// Which operation it was sent to.
    pub route: &'static str,
    /// Hash of the call.
    pub fingerprint: Vec<u8>,
}

/// What jobs are made of.
pub struct JobParts {
    /// Where they are kept.
    pub store: Store,
    /// Their inputs and results.
    pub blobs: Blobs,
    /// What can be done.
    pub kinds: Vec<Arc<dyn JobKind>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Manners.
    pub settings: JobSettings,
}

/// Jobs, for callers and runners of this process.
pub struct Jobs {
    store: Store,
    blobs: Blobs,
    kinds: BTreeMap<(&'static str, &'static str), Arc<dyn JobKind>>,
    clock: Arc<dyn Clock>,
    settings: JobSettings,
    jitter: Jitter,
    counted: Counted,
    /// By lane: rung when a job waits.
    doorbells: BTreeMap<String, Notify>,
    /// Rung when a job has changed.
    changed: Notify,
    /// Rung when a job is no longer wanted.
    unwanted: Notify,
}

impl Jobs {
    /// Jobs over a store.
    pub fn new(parts: JobParts) -> Arc<Jobs> {
        let kinds = parts.kinds.into_iter().map(|it| ((it.service(), it.operation()), it));
        let kinds: BTreeMap<_, Arc<dyn JobKind>> = kinds.collect();
        let doorbells = kinds.values().map(|it| (kind::lane(it.as_ref()), Notify::new()));
        Arc::new(Jobs {
            store: parts.store,
            blobs: parts.blobs,
            doorbells: doorbells.collect(),
            kinds,
            clock: parts.clock,
            settings: parts.settings,
            jitter: Jitter::new(parts.settings.seed),
            counted: Counted::default(),
            changed: Notify::new(),
            unwanted: Notify::new(),
        })
    }

    /// Inputs and results.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Manners.
    pub fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// Seals the input of a job and looks how long it may take. What is never accepted expires with its upload.
    ///
    /// # Errors
    /// When there is no such operation, its input is refused, or the store fails.
    pub async fn prepare(&self, order: JobOrder) -> Result<Prepared, CallError> {
        let kind = self.kind(&order.service, &order.operation)?;
        kind.admits(&order.caller.org)?;
        if let JobInput::Bytes { content, at, .. } = &order.input
            && content.expose().len() <= CHECKED_BYTES
        {
            kind.check(content.expose()).map_err(|it| it.within(at))?;
        }
        let attached = match &order.input {
            JobInput::Bytes { content, .. } => kind.attached(content.expose()),
            JobInput::Blob(_) => None,
        };
        let lane = kind::lane(kind.as_ref());
        let created = self.now();
        let (input_for, job_for) = self.settings.retention.of(kind.matter());
        let (input_expires, expires) = (created + input_for, created + job_for);
        let Caller { client, org } = order.caller;
        let (input, made, subjects) = match order.input {
            JobInput::Blob(id) => (Payload::Blob(id), Vec::new(), Vec::new()),
            JobInput::Bytes { media_type, content, .. } => {
                let caller = Caller { client: client.clone(), org: org.clone() };
                let meta = self.meta(caller, ("input", media_type), input_expires);
                let (content, subjects) = self.mentioned(content).await?;
                let kept = self.blobs.keep(meta, content).await.map_err(|it| failed(&it))?;
                let made =
                    if let Payload::Blob(id) = &kept { vec![id.clone()] } else { Vec::new() };
                (kept, made, subjects)
            }
        };
        let id = RequestId::at(created).to_string();
        let place = (org.as_str(), order.priority);
        let (outlook, is_long) = self.outlook((&id, created), kind.as_ref(), place).await?;
        let job = NewJob {
            id,
            org,
            client,
            service: order.service,
            operation: order.operation,
            lane,
            priority: order.priority,
            max_attempts: self.settings.max_attempts,
            input,
            attached,
            purpose: order.purpose,
            case_no: order.case_no,
            correlation: order.correlation,
            traceparent: order.traceparent,
            subjects,
            created,
            input_expires,
            expires,
        };
        Ok(Prepared { job, made, is_long, outlook })
    }

    /// Accepts a job; it is on the disk then. The answer is `answer`, or that of the first call under the same key.
    ///
    /// # Errors
    /// When the key was used for another call, too many jobs wait, there is no such blob, or the store fails.
    pub async fn accept(
        &self,
        prepared: Prepared,
        repetition: Option<Repetition>,
        answer: Vec<u8>,
    ) -> Result<Vec<u8>, CallError> {
        let key = repetition.map(|it| IdempotencyKey {
            key: it.key,
            route: it.route,
            fingerprint: it.fingerprint,
            answer: answer.clone(),
            expires: self.now() + self.settings.repetition,
        });
        let Prepared { job, made, is_long, .. } = prepared;
        let lane = job.lane.clone();
        let mut max_queued = self.settings.max_queued;
        if is_long {
            let asked = (job.client.as_str(), max_queued);
            let limit = self.counted.limit(&self.store, asked, self.clock.now()).await;
            max_queued = limit.map_err(|it| failed(&it))?;
        }
        let submitted = self.store.submit(job, key, max_queued).await;
        let submitted = submitted.map_err(|it| failed(&it))?;
        if !matches!(submitted, Submitted::New(_)) {
            for unused in &made {
                self.blobs.delete(unused).await.map_err(|it| failed(&it))?;
            }
        }
        match submitted {
            Submitted::New(_) => {
                self.ring(&lane);
                self.changed.notify_waiters();
                Ok(answer)
            }
            Submitted::Again(answer) => Ok(answer),
            Submitted::KeyMisused => Err(key_misused()),
            Submitted::TooMany { queued } => {
                let message = format!("排隊中的工作已有 {queued} 件,請待部分完成後再送。");
                let error = CallError::new(ErrorCode::Overloaded, message);
                Err(error.retry_after(Duration::from_secs(30)))
            }
            Submitted::NoInput => {
                Err(CallError::bad_value("/blob_id", "沒有這個已完成上傳的內容,或已逾保存期限。"))
            }
        }
    }

    /// What the first call under a key was answered, when there was one: before anything is read or kept for this one.
    ///
    /// # Errors
    /// When the key was used for another call, or the store fails.
    pub async fn answered(
        &self,
        caller: &Caller,
        repetition: &Repetition,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let key = (repetition.key.as_str(), repetition.route);
        let found = self.store.answered_under(&caller.client, key, self.now()).await;
        match found.map_err(|it| failed(&it))? {
            Some(found) if found.fingerprint != repetition.fingerprint => Err(key_misused()),
            found => Ok(found.map(|it| it.answer)),
        }
    }

    /// Whether a call was answered before under a key of the caller's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn knows(
        &self,
        caller: &Caller,
        key: (&str, &'static str),
    ) -> Result<bool, CallError> {
        let found = self.store.answered_under(&caller.client, key, self.now()).await;
        found.map(|it| it.is_some()).map_err(|it| failed(&it))
    }

    /// Whom an input mentions; and the input again.
    async fn mentioned(
        &self,
        input: Private<Vec<u8>>,
    ) -> Result<(Private<Vec<u8>>, Vec<Subject>), CallError> {
        let n_bytes = input.expose().len();
        let read = move || (subjects::identifiers_in_json(input.expose()), input);
        let (found, input) = if n_bytes <= READ_BYTES {
            read()
        } else {
            let read = tokio::task::spawn_blocking(read).await;
            read.map_err(|_| CallError::new(ErrorCode::Internal, "系統發生錯誤。"))?
        };
        Ok((input, self.store.subjects(&found)))
    }

    /// What a new blob is, beside its content.
    pub fn meta(
        &self,
        caller: Caller,
        (kind, media_type): (&str, &str),
        expires: Duration,
    ) -> BlobMeta {
        let created = self.now();
        BlobMeta {
            id: RequestId::at(created).to_string(),
            org: caller.org,
            client: caller.client,
            kind: kind.to_owned(),
            media_type: media_type.to_owned(),
            size: 0,
            sha256: None,
            created,
            expires,
        }
    }

    fn kind(&self, service: &str, operation: &str) -> Result<&Arc<dyn JobKind>, CallError> {
        self.kinds
            .iter()
            .find(|((its, does), _)| *its == service && *does == operation)
            .map(|it| it.1)
            .ok_or_else(|| CallError::bad_value("/operation", "沒有這個服務的這個作業。"))
    }

    /// Tells a worker of a lane that a job waits there.
    fn ring(&self, lane: &str) {
        if let Some(bell) = self.doorbells.get(lane) {
            bell.notify_one();
        }
    }

    fn now(&self) -> Duration {
        self.clock.unix_time()
    }
}

/// Kinds of blob that jobs keep for themselves; they are nobody's upload.
pub(super) const OWN_BLOBS: [&str; 4] = ["input", "checkpoint", "result", "corrections"];

fn key_misused() -> CallError {
    let message = "這個 Idempotency-Key 已用於另一個請求,請換一個新的值。";
    CallError::new(ErrorCode::KeyReused, message)
}

/// A failure of the store as a caller hears of it; the log has the reason.
pub fn failed(error: &StoreError) -> CallError {
    let message = "系統忙碌或儲存區暫時無法使用,請稍後再試。";
    match error {
        StoreError::Busy => CallError::new(ErrorCode::Overloaded, message),
        error => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(reason = %error, cause, "the store failed");
            CallError::new(ErrorCode::Unavailable, message)
        }
    }
    .retry_after(Duration::from_secs(2))
}

#[cfg(test)]
mod tests;
