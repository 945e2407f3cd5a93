//! How many calls a client may make in a while: a bucket for each that fills again steadily.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clients that are remembered; those whose buckets are full are forgotten first.
const MAX_CLIENTS: usize = 10_000;

/// So many calls in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaRate {
    /// Calls.
    pub calls: u32,
    /// In this time.
    pub window: Duration,
}

/// What a client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// Whether this call is allowed.
    pub is_allowed: bool,
    /// Calls that may follow at once.
    pub remaining: u32,
    /// Until all calls are there again; after a refusal: until the next is.
    pub reset: Duration,
    /// The rate.
    pub rate: QuotaRate,
}

/// Buckets of this process.
pub struct Quota {
    rate: QuotaRate,
    /// When each client's bucket is full again.
    full_at: Mutex<HashMap<String, Instant>>,
}

impl Quota {
    /// Empty buckets are full after `rate.window`.
    pub fn new(rate: QuotaRate) -> Quota {
        Quota { rate, full_at: Mutex::default() }
    }

    /// Takes one call of `client` at `now`, when there is one.
    pub fn take(&self, client: &str, now: Instant) -> QuotaState {
        let one = self.rate.window / self.rate.calls.max(1);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if MAX_CLIENTS <= full_at.len() {
            full_at.retain(|_, it| now < *it);
        }
        let was =
            full_at.get(client).map_or(Duration::ZERO, |it| it.saturating_duration_since(now));
        let taken = was + one;
        if self.rate.window < taken {
            let reset = taken - self.rate.window;
            return QuotaState { is_allowed: false, remaining: 0, reset, rate: self.rate };
        }
        full_at.insert(client.to_owned(), now + taken);
        let remaining = (self.rate.window - taken).div_duration_f64(one).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of calls"
        )]
        let remaining = remaining as u32;
        QuotaState { is_allowed: true, remaining, reset: taken, rate: self.rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let rate = QuotaRate { calls: 4, window: Duration::from_secs(60) };
        let (quota, now) = (Quota::new(rate), Instant::now());
        let take = |client: &str, after_s: u64| {
            let state = quota.take(client, now + Duration::from_secs(after_s));
            (state.is_allowed, state.remaining, state.reset.as_secs())
        };
        assert_eq!(take("a", 0), (true, 3, 15));
        assert_eq!(take("a", 0), (true, 2, 30));
        assert_eq!(take("a", 0), (true, 1, 45));
        assert_eq!(take("a", 0), (true, 0, 60));
        assert_eq!(take("a", 0), (false, 0, 15));
        assert_eq!(take("b", 0), (true, 3, 15), "each client has its own");
        assert_eq!(take("a", 14), (false, 0, 1));
        assert_eq!(take("a", 15), (true, 0, 60));
        assert_eq!(take("a", 600), (true, 3, 15));
    }
}
