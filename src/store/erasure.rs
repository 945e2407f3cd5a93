//! Erasing what mentions somebody: asked for by one person, approved by another, and done again after a restore.

use std::time::Duration;

use futures_util::FutureExt;

use super::approvals::{self, Approval, COLUMNS, Rejection, Request, Requests};
use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::subjects::{self, Mention, Subject};
use super::value::{Row, values};
use super::{Store, StoreError, blobs, holds};

/// Mentions that one round erases.
const AT_ONCE: usize = 50;

/// A request to erase what mentions somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Who asked, who approved, and when all was erased.
    pub request: Request,
    /// Whom.
    pub subject: Subject,
    /// The agency whose rows are meant; none for those of all.
    pub org: Option<String>,
}

impl Store {
    /// Keeps a request; it waits for somebody else.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ask_erasure(&self, erasure: Erasure) -> Reply<()> {
        self.call(Kind::Durable, erasure, |it, tx| insert(it, tx).boxed())
    }

    /// Approves a request at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn approve_erasure(&self, id: &str, by: &str, now: Duration) -> Reply<Approval> {
        self.call(Kind::Durable, (id.to_owned(), by.to_owned(), now), |(id, by, now), tx| {
            approve(id, by, *now, tx).boxed()
        })
    }

    /// Rejects a request; `false` when it does not wait.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reject_erasure(&self, id: &str, rejection: Rejection) -> Reply<bool> {
        self.call(Kind::Durable, (id.to_owned(), rejection), |(id, it), tx| {
            approvals::reject(Requests::Erasures, id, it, tx).boxed()
        })
    }

    /// Erases some of what mentioned somebody when it was approved, and notes it; how much, 0 at the end. Files of
    /// destroyed blobs are deleted by `Blobs::sweep`.
    ///
    /// # Errors
    /// When the database fails: nothing of the round has happened then.
    pub fn erase_mentions(&self, erasure: Erasure, now: Duration) -> Reply<u64> {
        self.call(Kind::Durable, (erasure, now), |(it, now), tx| erase(it, *now, tx).boxed())
    }

    /// Every request, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erasures(&self) -> Reply<Vec<Erasure>> {
        self.call(Kind::Read, (), |(), tx| erasures(tx).boxed())
    }

    /// Takes a request from elsewhere that was approved there, to be done again here; one that is known stays.
    ///
    /// # Errors
    /// When the database fails.
    pub fn adopt_erasure(&self, erasure: Erasure) -> Reply<()> {
        self.call(Kind::Durable, erasure, |it, tx| insert(it, tx).boxed())
    }

    /// Predictions that were erased by requests approved after `since`: what others remember too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erased_since(&self, since: Duration) -> Reply<Vec<String>> {
        self.call(Kind::Read, since, |since, tx| {
            async move {
                let select =
                    "SELECT erased.object FROM erased JOIN erasure ON erasure.id = erased.erasure
                    WHERE erased.kind = 'prediction' AND $1 <= erasure.approved";
                super::retention::ids(tx.rows(select, values![ms(*since)]).await?)
            }
            .boxed()
        })
    }
}

async fn insert(it: &Erasure, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO erasure(id, subject, reason, asked_by, asked, approved_by, approved, org)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let Request { id, reason, asked, approved, .. } = &it.request;
    let values = values![
        id,
        it.subject.as_str(),
        reason,
        &asked.0,
        ms(asked.1),
        approved.as_ref().map(|it| &it.0),
        approved.as_ref().map(|it| ms(it.1)),
        &it.org,
    ];
    tx.execute(insert, values).await?;
    Ok(())
}

async fn erasures(tx: &mut dyn Tx) -> Result<Vec<Erasure>, StoreError> {
    let select = format!("SELECT {COLUMNS}, subject, org FROM erasure ORDER BY asked, id");
    let read = |mut row: Row| -> Result<_, StoreError> {
        let request = Request::take(&mut row)?;
        let subject: String = row.take()?;
        let subject = Subject::parse(&subject).ok_or(StoreError::Shape)?;
        Ok(Erasure { request, subject, org: row.take()? })
    };
    tx.rows(&select, values![]).await?.into_iter().map(read).collect()
}

