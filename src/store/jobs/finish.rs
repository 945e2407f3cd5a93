//! How attempts and jobs end.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::subjects::{self, Subject};
use crate::store::value::{Row, owned, values};
use crate::store::{OutboxRow, Store, StoreError, blobs, outbox};

use super::{COLUMNS, Job, JobState, Payload, events, ms};

/// Jobs that one call names.
const AT_ONCE: u64 = 200;

/// A result.
pub struct Success {
    /// It.
    pub payload: Payload,
    /// What is told of it beside the end of the job.
    pub told: Option<OutboxRow>,
    /// The same as figures that stay with the job, in JSON: nothing of the content.
    pub figures: Option<String>,
    /// Whom it mentions.
    pub subjects: Vec<Subject>,
}

/// How an attempt ended. Errors are codes, never texts.
pub enum Ending {
    /// With a result.
    Succeeded(Success),
    /// Trying again cannot help.
    Failed(String),
    /// It is no longer wanted.
    Cancelled,
    /// It is tried again, not before this time (since 1970-01-01T00:00:00Z).
    Retry(Duration, String),
    /// It was tried often enough.
    Dead(String),
    /// The worker stops before its end; the attempt does not count.
    GivenBack,
}

impl Ending {
    /// The state after it, and its name among events.
    fn state(&self) -> JobState {
        match self {
            Ending::Succeeded(_) => JobState::Succeeded,
            Ending::Failed(_) => JobState::Failed,
            Ending::Cancelled => JobState::Cancelled,
            Ending::Retry(..) | Ending::GivenBack => JobState::Queued,
            Ending::Dead(_) => JobState::Dead,
        }
    }
}

/// A running job whose worker has given no sign of life in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Which job.
    pub id: String,
    /// The fence under which it was held.
    pub fence: u64,
    /// Times it was begun.
    pub attempt: u32,
    /// Times it is tried before it is dead.
    pub max_attempts: u32,
    /// Whether its client no longer wants it.
    pub cancel_requested: bool,
}

/// The end of one attempt.
struct Attempt {
    id: String,
    fence: u64,
    ending: Ending,
    now: Duration,
    /// Whether only a lease that is over may be ended.
    is_expired: bool,
}

impl Store {
    /// Ends an attempt. `None` when the worker no longer held the job: nothing has changed then. The result and the end
    /// are on the disk together or not at all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish(
        &self,
        id: &str,
        fence: u64,
        ending: Ending,
        now: Duration,
    ) -> Reply<Option<Job>> {
        let attempt = Attempt { id: id.to_owned(), fence, ending, now, is_expired: false };
        self.call(Kind::Durable, attempt, |it, tx| finish(it, tx).boxed())
    }

    /// Ends the attempt of a worker that was not heard of, unless it is heard of meanwhile; as [`Store::finish`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish_expired(
        &self,
        job: &Expired,
        ending: Ending,
        now: Duration,
    ) -> Reply<Option<Job>> {
        let (id, fence) = (job.id.clone(), job.fence);
        let attempt = Attempt { id, fence, ending, now, is_expired: true };
        self.call(Kind::Durable, attempt, |it, tx| finish(it, tx).boxed())
    }

    /// Jobs whose lease is over at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn expired(&self, now: Duration) -> Reply<Vec<Expired>> {
        self.call(Kind::Query, now, |now, tx| expired(*now, tx).boxed())
    }

    /// Takes a job back: at once while it waits, else its worker is told. `None` when there is no such job; one that has
    /// ended stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cancel(&self, id: &str, now: Duration) -> Reply<Option<Job>> {
        self.call(Kind::Durable, (id.to_owned(), now), |(id, now), tx| cancel(id, *now, tx).boxed())
    }

    /// Queues a job again that is dead, failed or cancelled, with all its attempts before it. `None` when there is no
    /// such job, or it is in another state or has lost its input.
    ///
    /// # Errors
    /// When the database fails.
    pub fn requeue(&self, id: &str, now: Duration) -> Reply<Option<Job>> {
        self.call(Kind::Durable, (id.to_owned(), now), |(id, now), tx| {
            requeue(id, *now, tx).boxed()
        })
    }
}

