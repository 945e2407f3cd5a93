//! The relay: from the outbox to the bus, at least once, in order for each job.
//!
//! The outbox is written in the transaction that changes a job; the bus recognises an id that comes twice. So a crash
//! anywhere between repeats an event, and never loses one.

use std::collections::{BTreeSet, HashSet};
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Notify, watch};

use crate::base::{Clock, RequestId};
use crate::bus::{Bus, BusError, CloudEvent, EventError, Subject};
use crate::store::{Duty, OutboxRow, Store, StoreError};

/// Rows read at one time, besides those that are on their way.
const BATCH: usize = 256;
/// How often the outbox is looked at without a ring.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after the first failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Failures of one round after which the bus is left alone until the next.
const MAX_FAILURES: usize = 8;
/// How long a relay that shares an outbox publishes before it must say so again: what waits when its process dies is
/// taken over by another after that.
const LEASE: Duration = Duration::from_secs(5);

/// Why the outbox does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the outbox failed")]
pub struct OutboxError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Where events wait; the store has it.
pub trait Outbox: Send + Sync {
    /// The oldest rows that are not published, in the order in which they were written.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn outbox_pending(&self, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxRow>, OutboxError>>;

    /// From now on these rows are published; an id that is not there is none's business.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn outbox_published(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), OutboxError>>;

    /// Whether this relay may publish now: of those that share an outbox one does.
    ///
    /// # Errors
    /// When the store fails.
    fn lead(&self) -> BoxFuture<'_, Result<bool, OutboxError>> {
        ready(Ok(true)).boxed()
    }

    /// Whether it is known without asking that another relay publishes now: there is nothing to read for this one.
    fn is_anothers(&self) -> bool {
        false
    }

    /// Leaves it to another.
    ///
    /// # Errors
    /// When the store fails.
    fn resign(&self) -> BoxFuture<'_, Result<(), OutboxError>> {
        ready(Ok(())).boxed()
    }
}

/// The outbox of the store.
pub struct StoreOutbox {
    store: Store,
    /// Tells when a row was published.
    clock: Arc<dyn Clock>,
    /// None where nobody shares it.
    lease: Option<Lease>,
}

/// The duty of one relay among those that share an outbox. Times are since 1970-01-01T00:00:00Z.
struct Lease {
    owner: String,
    /// Until when it is ours, and from when to ask again while it is not.
    known: Mutex<(Duration, Duration)>,
}

impl Lease {
    /// Whether it is ours, where that is known without asking.
    fn is_ours(&self, now: Duration) -> Option<bool> {
        let (until, again) = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if now + LEASE / 2 < until {
            return Some(true);
        }
        (now < again).then_some(false)
    }
}

impl StoreOutbox {
    /// The outbox of a store that no other process relays.
    pub fn alone(store: Store, clock: Arc<dyn Clock>) -> StoreOutbox {
        StoreOutbox { store, clock, lease: None }
    }

    /// The outbox of a store that other processes may relay too: one of them does at a time.
    pub fn shared(store: Store, clock: Arc<dyn Clock>) -> StoreOutbox {
        let owner = RequestId::fresh(clock.as_ref()).to_string();
        let lease = Some(Lease { owner, known: Mutex::default() });
        StoreOutbox { store, clock, lease }
    }

    async fn take(&self, lease: &Lease) -> Result<bool, StoreError> {
        let now = self.clock.unix_time();
        if let Some(is_ours) = lease.is_ours(now) {
            return Ok(is_ours);
        }
        let is_ours = self.store.take_duty(Duty::Relay, &lease.owner, now, LEASE).await?;
        let known = if is_ours { (now + LEASE, now) } else { (now, now + LOOK_EVERY) };
        *lease.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(is_ours)
    }

    async fn leave(&self, lease: &Lease) -> Result<(), StoreError> {
        let known =
            std::mem::take(&mut *lease.known.lock().unwrap_or_else(PoisonError::into_inner));
        if known.0 == Duration::ZERO {
            return Ok(());
        }
        let again = self.clock.unix_time() + LOOK_EVERY;
        lease.known.lock().unwrap_or_else(PoisonError::into_inner).1 = again;
        self.store.leave_duty(Duty::Relay, &lease.owner).await
    }
}