async fn approve(
    id: &str,
    by: &str,
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<Approval, StoreError> {
    let approval = approvals::may_approve(Requests::Erasures, (id, by), tx).await?;
    if approval != Approval::Approved {
        return Ok(approval);
    }
    holds::spread(tx).await?;
    // Of an agency's request only its own rows are meant, and only its holds and those of the house count.
    let held = "SELECT subject_ref.object FROM subject_ref
            JOIN held ON held.kind = subject_ref.kind AND held.object = subject_ref.object
            JOIN erasure ON erasure.subject = subject_ref.subject
            WHERE erasure.id = $1 AND (erasure.org IS NULL
                OR EXISTS (SELECT 1 FROM prediction WHERE subject_ref.kind = 'prediction'
                    AND prediction.id = subject_ref.object AND prediction.org = erasure.org)
                OR EXISTS (SELECT 1 FROM job WHERE subject_ref.kind = 'job'
                    AND job.id = subject_ref.object AND job.org = erasure.org))
        UNION SELECT hold.object FROM hold JOIN erasure ON erasure.subject = hold.object
            WHERE hold.kind = 'subject' AND erasure.id = $1 AND hold.lifted IS NULL
                AND (erasure.org IS NULL OR hold.org IS NULL OR hold.org = erasure.org)";
    if !tx.rows(held, values![id]).await?.is_empty() {
        return Ok(Approval::Held);
    }
    approvals::approve(Requests::Erasures, (id, by), now, tx).await?;
    Ok(Approval::Approved)
}

async fn erase(it: &Erasure, now: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let Some((_, approved)) = &it.request.approved else { return Ok(0) };
    // What came after the approval is not meant.
    let meant = match &it.org {
        Some(org) => subjects::mentions_in(&it.subject, org, tx).await?,
        None => subjects::mentions(&it.subject, tx).await?,
    };
    let meant = meant.into_iter();
    let meant: Vec<Mention> =
        meant.filter(|(_, noted)| noted <= approved).map(|it| it.0).take(AT_ONCE).collect();
    for mention in &meant {
        let (kind, id) = mention.parts();
        match mention {
            Mention::Prediction(id) => erase_prediction(id, tx).await?,
            Mention::Job(id) => erase_job(id, tx).await?,
        }
        subjects::forget(kind, id, tx).await?;
        let insert =
            "INSERT INTO erased(erasure, kind, object) VALUES($1, $2, $3) ON CONFLICT DO NOTHING";
        tx.execute(insert, values![&it.request.id, kind, id]).await?;
    }
    if meant.is_empty() {
        approvals::finish(Requests::Erasures, &it.request.id, now, tx).await?;
    }
    Ok(meant.len() as u64)
}

async fn erase_prediction(id: &str, tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.execute("DELETE FROM prediction WHERE id = $1", values![id]).await?;
    tx.execute("DELETE FROM feedback WHERE prediction = $1", values![id]).await?;
    tx.execute("DELETE FROM review WHERE prediction = $1", values![id]).await?;
    Ok(())
}

/// A worker that holds the job finds that it no longer does.
async fn erase_job(id: &str, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let delete =
        "DELETE FROM job WHERE id = $1 RETURNING input, attached, checkpoint, result, corrections";
    for mut row in tx.rows(delete, values![id]).await? {
        for _ in 0..5 {
            if let Some(blob) = row.take::<Option<String>>()? {
                blobs::destroy(&blob, tx).await?;
            }
        }
    }
    for table in ["job_event", "idempotency"] {
        tx.execute(&format!("DELETE FROM {table} WHERE job = $1"), values![id]).await?;
    }
    Ok(())
}