async fn finish(attempt: &Attempt, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    let Attempt { id, fence, ending, now, is_expired } = attempt;
    let state = ending.state();
    let (mut run_at, mut error, mut success) = (None, None, None);
    match ending {
        Ending::Succeeded(it) => success = Some(it),
        Ending::Failed(code) | Ending::Dead(code) => error = Some(code),
        Ending::Retry(at, code) => (run_at, error) = (Some(ms(*at)), Some(code)),
        Ending::Cancelled | Ending::GivenBack => (),
    }
    let finished = state.is_final().then(|| ms(*now));
    let uncounted = matches!(ending, Ending::GivenBack);
    let update = format!(
        "UPDATE job SET state = $1, run_at = coalesce($2, run_at), error = $3, result = $4, finished = $5,
            attempt = attempt - $6, lease_until = NULL, owner = NULL, version = version + 1,
            progress = CASE WHEN $1 = 'succeeded' THEN 1.0 ELSE progress END, figures = $11
        WHERE id = $7 AND fence = $8 AND state = 'running' AND (CAST($9 AS BIGINT) = 0 OR lease_until <= $10)
        RETURNING {COLUMNS}"
    );
    let values = values![
        state.as_str(),
        run_at,
        error,
        success.map(|it| it.payload.id()),
        finished,
        uncounted,
        id,
        *fence,
        *is_expired,
        ms(*now),
        success.and_then(|it| it.figures.as_ref()),
    ];
    let found = tx.rows(&update, values).await?.into_iter().next();
    let Some(job) = found.map(Job::read).transpose()? else { return Ok(None) };
    if let Some(success) = success {
        match &success.payload {
            Payload::Inline(blob) => blobs::insert(blob, tx)?,
            Payload::Blob(blob) => {
                let update = "UPDATE blob SET expires = $1 WHERE id = $2";
                tx.write(update, owned![ms(job.expires), blob])?;
            }
        }
        subjects::note(&success.subjects, ("job", &job.id), *now, tx)?;
    }
    if state.is_final() {
        blobs::delete_inline(job.checkpoint.as_deref(), tx)?;
    }
    events::tell(&job, *now, tx)?;
    if let Some(row) = success.and_then(|it| it.told.as_ref()) {
        outbox::add(row, tx)?;
    }
    Ok(Some(job))
}

async fn expired(now: Duration, tx: &mut dyn Tx) -> Result<Vec<Expired>, StoreError> {
    let select = "SELECT id, fence, attempt, max_attempts, cancel_requested FROM job
        WHERE state = 'running' AND lease_until <= $1 ORDER BY lease_until LIMIT $2";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(Expired {
            id: row.take()?,
            fence: row.take()?,
            attempt: row.take()?,
            max_attempts: row.take()?,
            cancel_requested: row.take()?,
        })
    };
    tx.rows(select, values![ms(now), AT_ONCE]).await?.into_iter().map(read).collect()
}

async fn cancel(id: &str, now: Duration, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    let update = format!(
        "UPDATE job SET cancel_requested = 1, version = version + 1,
            finished = CASE WHEN state = 'queued' THEN $1 ELSE finished END,
            state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
        WHERE id = $2 AND state IN ('queued', 'running') AND cancel_requested = 0 RETURNING {COLUMNS}"
    );
    let found = tx.rows(&update, values![ms(now), id]).await?.into_iter().next();
    let Some(job) = found.map(Job::read).transpose()? else {
        return super::read::job(id, tx).await;
    };
    match job.state {
        JobState::Cancelled => events::tell(&job, now, tx)?,
        _ => events::keep(&job, now, tx)?,
    }
    Ok(Some(job))
}

async fn requeue(id: &str, now: Duration, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    let update = format!(
        "UPDATE job SET state = 'queued', attempt = 0, run_at = $1, cancel_requested = 0, error = NULL,
            finished = NULL, progress = NULL, checkpoint = NULL, version = version + 1
        WHERE id = $2 AND state IN ('dead', 'failed', 'cancelled')
            AND EXISTS (SELECT 1 FROM blob WHERE blob.id = job.input)
        RETURNING {COLUMNS}"
    );
    let found = tx.rows(&update, values![ms(now), id]).await?.into_iter().next();
    let Some(job) = found.map(Job::read).transpose()? else { return Ok(None) };
    events::tell(&job, now, tx)?;
    Ok(Some(job))
}
