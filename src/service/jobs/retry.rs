//! Pauses between attempts: twice as long each time, with some chance in them, so that what failed together does not
//! come back together.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// Pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first attempt.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Backoff {
    /// 5 s, 10 s, 20 s, … up to 10 minutes.
    fn default() -> Backoff {
        Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(600) }
    }
}

impl Backoff {
    /// The pause after attempt number `attempt` (from 1), longer or shorter by up to a fifth; `chance` is 0 to 1.
    pub fn after(&self, attempt: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        doubled.min(self.longest).mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0))
    }
}

/// Chance from a seed: SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Jitter(Mutex<u64>);

impl Jitter {
    pub(super) fn new(seed: u64) -> Jitter {
        Jitter(Mutex::new(seed))
    }

    /// The next number, from 0 to below 1.
    pub(super) fn next(&self) -> f64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempt: u32, chance: f64, expected_ms: u64) {
        let found = Backoff::default().after(attempt, chance);
        assert_eq!(found, Duration::from_millis(expected_ms), "attempt {attempt}");
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        check(1, 0.5, 5_000);
        check(2, 0.5, 10_000);
        check(3, 0.0, 16_000);
        check(3, 1.0, 24_000);
        check(40, 0.5, 600_000);
        check(u32::MAX, 1.0, 720_000);
    }

    #[test]
    fn the_same_seed_brings_the_same_chance() {
        let [first, second] = [7, 7].map(Jitter::new);
        for _ in 0..100 {
            let number = first.next();
            assert!((0.0..1.0).contains(&number));
            assert_eq!(number, second.next());
        }
        assert_ne!(Jitter::new(8).next(), Jitter::new(9).next());
    }
}
