//! What callers ask about their jobs, and taking one back.

use std::time::Duration;

use crate::base::{ErrorCode, Private};
use crate::store::blobs::BlobReader;
use crate::store::jobs::{Job, JobEvent, JobFilter, JobState, Queue};
use crate::task::call::CallError;

use super::counted::LONG;
use super::kind::lane;
use super::{CHECKPOINT_BYTES, Caller, JobKind, JobStatus, Jobs, Outlook, StoreError, failed};

/// Times that a checkpoint is looked for while its job goes on.
const LOOKS: usize = 3;

impl Jobs {
    /// A job that `caller` may see.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find(&self, caller: &Caller, id: &str) -> Result<Job, CallError> {
        let found = self.store.job(id).await.map_err(|it| failed(&it))?;
        found.filter(|it| it.client == caller.client).ok_or_else(no_such_job)
    }

    /// Jobs that `caller` may see, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller, filter: JobFilter) -> Result<Vec<Job>, CallError> {
        let filter = JobFilter { client: Some(caller.client.clone()), ..filter };
        self.store.jobs(filter).await.map_err(|it| failed(&it))
    }

    /// Jobs of every client, the newest first: for operators.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_all(&self, filter: JobFilter) -> Result<Vec<Job>, CallError> {
        self.store.jobs(filter).await.map_err(|it| failed(&it))
    }

    /// How many jobs there are in each state: of a caller, or of all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counts(&self, caller: Option<&Caller>) -> Result<Vec<(JobState, u64)>, CallError> {
        let client = caller.map(|it| it.client.as_str());
        self.store.job_counts(client).await.map_err(|it| failed(&it))
    }

    /// Whether the store answers within `time`. One that is too busy for the question is there.
    pub async fn store_answers(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            found = self.store.ping() => matches!(found, Ok(()) | Err(StoreError::Busy)),
            () = self.clock.wait(time) => false,
        }
    }

    /// How many events wait to be told, `most` at most.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn untold(&self, most: usize) -> Result<usize, CallError> {
        let found = self.store.outbox_pending(most).await.map_err(|it| failed(&it))?;
        Ok(found.len())
    }

    /// What a job that has not ended may expect.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outlook_of(&self, job: &Job) -> Result<Outlook, CallError> {
        let outlook = |position, finish| Outlook {
            id: job.id.clone(),
            created: job.created,
            position,
            finish,
        };
        let now = self.now();
        let started = job.started.filter(|_| job.state == JobState::Running);
        let left = |it| left_of(job.fence, now.saturating_sub(it), job.progress);
        if let Some(left) = started.and_then(left) {
            return Ok(outlook(0, Some(now + left)));
        }
        let queue = self.queue_of(job).await.map_err(|it| failed(&it))?;
        if let Some(started) = started {
            return Ok(outlook(0, queue.mean.map(|it| started + it)));
        }
        let own = self.store.own_before(job).await.map_err(|it| failed(&it))?;
        let position = queue.position(&job.org, own);
        let ahead = position + queue.n_running();
        Ok(outlook(position, queue.mean.map(|it| now + self.time_of(ahead, it))))
    }

    /// The waiting room of a job; a long one as it was at most a second ago, as far as its kind is known here.
    async fn queue_of(&self, job: &Job) -> Result<Queue, StoreError> {
        match self.kind(&job.service, &job.operation) {
            Ok(kind) => {
                let kind = (kind.as_ref(), job.lane.as_str());
                self.counted.queue(&self.store, kind, self.clock.now()).await
            }
            Err(_) => self.store.queue(&job.lane, &job.service, &job.operation).await,
        }
    }

    /// What a new job may expect, and whether its lane is long.
    pub(super) async fn outlook(
        &self,
        (id, created): (&str, Duration),
        kind: &dyn JobKind,
        (org, priority): (&str, i32),
    ) -> Result<(Outlook, bool), CallError> {
        let lane = lane(kind);
        let queue = self.counted.queue(&self.store, (kind, &lane), self.clock.now()).await;
        let queue = queue.map_err(|it| failed(&it))?;
        let position = queue.position(org, queue.own_before(org, priority));
        let ahead = position + queue.n_running();
        let finish = queue.mean.map(|it| created + self.time_of(ahead, it));
        let outlook = Outlook { id: id.to_owned(), created, position, finish };
        Ok((outlook, LONG <= queue.n_queued()))
    }

    /// Time until a job with `ahead` before it has ended, each taking `mean`.
    fn time_of(&self, ahead: u64, mean: Duration) -> Duration {
        let rounds = ahead / self.settings.slots.max(1) as u64 + 1;
        mean.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    /// The result of a job that has succeeded, to be read part by part.
    ///
    /// # Errors
    /// When it has none, or the store fails.
    pub async fn result(&self, job: &Job) -> Result<BlobReader, CallError> {
        let Some(id) = &job.result else {
            let message = "工作尚未完成,沒有結果;請先查詢工作狀態。";
            return Err(CallError::new(ErrorCode::Conflict, message));
        };
        let found = self.blobs.read(id).await.map_err(|it| failed(&it))?;
        found.ok_or_else(|| CallError::new(ErrorCode::NotFound, "結果已逾保存期限。"))
    }

    /// What a running job has left for another attempt: whatever its kind makes of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn left(&self, job: &Job) -> Result<Option<Private<Vec<u8>>>, CallError> {
        let mut checkpoint = job.checkpoint.clone();
        for _ in 0..LOOKS {
            let Some(id) = checkpoint else { break };
            if let Some(reader) = self.blobs.read(&id).await.map_err(|it| failed(&it))? {
                return reader.collect(CHECKPOINT_BYTES).await.map_err(|it| failed(&it));
            }
            // A newer one has taken its place.
            let found = self.store.job(&job.id).await.map_err(|it| failed(&it))?;
            checkpoint = found.and_then(|it| it.checkpoint);
        }
        Ok(None)
    }

    /// Takes a job back that `caller` may see.
    ///
    /// # Errors
    /// When there is none, it has ended already, or the store fails.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<Job, CallError> {
        self.find(caller, id).await?;
        let found = self.store.cancel(id, self.now()).await.map_err(|it| failed(&it))?;
        let job = found.ok_or_else(no_such_job)?;
        self.unwanted.notify_waiters();
        self.changed.notify_waiters();
        if job.state.is_final() && job.state != JobState::Cancelled {
            return Err(CallError::new(ErrorCode::Conflict, "工作已經結束,無法取消。"));
        }
        Ok(job)
    }

    /// Changes of a job after version `after`; waits up to `time` for the first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changes(
        &self,
        id: &str,
        after: u64,
        time: Duration,
    ) -> Result<Vec<JobEvent>, CallError> {
        let until = self.clock.now() + time;
        loop {
            let rung = self.changed.notified();
            let found = self.store.job_events(id, after).await.map_err(|it| failed(&it))?;
            let left = until.saturating_duration_since(self.clock.now());
            if !found.is_empty() || left.is_zero() {
                return Ok(found);
            }
            tokio::select! {
                biased;
                () = rung => {}
                () = self.clock.wait(left.min(self.settings.poll)) => {}
            }
        }
    }

    /// The job when it has ended, or as it is when `time` is over.
    ///
    /// # Errors
    /// When it is gone, or the store fails.
    pub async fn ended(&self, id: &str, time: Duration) -> Result<Job, CallError> {
        let until = self.clock.now() + time;
        loop {
            let rung = self.changed.notified();
            let found = self.store.job(id).await.map_err(|it| failed(&it))?;
            let job = found.ok_or_else(no_such_job)?;
            let left = until.saturating_duration_since(self.clock.now());
            if job.state.is_final() || left.is_zero() {
                return Ok(job);
            }
            tokio::select! {
                biased;
                () = rung => {}
                () = self.clock.wait(left.min(self.settings.poll)) => {}
            }
        }
    }
}

