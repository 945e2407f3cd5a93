//! Owns the queue of one model: takes rows in, forgets those nobody waits for, hands batches to free executors.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
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

/// What the scheduler is told. Rows are bounded by their permits, the rest by the number of executors.
pub(crate) enum Command<R> {
    /// Rows to queue.
    Rows(Vec<Entry<R>>),
    /// This executor is free.
    Free(usize),
    /// The last handle is gone.
    Stop,
}

type Batch<R> = Vec<Entry<R>>;

pub(crate) struct Scheduler<R> {
    policy: BatchPolicy,
    shared: Arc<Shared>,
    executors: Vec<(SyncSender<Batch<R>>, JoinHandle<()>)>,
    free: Vec<usize>,
    /// `waiting[i]` describes `entries[i]`.
    entries: Vec<Entry<R>>,
    waiting: Vec<Waiting>,
    stopping: bool,
}

impl<R> Scheduler<R> {
    pub(crate) fn new(
        policy: BatchPolicy,
        shared: Arc<Shared>,
        executors: Vec<(SyncSender<Batch<R>>, JoinHandle<()>)>,
    ) -> Scheduler<R> {
        Scheduler {
            policy,
            shared,
            executors,
            free: Vec::new(),
            entries: Vec::new(),
            waiting: Vec::new(),
            stopping: false,
        }
    }

    /// Serves until told to stop and everything queued before that is answered.
    pub(crate) fn serve(mut self, inbox: &Receiver<Command<R>>) {
        while !(self.stopping && self.entries.is_empty()) {
            let command = match self.next_deadline() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(deadline) => {
                    let now = self.shared.clock.now();
                    inbox.recv_timeout(deadline.saturating_duration_since(now))
                }
            };
            match command {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => self.stopping = true,
            }
            inbox.try_iter().for_each(|it| self.take(it));
            self.skip_unwanted();
            self.dispatch();
            self.shared.set_oldest(self.entries.iter().map(|it| it.queued_at).min());
        }
        for (batches, thread) in self.executors {
            drop(batches);
            let _ = thread.join();
        }
    }

    /// When the next row expires, if any waits.
    fn next_deadline(&self) -> Option<Deadline> {
        self.entries.iter().map(|it| it.deadline).min()
    }

    fn take(&mut self, command: Command<R>) {
        match command {
            Command::Rows(entries) => {
                self.waiting.extend(entries.iter().map(describe));
                self.entries.extend(entries);
            }
            Command::Free(idx) => self.free.push(idx),
            Command::Stop => self.stopping = true,
        }
    }

    /// Drops rows whose caller left, and tells the late ones that they are late.
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

    fn remove(&mut self, idx: usize) -> Entry<R> {
        self.waiting.swap_remove(idx);
        self.entries.swap_remove(idx)
    }

    /// Gives every free executor the most urgent batch.
    fn dispatch(&mut self) {
        while !self.entries.is_empty()
            && let Some(executor_idx) = self.free.pop()
        {
            let mut chosen = self.policy.choose(&self.waiting, self.shared.clock.now());
            // From the back, so that no removal moves a row still to be removed.
            chosen.sort_unstable_by(|one, other| other.cmp(one));
            let mut batch: Batch<R> = chosen.into_iter().map(|idx| self.remove(idx)).collect();
            for entry in &mut batch {
                entry.permit = None;
            }
            if let Some((batches, _)) = self.executors.get(executor_idx) {
                // A dead executor drops the batch, and with it the replies: its callers learn of it.
                let _ = batches.send(batch);
            }
        }
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
