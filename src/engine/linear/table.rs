//! From the key of an n-gram to the number of its feature: open addressing, at most half full, one probe mostly.

/// Marks an empty slot: no table has that many features.
const EMPTY: u32 = u32::MAX;

/// Keys and feature numbers, interleaved so that a probe touches one cache line.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<[u32; 2]>,
    mask: usize,
}

impl Table {
    /// Numbers `keys` by their position; `None` if a key comes twice.
    pub(super) fn new(keys: &[u32]) -> Option<Table> {
        let n_slots = keys.len().checked_mul(2)?.max(2).checked_next_power_of_two()?;
        let mut table = Table { slots: vec![[0, EMPTY]; n_slots], mask: n_slots - 1 };
        for (feature, key) in (0..EMPTY).zip(keys) {
            let mut slot = table.first(*key);
            while table.slots[slot][1] != EMPTY {
                if table.slots[slot][0] == *key {
                    return None;
                }
                slot = (slot + 1) & table.mask;
            }
            table.slots[slot] = [*key, feature];
        }
        Some(table)
    }

    /// The feature of `key`.
    #[inline]
    pub(super) fn get(&self, key: u32) -> Option<u32> {
        let mut slot = self.first(key);
        loop {
            let [held, feature] = self.slots[slot & self.mask];
            if feature == EMPTY {
                return None;
            }
            if held == key {
                return Some(feature);
            }
            slot += 1;
        }
    }

    /// The keys by feature number.
    pub(super) fn keys(&self) -> Vec<u32> {
        let mut held: Vec<[u32; 2]> =
            self.slots.iter().copied().filter(|it| it[1] != EMPTY).collect();
        held.sort_unstable_by_key(|it| it[1]);
        held.into_iter().map(|it| it[0]).collect()
    }

    #[inline]
    fn first(&self, key: u32) -> usize {
        usize::try_from(key).unwrap_or(0) & self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_no_other() {
        let keys: Vec<u32> = (0..1000_u32).map(|it| it.wrapping_mul(2_654_435_761)).collect();
        let table = Table::new(&keys).unwrap();
        for (feature, key) in (0..).zip(&keys) {
            assert_eq!(table.get(*key), Some(feature));
        }
        assert_eq!(table.keys(), keys);
        assert_eq!((0..10_000).filter(|it| table.get(*it).is_some()).count(), 1);
    }

    #[test]
    fn colliding_keys_are_kept_apart() {
        let table = Table::new(&[8, 16, 24, 7]).unwrap();
        assert_eq!(
            [8, 16, 24, 7, 0].map(|it| table.get(it)),
            [Some(0), Some(1), Some(2), Some(3), None]
        );
    }

    #[test]
    fn a_key_may_come_once() {
        assert!(Table::new(&[3, 4, 3]).is_none());
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        assert_eq!(Table::new(&[]).unwrap().get(0), None);
    }
}
