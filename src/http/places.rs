//! Places for contents that are in memory while they arrive: so many at one time, and at most half of them for one client.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Places of this process.
pub(super) struct Places {
    all: usize,
    /// Most for one client, so that whoever is slow leaves some to others.
    each: usize,
    /// How many each client has; none of those who have none.
    taken: Mutex<BTreeMap<String, usize>>,
}

/// A place. Dropping it gives it back.
pub(super) struct Place<'a> {
    places: &'a Places,
    client: String,
}

impl Places {
    /// `n_places`, of which a client has at most half, but one.
    pub(super) fn new(n_places: usize) -> Places {
        Places { all: n_places, each: (n_places / 2).max(1), taken: Mutex::default() }
    }

    /// A place for a client, when there is one.
    pub(super) fn take(&self, client: &str) -> Option<Place<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(client).copied().unwrap_or_default();
        if self.each <= own || self.all <= taken.values().sum() {
            return None;
        }
        taken.insert(client.to_owned(), own + 1);
        Some(Place { places: self, client: client.to_owned() })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.client) {
            Some(own) if 1 < *own => *own -= 1,
            _ => {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_at_most_half_of_them() {
        let places = Places::new(5);
        let own = [places.take("a"), places.take("a")];
        assert!(own.iter().all(Option::is_some) && places.take("a").is_none());
        let others = [places.take("b"), places.take("b"), places.take("c")];
        assert!(others.iter().all(Option::is_some) && places.take("d").is_none());
        drop(own);
        assert!(places.take("a").is_some() && places.take("d").is_some());
        drop(others);
        assert!(places.taken.lock().unwrap().is_empty());
        assert!(Places::new(0).take("a").is_none());
        assert!(Places::new(1).take("a").is_some());
    }
}
