//! Learns how long a model takes: `seconds = slope × cost + base`.

use std::time::Duration;

/// Weight of the newest measurement; about the last thirty count.
const NEWEST: f64 = 1.0 / 16.0;

/// Measurements after which one more changes little.
const SETTLED: u32 = 16;

/// A straight line through recent measurements, each weighing less than the one after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    n_samples: u32,
    mean_cost: f64,
    mean_seconds: f64,
    variance: f64,
    covariance: f64,
}

impl Profile {
    /// Learns from one run.
    pub(crate) fn learn(&mut self, cost: usize, took: Duration) {
        self.n_samples = self.n_samples.saturating_add(1);
        // The first measurements weigh alike; a plain moving average would trust the very first one for long.
        let weight = NEWEST.max(1.0 / f64::from(self.n_samples));
        let cost_off = cost as f64 - self.mean_cost;
        let seconds_off = took.as_secs_f64() - self.mean_seconds;
        self.mean_cost += weight * cost_off;
        self.mean_seconds += weight * seconds_off;
        self.variance = (1.0 - weight) * (self.variance + weight * cost_off * cost_off);
        self.covariance = (1.0 - weight) * (self.covariance + weight * cost_off * seconds_off);
    }

    /// Whether there are enough measurements to rely on.
    pub(crate) fn is_settled(&self) -> bool {
        SETTLED <= self.n_samples
    }

    /// Expected duration of this cost in this many runs; zero while nothing is known.
    pub(crate) fn expect(&self, cost: usize, n_runs: usize) -> Duration {
        let (slope, base) = self.line();
        let seconds = slope * cost as f64 + base * n_runs as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Slope and base, neither negative.
    fn line(&self) -> (f64, f64) {
        let through_zero = self.mean_seconds / self.mean_cost.max(1.0);
        // Costs that hardly differ say nothing about a slope.
        let spread = self.variance.sqrt() / self.mean_cost.max(1.0);
        if spread < 0.05 {
            return (through_zero, 0.0);
        }
        let slope = (self.covariance / self.variance).clamp(0.0, through_zero);
        (slope, self.mean_seconds - slope * self.mean_cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(samples: impl IntoIterator<Item = (usize, u64)>, cost: usize, expected_us: u128) {
        let mut profile = Profile::default();
        for (cost, took_us) in samples {
            profile.learn(cost, Duration::from_micros(took_us));
        }
        let actual = profile.expect(cost, 1).as_micros();
        assert!(actual.abs_diff(expected_us) <= 1 + expected_us / 50, "{actual} for {expected_us}");
    }

    #[test]
    fn learns_a_line() {
        check([], 100, 0);
        check([(100, 50)], 200, 100);
        check([(100, 50); 9], 100, 50);
        check([(0, 20), (100, 120)], 300, 320);
        check((1..200).map(|idx| (idx % 7 * 100, 500 + idx as u64 % 7 * 300)), 1000, 3500);
    }

    #[test]
    fn forgets_the_past() {
        let slow = (1..100).map(|idx| (100 + idx % 5 * 50, 90_000));
        let fast = (1..200).map(|idx| (100 + idx % 5 * 50, 200));
        check(slow.chain(fast), 200, 200);
    }

    #[test]
    fn never_predicts_less_for_more() {
        check([(100, 900), (200, 300)], 1000, 600);
    }
}
