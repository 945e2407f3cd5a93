//! Erasing what mentions somebody: asked for by one person, approved by another, and done again after a restore.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::{ms, time};
use super::subjects::{self, Mention, Subject};
use super::value::{Row, values};
use super::{Store, StoreError, blobs, holds};

/// Mentions that one round erases.
const AT_ONCE: usize = 50;

/// A request to erase what mentions somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Identifies it.
    pub id: String,
    /// Whom.
    pub subject: Subject,
    /// Why.
    pub reason: String,
    /// Who asked for it, and when (since 1970-01-01T00:00:00Z).
    pub asked: (String, Duration),
    /// Who approved it, and when.
    pub approved: Option<(String, Duration)>,
    /// When all was erased.
    pub done: Option<Duration>,
}

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It counts: erase.
    Approved,
    /// There is no such request that waits.
    Unknown,
    /// Nobody approves what he asked for himself.
    SamePerson,
    /// A legal hold is in the way.
    Held,
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
    let insert = "INSERT INTO erasure(id, subject, reason, asked_by, asked, approved_by, approved)
        VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values = values![
        &it.id,
        it.subject.as_str(),
        &it.reason,
        &it.asked.0,
        ms(it.asked.1),
        it.approved.as_ref().map(|it| &it.0),
        it.approved.as_ref().map(|it| ms(it.1)),
    ];
    tx.execute(insert, values).await?;
    Ok(())
}

async fn erasures(tx: &mut dyn Tx) -> Result<Vec<Erasure>, StoreError> {
    let select = "SELECT id, subject, reason, asked_by, asked, approved_by, approved, done
        FROM erasure ORDER BY asked, id";
    let read = |mut row: Row| -> Result<_, StoreError> {
        let id = row.take()?;
        let subject: String = row.take()?;
        let (reason, asked_by) = (row.take()?, row.take()?);
        let asked = time(row.take()?);
        let approved_by: Option<String> = row.take()?;
        Ok(Erasure {
            id,
            subject: Subject::parse(&subject).ok_or(StoreError::Shape)?,
            reason,
            asked: (asked_by, asked),
            approved: approved_by.zip(row.take::<Option<u64>>()?.map(time)),
            done: row.take::<Option<u64>>()?.map(time),
        })
    };
    tx.rows(select, values![]).await?.into_iter().map(read).collect()
}

async fn approve(
    id: &str,
    by: &str,
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<Approval, StoreError> {
    let waiting = erasures(tx).await?.into_iter().find(|it| it.id == id && it.approved.is_none());
    let Some(erasure) = waiting else { return Ok(Approval::Unknown) };
    if erasure.asked.0.trim().eq_ignore_ascii_case(by.trim()) {
        return Ok(Approval::SamePerson);
    }
    holds::spread(tx).await?;
    let held = "SELECT subject_ref.object FROM subject_ref JOIN held
            ON held.kind = subject_ref.kind AND held.object = subject_ref.object WHERE subject = $1
        UNION SELECT hold.object FROM hold WHERE kind = 'subject' AND object = $1 AND lifted IS NULL";
    if !tx.rows(held, values![erasure.subject.as_str()]).await?.is_empty() {
        return Ok(Approval::Held);
    }
    let update = "UPDATE erasure SET approved_by = $1, approved = $2 WHERE id = $3";
    tx.execute(update, values![by, ms(now), id]).await?;
    Ok(Approval::Approved)
}

async fn erase(it: &Erasure, now: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let Some((_, approved)) = &it.approved else { return Ok(0) };
    // What came after the approval is not meant.
    let meant = subjects::mentions(&it.subject, tx).await?.into_iter();
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
        tx.execute(insert, values![&it.id, kind, id]).await?;
    }
    if meant.is_empty() {
        let update = "UPDATE erasure SET done = $1 WHERE id = $2 AND done IS NULL";
        tx.execute(update, values![ms(now), &it.id]).await?;
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
    let delete = "DELETE FROM job WHERE id = $1 RETURNING input, attached, checkpoint, result";
    for mut row in tx.rows(delete, values![id]).await? {
        for _ in 0..4 {
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
