//! Layers of the sentence encoder as candle operations on the processor, with what surrounds a product fused into it.
//!
//! The products run on matrices packed once when the model is opened (crate `rten-gemm`), in the calling thread pool.
//! candle's own `matmul` packs anew at each call and asks the operating system for the number of cores each time
//! (43 µs); with separate operations for bias, activation and sum it took 1.4 to 2.5 times as long as this.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, bail};
use rten_gemm::{BiasVector, GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::{Matrix as MatrixView, NdTensorView};

use crate::engine::candle::weights::{Affine, BRANCH, Matrix, Ngram, Norm};

/// A matrix in the layout of this processor's product, with what is added to each row of the product.
pub(super) struct Packed {
    matrix: PackedBMatrix<f32>,
    bias: Option<Vec<f32>>,
}

impl Packed {
    pub(super) fn matrix(matrix: &Matrix) -> Result<Packed> {
        let view: MatrixView<'_, f32> =
            NdTensorView::try_from_data([matrix.n_in, matrix.n_out], matrix.values.as_slice())
                .map_err(Error::wrap)?;
        Ok(Packed { matrix: GemmExecutor::<f32>::new().prepack_b(view), bias: None })
    }

    pub(super) fn affine(affine: &Affine) -> Result<Packed> {
        Ok(Packed { bias: Some(affine.bias.clone()), ..Packed::matrix(&affine.matrix)? })
    }

    /// The product of `rows` (row-major) with the matrix, plus the bias.
    fn product(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let (n_in, n_out) = (self.matrix.rows(), self.matrix.cols());
        let n_rows = rows.len() / n_in.max(1);
        let view: MatrixView<'_, f32> =
            NdTensorView::try_from_data([n_rows, n_in], rows).map_err(Error::wrap)?;
        let mut out = vec![0.0; n_rows * n_out];
        let bias = self.bias.as_deref().map(BiasVector::Row);
        let options = GemmOptions { bias, ..GemmOptions::default() };
        GemmExecutor::<f32>::new()
            .gemm(&mut out, GemmInputA::Unpacked(view), GemmInputB::Packed(&self.matrix), options)
            .map_err(Error::wrap)?;
        Ok(out)
    }
}

/// Rows × matrix + bias.
pub(super) struct Linear<'a>(pub(super) &'a Packed);

impl CustomOp1 for Linear<'_> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = Rows::of(storage, layout)?;
        let out = self.0.product(rows.contiguous()?)?;
        Ok((CpuStorage::F32(out), Shape::from((rows.len, self.0.matrix.cols()))))
    }
}

/// x + max(0, window(x) × matrix + bias): neighbours beyond the ends of a text are zeros.
pub(super) struct Convolution<'a> {
    pub(super) packed: &'a Packed,
    pub(super) ngram: Ngram,
    /// The rows of each text.
    pub(super) texts: &'a [Range<usize>],
}

impl Convolution<'_> {
    /// The windows of all rows: one row of `order` neighbours for each.
    fn windows(&self, rows: &Rows<'_>) -> Result<Vec<f32>> {
        let Ngram { order, left } = self.ngram;
        let mut windows = Vec::with_capacity(rows.len * order * BRANCH);
        for text in self.texts {
            for row_idx in text.clone() {
                for offset in 0..order {
                    match (row_idx + offset).checked_sub(left).filter(|it| text.contains(it)) {
                        Some(neighbour) => windows.extend_from_slice(rows.row(neighbour)?),
                        None => windows.resize(windows.len() + BRANCH, 0.0),
                    }
                }
            }
        }
        Ok(windows)
    }
}

impl CustomOp1 for Convolution<'_> {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = Rows::of(storage, layout)?;
        if rows.width != BRANCH || self.texts.last().is_none_or(|it| it.end != rows.len) {
            bail!("a convolution of {} rows of {}", rows.len, rows.width);
        }
        let mut out = self.packed.product(&self.windows(&rows)?)?;
        for (row_idx, out_row) in out.chunks_exact_mut(BRANCH).enumerate() {
            for (value, before) in out_row.iter_mut().zip(rows.row(row_idx)?) {
                *value = value.max(0.0) + before;
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((rows.len, BRANCH))))
    }
}

