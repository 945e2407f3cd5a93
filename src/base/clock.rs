//! The only place that tells the time, so that tests own it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, poll_fn};

/// A source of wall-clock and monotonic time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since 1970-01-01T00:00:00Z.
    fn unix_time(&self) -> Duration;
    /// Monotonic time, for deadlines and durations.
    fn now(&self) -> Instant;
    /// Resolves when that much monotonic time has passed.
    fn wait(&self, time: Duration) -> BoxFuture<'static, ()>;
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

    #[expect(clippy::disallowed_methods, reason = "this is the clock the rest must use")]
    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(time).boxed()
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    started: Instant,
    unix_start: Duration,
    hand: Arc<Mutex<Hand>>,
}

/// How far a manual clock has moved, and who waits for it.
#[derive(Debug, Default)]
struct Hand {
    elapsed: Duration,
    waiting: Vec<Waker>,
}

impl ManualClock {
    /// A clock standing at `unix_time`.
    pub fn at(unix_time: Duration) -> ManualClock {
        ManualClock { started: Instant::now(), unix_start: unix_time, hand: Arc::default() }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let mut hand = lock(&self.hand);
        hand.elapsed += by;
        let waiting = std::mem::take(&mut hand.waiting);
        drop(hand);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn elapsed(&self) -> Duration {
        lock(&self.hand).elapsed
    }
}

fn lock(hand: &Mutex<Hand>) -> MutexGuard<'_, Hand> {
    hand.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clock for ManualClock {
    fn unix_time(&self) -> Duration {
        self.unix_start + self.elapsed()
    }

    fn now(&self) -> Instant {
        self.started + self.elapsed()
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        let until = self.elapsed() + time;
        let hand = Arc::clone(&self.hand);
        poll_fn(move |cx| {
            let mut hand = lock(&hand);
            if until <= hand.elapsed {
                return Poll::Ready(());
            }
            hand.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_wakes_when_it_is_moved() {
        let clock = ManualClock::at(Duration::ZERO);
        let mut wait = clock.wait(Duration::from_secs(2));
        assert!((&mut wait).now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        assert!((&mut wait).now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        assert!(wait.now_or_never().is_some());
    }
}
