//! When a delivery is tried again: ten attempts within three days and a bit, as Standard Webhooks recommends.

use std::time::Duration;

use sha2::{Digest, Sha256};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Delay before each attempt after the first.
pub const DELAYS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(14 * HOUR),
    Duration::from_secs(20 * HOUR),
    Duration::from_secs(24 * HOUR),
];

/// The delay after `n_attempts` failed ones, up to a tenth longer by the delivery's id, so that a receiver that comes
/// back does not get everything at once. None after the last.
pub fn delay_before(delivery_id: &str, n_attempts: usize) -> Option<Duration> {
    let delay = *DELAYS.get(n_attempts.checked_sub(1)?)?;
    let digest = Sha256::digest(format!("{delivery_id}/{n_attempts}"));
    let spread = u32::from(digest.first().copied().unwrap_or_default());
    Some(delay + delay / 10 * spread / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_in_about_three_days() {
        let mut sum = Duration::ZERO;
        for n_attempts in 1..=9 {
            let delay = delay_before("a", n_attempts).unwrap();
            let base = DELAYS[n_attempts - 1];
            assert!(base <= delay && delay <= base + base / 10, "{delay:?}");
            sum += delay;
        }
        let days = sum.as_secs_f64() / 86_400.0;
        assert!((3.0..3.6).contains(&days), "{days}");
        assert_eq!(delay_before("a", 10), None);
        assert_eq!(delay_before("a", 0), None);
        assert_ne!(delay_before("a", 5), delay_before("b", 5));
    }
}