/// Layer normalisation of each row.
pub(super) struct Normalise<'a> {
    pub(super) norm: &'a Norm,
    pub(super) epsilon: f32,
}

impl CustomOp1 for Normalise<'_> {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = Rows::of(storage, layout)?;
        let mut out = rows.contiguous()?.to_vec();
        for row in out.chunks_exact_mut(rows.width.max(1)) {
            let (mean, scale) = moments(row, self.epsilon);
            for ((value, gain), bias) in row.iter_mut().zip(&self.norm.gain).zip(&self.norm.bias) {
                *value = (*value - mean) * scale * gain + bias;
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((rows.len, rows.width))))
    }
}

/// Layer normalisation of each row, then for each text the sum of its rows, divided by the root of their number.
pub(super) struct Pool<'a> {
    pub(super) norm: &'a Norm,
    pub(super) epsilon: f32,
    /// The rows of each text.
    pub(super) texts: &'a [Range<usize>],
}

impl CustomOp1 for Pool<'_> {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = Rows::of(storage, layout)?;
        let mut out = vec![0.0; self.texts.len() * rows.width];
        for (text, sums) in self.texts.iter().zip(out.chunks_exact_mut(rows.width.max(1))) {
            for row_idx in text.clone() {
                let row = rows.row(row_idx)?;
                let (mean, scale) = moments(row, self.epsilon);
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += (value - mean) * scale;
                }
            }
            let n_rows = length(text);
            for ((sum, gain), bias) in sums.iter_mut().zip(&self.norm.gain).zip(&self.norm.bias) {
                *sum = (*sum * gain + n_rows * bias) / n_rows.sqrt();
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((self.texts.len(), rows.width))))
    }
}

/// Number of rows of a text; the engine limits it far below where a float grows coarse.
pub(super) fn length(text: &Range<usize>) -> f32 {
    u16::try_from(text.len()).map_or(f32::from(u16::MAX), f32::from)
}

/// Sums run in this many lanes, so that the compiler can use vector registers.
const LANES: usize = 16;

/// Mean and reciprocal standard deviation of a row whose length is a multiple of [`LANES`].
fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let (lanes, _) = row.as_chunks::<LANES>();
    let n_values = (lanes.len() * LANES) as f32;
    let mut sums = [0.0; LANES];
    for values in lanes {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
    let mean = sums.iter().sum::<f32>() / n_values;
    let mut squares = [0.0; LANES];
    for values in lanes {
        for (square, value) in squares.iter_mut().zip(values) {
            *square += (value - mean) * (value - mean);
        }
    }
    let variance = squares.iter().sum::<f32>() / n_values;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// A matrix of floats whose rows lie whole in memory, perhaps with gaps between them.
struct Rows<'a> {
    values: &'a [f32],
    len: usize,
    width: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    fn of(storage: &'a CpuStorage, layout: &Layout) -> Result<Rows<'a>> {
        let (len, width) = layout.shape().dims2()?;
        let [stride, 1] = *layout.stride() else { bail!("the rows of a matrix have gaps") };
        let values = storage.as_slice::<f32>()?.get(layout.start_offset()..).unwrap_or_default();
        Ok(Rows { values, len, width, stride })
    }

    fn row(&self, row_idx: usize) -> Result<&'a [f32]> {
        let start = row_idx * self.stride;
        self.values.get(start..start + self.width).ok_or_else(out_of_range)
    }

    /// All rows, which must lie without gaps.
    fn contiguous(&self) -> Result<&'a [f32]> {
        if self.stride != self.width && 1 < self.len {
            bail!("a matrix with gaps");
        }
        self.values.get(..self.len * self.width).ok_or_else(out_of_range)
    }
}

fn out_of_range() -> Error {
    Error::Msg("a matrix ends before its last row".to_owned())
}
