//! What keeps jobs in order when nobody calls: leases that are over, and what has expired.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::ErrorCode;
use crate::store::StoreError;
use crate::store::jobs::Ending;

use super::{Jobs, failed};

/// How often leases are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How many looks lie between two rounds of erasing.
const SWEEPS_PER_PURGE: u64 = 60;

/// How long an event is kept after it was published.
const TOLD_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Notices when the wall clock was set forward: leases would seem to be over that are not.
pub(super) struct ClockWatch {
    wall: Duration,
    monotonic: Instant,
    /// Until then leases are left alone, so that workers can give a sign by the new time.
    trusted_from: Instant,
}

impl ClockWatch {
    pub(super) fn new(jobs: &Jobs) -> ClockWatch {
        let (wall, monotonic) = (jobs.now(), jobs.clock.now());
        ClockWatch { wall, monotonic, trusted_from: monotonic }
    }

    /// Whether leases may be judged now.
    pub(super) fn is_steady(&mut self, jobs: &Jobs) -> bool {
        let (wall, monotonic) = (jobs.now(), jobs.clock.now());
        let passed = monotonic.saturating_duration_since(self.monotonic);
        if passed + jobs.settings.lease / 4 < wall.saturating_sub(self.wall) {
            tracing::warn!("the clock was set forward: leases are left alone for a while");
            self.trusted_from = monotonic + jobs.settings.lease;
        }
        (self.wall, self.monotonic) = (wall, monotonic);
        self.trusted_from <= monotonic
    }
}

impl Jobs {
    /// Keeps jobs in order for as long as it is polled.
    pub async fn tend(self: Arc<Self>) {
        let mut watch = ClockWatch::new(&self);
        for round in 1_u64.. {
            self.clock.wait(SWEEP_EVERY).await;
            let swept = if watch.is_steady(&self) { self.sweep().await.err() } else { None };
            let purged = if round.is_multiple_of(SWEEPS_PER_PURGE) {
                self.purge().await.err()
            } else {
                None
            };
            // The reason goes to the log; the next round tries again.
            let _ = swept.or(purged).map(|it| failed(&it));
        }
    }

    /// Ends the attempts of workers that were not heard of in time; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let mut n_ended = 0;
        for job in self.store.expired(self.now()).await? {
            let code = ErrorCode::Timeout.number().to_owned();
            let ending = if job.cancel_requested {
                Ending::Cancelled
            } else {
                self.again(job.attempt, job.max_attempts, code)
            };
            if self.store.finish_expired(&job, ending, self.now()).await?.is_some() {
                n_ended += 1;
                metrics::counter!("fenwen_job_leases_expired_total").increment(1);
            }
        }
        if 0 < n_ended {
            self.changed.notify_waiters();
            self.doorbell.notify_one();
        }
        Ok(n_ended)
    }

    /// Erases what has expired.
    ///
    /// # Errors
    /// When the store or a file fails.
    pub async fn purge(&self) -> Result<(), StoreError> {
        let now = self.now();
        while 0 < self.store.purge_jobs(now, now.saturating_sub(TOLD_FOR)).await? {}
        let n_blobs = self.blobs.purge(now).await?;
        if 0 < n_blobs {
            tracing::info!(n_blobs, "expired inputs and results were destroyed");
        }
        Ok(())
    }
}
