//! One event for one receiver: queued once, taken when it is due, logged.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::jobs::{ms, time};
use crate::store::value::{Row, values};
use crate::store::{Store, StoreError};

/// Deliveries of one receiver that are taken at one time: one that does not answer holds up few others.
const OF_ONE_RECEIVER: u64 = 4;

/// A delivery to queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Identifies it.
    pub id: String,
    /// The receiver.
    pub webhook: String,
    /// Name of the event.
    pub name: String,
    /// What is sent.
    pub body: String,
    /// W3C trace context of what happened.
    pub traceparent: Option<String>,
    /// When it was queued, and is due for the first time: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried at this time, since 1970-01-01T00:00:00Z.
    Due(Duration),
    /// The receiver has it.
    Delivered,
    /// Given up: after the last attempt, or because the receiver does not want it.
    Failed,
}

impl DeliveryState {
    /// As written to the database and to callers.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Due(_) => "due",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
        }
    }

    pub(in crate::store) fn read(text: &str, due: Duration) -> Result<DeliveryState, StoreError> {
        let all = [DeliveryState::Due(due), DeliveryState::Delivered, DeliveryState::Failed];
        all.into_iter().find(|it| it.as_str() == text).ok_or(StoreError::Shape)
    }

    pub(in crate::store) fn due(self) -> Duration {
        if let DeliveryState::Due(at) = self { at } else { Duration::ZERO }
    }
}

/// One attempt, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, since 1970-01-01T00:00:00Z.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// The status that was answered.
    pub status: Option<u32>,
    /// Why it failed, as a code of the caller; none when it did not.
    pub failure: Option<String>,
}

/// One event for one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Place among all deliveries.
    pub seq: u64,
    /// Identifies it.
    pub id: String,
    /// The receiver.
    pub webhook: String,
    /// Name of the event.
    pub name: String,
    /// What is sent.
    pub body: String,
    /// W3C trace context of what happened.
    pub traceparent: Option<String>,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts of the present series; sending again begins a new one.
    pub n_attempts: u64,
    /// When it was queued: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

const COLUMNS: &str = "seq, id, webhook, name, body, traceparent, state, due, attempts, created";

impl Delivery {
    fn read(mut row: Row) -> Result<Delivery, StoreError> {
        let (seq, id, webhook, name, body) =
            (row.take()?, row.take()?, row.take()?, row.take()?, row.take()?);
        let traceparent = row.take()?;
        let (state, due): (String, u64) = (row.take()?, row.take()?);
        Ok(Delivery {
            seq,
            id,
            webhook,
            name,
            body,
            traceparent,
            state: DeliveryState::read(&state, time(due))?,
            n_attempts: row.take()?,
            created: time(row.take()?),
        })
    }
}

impl Store {
    /// Queues deliveries, all or none; one whose id is known stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_deliveries(&self, new: Vec<NewDelivery>) -> Reply<()> {
        self.call(Kind::Durable, new, |new, tx| add(new, tx).boxed())
    }

    /// Deliveries that are due, oldest first, and of each receiver a few only. Each is due again after `lease` unless
    /// [`Store::record_attempt`] says something else, so that two nodes do not send the same one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_due(&self, now: Duration, lease: Duration, limit: usize) -> Reply<Vec<Delivery>> {
        let ask = (now, lease, limit as u64);
        self.call(Kind::Durable, ask, |(now, lease, limit), tx| {
            take_due(*now, *lease, *limit, tx).boxed()
        })
    }

    /// Appends an attempt to the log and says how the delivery stands now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record_attempt(&self, id: &str, attempt: Attempt, state: DeliveryState) -> Reply<()> {
        let ask = (id.to_owned(), attempt, state);
        self.call(Kind::Durable, ask, |(id, attempt, state), tx| {
            record(id, attempt, *state, tx).boxed()
        })
    }

    /// Deliveries of a receiver before the place `before`, the newest first, each with its log, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliveries(
        &self,
        webhook: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Reply<Vec<(Delivery, Vec<Attempt>)>> {
        let before = before.unwrap_or(i64::MAX.unsigned_abs());
        let ask = (webhook.to_owned(), before, limit as u64);
        self.call(Kind::Read, ask, |(webhook, before, limit), tx| {
            log(webhook, *before, *limit, tx).boxed()
        })
    }

    /// Sends a delivery of a receiver again: due now, with a new series of attempts. `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn redeliver(&self, webhook: &str, id: &str, now: Duration) -> Reply<bool> {
        let ask = (webhook.to_owned(), id.to_owned(), now);
        self.call(Kind::Durable, ask, |(webhook, id, now), tx| {
            redeliver(webhook, id, *now, tx).boxed()
        })
    }
}

