//! Erasing what has expired: one round knows every class, takes some hundred rows of each, and leaves what is held.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::value::{Row, values};
use super::{Store, StoreError, blobs, holds, messages, outbox, reviews, subjects};

/// Rows of each class that one round takes, so that writers wait for milliseconds only.
const AT_ONCE: u64 = 200;

/// How long what has no limit of its own is kept, from its making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Feedback whose prediction is gone.
    pub feedback: Duration,
    /// Events that were published.
    pub events: Duration,
    /// Deliveries to webhooks and messages that are settled.
    pub deliveries: Duration,
    /// Texts of reviews, from the decision.
    pub review_texts: Duration,
    /// Reviews without their texts, from the decision.
    pub reviews: Duration,
}

/// What a round erased. Ids are told of what others remember too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Predictions that lost their text and their signature.
    pub texts: Vec<String>,
    /// Predictions.
    pub predictions: u64,
    /// Words of officers on predictions.
    pub feedback: u64,
    /// Jobs.
    pub jobs: u64,
    /// Inputs, results, recordings and uploads: keys destroyed.
    pub blobs: u64,
    /// Keys of repeated calls.
    pub repetitions: u64,
    /// Published events.
    pub events: u64,
    /// Deliveries to webhooks, and messages.
    pub deliveries: u64,
    /// Reviews that lost their texts.
    pub review_texts: u64,
    /// Reviews.
    pub reviews: u64,
}

impl Purged {
    /// How many of each class, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("blobs", self.blobs),
            ("deliveries", self.deliveries),
            ("events", self.events),
            ("feedback", self.feedback),
            ("jobs", self.jobs),
            ("predictions", self.predictions),
            ("repetitions", self.repetitions),
            ("review_texts", self.review_texts),
            ("reviews", self.reviews),
            ("texts", self.texts.len() as u64),
        ])
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.counts().values().sum()
    }
}

impl Store {
    /// Erases what has expired at `now` (since 1970-01-01T00:00:00Z) and is not held, some hundred rows of each class;
    /// nothing is left when nothing was erased. Files of destroyed blobs are deleted by `Blobs::sweep`.
    ///
    /// # Errors
    /// When the database fails: nothing of the round has happened then.
    pub fn purge(&self, now: Duration, keep: Keep) -> Reply<Purged> {
        self.call(Kind::Relaxed, (now, keep), |(now, keep), tx| purge(*now, *keep, tx).boxed())
    }
}

/// What of a class is erased until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// The class, named as in [`Purged::counts`].
    pub class: &'static str,
    /// How much.
    pub n: u64,
    /// When the first of it is (since 1970-01-01T00:00:00Z).
    pub first: Option<Duration>,
}

impl Store {
    /// What is erased by itself until a time, by class: what was made with a limit of its own. Holds are not looked at.
    ///
    /// # Errors
    /// When the database fails.
    pub fn expiring(&self, until: Duration) -> Reply<Vec<Expiring>> {
        self.call(Kind::Read, until, |until, tx| expiring(*until, tx).boxed())
    }
}

async fn expiring(until: Duration, tx: &mut dyn Tx) -> Result<Vec<Expiring>, StoreError> {
    let seconds: fn(u64) -> Duration = Duration::from_secs;
    let mut found = Vec::new();
    for (class, column, limit, read) in [
        ("texts", "text_expires FROM prediction", until.as_secs(), seconds),
        ("predictions", "expires FROM prediction", until.as_secs(), seconds),
        ("jobs", "expires FROM job", ms(until), super::jobs::time),
        ("blobs", "expires FROM blob", ms(until), super::jobs::time),
    ] {
        let (name, table) = column.split_once(' ').unwrap_or((column, ""));
        let select = format!("SELECT count(*), min({name}) {table} WHERE {name} <= $1");
        for mut row in tx.rows(&select, values![limit]).await? {
            let (n, first) = (row.take()?, row.take::<Option<u64>>()?.map(read));
            found.push(Expiring { class, n, first });
        }
    }
    Ok(found)
}

