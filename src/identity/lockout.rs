//! Bad credentials are counted by who sent them; after some, everything from there is refused for a while.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
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

/// Counts of this process, by senders of one kind.
pub(super) struct Lockout<S> {
    counts: Mutex<HashMap<S, Count>>,
}

impl<S> Default for Lockout<S> {
    fn default() -> Lockout<S> {
        Lockout { counts: Mutex::default() }
    }
}

impl<S: Eq + Hash> Lockout<S> {
    /// How long `sender` stays locked; `None` when it is not.
    pub(super) fn locked<T>(&self, sender: &T, now: Instant) -> Option<Duration>
    where
        S: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        let counts = self.counts();
        let count = counts.get(sender).filter(|it| MOST <= it.n_bad)?;
        let left = (count.last + TIME).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Counts a bad credential of `sender`. What was sent while it was locked is not counted: the lock ends.
    pub(super) fn count<T>(&self, sender: &T, now: Instant)
    where
        S: Borrow<T>,
        T: Eq + Hash + ToOwned<Owned = S> + ?Sized,
    {
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
    pub(super) fn forget(&self, sender: &S) {
        self.counts().remove(sender);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<S, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bad_ones_lock_for_fifteen_minutes() {
        let (lockout, start) = (Lockout::<String>::default(), Instant::now());
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
        let [a, b] = ["a", "b"].map(str::to_owned);
        let (lockout, start) = (Lockout::<String>::default(), Instant::now());
        for n in 0..4 {
            lockout.count(&a, start);
            lockout.count(&b, start + Duration::from_secs(n * 16 * 60));
        }
        lockout.forget(&a);
        for sender in [&a, &b] {
            lockout.count(sender, start + Duration::from_secs(64 * 60));
            assert_eq!(lockout.locked(sender, start + Duration::from_secs(64 * 60)), None);
        }
    }
}
