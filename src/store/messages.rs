//! Messages of the house, by mail or to telephones: queued once for each recipient, taken when due, tried again.
//!
//! A recipient is kept as a digest of its address only: the addresses are in the settings.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::{ms, time};
use super::value::{Row, values};
use super::webhooks::DeliveryState;
use super::{Store, StoreError};

/// A message to queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Identifies it: of what it tells, how and to whom.
    pub id: String,
    /// How it goes.
    pub medium: String,
    /// Digest of the address.
    pub recipient: String,
    /// What it tells.
    pub kind: String,
    /// What fills its text, without personal data.
    pub body: String,
    /// When it was queued, and is due for the first time: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

/// A message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// What was queued.
    pub new: NewMessage,
    /// Attempts so far.
    pub n_attempts: u64,
}

/// How a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Identifies it.
    pub id: String,
    /// What it tells.
    pub kind: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts so far.
    pub n_attempts: u64,
    /// Why the last attempt failed, as a code.
    pub failure: Option<String>,
}

impl Store {
    /// Queues messages, all or none. One whose id is known stays as it is, and a recipient that was told the same
    /// kind over the same medium within `quiet` is not told again. Returns how many were queued.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_messages(&self, new: Vec<NewMessage>, quiet: Duration) -> Reply<u64> {
        self.call(Kind::Durable, (new, quiet), |(new, quiet), tx| add(new, *quiet, tx).boxed())
    }

    /// Messages that are due, oldest first. Each is due again after `lease` unless [`Store::record_message`] says
    /// something else, so that two nodes do not send the same one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_messages(
        &self,
        now: Duration,
        lease: Duration,
        limit: usize,
    ) -> Reply<Vec<QueuedMessage>> {
        let ask = (now, lease, limit as u64);
        self.call(Kind::Durable, ask, |(now, lease, limit), tx| {
            take(*now, *lease, *limit, tx).boxed()
        })
    }

    /// Counts an attempt, and says how the message stands now and why it failed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_message(
        &self,
        id: &str,
        state: DeliveryState,
        failure: Option<String>,
    ) -> Reply<()> {
        let ask = (id.to_owned(), state, failure);
        self.call(Kind::Durable, ask, |(id, state, failure), tx| {
            record(id, *state, failure.as_deref(), tx).boxed()
        })
    }

    /// The newest messages.
    ///
    /// # Errors
    /// When the database fails.
    pub fn messages(&self, limit: usize) -> Reply<Vec<MessageRow>> {
        self.call(Kind::Read, limit as u64, |limit, tx| newest(*limit, tx).boxed())
    }
}

async fn add(new: &[NewMessage], quiet: Duration, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let told = "SELECT id FROM message WHERE kind = $1 AND medium = $2 AND recipient = $3 AND created > $4 LIMIT 1";
    let insert =
        "INSERT INTO message(id, medium, recipient, kind, body, state, due, attempts, created)
        VALUES($1, $2, $3, $4, $5, 'due', $6, 0, $6) ON CONFLICT DO NOTHING";
    let mut n_added = 0;
    for it in new {
        let since = ms(it.created.saturating_sub(quiet));
        let told = tx.rows(told, values![&it.kind, &it.medium, &it.recipient, since]).await?;
        if !quiet.is_zero() && !told.is_empty() {
            continue;
        }
        let values = values![&it.id, &it.medium, &it.recipient, &it.kind, &it.body, ms(it.created)];
        n_added += tx.execute(insert, values).await?;
    }
    Ok(n_added)
}

async fn take(
    now: Duration,
    lease: Duration,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<QueuedMessage>, StoreError> {
    // As for webhooks: elsewhere one transaction writes at a time.
    let skip = if tx.is_postgres() { "FOR UPDATE SKIP LOCKED" } else { "" };
    let update = format!(
        "UPDATE message SET due = $1 WHERE seq IN (
            SELECT seq FROM message WHERE state = 'due' AND due <= $2 ORDER BY due, seq LIMIT $3 {skip})
        RETURNING id, medium, recipient, kind, body, created, attempts"
    );
    let read = |mut row: Row| -> Result<_, StoreError> {
        let new = NewMessage {
            id: row.take()?,
            medium: row.take()?,
            recipient: row.take()?,
            kind: row.take()?,
            body: row.take()?,
            created: time(row.take()?),
        };
        Ok(QueuedMessage { new, n_attempts: row.take()? })
    };
    let rows = tx.rows(&update, values![ms(now + lease), ms(now), limit]).await?;
    rows.into_iter().map(read).collect()
}

async fn record(
    id: &str,
    state: DeliveryState,
    failure: Option<&str>,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let update = "UPDATE message SET state = $1, due = $2, failure = $3, attempts = attempts + 1 WHERE id = $4";
    let failure = failure.map(str::to_owned);
    tx.execute(update, values![state.as_str(), ms(state.due()), &failure, id]).await?;
    Ok(())
}

async fn newest(limit: u64, tx: &mut dyn Tx) -> Result<Vec<MessageRow>, StoreError> {
    let select =
        "SELECT id, kind, state, due, attempts, failure FROM message ORDER BY seq DESC LIMIT $1";
    let read = |mut row: Row| -> Result<_, StoreError> {
        let (id, kind) = (row.take()?, row.take()?);
        let (state, due): (String, u64) = (row.take()?, row.take()?);
        Ok(MessageRow {
            id,
            kind,
            state: DeliveryState::read(&state, time(due))?,
            n_attempts: row.take()?,
            failure: row.take()?,
        })
    };
    tx.rows(select, values![limit]).await?.into_iter().map(read).collect()
}

/// Deletes messages that are settled and were queued before `before`, `limit` at most; how many.
pub(super) async fn purge(
    before: Duration,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<u64, StoreError> {
    let delete = "DELETE FROM message WHERE seq IN
        (SELECT seq FROM message WHERE created < $1 AND state <> 'due' LIMIT $2)";
    tx.execute(delete, values![ms(before), limit]).await
}
