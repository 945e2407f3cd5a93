//! Numbers shared between callers, queue and executors; the lock is held for an addition, never for a decision.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::Clock;
use crate::batch::profile::Profile;
use crate::batch::stack;
use crate::tensor::Tensor;

/// What it takes to hand a row to another thread and its result back: two wake-ups, each some microseconds of a kernel.
const WAKING: Duration = Duration::from_micros(20);

/// What a model's queue has done, and what waits now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows that wait.
    pub waiting_rows: usize,
    /// Elements that wait.
    pub waiting_cost: usize,
    /// How long the oldest row has waited.
    pub oldest_age: Duration,
    /// Elements that are being run, padding included.
    pub running_cost: usize,
    /// Rows refused because too much waited.
    pub refused: u64,
    /// Rows not run because their caller had left.
    pub skipped_closed: u64,
    /// Rows not run because their deadline had passed.
    pub skipped_expired: u64,
    /// Runs of the model.
    pub batches: u64,
    /// Rows in these runs.
    pub rows: u64,
    /// Elements in these runs without padding.
    pub real_cost: u64,
    /// The same with padding.
    pub padded_cost: u64,
    /// Runs that ended early because everybody who waited had left.
    pub given_up: u64,
    /// Runs that failed, panics included.
    pub failed: u64,
    /// Runs that panicked.
    pub panicked: u64,
    /// Rows run a second time, alone, because their batch failed.
    pub retried: u64,
}

/// One run of the model, for the books.
pub(crate) struct Run {
    pub(crate) n_rows: usize,
    pub(crate) real_cost: usize,
    pub(crate) padded_cost: usize,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure,
    Panic,
    /// Nobody waited any more.
    GivenUp,
}

#[derive(Default)]
struct State {
    stats: Stats,
    profile: Profile,
    oldest: Option<Instant>,
    last_success: Option<Instant>,
}

pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    queue_rows: usize,
    queue_cost: usize,
    n_executors: usize,
    max_rows: usize,
    state: Mutex<State>,
}

/// A row's place in the queue, given back when dropped.
pub(crate) struct Permit {
    shared: Arc<Shared>,
    cost: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stats.waiting_rows -= 1;
        state.stats.waiting_cost -= self.cost;
    }
}

impl Shared {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        (queue_rows, queue_cost): (usize, usize),
        n_executors: usize,
        max_rows: usize,
    ) -> Shared {
        let state = Mutex::default();
        Shared { clock, queue_rows, queue_cost, n_executors, max_rows, state }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for each row, or none if they do not all fit.
    pub(crate) fn admit(self: &Arc<Shared>, rows: &[Tensor]) -> Option<Vec<Permit>> {
        let costs: Vec<usize> = rows.iter().map(stack::cost).collect();
        let total: usize = costs.iter().sum();
        let now = self.clock.now();
        let mut state = self.lock();
        let stats = &mut state.stats;
        if self.queue_rows < stats.waiting_rows + rows.len()
            || self.queue_cost < stats.waiting_cost.saturating_add(total)
        {
            return None;
        }
        stats.waiting_rows += rows.len();
        stats.waiting_cost += total;
        state.oldest.get_or_insert(now);
        drop(state);
        Some(costs.into_iter().map(|cost| Permit { shared: Arc::clone(self), cost }).collect())
    }

    /// Whether a row that comes now has nobody before it, and has run before another thread could have been woken.
    pub(crate) fn is_instant(&self, cost: usize) -> bool {
        let state = self.lock();
        let is_next = state.stats.waiting_rows == 0 && cost <= self.queue_cost;
        is_next && state.profile.is_settled() && state.profile.expect(cost, 1) < WAKING
    }

    /// Records when the oldest row still waiting joined: of those taken in, or else of those that are to be.
    pub(crate) fn set_oldest(&self, oldest: Option<Instant>) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.oldest = oldest.or_else(|| (0 < state.stats.waiting_rows).then_some(now));
    }

    pub(crate) fn count_refused(&self, n_rows: usize) {
        self.lock().stats.refused += n_rows as u64;
    }

    pub(crate) fn is_anyone_waiting(&self) -> bool {
        0 < self.lock().stats.waiting_rows
    }

    pub(crate) fn count_skipped(&self, n_closed: u64, n_expired: u64) {
        let stats = &mut self.lock().stats;
        stats.skipped_closed += n_closed;
        stats.skipped_expired += n_expired;
    }

    pub(crate) fn count_retried(&self) {
        self.lock().stats.retried += 1;
    }

    pub(crate) fn begin(&self, run: &Run) {
        self.lock().stats.running_cost += run.padded_cost;
    }

    pub(crate) fn end(&self, run: &Run, started: Instant, ending: Ending) {
        let now = self.clock.now();
        let mut state = self.lock();
        let stats = &mut state.stats;
        stats.running_cost -= run.padded_cost;
        stats.batches += 1;
        stats.rows += run.n_rows as u64;
        stats.real_cost += run.real_cost as u64;
        stats.padded_cost += run.padded_cost as u64;
        stats.failed += u64::from(matches!(ending, Ending::Failure | Ending::Panic));
        stats.given_up += u64::from(ending == Ending::GivenUp);
        stats.panicked += u64::from(ending == Ending::Panic);
        if ending == Ending::Success {
            state.profile.learn(run.padded_cost, now.saturating_duration_since(started));
            state.last_success = Some(now);
        }
    }

    pub(crate) fn last_success(&self) -> Option<Instant> {
        self.lock().last_success
    }

    pub(crate) fn stats(&self) -> Stats {
        let now = self.clock.now();
        let state = self.lock();
        let age = state.oldest.map(|it| now.saturating_duration_since(it));
        Stats { oldest_age: age.unwrap_or_default(), ..state.stats }
    }

    /// Time to work off all that waits and runs, on all executors, and then `cost` on one of them.
    pub(crate) fn estimate(&self, cost: usize) -> Duration {
        let state = self.lock();
        let stats = &state.stats;
        let n_batches = stats.waiting_rows.div_ceil(self.max_rows);
        let ahead = state.profile.expect(stats.waiting_cost + stats.running_cost, n_batches);
        ahead.div_f64(self.n_executors as f64) + state.profile.expect(cost, 1)
    }
}
