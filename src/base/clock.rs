//! The only place that tells the time, so that tests own it.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of wall-clock and monotonic time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since 1970-01-01T00:00:00Z.
    fn unix_time(&self) -> Duration;
    /// Monotonic time, for deadlines and durations.
    fn now(&self) -> Instant;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock the rest must use")]
    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    started: Instant,
    unix_start: Duration,
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock standing at `unix_time`.
    pub fn at(unix_time: Duration) -> ManualClock {
        ManualClock {
            started: Instant::now(),
            unix_start: unix_time,
            elapsed: Mutex::new(Duration::ZERO),
        }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn unix_time(&self) -> Duration {
        self.unix_start + self.elapsed()
    }

    fn now(&self) -> Instant {
        self.started + self.elapsed()
    }
}