/// How far a job is, with what it may expect where that was asked.
pub fn status(job: Job, outlook: Option<Outlook>) -> JobStatus {
    let is_waiting = job.state == JobState::Queued;
    JobStatus {
        id: job.id,
        service: job.service,
        operation: job.operation,
        state: job.state.as_str(),
        progress: job.progress,
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        cancel_requested: job.cancel_requested,
        error: job.error,
        position: outlook.as_ref().filter(|_| is_waiting).map(|it| it.position),
        finish: outlook.and_then(|it| it.finish),
        created: job.created,
        started: job.started,
        finished: job.finished,
        expires: job.expires,
    }
}

/// Time that is left of a job that has done a share of itself in `took`: a long recording does not take as long as others
/// did. None while so little is done that nothing follows from it, and where a runner before has done a part.
fn left_of(fence: u64, took: Duration, progress: Option<f64>) -> Option<Duration> {
    let told = progress.filter(|it| fence == 1 && (0.02..=1.0).contains(it));
    told.map(|progress| took.mul_f64((1.0 - progress) / progress))
}

fn no_such_job() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這個工作,或已逾保存期限。")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        let took = Duration::from_secs(30);
        assert_eq!(left_of(1, took, Some(0.25)), Some(Duration::from_secs(90)));
        assert_eq!(left_of(1, took, Some(1.0)), Some(Duration::ZERO));
        for (fence, progress) in [(1, None), (1, Some(0.01)), (2, Some(0.25))] {
            assert_eq!(left_of(fence, took, progress), None, "{fence} {progress:?}");
        }
    }
}