async fn add(new: &[NewDelivery], tx: &mut dyn Tx) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO webhook_delivery(id, webhook, name, body, state, due, attempts, created, traceparent)
        VALUES($1, $2, $3, $4, 'due', $5, 0, $5, $6) ON CONFLICT DO NOTHING";
    for it in new {
        let created = ms(it.created);
        let values = values![&it.id, &it.webhook, &it.name, &it.body, created, &it.traceparent];
        tx.execute(insert, values).await?;
    }
    Ok(())
}

async fn take_due(
    now: Duration,
    lease: Duration,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<Delivery>, StoreError> {
    // Elsewhere one transaction writes at a time; here others may look at the same rows, and have them already.
    let skip = if tx.is_postgres() { "FOR UPDATE SKIP LOCKED" } else { "" };
    let update = format!(
        "UPDATE webhook_delivery SET due = $1 WHERE seq IN (
            SELECT seq FROM webhook_delivery WHERE state = 'due' AND due <= $2 AND seq IN (
                SELECT seq FROM (
                    SELECT seq, due, row_number() OVER (PARTITION BY webhook ORDER BY due, seq) AS place
                    FROM webhook_delivery WHERE state = 'due' AND due <= $2) AS waiting
                WHERE place <= $3 ORDER BY due, seq LIMIT $4) {skip})
        RETURNING {COLUMNS}"
    );
    let values = values![ms(now + lease), ms(now), OF_ONE_RECEIVER, limit];
    let rows = tx.rows(&update, values).await?;
    let mut taken = rows.into_iter().map(Delivery::read).collect::<Result<Vec<_>, _>>()?;
    taken.sort_by_key(|it| it.seq);
    Ok(taken)
}

async fn record(
    id: &str,
    attempt: &Attempt,
    state: DeliveryState,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let update =
        "UPDATE webhook_delivery SET state = $1, due = $2, attempts = attempts + 1 WHERE id = $3";
    if tx.execute(update, values![state.as_str(), ms(state.due()), id]).await? == 0 {
        // Its receiver was deleted meanwhile.
        return Ok(());
    }
    let insert = "INSERT INTO webhook_attempt(delivery, number, at, took, status, failure)
        VALUES($1, (SELECT count(*) FROM webhook_attempt WHERE delivery = $1), $2, $3, $4, $5)";
    let (at, took) = (ms(attempt.at), ms(attempt.took));
    let status = attempt.status.map(u64::from);
    tx.execute(insert, values![id, at, took, status, &attempt.failure]).await?;
    Ok(())
}

async fn log(
    webhook: &str,
    before: u64,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<(Delivery, Vec<Attempt>)>, StoreError> {
    let select = format!(
        "SELECT {COLUMNS} FROM webhook_delivery WHERE webhook = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"
    );
    let rows = tx.rows(&select, values![webhook, before, limit]).await?;
    let found = rows.into_iter().map(Delivery::read).collect::<Result<Vec<_>, _>>()?;
    let oldest = found.last().map_or(before, |it| it.seq);
    let select = "SELECT delivery, at, took, status, failure FROM webhook_attempt
        WHERE delivery IN (SELECT id FROM webhook_delivery WHERE webhook = $1 AND $2 <= seq AND seq < $3)
        ORDER BY delivery, number";
    let mut attempts: BTreeMap<String, Vec<Attempt>> = BTreeMap::new();
    for mut row in tx.rows(select, values![webhook, oldest, before]).await? {
        let delivery: String = row.take()?;
        attempts.entry(delivery).or_default().push(Attempt {
            at: time(row.take()?),
            took: time(row.take()?),
            status: row.take()?,
            failure: row.take()?,
        });
    }
    let with_log = |it: Delivery| {
        let attempts = attempts.remove(&it.id).unwrap_or_default();
        (it, attempts)
    };
    Ok(found.into_iter().map(with_log).collect())
}

async fn redeliver(
    webhook: &str,
    id: &str,
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<bool, StoreError> {
    let update = "UPDATE webhook_delivery SET state = 'due', due = $1, attempts = 0 WHERE webhook = $2 AND id = $3";
    Ok(tx.execute(update, values![ms(now), webhook, id]).await? == 1)
}
