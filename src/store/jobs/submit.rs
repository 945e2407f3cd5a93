//! Accepting a job: once for each key, and only as many as its client may have waiting.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::value::{Row, owned, values};
use crate::store::{Store, StoreError, blobs, one, subjects};

use super::{COLUMNS, Job, NewJob, Payload, events, ms};

/// By which a client may send the same call again. The key is compared whole; it is never logged.
pub struct IdempotencyKey {
    /// As the client sent it.
    pub key: String,
    /// Which operation it was sent to.
    pub route: &'static str,
    /// Hash of the call: the same key with another call is a mistake of the client.
    pub fingerprint: Vec<u8>,
    /// What the first call is answered, and every repetition.
    pub answer: Vec<u8>,
    /// Until when a repetition is recognised.
    pub expires: Duration,
}

/// What became of a job that was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// Accepted; it is on the disk.
    New(Box<Job>),
    /// Sent before under this key; this was the answer.
    Again(Vec<u8>),
    /// This key was used for another call.
    KeyMisused,
    /// The client has as many jobs waiting as it may have.
    TooMany {
        /// So many.
        queued: u64,
    },
    /// The input is no complete blob of this client.
    NoInput,
}

/// What is to be accepted.
struct Submission {
    job: NewJob,
    key: Option<IdempotencyKey>,
    max_queued: u64,
}

impl Store {
    /// Accepts a job. When the reply is there, the job, its input and its event are on the disk. A client has at most
    /// `max_queued` jobs waiting; they are not counted where that is [`u64::MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn submit(
        &self,
        job: NewJob,
        key: Option<IdempotencyKey>,
        max_queued: u64,
    ) -> Reply<Submitted> {
        let submission = Submission { job, key, max_queued };
        self.call(Kind::Durable, submission, |it, tx| submit(it, tx).boxed())
    }
}

/// What was answered under a key.
pub struct Answered {
    /// Hash of the call that was answered.
    pub fingerprint: Vec<u8>,
    /// The answer.
    pub answer: Vec<u8>,
}

impl Store {
    /// What was answered under a key that has not expired at `now`: of a client, by the key and its route.
    ///
    /// # Errors
    /// When the database fails.
    pub fn answered_under(
        &self,
        client: &str,
        (key, route): (&str, &'static str),
        now: Duration,
    ) -> Reply<Option<Answered>> {
        let asked = (client.to_owned(), key.to_owned(), route, ms(now));
        self.call(Kind::Query, asked, |(client, key, route, now), tx| {
            async move {
                let select = "SELECT fingerprint, answer FROM idempotency
                    WHERE client = $1 AND key = $2 AND route = $3 AND $4 < expires";
                let rows = tx.rows(select, values![client, key, *route, *now]).await?;
                rows.into_iter().next().map(read).transpose()
            }
            .boxed()
        })
    }
}

fn read(mut row: Row) -> Result<Answered, StoreError> {
    Ok(Answered { fingerprint: row.take()?, answer: row.take()? })
}

async fn submit(submission: &Submission, tx: &mut dyn Tx) -> Result<Submitted, StoreError> {
    let Submission { job, key, max_queued } = submission;
    if let Some(key) = key
        && let Some(found) = seen(job, key, tx).await?
    {
        return Ok(found);
    }
    let is_counted = *max_queued < u64::MAX;
    let queued = if is_counted { queued_of(&job.client, tx).await? } else { 0 };
    let refusal = if *max_queued <= queued {
        Some(Submitted::TooMany { queued })
    } else if !take_input(job, tx).await? {
        Some(Submitted::NoInput)
    } else {
        None
    };
    if let Some(refusal) = refusal {
        // The key stays free for the next try.
        if let Some(key) = key {
            let delete = "DELETE FROM idempotency WHERE client = $1 AND key = $2 AND route = $3";
            tx.write(delete, owned![&job.client, &key.key, key.route])?;
        }
        return Ok(refusal);
    }
    let kept = insert(job, tx).await?;
    subjects::note(&job.subjects, ("job", &job.id), job.created, tx)?;
    events::tell(&kept, job.created, tx)?;
    Ok(Submitted::New(Box::new(kept)))
}

/// How many jobs of a client wait.
pub(super) async fn queued_of(client: &str, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let count = "SELECT count(*) FROM job WHERE client = $1 AND state = 'queued'";
    one(tx.rows(count, values![client]).await?)?.take()
}

/// Takes the key; what was answered under it when it is taken already.
async fn seen(
    job: &NewJob,
    key: &IdempotencyKey,
    tx: &mut dyn Tx,
) -> Result<Option<Submitted>, StoreError> {
    // One that has expired makes room.
    let delete =
        "DELETE FROM idempotency WHERE client = $1 AND key = $2 AND route = $3 AND expires <= $4";
    tx.write(delete, owned![&job.client, &key.key, key.route, ms(job.created)])?;
    let insert = "INSERT INTO idempotency(client, key, route, fingerprint, answer, job, expires)
        VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values = values![
        &job.client,
        &key.key,
        key.route,
        &key.fingerprint,
        &key.answer,
        &job.id,
        ms(key.expires),
    ];
    if tx.execute(insert, values).await? == 1 {
        return Ok(None);
    }
    let select =
        "SELECT fingerprint, answer FROM idempotency WHERE client = $1 AND key = $2 AND route = $3";
    let found = read(one(tx.rows(select, values![&job.client, &key.key, key.route]).await?)?)?;
    let is_same = found.fingerprint == key.fingerprint;
    Ok(Some(if is_same { Submitted::Again(found.answer) } else { Submitted::KeyMisused }))
}

/// Writes an inline input; or lets a blob live as long as the input may, and one that is attached. `false` when there is no
/// such blob.
async fn take_input(job: &NewJob, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    if let Some(id) = &job.attached
        && !keep(job, id, tx).await?
    {
        return Ok(false);
    }
    match &job.input {
        Payload::Inline(blob) => blobs::insert(blob, tx).map(|()| true),
        Payload::Blob(id) => keep(job, id, tx).await,
    }
}

async fn keep(job: &NewJob, id: &str, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let update = "UPDATE blob SET expires = CASE WHEN expires < $1 THEN $1 ELSE expires END
        WHERE id = $2 AND client = $3 AND state = 'complete'";
    Ok(tx.execute(update, values![ms(job.input_expires), id, &job.client]).await? == 1)
}

async fn insert(job: &NewJob, tx: &mut dyn Tx) -> Result<Job, StoreError> {
    let insert = format!(
        "INSERT INTO job(id, org, client, service, operation, lane, state, priority, run_at, attempt, max_attempts,
            fence, cancel_requested, purpose, case_no, input, attached, correlation, traceparent, created, expires,
            version)
        VALUES($1, $2, $3, $4, $5, $6, 'queued', $7, $8, 0, $9, 0, 0, $10, $11, $12, $13, $14, $15, $8, $16, 1)
        RETURNING {COLUMNS}"
    );
    let values = values![
        &job.id,
        &job.org,
        &job.client,
        &job.service,
        &job.operation,
        &job.lane,
        job.priority,
        ms(job.created),
        job.max_attempts,
        &job.purpose,
        &job.case_no,
        job.input.id(),
        &job.attached,
        &job.correlation,
        &job.traceparent,
        ms(job.expires),
    ];
    Job::read(one(tx.rows(&insert, values).await?)?)
}