impl Outbox for StoreOutbox {
    fn outbox_pending(&self, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxRow>, OutboxError>> {
        async move { self.store.outbox_pending(limit).await.map_err(|it| OutboxError(it.into())) }
            .boxed()
    }

    fn outbox_published(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), OutboxError>> {
        let now = u64::try_from(self.clock.unix_time().as_millis()).unwrap_or(u64::MAX);
        async move {
            self.store.outbox_published(ids, now).await.map_err(|it| OutboxError(it.into()))
        }
        .boxed()
    }

    fn lead(&self) -> BoxFuture<'_, Result<bool, OutboxError>> {
        let Some(lease) = &self.lease else { return ready(Ok(true)).boxed() };
        async { self.take(lease).await.map_err(|it| OutboxError(it.into())) }.boxed()
    }

    fn is_anothers(&self) -> bool {
        let now = self.clock.unix_time();
        self.lease.as_ref().is_some_and(|it| it.is_ours(now) == Some(false))
    }

    fn resign(&self) -> BoxFuture<'_, Result<(), OutboxError>> {
        let Some(lease) = &self.lease else { return ready(Ok(())).boxed() };
        async { self.leave(lease).await.map_err(|it| OutboxError(it.into())) }.boxed()
    }
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Rows handed to the bus.
    pub n_published: usize,
    /// Rows that the bus refused or that are malformed.
    pub n_failed: usize,
    /// Rows marked as published: they are settled.
    pub n_settled: usize,
}

type Settling = BoxFuture<'static, (String, Result<(), BusError>)>;

/// The relay. Of several that share an outbox one publishes; where two think that they do, the bus recognises the ids.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    bus: Arc<dyn Bus>,
    /// Handed to the bus and not settled yet.
    settling: FuturesUnordered<Settling>,
    on_their_way: HashSet<String>,
    /// Settled, but not marked in the outbox yet.
    settled: Vec<String>,
    n_failed_rounds: u32,
}

impl Relay {
    /// A relay that has published nothing.
    pub fn new(outbox: Arc<dyn Outbox>, bus: Arc<dyn Bus>) -> Relay {
        Relay {
            outbox,
            bus,
            settling: FuturesUnordered::new(),
            on_their_way: HashSet::new(),
            settled: Vec::new(),
            n_failed_rounds: 0,
        }
    }

    /// Publishes what waits and marks what is settled.
    ///
    /// # Errors
    /// When the outbox fails; nothing is lost by calling again.
    pub async fn round(&mut self) -> Result<Round, OutboxError> {
        let mut rows = Vec::new();
        if !self.outbox.is_anothers() {
            rows = self.outbox.outbox_pending(BATCH + self.on_their_way.len()).await?;
        }
        if !rows.is_empty() && !self.outbox.lead().await? {
            rows.clear();
        }
        let mut round = Round::default();
        // A row that fails holds back those about the same thing, so that order is kept.
        let mut held = BTreeSet::new();
        for row in rows {
            let event = CloudEvent::from_json(row.body.as_bytes());
            let about = event.as_ref().ok().and_then(|it| it.subject.clone());
            let is_held = about.as_ref().is_some_and(|it| held.contains(it));
            if self.on_their_way.contains(&row.id) || is_held {
                continue;
            }
            if MAX_FAILURES <= round.n_failed {
                break;
            }
            match self.publish(&row, event).await {
                Ok(()) => round.n_published += 1,
                Err(error) => {
                    round.n_failed += 1;
                    report(&row.id, &error);
                    held.extend(about);
                }
            }
        }
        round.n_settled = self.mark().await?;
        if 0 < round.n_failed {
            // Another process may reach the bus where this one does not.
            self.outbox.resign().await?;
        }
        self.n_failed_rounds = if round.n_failed == 0 { 0 } else { self.n_failed_rounds + 1 };
        metrics::counter!("fenwen_outbox_published_total").increment(round.n_published as u64);
        metrics::counter!("fenwen_outbox_failed_total").increment(round.n_failed as u64);
        Ok(round)
    }

