//! Makes one tensor out of rows of like shape, the last dimension padded with zeros.

use crate::tensor::{Data, ShapeError, Tensor};

/// What a row costs: its elements.
pub(crate) fn cost(row: &Tensor) -> usize {
    match row.data() {
        Data::F32(values) => values.len(),
        Data::I64(values) => values.len(),
    }
}

/// Size of the last dimension.
pub(crate) fn len(row: &Tensor) -> usize {
    row.shape().last().copied().unwrap_or(1)
}

/// Gives a single row its batch dimension.
pub(crate) fn single(row: Tensor) -> Result<Tensor, ShapeError> {
    let shape: Vec<usize> = [1].iter().chain(row.shape()).copied().collect();
    row.reshaped(shape)
}

/// Stacks rows whose shapes differ in the last dimension only; an error if they differ otherwise.
pub(crate) fn stack(rows: &[&Tensor]) -> Result<Tensor, ShapeError> {
    let Some(first) = rows.first() else { return Err(ShapeError { elements: 0 }) };
    let longest = rows.iter().map(|it| len(it)).max().unwrap_or(0);
    let mut shape = vec![rows.len()];
    shape.extend_from_slice(first.shape());
    if let Some(last) = shape.last_mut() {
        *last = longest;
    }
    match first.data() {
        Data::F32(_) => Tensor::f32(shape, padded(rows, longest, 0.0, floats)),
        Data::I64(_) => Tensor::i64(shape, padded(rows, longest, 0, integers)),
    }
}

fn padded<T: Copy>(
    rows: &[&Tensor],
    longest: usize,
    zero: T,
    elements: impl Fn(&Tensor) -> &[T],
) -> Vec<T> {
    let mut stacked = Vec::new();
    for row in rows {
        let values = elements(row);
        let row_len = len(row).max(1);
        stacked.reserve_exact(values.len() / row_len * longest);
        for line in values.chunks_exact(row_len) {
            stacked.extend_from_slice(line);
            stacked.resize(stacked.len() + longest - row_len, zero);
        }
    }
    stacked
}

/// Elements of a float row; none of another type, so that the stack's shape does not fit.
fn floats(row: &Tensor) -> &[f32] {
    match row.data() {
        Data::F32(values) => values,
        Data::I64(_) => &[],
    }
}

fn integers(row: &Tensor) -> &[i64] {
    match row.data() {
        Data::F32(_) => &[],
        Data::I64(values) => values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_the_last_dimension() {
        let short = Tensor::f32([2, 1], vec![1.0, 2.0]).unwrap();
        let long = Tensor::f32([2, 3], vec![3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap();
        let stacked = stack(&[&short, &long]).unwrap();
        let expected = vec![1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(stacked, Tensor::f32([2, 2, 3], expected).unwrap());
    }

    #[test]
    fn stacks_integers() {
        let (one, two) =
            (Tensor::i64([1], vec![7]).unwrap(), Tensor::i64([2], vec![8, 9]).unwrap());
        assert_eq!(stack(&[&one, &two]).unwrap(), Tensor::i64([2, 2], vec![7, 0, 8, 9]).unwrap());
    }

    #[test]
    fn refuses_unlike_rows() {
        let one = Tensor::f32([1, 2], vec![0.0; 2]).unwrap();
        let two = Tensor::f32([2, 2], vec![0.0; 4]).unwrap();
        let ids = Tensor::i64([1, 2], vec![0; 2]).unwrap();
        assert!(stack(&[&one, &two]).is_err());
        assert!(stack(&[&one, &ids]).is_err());
        assert!(stack(&[]).is_err());
    }

    #[test]
    fn a_single_row_is_not_copied() {
        let row = Tensor::f32([2, 2], vec![1.0; 4]).unwrap();
        let elements = row.as_f32().unwrap().as_ptr();
        let input = single(row).unwrap();
        assert_eq!(input.shape(), [1, 2, 2]);
        assert_eq!(input.as_f32().unwrap().as_ptr(), elements);
    }
}
