//! Corrections of a result: one sealed blob beside it, replaced as a whole by whoever has seen the newest.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::blobs::NewBlob;
use crate::store::engine::{Kind, Reply, Tx};
use crate::store::outbox::{self, OutboxRow};
use crate::store::subjects::{self, Subject};
use crate::store::value::values;
use crate::store::{Store, StoreError, blobs, retention};

use super::{COLUMNS, Job};

/// What was corrected of a job's result, all of it. No `Debug`: it holds somebody's words, sealed.
pub struct Correction {
    /// The job.
    pub job: String,
    /// How often it had been changed when its author looked.
    pub seen: u64,
    /// All corrections; it expires with the job.
    pub blob: NewBlob,
    /// Whom they mention.
    pub subjects: Vec<Subject>,
    /// When they were changed: since 1970-01-01T00:00:00Z.
    pub now: Duration,
    /// Tells of the change.
    pub told: OutboxRow,
}

impl Store {
    /// Keeps corrections in the place of those before, and the event that tells of it. `None` when the job is gone, has not succeeded, or was corrected
    /// by somebody else meanwhile: nothing has changed then. The result stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn correct(&self, correction: Correction) -> Reply<Option<Job>> {
        self.call(Kind::Durable, correction, |it, tx| correct(it, tx).boxed())
    }
}

async fn correct(it: &Correction, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    let select = "SELECT corrections FROM job WHERE id = $1 AND corrections IS NOT NULL";
    let before = retention::ids(tx.rows(select, values![&it.job]).await?)?;
    let update = format!(
        "UPDATE job SET corrections = $1, n_corrections = n_corrections + 1
        WHERE id = $2 AND n_corrections = $3 AND state = 'succeeded' RETURNING {COLUMNS}"
    );
    let found = tx.rows(&update, values![&it.blob.id, &it.job, it.seen]).await?.into_iter().next();
    let Some(job) = found.map(Job::read).transpose()? else { return Ok(None) };
    for id in before {
        blobs::destroy(&id, tx).await?;
    }
    blobs::insert(&it.blob, tx)?;
    // Whom the words before mention stays noted: the result still does.
    subjects::note(&it.subjects, ("job", &job.id), it.now, tx)?;
    outbox::add(&it.told, tx)?;
    Ok(Some(job))
}