    /// How long to wait before the next round, unless somebody rings.
    pub fn pause(&self) -> Duration {
        match self.n_failed_rounds {
            0 => LOOK_EVERY,
            n => FIRST_PAUSE.saturating_mul(1 << (n - 1).min(16)).min(LONGEST_PAUSE),
        }
    }

    /// Relays until told to stop, then publishes what still waits, once. `bell` rings when the outbox was written.
    pub async fn run(mut self, bell: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
        loop {
            let is_last = *stopped.borrow();
            let more = match self.round().await {
                Ok(round) => round.n_failed == 0 && BATCH <= round.n_published,
                Err(error) => {
                    self.n_failed_rounds += 1;
                    tracing::error!(%error, "failed to relay events");
                    false
                }
            };
            if is_last && !more {
                return self.mark_last().await;
            }
            if more {
                continue;
            }
            let pause = tokio::time::timeout(self.pause(), self.something(&bell));
            tokio::select! {
                // An error means that nobody is left who could say so.
                _ = stopped.wait_for(|it| *it) => {}
                // Ends by the timeout when nothing happens.
                _ = pause => {}
            }
        }
    }

    /// Marks what is settled by now; what is not is published again by the next relay, which may begin at once.
    async fn mark_last(&mut self) {
        loop {
            // The runtime lets a task that does not yield see only some of what is ready.
            tokio::task::yield_now().await;
            if !matches!(self.mark().await, Ok(1..)) {
                break;
            }
        }
        if let Err(error) = self.outbox.resign().await {
            tracing::warn!(%error, "another relay begins only when the lease has run out");
        }
    }

    /// Resolves when the bell rings or something is settled.
    async fn something(&mut self, bell: &Notify) {
        // While the bus fails, a ring does not hurry: the pause is there to leave it alone.
        let is_failing = 0 < self.n_failed_rounds;
        let ring = async move {
            if is_failing {
                std::future::pending::<()>().await;
            }
            bell.notified().await;
        };
        tokio::select! {
            () = ring => {}
            Some((id, result)) = self.settling.next() => note(&mut self.settled, &mut self.on_their_way, id, result),
        }
    }

    async fn publish(
        &mut self,
        row: &OutboxRow,
        event: Result<CloudEvent, EventError>,
    ) -> Result<(), BusError> {
        let subject = Subject::parse(&row.subject)?;
        let receipt = self.bus.publish(&subject, &event?).await?;
        let id = row.id.clone();
        self.on_their_way.insert(id.clone());
        let mut settled = receipt.settled;
        match (&mut settled).now_or_never() {
            Some(result) => note(&mut self.settled, &mut self.on_their_way, id, result),
            None => self.settling.push(async move { (id, settled.await) }.boxed()),
        }
        Ok(())
    }

    /// Marks what has been settled meanwhile.
    async fn mark(&mut self) -> Result<usize, OutboxError> {
        while let Some(Some((id, result))) = self.settling.next().now_or_never() {
            note(&mut self.settled, &mut self.on_their_way, id, result);
        }
        if self.settled.is_empty() {
            return Ok(0);
        }
        self.outbox.outbox_published(self.settled.clone()).await?;
        let n_settled = self.settled.len();
        for id in self.settled.drain(..) {
            self.on_their_way.remove(&id);
        }
        Ok(n_settled)
    }
}

/// A settled row is marked next; one that nobody knows of is published again.
fn note(
    settled: &mut Vec<String>,
    on_their_way: &mut HashSet<String>,
    id: String,
    result: Result<(), BusError>,
) {
    match result {
        Ok(()) => settled.push(id),
        Err(_) => {
            on_their_way.remove(&id);
        }
    }
}

fn report(id: &str, error: &BusError) {
    if matches!(error, BusError::Away { .. }) {
        // Whoever connects tells it, once.
        tracing::debug!(id, %error, "an event waits for the bus");
    } else if error.is_passing() {
        tracing::warn!(id, %error, "failed to publish an event; it is tried again");
    } else {
        tracing::error!(id, %error, "an event cannot be published; later ones about the same thing wait");
    }
}

#[cfg(test)]
mod tests;
