//! Counts what callers do within a while, for a bounded number of callers.

use std::collections::BTreeMap;
use std::time::Duration;

/// Callers that are counted at one time; the one whose window began longest ago is forgotten.
const MAX_CALLERS: usize = 1024;

/// From when something was done too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many times.
    pub times: u32,
    /// Within this time.
    pub window: Duration,
}

impl Default for Limit {
    /// 20 in five minutes.
    fn default() -> Limit {
        Limit { times: 20, window: Duration::from_secs(300) }
    }
}

/// What is counted of one caller.
struct Counted {
    begun: Duration,
    times: u32,
    /// What a notice about the caller is about.
    object: String,
}

/// Counts, each in a window of its own.
pub(super) struct Counter {
    limit: Limit,
    callers: BTreeMap<String, Counted>,
}

impl Counter {
    pub(super) fn new(limit: Limit) -> Counter {
        Counter { limit, callers: BTreeMap::new() }
    }

    /// Counts once; whether that reaches the limit just now.
    pub(super) fn count(&mut self, caller: &str, object: &str, now: Duration) -> bool {
        let Limit { times, window } = self.limit;
        let first = || Counted { begun: now, times: 0, object: object.to_owned() };
        let counted = self.callers.entry(caller.to_owned()).or_insert_with(first);
        if counted.begun + window <= now {
            *counted = first();
        }
        counted.times = counted.times.saturating_add(1);
        let is_too_often = counted.times == times;
        if MAX_CALLERS < self.callers.len() {
            let oldest = self.callers.iter().min_by_key(|it| it.1.begun).map(|it| it.0.clone());
            oldest.and_then(|it| self.callers.remove(&it));
        }
        is_too_often
    }

    /// Forgets whose window is over; what the others' notices are about.
    pub(super) fn forgive(&mut self, now: Duration) -> Vec<String> {
        let window = self.limit.window;
        self.callers.retain(|_, it| now < it.begun + window);
        self.callers.values().map(|it| it.object.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_bounded_and_the_oldest_is_forgotten() {
        let mut counter = Counter::new(Limit { times: 2, window: Duration::from_secs(3600) });
        let at = |n: usize| Duration::from_secs(1_000_000 + n as u64);
        for n in 0..=MAX_CALLERS {
            assert!(!counter.count(&n.to_string(), "o", at(n)));
        }
        assert_eq!(counter.callers.len(), MAX_CALLERS);
        assert!(!counter.count("0", "o", at(MAX_CALLERS)), "it begins anew");
        assert!(counter.count(&MAX_CALLERS.to_string(), "o", at(MAX_CALLERS)));
    }
}
