//! The queue of one model: takes rows in, forgets those nobody waits for, makes batches.
//!
//! It has no thread of its own: whichever executor is free looks after it (leader and followers), so that a row
//! passes from its caller to the model in one step.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::base::Deadline;
use crate::batch::policy::{BatchPolicy, Priority, RowKind, Waiting};
use crate::batch::state::{Permit, Shared};
use crate::batch::{RunError, stack};
use crate::tensor::{Data, Tensor};

/// One row and who waits for it.
pub(crate) struct Entry<R> {
    pub(crate) row: Tensor,
    pub(crate) priority: Priority,
    pub(crate) queued_at: Instant,
    pub(crate) deadline: Deadline,
    /// The row's place in the queue; a health check has none.
    pub(crate) permit: Option<Permit>,
    pub(crate) reply: oneshot::Sender<Result<R, RunError>>,
}

pub(crate) type Batch<R> = Vec<Entry<R>>;

pub(crate) struct Queue<R> {
    policy: BatchPolicy,
    shared: Arc<Shared>,
    /// Rows of callers, bounded by their permits; it ends when the last handle is gone.
    inbox: Receiver<Vec<Entry<R>>>,
    /// `waiting[i]` describes `entries[i]`.
    entries: Vec<Entry<R>>,
    waiting: Vec<Waiting>,
}

impl<R> Queue<R> {
    pub(crate) fn new(
        policy: BatchPolicy,
        shared: Arc<Shared>,
        inbox: Receiver<Vec<Entry<R>>>,
    ) -> Queue<R> {
        Queue { policy, shared, inbox, entries: Vec::new(), waiting: Vec::new() }
    }

    /// The most urgent batch; waits for a row where there is none, and ends with the last handle and the last row.
    pub(crate) fn next(&mut self) -> Option<Batch<R>> {
        loop {
            self.take_in();
            let batch = self.batch();
            self.note_oldest();
            if batch.is_some() {
                return batch;
            }
            let entries = self.inbox.recv().ok()?;
            self.take(entries);
        }
    }

    /// Forgets rows that nobody waits for.
    pub(crate) fn tidy(&mut self) {
        self.take_in();
        self.note_oldest();
    }

    /// Takes in what has come, drops rows whose caller left, and tells the late ones that they are late.
    fn take_in(&mut self) {
        while let Ok(entries) = self.inbox.try_recv() {
            self.take(entries);
        }
        self.skip_unwanted();
    }

    fn take(&mut self, entries: Vec<Entry<R>>) {
        self.waiting.extend(entries.iter().map(describe));
        self.entries.extend(entries);
    }

    fn skip_unwanted(&mut self) {
        let now = self.shared.clock.now();
        let (mut n_closed, mut n_expired) = (0, 0);
        for idx in (0..self.entries.len()).rev() {
            let (closed, expired) = match self.entries.get(idx) {
                Some(entry) => (entry.reply.is_closed(), entry.deadline <= now),
                None => continue,
            };
            if closed || expired {
                n_closed += u64::from(closed);
                n_expired += u64::from(!closed);
                let _ = self.remove(idx).reply.send(Err(RunError::Expired));
            }
        }
        if 0 < n_closed + n_expired {
            self.shared.count_skipped(n_closed, n_expired);
        }
    }

    fn note_oldest(&self) {
        self.shared.set_oldest(self.entries.iter().map(|it| it.queued_at).min());
    }

    fn remove(&mut self, idx: usize) -> Entry<R> {
        self.waiting.swap_remove(idx);
        self.entries.swap_remove(idx)
    }

    fn batch(&mut self) -> Option<Batch<R>> {
        if self.entries.is_empty() {
            return None;
        }
        let mut chosen = self.policy.choose(&self.waiting, self.shared.clock.now());
        // From the back, so that no removal moves a row still to be removed.
        chosen.sort_unstable_by(|one, other| other.cmp(one));
        let mut batch: Batch<R> = chosen.into_iter().map(|idx| self.remove(idx)).collect();
        for entry in &mut batch {
            entry.permit = None;
        }
        Some(batch)
    }
}

fn describe<R>(entry: &Entry<R>) -> Waiting {
    let shape = entry.row.shape();
    let lead = shape.split_last().map_or(&[][..], |(_, lead)| lead);
    Waiting {
        priority: entry.priority,
        queued_at: entry.queued_at,
        deadline: entry.deadline,
        kind: RowKind { float: matches!(entry.row.data(), Data::F32(_)), lead: lead.into() },
        len: stack::len(&entry.row),
    }
}
