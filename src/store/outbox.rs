//! The outbox: what the bus is to be told, written in the transaction of the change that it tells of.

use futures_util::FutureExt;
use futures_util::future::ready;

use super::engine::{Kind, Reply, Tx};
use super::value::{Row, owned, values};
use super::{Store, StoreError};

/// An event that waits to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Identifies the event: a UUIDv7, also the event's own id.
    pub id: String,
    /// Where it is published.
    pub subject: String,
    /// A CloudEvent in JSON.
    pub body: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created: u64,
}

impl Store {
    /// Events that are not published yet, in the order in which they happened to each job; at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn outbox_pending(&self, limit: usize) -> Reply<Vec<OutboxRow>> {
        self.call(Kind::Query, limit as u64, |limit, tx| pending(*limit, tx).boxed())
    }

    /// Adds an event that tells of nothing that is kept. A crash of the machine may lose those of the last moments.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tell(&self, row: OutboxRow) -> Reply<()> {
        self.call(Kind::Relaxed, row, |row, tx| ready(add(row, tx)).boxed())
    }

    /// Marks events as published at `now` (milliseconds); ids that are unknown or marked already do no harm.
    ///
    /// # Errors
    /// When the database fails.
    pub fn outbox_published(&self, ids: Vec<String>, now: u64) -> Reply<()> {
        // Published twice is allowed, so that a crash of the machine may lose the mark.
        self.call(Kind::Relaxed, (ids, now), |(ids, now), tx| {
            ready(published(ids, *now, tx)).boxed()
        })
    }
}

async fn pending(limit: u64, tx: &mut dyn Tx) -> Result<Vec<OutboxRow>, StoreError> {
    let select = "SELECT id, subject, body, created FROM outbox WHERE published IS NULL
        ORDER BY seq LIMIT $1";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(OutboxRow {
            id: row.take()?,
            subject: row.take()?,
            body: row.take()?,
            created: row.take()?,
        })
    };
    tx.rows(select, values![limit]).await?.into_iter().map(read).collect()
}

fn published(ids: &[String], now: u64, tx: &mut dyn Tx) -> Result<(), StoreError> {
    // Asked for those that wait, PostgreSQL would take the index of them, short in its statistics and long under load.
    // Of several at a time it would read the whole table while that is small, and go on when it is not: a plan is kept.
    let update = "UPDATE outbox SET published = coalesce(published, $1) WHERE id = $2";
    for id in ids {
        tx.write(update, owned![now, id])?;
    }
    Ok(())
}

/// Adds an event.
pub(super) fn add(row: &OutboxRow, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let insert = "INSERT INTO outbox(id, subject, body, created) VALUES($1, $2, $3, $4)";
    tx.write(insert, owned![&row.id, &row.subject, &row.body, row.created])?;
    tx.rung().told = true;
    Ok(())
}

/// Deletes events that were published before `before` (milliseconds), `limit` at most; how many.
pub(super) async fn purge(before: u64, limit: u64, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let delete = "DELETE FROM outbox WHERE seq IN
        (SELECT seq FROM outbox WHERE published < $1 LIMIT $2)";
    tx.execute(delete, values![before, limit]).await
}
