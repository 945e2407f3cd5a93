//! What is known of long queues, so that they are not counted again for each job that joins them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::jobs::Queue;
use crate::store::{Store, StoreError};

use super::JobKind;

/// From so many waiting jobs on a queue is long: counting it takes longer than anything else about a job.
pub(super) const LONG: u64 = 1000;

/// How long what was counted is believed.
const FRESH: Duration = Duration::from_secs(1);

/// Clients of whom something is known at one time.
const MOST_CLIENTS: usize = 10_000;

/// For `max_queued`: this one need not be counted.
const UNCOUNTED: u64 = u64::MAX;

/// A count, until it is to be made anew.
struct Fresh<T> {
    until: Instant,
    value: T,
}

/// Lengths of long queues as they were a moment ago, and how many jobs clients may send before they are counted again.
#[derive(Default)]
pub(super) struct Counted {
    lengths: Mutex<BTreeMap<(&'static str, &'static str), Fresh<Queue>>>,
    rooms: Mutex<BTreeMap<String, Fresh<u64>>>,
}

impl Counted {
    /// How long the queue of a kind of job is; a long one as it was at most a second ago.
    pub(super) async fn queue(
        &self,
        store: &Store,
        (kind, lane): (&dyn JobKind, &str),
        now: Instant,
    ) -> Result<Queue, StoreError> {
        let name = (kind.service(), kind.operation());
        if let Some(known) = locked(&self.lengths).get(&name).filter(|it| now < it.until) {
            return Ok(known.value.clone());
        }
        let queue = store.queue(lane, name.0, name.1).await?;
        let mut lengths = locked(&self.lengths);
        if queue.n_queued() < LONG {
            lengths.remove(&name);
        } else {
            lengths.insert(name, Fresh { until: now + FRESH, value: queue.clone() });
        }
        Ok(queue)
    }

    /// What to accept a job of a client under, that may have `max_queued` waiting. While it is far from that, it is
    /// counted once a second: a quarter of its room it may fill meanwhile.
    pub(super) async fn limit(
        &self,
        store: &Store,
        (client, max_queued): (&str, u64),
        now: Instant,
    ) -> Result<u64, StoreError> {
        if let Some(room) = locked(&self.rooms).get_mut(client).filter(|it| now < it.until) {
            if room.value == 0 {
                return Ok(max_queued);
            }
            room.value -= 1;
            return Ok(UNCOUNTED);
        }
        let queued = store.queued_of(client).await?;
        let value = max_queued.saturating_sub(queued) / 4;
        let mut rooms = locked(&self.rooms);
        if MOST_CLIENTS <= rooms.len() {
            rooms.clear();
        }
        rooms.insert(client.to_owned(), Fresh { until: now + FRESH, value });
        Ok(max_queued)
    }
}

fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
