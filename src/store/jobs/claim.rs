//! Taking jobs to work on, and signs of life while working.
//!
//! Agencies take turns: the one with the fewest jobs running goes first, then the one that was served the longest ago.
//! However many jobs an agency has waiting, and however urgent it calls them, another's waits for those running only.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::blobs::{self, NewBlob};
use crate::store::engine::{Kind, Reply, Tx};
use crate::store::value::{Row, owned, values};
use crate::store::{Store, StoreError};

use super::{COLUMNS, Job, events, ms};

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which lanes it serves, the most wanted first.
    pub lanes: Vec<String>,
    /// Who asks.
    pub owner: String,
    /// Jobs at most.
    pub limit: usize,
    /// Now: since 1970-01-01T00:00:00Z.
    pub now: Duration,
    /// How long the worker holds them without a sign of life.
    pub lease: Duration,
}

/// A sign of life. No `Debug`: a checkpoint holds what was worked out so far.
pub struct Beat {
    /// Which job.
    pub id: String,
    /// The fence of the claim.
    pub fence: u64,
    /// Now: since 1970-01-01T00:00:00Z.
    pub now: Duration,
    /// How long the job is held from now.
    pub lease: Duration,
    /// Share that is done, 0 to 1, when it has changed.
    pub progress: Option<f64>,
    /// What the next attempt may begin with, when there is something new.
    pub checkpoint: Option<NewBlob>,
}

impl Store {
    /// Gives jobs to a worker: none when nothing waits.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim(&self, claim: Claim) -> Reply<Vec<Job>> {
        self.call(Kind::Durable, claim, |claim, tx| claim_all(claim, tx).boxed())
    }

    /// Keeps a job held. `None` when the worker no longer holds it and must stop; else the job, which says whether it
    /// is still wanted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn beat(&self, beat: Beat) -> Reply<Option<Job>> {
        self.call(Kind::Durable, beat, |beat, tx| keep_held(beat, tx).boxed())
    }
}

async fn claim_all(claim: &Claim, tx: &mut dyn Tx) -> Result<Vec<Job>, StoreError> {
    let mut found = Vec::new();
    for lane in &claim.lanes {
        while found.len() < claim.limit
            && let Some(job) = claim_one(claim, lane, tx).await?
        {
            found.push(job);
        }
    }
    Ok(found)
}

async fn claim_one(claim: &Claim, lane: &str, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    for org in turns(lane, claim.now, tx).await? {
        if let Some(job) = take(claim, lane, &org, tx).await? {
            events::tell(&job, claim.now, tx)?;
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Agencies with jobs that are due, in the order of their turns. Each step of the recursion is one look into an index,
/// so that the number of waiting jobs does not matter.
///
/// Every look says the order of an index and `LIMIT 1`. Of `min` and `EXISTS` PostgreSQL may make a walk through the whole
/// index, when the queue has grown since its statistics were taken, and without an order it may look for any job from the
/// beginning of the table, past all that have ended: among ten thousand jobs a claim took four times as long.
async fn turns(lane: &str, now: Duration, tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    let select = "WITH RECURSIVE waiting(org) AS (
            SELECT (SELECT org FROM job WHERE lane = $1 AND state = 'queued' ORDER BY org LIMIT 1)
            UNION ALL
            SELECT (SELECT org FROM job WHERE lane = $1 AND state = 'queued' AND waiting.org < org ORDER BY org LIMIT 1)
            FROM waiting WHERE waiting.org IS NOT NULL)
        SELECT org FROM (
            SELECT org,
                (SELECT count(*) FROM job j WHERE j.lane = $1 AND j.state = 'running' AND j.org = waiting.org) AS running,
                coalesce((SELECT started FROM job j
                    WHERE j.lane = $1 AND j.org = waiting.org AND j.started IS NOT NULL
                    ORDER BY started DESC LIMIT 1), 0) AS served
            FROM waiting WHERE (SELECT j.seq FROM job j
                WHERE j.lane = $1 AND j.state = 'queued' AND j.org = waiting.org AND j.run_at <= $2
                ORDER BY priority DESC, run_at, seq LIMIT 1) IS NOT NULL) AS turn
        ORDER BY running, served, org";
    let rows = tx.rows(select, values![lane, ms(now)]).await?;
    rows.into_iter().map(|mut row: Row| row.take()).collect()
}

async fn take(
    claim: &Claim,
    lane: &str,
    org: &str,
    tx: &mut dyn Tx,
) -> Result<Option<Job>, StoreError> {
    // Elsewhere one transaction writes at a time; here others may look at the same row.
    let skip = if tx.is_postgres() { "FOR UPDATE SKIP LOCKED" } else { "" };
    let update = format!(
        "UPDATE job SET state = 'running', attempt = attempt + 1, fence = fence + 1, version = version + 1,
            lease_until = $1, owner = $2, started = $3, error = NULL
        WHERE seq = (SELECT seq FROM job WHERE lane = $4 AND state = 'queued' AND org = $5 AND run_at <= $3
            ORDER BY priority DESC, run_at, seq LIMIT 1 {skip})
        RETURNING {COLUMNS}"
    );
    let values = values![ms(claim.now + claim.lease), &claim.owner, ms(claim.now), lane, org];
    tx.rows(&update, values).await?.into_iter().next().map(Job::read).transpose()
}

async fn keep_held(beat: &Beat, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    let is_news = beat.progress.is_some();
    let update = format!(
        "UPDATE job SET lease_until = $1, progress = coalesce($2, progress), version = version + $3
        WHERE id = $4 AND fence = $5 AND state = 'running' RETURNING {COLUMNS}"
    );
    let values = values![ms(beat.now + beat.lease), beat.progress, is_news, &beat.id, beat.fence];
    let found = tx.rows(&update, values).await?.into_iter().next();
    let Some(job) = found.map(Job::read).transpose()? else { return Ok(None) };
    if is_news {
        events::keep(&job, beat.now, tx)?;
    }
    if let Some(checkpoint) = &beat.checkpoint {
        blobs::insert(checkpoint, tx)?;
        let update = "UPDATE job SET checkpoint = $1 WHERE id = $2";
        tx.write(update, owned![&checkpoint.id, &job.id])?;
        blobs::delete_inline(job.checkpoint.as_deref(), tx)?;
    }
    Ok(Some(job))
}
