//! A call as the rows that a queue takes one by one, and what they gave as one answer.

use crate::base::ErrorCode;
use crate::batch::RowOutput;
use crate::task::call::CallError;
use crate::tensor::{Data, ShapeError, Tensor};

use super::failed;

/// Most elements of an answer: 64 MiB of floats.
const MAX_OUTPUT: usize = 1 << 24;

/// Refuses an answer that is too large.
pub(super) fn check_size(n_elements: usize) -> Result<(), CallError> {
    if n_elements <= MAX_OUTPUT {
        return Ok(());
    }
    Err(CallError::new(ErrorCode::TooLarge, "輸出超過 64 MiB,請減少一次的筆數。"))
}

/// What a model's queue makes of a row: its outputs, whole.
pub(super) fn reduce(row: RowOutput<'_>) -> Vec<Tensor> {
    let owned = row.views.iter().map(|it| Tensor::f32(it.shape(), it.data().to_vec()));
    // A view's shape fits its elements.
    owned.filter_map(Result::ok).collect()
}

/// The rows of the one input that a queue takes.
pub(super) fn rows(inputs: Vec<Tensor>) -> Result<Vec<Tensor>, CallError> {
    let Some(input) = inputs.into_iter().next() else { return Ok(Vec::new()) };
    let Some((&n_rows, shape)) = input.shape().split_first() else { return Ok(Vec::new()) };
    let shape = shape.to_vec();
    let split = if n_rows == 1 {
        input.reshaped(shape).map(|it| vec![it])
    } else {
        let n_elements = n_elements_of(&input) / n_rows.max(1);
        match input.data() {
            Data::F32(values) => parts(values, n_elements, |it| Tensor::f32(shape.clone(), it)),
            Data::I64(values) => parts(values, n_elements, |it| Tensor::i64(shape.clone(), it)),
        }
    };
    split.map_err(|error| failed("rows", &error))
}

fn parts<T: Clone>(
    values: &[T],
    n_elements: usize,
    built: impl Fn(Vec<T>) -> Result<Tensor, ShapeError>,
) -> Result<Vec<Tensor>, ShapeError> {
    values.chunks(n_elements.max(1)).map(|it| built(it.to_vec())).collect()
}

/// The outputs of all rows, each under one shape.
pub(super) fn stacked(rows: Vec<Vec<Tensor>>) -> Result<Vec<Tensor>, CallError> {
    let n_rows = rows.len();
    let mut stacked: Vec<(Vec<usize>, Vec<f32>)> = Vec::new();
    for (row_idx, row) in rows.iter().enumerate() {
        for (idx, output) in row.iter().enumerate() {
            if row_idx == 0 {
                stacked.push((output.shape().to_vec(), Vec::new()));
            }
            match (stacked.get_mut(idx), output.as_f32()) {
                (Some((shape, values)), Some(found)) if shape == output.shape() => {
                    values.extend_from_slice(found);
                }
                _ => return Err(failed("outputs", &"rows of one shape gave outputs of several")),
            }
        }
    }
    let whole = stacked.into_iter().map(|(shape, values)| {
        let shape: Vec<usize> = [n_rows].into_iter().chain(shape).collect();
        Tensor::f32(shape, values)
    });
    whole.collect::<Result<_, _>>().map_err(|error| failed("outputs", &error))
}

/// Elements of a tensor.
pub(super) fn n_elements_of(tensor: &Tensor) -> usize {
    tensor.shape().iter().product()
}
