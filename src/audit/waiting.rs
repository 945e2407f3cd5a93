//! Rows on their way to the log.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{NotWritten, Row};

/// Rows that wait; the next one is refused.
const MAX_WAITING: usize = 4096;
/// Rows of one commit: enough to share the wait for the disk, few enough to answer soon.
pub(super) const MAX_GROUP: usize = 512;

/// A row on its way.
pub(super) struct Pending {
    /// When it happened, since 1970-01-01T00:00:00Z.
    pub(super) at: Duration,
    /// What happened.
    pub(super) row: Arc<Row>,
    /// Who waits; nobody when it is closed.
    pub(super) reply: oneshot::Sender<Result<u64, NotWritten>>,
}

/// The rows that nobody has taken yet, oldest first.
#[derive(Default)]
pub(super) struct WaitingRows {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Default)]
struct Queue {
    rows: VecDeque<Pending>,
    is_closed: bool,
}

impl WaitingRows {
    /// Adds a row, unless there are too many, or no more are taken; dropping it tells whoever waits.
    pub(super) fn push(&self, row: Pending) -> bool {
        let mut queue = self.lock();
        let is_taken = !queue.is_closed && queue.rows.len() < MAX_WAITING;
        if is_taken {
            queue.rows.push_back(row);
        }
        is_taken
    }

    /// The oldest rows, as many as may be committed together.
    pub(super) fn take(&self) -> Vec<Pending> {
        let mut queue = self.lock();
        let n_rows = queue.rows.len().min(MAX_GROUP);
        queue.rows.drain(..n_rows).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().rows.is_empty()
    }

    /// Wakes who waits in [`WaitingRows::wait`].
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// No more rows are taken from now on.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.ring();
    }

    /// Waits until there are rows, at most `time`; whether it is worth waiting again.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let is_idle = |it: &mut Queue| it.rows.is_empty() && !it.is_closed;
        let waited = self.bell.wait_timeout_while(self.lock(), time, is_idle);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !(queue.rows.is_empty() && queue.is_closed)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
