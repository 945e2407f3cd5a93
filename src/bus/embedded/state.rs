//! What waits, what is being worked on, and until when: no tasks, no clock of its own.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::EmbeddedSettings;
use crate::bus::error::BusError;
use crate::bus::event::CloudEvent;
use crate::bus::message::{Outcome, dead_letter};
use crate::bus::stream::{Retention, StreamSpec, stream_of, stream_under};
use crate::bus::subject::{Filter, Subject};

/// The whole state.
pub(super) struct State {
    settings: EmbeddedSettings,
    durables: BTreeMap<String, Durable>,
    /// Events of streams that wait for a durable to come, by stream.
    held: BTreeMap<&'static str, VecDeque<Item>>,
    seen: HashMap<(&'static str, String), Seen>,
    seen_order: VecDeque<(Instant, (&'static str, String))>,
    next_seq: u64,
}

/// One durable.
struct Durable {
    filter: Filter,
    stream: &'static StreamSpec,
    waiting: VecDeque<Item>,
    working: BTreeMap<u64, Working>,
}

impl Durable {
    fn len(&self) -> usize {
        self.waiting.len() + self.working.len()
    }
}

/// An event on its way to one durable.
struct Item {
    seq: u64,
    subject: Subject,
    event: Arc<CloudEvent>,
    /// Deliveries so far.
    n_deliveries: u32,
    not_before: Instant,
    left: Arc<watch::Sender<usize>>,
}

/// An event that was delivered.
struct Working {
    item: Item,
    lease_until: Instant,
}

struct Seen {
    left: watch::Receiver<usize>,
}

/// A published event.
pub(super) struct Accepted {
    /// Its id was there already.
    pub(super) duplicate: bool,
    /// Durables that have not acknowledged it.
    pub(super) left: watch::Receiver<usize>,
}

/// An event to deliver.
pub(super) struct Taken {
    /// Names it within the durable.
    pub(super) seq: u64,
    /// Under which subject it was published.
    pub(super) subject: Subject,
    /// The event.
    pub(super) event: Arc<CloudEvent>,
    /// Which delivery this is, from 1; says also whose lease it is.
    pub(super) attempt: u32,
}

/// What a member does next.
pub(super) enum Next {
    /// Deliver.
    Due(Taken),
    /// Look again after this time, or when something changes.
    Sleep(Option<Duration>),
}

impl State {
    pub(super) fn new(settings: EmbeddedSettings) -> State {
        State {
            settings,
            durables: BTreeMap::new(),
            held: BTreeMap::new(),
            seen: HashMap::new(),
            seen_order: VecDeque::new(),
            next_seq: 0,
        }
    }

    /// Events that wait in a stream.
    pub(super) fn n_waiting(&self, stream: &str) -> usize {
        let waiting = self.durables.values().filter(|it| it.stream.name == stream);
        let held = self.held.get(stream).map_or(0, VecDeque::len);
        waiting.map(Durable::len).sum::<usize>() + held
    }

    /// Durables of a stream.
    pub(super) fn n_durables(&self, stream: &str) -> usize {
        self.durables.values().filter(|it| it.stream.name == stream).count()
    }

    /// Takes an event for every durable that wants it, or for none.
    pub(super) fn publish(
        &mut self,
        subject: &Subject,
        event: &CloudEvent,
        now: Instant,
    ) -> Result<Accepted, BusError> {
        let stream = stream_of(subject).ok_or_else(|| BusError::Unroutable(subject.to_string()))?;
        self.forget(now);
        let key = (stream.name, event.id().to_owned());
        if let Some(seen) = self.seen.get(&key) {
            return Ok(Accepted { duplicate: true, left: seen.left.clone() });
        }
        let max_waiting = self.settings.max_waiting;
        let is_full =
            |durable: &Durable| durable.filter.matches(subject) && max_waiting <= durable.len();
        // Of what is kept for its age the oldest goes instead.
        let is_queue = stream.retention == Retention::WorkQueue;
        let n_held = self.held.get(stream.name).filter(|_| is_queue).map_or(0, VecDeque::len);
        if self.durables.values().any(is_full) || max_waiting <= n_held {
            return Err(BusError::Full(stream.name.to_owned()));
        }
        let left = self.push(stream, subject, &Arc::new(event.clone()), now);
        self.seen.insert(key.clone(), Seen { left: left.clone() });
        self.seen_order.push_back((now, key));
        Ok(Accepted { duplicate: false, left })
    }

    /// Adds a durable, or another member of it.
    pub(super) fn add(
        &mut self,
        name: &str,
        filter: &Filter,
        now: Instant,
    ) -> Result<(), BusError> {
        let stream =
            stream_under(filter).ok_or_else(|| BusError::Unroutable(filter.to_string()))?;
        let refuse = |why: &str| BusError::SetUp {
            what: format!("durable `{name}`"),
            source: why.to_owned().into(),
        };
        if let Some(durable) = self.durables.get(name) {
            let is_same = durable.filter == *filter;
            return if is_same { Ok(()) } else { Err(refuse("it has another filter")) };
        }
        let is_queue = stream.retention == Retention::WorkQueue;
        let overlaps = |it: &Durable| it.filter.covers(filter) || filter.covers(&it.filter);
        if is_queue && self.durables.values().any(overlaps) {
            return Err(refuse("another durable takes these commands"));
        }
        let mut durable = Durable {
            filter: filter.clone(),
            stream,
            waiting: VecDeque::new(),
            working: BTreeMap::new(),
        };
        let held = self.held.remove(stream.name).unwrap_or_default();
        let (wanted, other) = held.into_iter().partition(|it| filter.matches(&it.subject));
        durable.waiting = wanted;
        durable.waiting.iter_mut().for_each(|it: &mut Item| it.not_before = now);
        self.held.insert(stream.name, other);
        self.durables.insert(name.to_owned(), durable);
        Ok(())
    }

    /// The next event that is due for a durable; its lease begins.
    pub(super) fn take(&mut self, name: &str, now: Instant) -> Next {
        self.end_leases(name, now);
        let lease = self.settings.lease;
        let Some(durable) = self.durables.get_mut(name) else { return Next::Sleep(None) };
        let due = durable.waiting.iter().position(|it| it.not_before <= now);
        let Some(mut item) = due.and_then(|it| durable.waiting.remove(it)) else {
            let delays = durable.waiting.iter().map(|it| it.not_before);
            let leases = durable.working.values().map(|it| it.lease_until);
            let next = delays.chain(leases).min();
            return Next::Sleep(next.map(|it| it.saturating_duration_since(now)));
        };
        item.n_deliveries += 1;
        let taken = Taken {
            seq: item.seq,
            subject: item.subject.clone(),
            event: Arc::clone(&item.event),
            attempt: item.n_deliveries,
        };
        durable.working.insert(item.seq, Working { item, lease_until: now + lease });
        Next::Due(taken)
    }

    /// The lease begins anew, if it is still this delivery's.
    pub(super) fn extend(&mut self, name: &str, seq: u64, attempt: u32, now: Instant) {
        let lease = self.settings.lease;
        let working = self.durables.get_mut(name).and_then(|it| it.working.get_mut(&seq));
        if let Some(working) = working.filter(|it| it.item.n_deliveries == attempt) {
            working.lease_until = now + lease;
        }
    }

    /// Says what became of a delivery; nothing, when the event was delivered again meanwhile.
    pub(super) fn finish(
        &mut self,
        name: &str,
        seq: u64,
        attempt: u32,
        outcome: Outcome,
        now: Instant,
    ) {
        let Some(durable) = self.durables.get_mut(name) else { return };
        let is_own = |it: &Working| it.item.n_deliveries == attempt;
        if !durable.working.get(&seq).is_some_and(is_own) {
            return;
        }
        let Some(Working { mut item, .. }) = durable.working.remove(&seq) else { return };
        match outcome {
            Outcome::Ack => settle(&item),
            Outcome::Retry(_) if self.settings.max_deliveries <= item.n_deliveries => {
                self.bury(name, item, "max-deliveries", now);
            }
            Outcome::Retry(after) => {
                item.not_before = now + after;
                durable.waiting.push_front(item);
            }
            Outcome::Reject(reason) => self.bury(name, item, reason, now),
        }
    }

    /// Takes back what was not acknowledged in time.
    fn end_leases(&mut self, name: &str, now: Instant) {
        let Some(durable) = self.durables.get_mut(name) else { return };
        let ended = |it: &Working| it.lease_until <= now;
        let seqs: Vec<u64> =
            durable.working.iter().filter(|(_, it)| ended(it)).map(|(seq, _)| *seq).collect();
        let mut given_up = Vec::new();
        for seq in seqs.into_iter().rev() {
            let Some(Working { item, .. }) = durable.working.remove(&seq) else { continue };
            if self.settings.max_deliveries <= item.n_deliveries {
                given_up.push(item);
            } else {
                durable.waiting.push_front(item);
            }
        }
        for item in given_up {
            self.bury(name, item, "max-deliveries", now);
        }
    }

    /// Makes a dead letter of an event.
    fn bury(&mut self, durable: &str, item: Item, reason: &str, now: Instant) {
        tracing::warn!(id = item.event.id(), subject = %item.subject, durable, reason, "a dead letter");
        let subject = item.subject.dead_letters();
        let dead = dead_letter(&item.event, &item.subject, reason, item.n_deliveries);
        if let (Ok(dead), Some(stream)) = (dead, stream_of(&subject)) {
            // A dead letter is not refused: it takes the place that its event has left.
            self.push(stream, &subject, &Arc::new(dead), now);
        }
        settle(&item);
    }

    fn push(
        &mut self,
        stream: &'static StreamSpec,
        subject: &Subject,
        event: &Arc<CloudEvent>,
        now: Instant,
    ) -> watch::Receiver<usize> {
        let left = Arc::new(watch::Sender::new(0));
        let received = left.subscribe();
        let (first_seq, mut n_wanted) = (self.next_seq, 0);
        let item = |n_before: usize| Item {
            seq: first_seq + n_before as u64,
            subject: subject.clone(),
            event: Arc::clone(event),
            n_deliveries: 0,
            not_before: now,
            left: Arc::clone(&left),
        };
        for durable in self.durables.values_mut().filter(|it| it.filter.matches(subject)) {
            durable.waiting.push_back(item(n_wanted));
            n_wanted += 1;
        }
        let mut n_left = n_wanted;
        if n_wanted == 0 && stream.waits {
            let held = self.held.entry(stream.name).or_default();
            held.push_back(item(0));
            n_wanted = 1;
            // Nobody has to take a message that is kept for its age: whoever published it need not wait.
            n_left = usize::from(stream.retention == Retention::WorkQueue);
            if self.settings.max_waiting < held.len() {
                held.pop_front();
            }
        }
        self.next_seq += n_wanted as u64;
        left.send_replace(n_left);
        received
    }

    /// Forgets ids that are older than the window and settled.
    fn forget(&mut self, now: Instant) {
        let window = self.settings.duplicate_window;
        while let Some((since, key)) = self.seen_order.front() {
            let is_old = window <= now.saturating_duration_since(*since);
            let is_settled = self.seen.get(key).is_none_or(|it| *it.left.borrow() == 0);
            if !is_old || !is_settled {
                return;
            }
            let key = key.clone();
            self.seen.remove(&key);
            self.seen_order.pop_front();
        }
    }
}

/// One durable fewer has to acknowledge the event.
fn settle(item: &Item) {
    item.left.send_modify(|it| *it = it.saturating_sub(1));
}

#[cfg(test)]
mod tests;
