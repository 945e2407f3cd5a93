//! What can be done as a job, and what it hears and tells while it is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use crate::base::{ErrorCode, Private};
use crate::service::events::Event;
use crate::service::subjects::Identifier;
use crate::store::StoreError;
use crate::store::blobs::{BlobReader, Blobs};
use crate::store::jobs::Job;
use crate::task::call::CallError;

/// What a kind of job works on: it decides how long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Texts.
    Text,
    /// Recordings, which become texts.
    Recording,
}

/// An operation of a service, done as a job.
pub trait JobKind: Send + Sync {
    /// Of which service.
    fn service(&self) -> &'static str;

    /// Which operation.
    fn operation(&self) -> &'static str;

    /// On which device only, such as `cuda`; none when any worker will do.
    fn device(&self) -> Option<&'static str> {
        None
    }

    /// What it works on.
    fn matter(&self) -> Matter {
        Matter::Text
    }

    /// Refuses an agency that does not have the service.
    ///
    /// # Errors
    /// With the remedy.
    fn admits(&self, _org: &str) -> Result<(), CallError> {
        Ok(())
    }

    /// Refuses bytes that can never succeed, before they are accepted. Blobs are not looked into.
    ///
    /// # Errors
    /// With the place of what is wrong, never its value.
    fn check(&self, input: &[u8]) -> Result<(), CallError>;

    /// Id of an upload that the input names: it must be there, and is kept as long as the job.
    fn attached(&self, _input: &[u8]) -> Option<String> {
        None
    }

    /// Does it. It may be begun more than once; dropping the future stops it.
    fn run(
        &self,
        context: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>>;
}

/// Which workers may take a kind of job.
pub(super) fn lane(kind: &dyn JobKind) -> String {
    match kind.device() {
        Some(device) => format!("{}/{device}", kind.service()),
        None => kind.service().to_owned(),
    }
}

/// A result. No `Debug`: it holds somebody's data.
pub struct JobOutput {
    /// Its media type.
    pub media_type: &'static str,
    /// It.
    pub content: Private<Vec<u8>>,
    /// What is told of it, beside the end of the job.
    pub event: Option<Event>,
    /// Identifiers of those whom it mentions.
    pub mentions: Vec<Identifier>,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// Which failure.
    pub code: ErrorCode,
    /// Whether another attempt may succeed.
    pub is_passing: bool,
}

impl From<CallError> for JobFailure {
    fn from(error: CallError) -> JobFailure {
        let is_passing = matches!(
            error.code,
            ErrorCode::Overloaded
                | ErrorCode::Unavailable
                | ErrorCode::Timeout
                | ErrorCode::Internal
                | ErrorCode::SlowClient
        );
        JobFailure { code: error.code, is_passing }
    }
}

/// What a running job is told, and tells. Cheap to clone.
#[derive(Clone)]
pub struct JobContext {
    job: Arc<Job>,
    blobs: Blobs,
    resumed: Arc<Mutex<Option<Private<Vec<u8>>>>>,
    news: Arc<News>,
}

/// What the next sign of life will carry.
#[derive(Default)]
pub(super) struct News {
    progress: Mutex<Option<f64>>,
    checkpoint: Mutex<Option<Private<Vec<u8>>>>,
    is_unwanted: AtomicBool,
    /// Rung when a checkpoint should be kept at once.
    pub(super) urgent: Notify,
}

impl JobContext {
    pub(super) fn new(job: Job, blobs: Blobs, checkpoint: Option<Private<Vec<u8>>>) -> JobContext {
        JobContext {
            job: Arc::new(job),
            blobs,
            resumed: Arc::new(Mutex::new(checkpoint)),
            news: Arc::default(),
        }
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// An upload of the job's own client, to be read part by part; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn upload(&self, id: &str) -> Result<Option<BlobReader>, StoreError> {
        let found = self.blobs.read(id).await?;
        Ok(found.filter(|it| it.meta().client == self.job.client))
    }

    /// What an interrupted attempt left, the first time it is asked for.
    pub fn resume(&self) -> Option<Private<Vec<u8>>> {
        take(&self.resumed)
    }

    /// Tells how much is done, 0 to 1; written with the next sign of life.
    pub fn progress(&self, share: f64) {
        put(&self.news.progress, share.clamp(0.0, 1.0));
    }

    /// Leaves something for the next attempt, should this one be interrupted; written as soon as possible. At most some
    /// hundred kilobytes.
    pub fn checkpoint(&self, state: Private<Vec<u8>>) {
        put(&self.news.checkpoint, state);
        self.news.urgent.notify_one();
    }

    /// Whether the job is no longer wanted, or no longer ours: for work that cannot be dropped.
    pub fn is_unwanted(&self) -> bool {
        self.news.is_unwanted.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.news.is_unwanted.store(true, Ordering::Release);
    }

    /// What is new since it was asked for last.
    pub(super) fn take_news(&self) -> (Option<f64>, Option<Private<Vec<u8>>>) {
        (take(&self.news.progress), take(&self.news.checkpoint))
    }

    /// Puts news back that could not be written, unless there is newer.
    pub(super) fn keep_news(&self, progress: Option<f64>, checkpoint: Option<Private<Vec<u8>>>) {
        keep(&self.news.progress, progress);
        keep(&self.news.checkpoint, checkpoint);
    }

    pub(super) fn urgent(&self) -> &Notify {
        &self.news.urgent
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn put<T>(slot: &Mutex<Option<T>>, value: T) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn keep<T>(slot: &Mutex<Option<T>>, value: Option<T>) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.is_none() {
        *slot = value;
    }
}