async fn purge(now: Duration, keep: Keep, tx: &mut dyn Tx) -> Result<Purged, StoreError> {
    holds::spread(tx).await?;
    Ok(Purged {
        texts: texts(now, tx).await?,
        predictions: predictions(now, tx).await?,
        feedback: feedback(now.saturating_sub(keep.feedback), tx).await?,
        jobs: jobs(now, tx).await?,
        blobs: blobs::purge(now, AT_ONCE, tx).await?,
        repetitions: repetitions(now, tx).await?,
        events: outbox::purge(ms(now.saturating_sub(keep.events)), AT_ONCE, tx).await?,
        deliveries: deliveries(now.saturating_sub(keep.deliveries), tx).await?,
        review_texts: reviews::erase(now.saturating_sub(keep.review_texts), AT_ONCE, tx).await?,
        reviews: reviews::forget(now.saturating_sub(keep.reviews), AT_ONCE, tx).await?,
    })
}

/// Texts go before what was answered to them.
async fn texts(now: Duration, tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    let update = "UPDATE prediction SET sealed = $1, signature = NULL, text_expires = NULL
        WHERE text_expires <= $2 AND seq IN (SELECT seq FROM prediction WHERE text_expires <= $2
            AND NOT EXISTS (SELECT 1 FROM held WHERE held.kind = 'prediction' AND held.object = prediction.id)
            ORDER BY text_expires LIMIT $3) RETURNING id";
    let rows = tx.rows(update, values![&b""[..], now.as_secs(), AT_ONCE]).await?;
    let found = ids(rows)?;
    for id in &found {
        subjects::forget("prediction", id, tx).await?;
    }
    Ok(found)
}

/// One whose text is still there waits: who remembers it must hear of that first.
async fn predictions(now: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let delete = "DELETE FROM prediction WHERE seq IN (SELECT seq FROM prediction WHERE expires <= $1
            AND text_expires IS NULL
            AND NOT EXISTS (SELECT 1 FROM held WHERE held.kind = 'prediction' AND held.object = prediction.id)
            ORDER BY expires LIMIT $2) RETURNING id";
    let found = ids(tx.rows(delete, values![now.as_secs(), AT_ONCE]).await?)?;
    for id in &found {
        subjects::forget("prediction", id, tx).await?;
    }
    Ok(found.len() as u64)
}

/// Feedback outlives its prediction's text, never stands without its prediction for longer than it may.
async fn feedback(before: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let delete = "DELETE FROM feedback WHERE seq IN (SELECT seq FROM feedback WHERE created <= $1
        AND NOT EXISTS (SELECT 1 FROM prediction WHERE prediction.id = feedback.prediction) LIMIT $2)";
    tx.execute(delete, values![before.as_secs(), AT_ONCE]).await
}

async fn jobs(now: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let delete = "DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE expires <= $1
            AND state NOT IN ('queued', 'running')
            AND NOT EXISTS (SELECT 1 FROM held WHERE held.kind = 'job' AND held.object = job.id)
            LIMIT $2) RETURNING id";
    let found = ids(tx.rows(delete, values![ms(now), AT_ONCE]).await?)?;
    for id in &found {
        tx.execute("DELETE FROM job_event WHERE job = $1", values![id]).await?;
        subjects::forget("job", id, tx).await?;
    }
    Ok(found.len() as u64)
}

async fn repetitions(now: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let delete = "DELETE FROM idempotency WHERE (client, key, route) IN
        (SELECT client, key, route FROM idempotency WHERE expires <= $1 LIMIT $2)";
    tx.execute(delete, values![ms(now), AT_ONCE]).await
}

async fn deliveries(before: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let delete = "DELETE FROM webhook_delivery WHERE seq IN (SELECT seq FROM webhook_delivery
        WHERE created < $1 AND state <> 'due' LIMIT $2) RETURNING id";
    let found = ids(tx.rows(delete, values![ms(before), AT_ONCE]).await?)?;
    for id in &found {
        tx.execute("DELETE FROM webhook_attempt WHERE delivery = $1", values![id]).await?;
    }
    Ok(found.len() as u64 + messages::purge(before, AT_ONCE, tx).await?)
}

/// The first column of each row.
pub(super) fn ids(rows: Vec<Row>) -> Result<Vec<String>, StoreError> {
    rows.into_iter().map(|mut row| row.take()).collect()
}
