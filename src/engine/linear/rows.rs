//! The weights of a model by feature, laid out so that a whole row is added at once.

use std::hint::black_box;

use super::features::place;

/// Weights of a row that are added together: rows are padded to a multiple of it.
pub(super) const LANES: usize = 32;

/// Weights that are added together; a block does not straddle two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Block([i8; LANES]);

/// `[feature][class]`, rows padded with zeros.
#[derive(Debug)]
pub(super) struct Rows {
    weights: Vec<Block>,
    /// Blocks of a row.
    width: usize,
}

impl Rows {
    /// From `[feature][class]` bytes without padding.
    pub(super) fn new(dense: &[u8], n_classes: usize) -> Rows {
        let width = n_classes.div_ceil(LANES).max(1);
        let mut weights = Vec::with_capacity(dense.len() / n_classes.max(1) * width);
        for row in dense.chunks_exact(n_classes.max(1)) {
            for block in row.chunks(LANES) {
                let mut padded = [0; LANES];
                for (weight, byte) in padded.iter_mut().zip(block) {
                    *weight = i8::from_le_bytes([*byte]);
                }
                weights.push(Block(padded));
            }
        }
        Rows { weights, width }
    }

    /// Blocks of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// One weight, in steps.
    pub(super) fn weight(&self, feature: u32, class: usize) -> i8 {
        self.weights[place(feature) * self.width + class / LANES].0[class % LANES]
    }

    /// Adds the rows of `entries`, each times its value.
    ///
    /// Vectorised for the processor at hand; every sum is added up in the same order on all of them.
    pub(super) fn add(&self, entries: &[(u32, f32)], sums: &mut [[f32; LANES]]) {
        self.touch(entries);
        pulp::Arch::new().dispatch(AddRows { rows: self, entries, sums });
    }

    /// Asks for one weight of every cache line, so that the memory fetches many of them at a time.
    fn touch(&self, entries: &[(u32, f32)]) {
        let mut seen = 0;
        for (feature, _) in entries {
            let start = place(*feature) * self.width;
            for block in self.weights[start..start + self.width].iter().step_by(2) {
                seen ^= block.0[0];
            }
        }
        black_box(seen);
    }
}

/// The sum of rows as a piece of work that is compiled for several processors.
struct AddRows<'a> {
    rows: &'a Rows,
    entries: &'a [(u32, f32)],
    sums: &'a mut [[f32; LANES]],
}

impl pulp::NullaryFnOnce for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.rows.width;
        for (block, sums) in self.sums.iter_mut().enumerate() {
            // A local, so that the sums of a block stay in registers.
            let mut added = *sums;
            for (feature, value) in self.entries {
                let weights = self.rows.weights[place(*feature) * width + block].0;
                for (sum, weight) in added.iter_mut().zip(weights) {
                    *sum += *value * f32::from(weight);
                }
            }
            *sums = added;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n_classes: usize) {
        let dense: Vec<u8> = (0..3 * n_classes).map(|it| u8::try_from(it % 251).unwrap()).collect();
        let rows = Rows::new(&dense, n_classes);
        let mut sums = vec![[0.0; LANES]; rows.width()];
        rows.add(&[(0, 0.5), (2, 2.0)], &mut sums);
        for class in 0..n_classes {
            let weight =
                |feature: usize| f32::from(i8::from_le_bytes([dense[feature * n_classes + class]]));
            let sum = sums[class / LANES][class % LANES];
            assert!((sum - (0.5 * weight(0) + 2.0 * weight(2))).abs() < 1e-3);
            assert_eq!(f32::from(rows.weight(2, class)), weight(2));
        }
    }

    #[test]
    fn rows_of_every_length_are_added() {
        [1, 15, 16, 17, 99].into_iter().for_each(check);
    }
}
