//! What keeps jobs in order when nobody calls: leases that are over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::base::ErrorCode;
use crate::store::StoreError;
use crate::store::jobs::Ending;

use super::{Jobs, failed};

/// How often leases are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

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
    /// Rings for workers here when another process has accepted a job, for as long as it is polled.
    pub async fn listen(self: Arc<Self>) {
        loop {
            self.store.bells().job_elsewhere().await;
            // Which lane it is in is not told: each looks into its own.
            self.doorbells.values().for_each(Notify::notify_one);
        }
    }

    /// Keeps jobs in order for as long as it is polled.
    pub async fn tend(self: Arc<Self>) {
        let mut watch = ClockWatch::new(&self);
        loop {
            self.clock.wait(SWEEP_EVERY).await;
            let swept = if watch.is_steady(&self) { self.sweep().await.err() } else { None };
            // The reason goes to the log; the next round tries again.
            let _ = swept.map(|it| failed(&it));
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
            self.doorbells.values().for_each(Notify::notify_one);
        }
        Ok(n_ended)
    }
}
