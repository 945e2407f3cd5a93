//! The currency between pipelines and engines: dense, row-major tensors and borrowed views of them.

use std::fmt;

/// Element storage of a [`Tensor`].
#[derive(Clone, PartialEq)]
pub enum Data {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit integers (token ids).
    I64(Vec<i64>),
}

/// An owned tensor. Invariant: the product of `shape` equals the number of elements.
///
/// `Debug` prints shape and type only: the elements may be somebody's picture or letter.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

/// A shape whose product does not match the number of elements, or overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shape does not match {elements} elements")]
pub struct ShapeError {
    /// Elements given.
    pub elements: usize,
}

impl Tensor {
    /// Builds a float tensor.
    pub fn f32(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Result<Tensor, ShapeError> {
        Tensor::new(shape.into(), Data::F32(data))
    }

    /// Builds an integer tensor.
    pub fn i64(shape: impl Into<Vec<usize>>, data: Vec<i64>) -> Result<Tensor, ShapeError> {
        Tensor::new(shape.into(), Data::I64(data))
    }

    fn new(shape: Vec<usize>, data: Data) -> Result<Tensor, ShapeError> {
        let elements = match &data {
            Data::F32(values) => values.len(),
            Data::I64(values) => values.len(),
        };
        let product = shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        if product == Some(elements) {
            Ok(Tensor { shape, data })
        } else {
            Err(ShapeError { elements })
        }
    }

    /// Dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The same elements under another shape, nothing copied.
    pub fn reshaped(self, shape: impl Into<Vec<usize>>) -> Result<Tensor, ShapeError> {
        Tensor::new(shape.into(), self.data)
    }

    /// Elements of a float tensor; `None` for another type.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(values) => Some(values),
            Data::I64(_) => None,
        }
    }

    /// Borrows a float tensor as a view; `None` for another type.
    pub fn view(&self) -> Option<View<'_>> {
        Some(View { shape: &self.shape, data: self.as_f32()? })
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.data {
            Data::F32(_) => "f32",
            Data::I64(_) => "i64",
        };
        write!(f, "Tensor<{kind}>{:?}", self.shape)
    }
}

/// A borrowed float tensor: what an engine shows of its output without copying it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    shape: &'a [usize],
    data: &'a [f32],
}

impl<'a> View<'a> {
    /// Borrows `data` as a tensor of `shape`.
    pub fn new(shape: &'a [usize], data: &'a [f32]) -> Result<View<'a>, ShapeError> {
        let product = shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        if product == Some(data.len()) {
            Ok(View { shape, data })
        } else {
            Err(ShapeError { elements: data.len() })
        }
    }

    /// Dimensions, outermost first.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Elements, row-major.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// Row `row_idx` of the outermost dimension, without that dimension; `None` if there is no such row.
    pub fn row(&self, row_idx: usize) -> Option<View<'a>> {
        let (&n_rows, shape) = self.shape.split_first()?;
        if n_rows <= row_idx {
            return None;
        }
        let len = self.data.len() / n_rows;
        Some(View { shape, data: &self.data[row_idx * len..(row_idx + 1) * len] })
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View<f32>{:?}", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_must_match_its_elements() {
        assert!(Tensor::f32([2, 3], vec![0.0; 6]).is_ok());
        assert_eq!(Tensor::f32([2, 3], vec![0.0; 5]), Err(ShapeError { elements: 5 }));
        assert!(Tensor::f32([usize::MAX, 2], vec![]).is_err());
    }

    #[test]
    fn rows_of_a_view() {
        let tensor = Tensor::f32([2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let view = tensor.view().unwrap();
        assert_eq!(view.row(1).unwrap().data(), [3.0, 4.0]);
        assert!(view.row(2).is_none());
    }
}
