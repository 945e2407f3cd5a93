//! Bad credentials are counted by who sent them; after some, everything from there is refused for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bad credentials that lock, and for how long (資通系統防護基準: five, fifteen minutes).
const MOST: u32 = 5;
const TIME: Duration = Duration::from_secs(15 * 60);

/// Senders that are remembered. When there are more, those whose time is over are forgotten.
const MAX_SENDERS: usize = 10_000;

#[derive(Clone, Copy)]
struct Count {
    n_bad: u32,
    last: Instant,
}

/// Counts of this process.
#[derive(Default)]
pub(super) struct Lockout {
    counts: Mutex<HashMap<String, Count>>,
}

impl Lockout {
    /// How long `sender` stays locked; `None` when it is not.
    pub(super) fn locked(&self, sender: &str, now: Instant) -> Option<Duration> {
        let counts = self.counts();
        let count = counts.get(sender).filter(|it| MOST <= it.n_bad)?;
        let left = (count.last + TIME).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Counts a bad credential of `sender`. What was sent while it was locked is not counted: the lock ends.
    pub(super) fn count(&self, sender: &str, now: Instant) {
        let mut counts = self.counts();
        let is_over = |it: &Count| it.last + TIME <= now;
        if MAX_SENDERS <= counts.len() {
            counts.retain(|_, it| !is_over(it));
        }
        // A flood from more senders than are remembered is stopped by what stands in front of us.
        if MAX_SENDERS <= counts.len() && !counts.contains_key(sender) {
            return;
        }
        let count = counts.entry(sender.to_owned()).or_insert(Count { n_bad: 0, last: now });
        if is_over(count) {
            count.n_bad = 0;
        }
        *count = Count { n_bad: count.n_bad + 1, last: now };
    }

    /// Forgets what `sender` did: it has shown a good credential.
    pub(super) fn forget(&self, sender: &str) {
        self.counts().remove(sender);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bad_ones_lock_for_fifteen_minutes() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        for n in 0..5 {
            assert_eq!(lockout.locked("a", after(n)), None, "{n}");
            lockout.count("a", after(n));
        }
        assert_eq!(lockout.locked("a", after(5)), Some(Duration::from_secs(14 * 60)));
        assert_eq!(lockout.locked("b", after(5)), None);
        assert_eq!(lockout.locked("a", after(19)), None);
        lockout.count("a", after(19));
        assert_eq!(lockout.locked("a", after(19)), None, "the count begins anew");
    }

    #[test]
    fn a_good_one_and_time_make_up_for_bad_ones() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for n in 0..4 {
            lockout.count("a", start);
            lockout.count("b", start + Duration::from_secs(n * 16 * 60));
        }
        lockout.forget("a");
        for sender in ["a", "b"] {
            lockout.count(sender, start + Duration::from_secs(64 * 60));
            assert_eq!(lockout.locked(sender, start + Duration::from_secs(64 * 60)), None);
        }
    }
}
