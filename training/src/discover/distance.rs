//! Euclidean distance in eight sums at a time, which the processor adds at once; the library's own adds one by one.

use linfa_nn::distance::Distance;
use ndarray::{ArrayView, Dimension, Zip};

/// Sums that are kept apart until the end.
const LANES: usize = 8;

/// Euclidean distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Euclid;

impl Distance<f32> for Euclid {
    fn distance<D: Dimension>(&self, a: ArrayView<'_, f32, D>, b: ArrayView<'_, f32, D>) -> f32 {
        self.rdistance(a, b).sqrt()
    }

    fn rdistance<D: Dimension>(&self, a: ArrayView<'_, f32, D>, b: ArrayView<'_, f32, D>) -> f32 {
        match (a.as_slice(), b.as_slice()) {
            (Some(a), Some(b)) => squares(a, b),
            _ => Zip::from(&a).and(&b).fold(0.0, |sum, a, b| sum + (a - b) * (a - b)),
        }
    }

    fn rdist_to_dist(&self, rdist: f32) -> f32 {
        rdist.sqrt()
    }

    fn dist_to_rdist(&self, dist: f32) -> f32 {
        dist * dist
    }
}

/// Sum of the squared differences.
fn squares(a: &[f32], b: &[f32]) -> f32 {
    let (of_a, rest_a) = a.as_chunks::<LANES>();
    let (of_b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in of_a.iter().zip(of_b) {
        for lane in 0..LANES {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(a, b)| (a - b) * (a - b));
    sums.iter().sum::<f32>() + rest.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn every_layout_has_the_same_distance() {
        let values: Vec<f32> = (0..38_u8).map(f32::from).collect();
        let rows = Array2::from_shape_vec((2, 19), values.clone()).unwrap();
        let columns = Array2::from_shape_vec((19, 2), values).unwrap();
        assert_eq!(Euclid.rdistance(rows.row(0), rows.row(1)), 19.0 * 19.0 * 19.0);
        assert_eq!(Euclid.distance(columns.column(0), columns.column(1)), 19.0_f32.sqrt());
        assert_eq!(Euclid.dist_to_rdist(Euclid.rdist_to_dist(49.0)), 49.0);
    }
}
