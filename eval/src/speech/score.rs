//! Character error rates over clips, with the interval that resampling gives.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]

use fenwen::pipeline::speech::compare::Errors;
use serde::Serialize;

use crate::cards::chance::Chance;

/// Samples for an interval.
const N_SAMPLES: usize = 2000;

/// A rate with the 95 % interval that resampling the clips gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Interval {
    pub(super) rate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Errors for each character that was said, over all clips.
pub(super) fn rate(clips: &[Errors]) -> Interval {
    let mut chance = Chance::new(11, 4);
    let resampled = |_| Errors::sum((0..clips.len()).map(|_| *chance.pick(clips))).rate();
    let mut rates: Vec<f64> = (0..N_SAMPLES).map(resampled).collect();
    rates.sort_by(f64::total_cmp);
    let at = |share: f64| rates[((N_SAMPLES - 1) as f64 * share) as usize];
    let rate = Errors::sum(clips.iter().copied()).rate();
    Interval { rate, low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_rate() {
        let clips: Vec<Errors> =
            (0..40).map(|it| Errors { n_errors: it % 4, n_chars: 10 }).collect();
        let found = rate(&clips);
        assert!((found.rate - 0.15).abs() < 1e-9);
        assert!(found.low < 0.15 && 0.15 < found.high && found.high - found.low < 0.1);
    }
}
