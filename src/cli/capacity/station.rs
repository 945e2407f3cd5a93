//! A row of equal workers with one queue before them: how long calls take, by simulation.
//!
//! Calls come at random (Poisson). A worker that is free takes what waits, up to a batch, and never waits for more, as the
//! server's scheduler does. A batch takes a fixed time and some for each call, times a factor of chance (log-normal).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::Chance;

/// Calls of one simulation, at least, and for each that the workers can have in their hands at once.
const MIN_CALLS: usize = 40_000;
const CALLS_PER_PLACE: usize = 10;
/// One in so many calls, at the start, finds the workers still empty: not counted.
const WARM_UP: usize = 4;
/// Two settings are compared on the same chances.
const SEED: u64 = 20_261_126;
/// Halvings of the range of rates.
const N_HALVINGS: usize = 9;

/// What a worker does with calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Station {
    /// Batches that a worker has in work at once.
    pub(super) slots: usize,
    /// Calls of a batch, at most.
    pub(super) batch: usize,
    /// Milliseconds of a batch, whatever is in it.
    pub(super) fixed_ms: f64,
    /// More of them for each call.
    pub(super) each_ms: f64,
    /// Standard deviation of a batch's time, as a share of its mean.
    pub(super) spread: f64,
}

/// Times from coming in to the answer, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    /// Share of the time in which a slot is at work.
    pub(super) busy: f64,
}

/// Why no number of workers is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unmet {
    /// A lone call takes longer than the target.
    TooSlow,
    /// More than [`MAX_WORKERS`] are needed.
    TooMany,
}

impl Station {
    /// Calls in an hour that so many workers can do at best, with full batches.
    pub(super) fn ceiling(&self, n_workers: usize) -> f64 {
        let batch = self.batch as f64;
        let full_ms = self.fixed_ms + self.each_ms * batch;
        (n_workers * self.slots) as f64 * batch / full_ms * MS_PER_HOUR
    }

    /// The fewest workers that answer 95 of 100 calls within `target_ms`.
    ///
    /// # Errors
    /// [`Unmet`].
    pub(super) fn workers_for(
        &self,
        per_hour: f64,
        target_ms: f64,
    ) -> Result<(usize, Times), Unmet> {
        let meets = |n: usize| Some(self.times(n, per_hour)).filter(|it| it.p95 <= target_ms);
        let least = (per_hour / (MAX_LOAD * self.ceiling(1))).ceil().max(1.0);
        if MAX_WORKERS as f64 <= least {
            return Err(Unmet::TooMany);
        }
        let mut low = whole(least) - 1;
        let mut high = whole(least);
        while meets(high).is_none() {
            // Where nobody waits and it is still too slow, no number helps.
            if per_hour < self.ceiling(high) / MUCH_ROOM {
                return Err(Unmet::TooSlow);
            }
            if high == MAX_WORKERS {
                return Err(Unmet::TooMany);
            }
            (low, high) = (high, (high * 2).min(MAX_WORKERS));
        }
        while low + 1 < high {
            let middle = low.midpoint(high);
            match meets(middle) {
                Some(_) => high = middle,
                None => low = middle,
            }
        }
        Ok((high, self.times(high, per_hour)))
    }

    /// The most calls in an hour of which so many workers answer 95 of 100 within `target_ms`; none when a lone call takes longer
    /// than that.
    pub(super) fn rate_for(&self, n_workers: usize, target_ms: f64) -> Option<(f64, Times)> {
        let (mut low, mut high) = (0.0, MAX_LOAD * self.ceiling(n_workers));
        let at_most = self.times(n_workers, high);
        if at_most.p95 <= target_ms {
            return Some((high, at_most));
        }
        let mut best = None;
        for _ in 0..N_HALVINGS {
            let middle = f64::midpoint(low, high);
            let times = self.times(n_workers, middle);
            if times.p95 <= target_ms {
                (low, best) = (middle, Some((middle, times)));
            } else {
                high = middle;
            }
        }
        best
    }

    /// Simulates some ten thousand calls, or more where there are more workers.
    pub(super) fn times(&self, n_workers: usize, per_hour: f64) -> Times {
        let n_slots = n_workers * self.slots;
        let n_calls = MIN_CALLS.max(n_slots * self.batch * CALLS_PER_PLACE);
        let mut chance = Chance::new(SEED);
        let gap_ms = MS_PER_HOUR / per_hour;
        let mut now = 0.0;
        let arrivals: Vec<f64> = (0..n_calls)
            .map(|_| {
                now -= uniform(&mut chance).ln() * gap_ms;
                now
            })
            .collect();
        // When each slot is free, in microseconds: whole numbers have an order.
        let mut free: BinaryHeap<Reverse<u64>> = std::iter::repeat_n(Reverse(0), n_slots).collect();
        let (mut took, mut worked, mut first) = (Vec::with_capacity(n_calls), 0.0, 0);
        while let (Some(&arrival), Some(Reverse(at))) = (arrivals.get(first), free.pop()) {
            let start = arrival.max(at as f64 / US_PER_MS);
            let waiting = arrivals[first..].iter().take(self.batch);
            let n_taken = waiting.take_while(|it| **it <= start).count().max(1);
            let mean = self.fixed_ms + self.each_ms * n_taken as f64;
            let time = mean * log_normal(self.spread, &mut chance);
            took.extend(arrivals[first..first + n_taken].iter().map(|it| start + time - it));
            worked += time;
            first += n_taken;
            free.push(Reverse(microseconds(start + time)));
        }
        let mut counted = took.split_off(n_calls / WARM_UP);
        let mean = counted.iter().sum::<f64>() / counted.len().max(1) as f64;
        counted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| quantile(&counted, share);
        let busy = (worked / (n_slots as f64 * now)).min(1.0);
        Times { mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), busy }
    }
}

