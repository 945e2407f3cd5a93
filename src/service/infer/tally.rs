//! What a loaded version has done for callers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::task::infer::{CallTime, ModelStatistics};

/// Counts the calls of a version since it was loaded.
#[derive(Default)]
pub(super) struct Tally(Mutex<ModelStatistics>);

/// A call that has ended.
pub(super) struct Ended {
    /// Rows that were answered; none of a call that failed.
    pub(super) n_rows: Option<u64>,
    /// How long it took.
    pub(super) time: Duration,
    /// When, since 1970.
    pub(super) at: Duration,
}

impl Tally {
    /// Counts a call.
    pub(super) fn count(&self, ended: &Ended) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.last = found.last.max(ended.at);
        found.n_rows += ended.n_rows.unwrap_or(0);
        let of = if ended.n_rows.is_some() { &mut found.answered } else { &mut found.failed };
        *of = CallTime { n_calls: of.n_calls + 1, time: of.time.saturating_add(ended.time) };
    }

    /// What was counted, without name, version and runs.
    pub(super) fn statistics(&self) -> ModelStatistics {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