const MS_PER_HOUR: f64 = 3_600_000.0;
const US_PER_MS: f64 = 1000.0;

/// Of full batches: above it a queue takes longer to settle than anybody watches, and any mishap makes it grow.
const MAX_LOAD: f64 = 0.95;

/// More of them are not simulated: it would take minutes, and nobody has them.
pub(super) const MAX_WORKERS: usize = 10_000;

/// Workers that have this much more than they need make nobody wait.
const MUCH_ROOM: f64 = 64.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time from 0, of days at most"
)]
fn microseconds(ms: f64) -> u64 {
    (ms * US_PER_MS) as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of workers")]
fn whole(number: f64) -> usize {
    number as usize
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let idx = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(idx).copied().unwrap_or(0.0)
}

/// Above 0, up to 1.
fn uniform(chance: &mut Chance) -> f64 {
    ((chance.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// A factor of mean 1 whose standard deviation is `spread`.
fn log_normal(spread: f64, chance: &mut Chance) -> f64 {
    if spread == 0.0 {
        return 1.0;
    }
    let variance = (1.0 + spread * spread).ln();
    let radius = (-2.0 * uniform(chance).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * uniform(chance)).cos();
    (normal * variance.sqrt() - variance / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Station = Station { slots: 1, batch: 1, fixed_ms: 0.0, each_ms: 100.0, spread: 0.0 };
    const PER_HOUR: f64 = 36_000.0;

    #[track_caller]
    fn check(found: f64, expected: f64, tolerance: f64) {
        assert!((found / expected - 1.0).abs() < tolerance, "{found} instead of {expected}");
    }

    /// Pollaczek and Khinchine: the mean wait is load / (1 - load) × (1 + spread²) / 2 services.
    #[test]
    fn a_single_queue_is_that_of_theory() {
        let times = ONE.times(1, 0.8 * PER_HOUR);
        check(times.busy, 0.8, 0.02);
        check(times.mean, 100.0 * (1.0 + 2.0), 0.1);
        let spread = Station { spread: 1.0, ..ONE };
        check(spread.times(1, 0.7 * PER_HOUR).mean, 100.0 * (1.0 + 7.0 / 3.0), 0.1);
        // Nearly nobody waits where there is nearly nobody.
        check(ONE.times(1, 0.001 * PER_HOUR).p95, 100.0, 0.001);
    }

    #[test]
    fn two_small_rows_are_slower_than_one_of_both() {
        let half = ONE.times(4, 3.4 * PER_HOUR);
        let whole = ONE.times(8, 6.8 * PER_HOUR);
        assert!(whole.p95 < half.p95, "{whole:?} {half:?}");
    }

    #[test]
    fn batches_carry_more_and_the_spread_costs() {
        let batched = Station { batch: 8, fixed_ms: 80.0, each_ms: 20.0, ..ONE };
        check(batched.ceiling(1), PER_HOUR * 10.0 / 3.0, 1e-9);
        assert!(batched.times(1, 2.0 * PER_HOUR).p95 < 1000.0);
        let wild = Station { spread: 2.0, ..ONE };
        assert!(ONE.times(1, 0.7 * PER_HOUR).p95 * 2.0 < wild.times(1, 0.7 * PER_HOUR).p95);
    }

    #[test]
    fn the_fewest_workers_are_found_and_the_rate_that_they_bear() {
        let (n, times) = ONE.workers_for(10.0 * PER_HOUR, 150.0).unwrap();
        assert!(times.p95 <= 150.0 && 150.0 < ONE.times(n - 1, 10.0 * PER_HOUR).p95, "{n}");
        let (rate, _) = ONE.rate_for(n, 150.0).unwrap();
        assert!(10.0 * PER_HOUR <= rate * 1.01 && rate < ONE.ceiling(n), "{rate}");
        assert_eq!(ONE.workers_for(PER_HOUR, 99.0), Err(Unmet::TooSlow));
        // However patient callers are, something is left for the unforeseen.
        let (rate, _) = ONE.rate_for(2, 1e9).unwrap();
        check(rate, 0.95 * 2.0 * PER_HOUR, 1e-9);
        assert_eq!(ONE.workers_for(9.6 * PER_HOUR, 1e9).unwrap().0, 11);
        assert_eq!(ONE.rate_for(3, 99.0), None);
    }

    #[test]
    fn a_rate_that_nobody_can_serve_is_not_simulated() {
        let refused = |calls| ONE.workers_for(calls, 1e9).unwrap_err();
        assert_eq!(refused(0.95 * PER_HOUR * 1e6), Unmet::TooMany);
        assert_eq!(refused(f64::MAX), Unmet::TooMany);
    }
}
