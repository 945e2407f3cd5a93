//! Layers of the sentence encoder that candle has no single operation for. On a card they are kernels in half precision;
//! on the processor, where only tests compute them, plain loops in single precision.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

#[cfg(feature = "cuda")]
use crate::engine::candle::kernels;

/// From the levels of a table [tokens, width] the embeddings of ids, [ids, width].
pub(super) struct Embed<'a> {
    /// [tokens], as `shifts`.
    pub(super) scales: &'a Tensor,
    pub(super) shifts: &'a Tensor,
    /// For each token its row of what is added to it, and the rows.
    pub(super) deltas: Option<&'a (Tensor, Tensor)>,
    pub(super) ids: &'a Tensor,
}

impl CustomOp1 for Embed<'_> {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn cpu_fwd(&self, levels: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        let levels = levels.as_slice::<u8>()?;
        let ids = self.ids.to_vec1::<u32>()?;
        let (scales, shifts) = (self.scales.to_vec1::<f32>()?, self.shifts.to_vec1::<f32>()?);
        let mut out = Vec::with_capacity(ids.len() * width);
        for id in ids.iter().map(|it| *it as usize) {
            let row = levels.get(id * width..(id + 1) * width).unwrap_or_default();
            let (Some(scale), Some(shift)) = (scales.get(id), shifts.get(id)) else {
                bail!("there is no token {id}");
            };
            out.extend(row.iter().map(|level| f32::from(*level) * scale + shift));
            if let Some((slots, rows)) = self.deltas {
                let added =
                    rows.get(slots.get(id)?.to_scalar::<u32>()? as usize)?.to_vec1::<f32>()?;
                let first = out.len() - width;
                out.iter_mut().skip(first).zip(added).for_each(|(value, more)| *value += more);
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((ids.len(), width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, levels: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        let out =
            kernels::embed((levels, layout), self.scales, self.shifts, self.deltas, self.ids)?;
        Ok((out, Shape::from((self.ids.dim(0)?, width))))
    }
}

/// Where each row of a batch lies in its text.
pub(super) struct Places {
    /// [rows]: rows of the same text before it.
    pub(super) before: Tensor,
    /// [rows]: rows of the same text behind it.
    pub(super) after: Tensor,
}

/// From rows [rows, stride] the windows of neighbours [rows, order × width], of `width` columns from `first` on; zeros
/// beyond the ends of a text.
pub(super) struct Windows<'a> {
    pub(super) places: &'a Places,
    pub(super) order: usize,
    pub(super) left: usize,
    pub(super) first: usize,
    pub(super) width: usize,
}

impl CustomOp1 for Windows<'_> {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn cpu_fwd(&self, rows: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n_rows, stride) = layout.shape().dims2()?;
        let rows = rows.as_slice::<f32>()?;
        let before = self.places.before.to_vec1::<u32>()?;
        let after = self.places.after.to_vec1::<u32>()?;
        let mut out = Vec::with_capacity(n_rows * self.order * self.width);
        for (row, (before, after)) in before.iter().zip(&after).enumerate() {
            for place in 0..self.order {
                let seen = (row + place).wrapping_sub(self.left);
                let is_inside = if place < self.left {
                    self.left - place <= *before as usize
                } else {
                    place - self.left <= *after as usize
                };
                let start = seen.wrapping_mul(stride).wrapping_add(self.first);
                match rows.get(start..start.wrapping_add(self.width)) {
                    Some(neighbour) if is_inside => out.extend_from_slice(neighbour),
                    _ => out.resize(out.len() + self.width, 0.0),
                }
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((n_rows, self.order * self.width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, rows: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (n_rows, _) = layout.shape().dims2()?;
        let Places { before, after } = self.places;
        let sizes = [self.width, self.order, self.left, self.first];
        let out = kernels::windows((rows, layout), before, after, sizes)?;
        Ok((out, Shape::from((n_rows, self.order * self.width))))
    }
}

/// A product [rows, width] + bias; as a layer of a branch not less than 0, plus what it was computed from.
pub(super) struct Activate<'a> {
    pub(super) bias: &'a Tensor,
    /// [rows, stride], and the first of the columns that are added.
    pub(super) earlier: Option<(&'a Tensor, usize)>,
}

impl CustomOp1 for Activate<'_> {
    fn name(&self) -> &'static str {
        "activate"
    }

    fn cpu_fwd(&self, product: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n_rows, width) = layout.shape().dims2()?;
        let bias = self.bias.to_vec1::<f32>()?;
        let mut out = product.as_slice::<f32>()?.to_vec();
        for row in out.chunks_exact_mut(width) {
            row.iter_mut().zip(&bias).for_each(|(value, bias)| *value += bias);
        }
        if let Some((earlier, first)) = self.earlier {
            let earlier = earlier.narrow(1, first, width)?.flatten_all()?.to_vec1::<f32>()?;
            out.iter_mut().zip(earlier).for_each(|(value, more)| *value = value.max(0.0) + more);
        }
        Ok((CpuStorage::F32(out), Shape::from((n_rows, width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, product: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let out = kernels::activate((product, layout), self.bias, self.earlier)?;
        Ok((out, layout.shape().clone()))
    }
}

/// From rows [rows, width] for each text their sum, divided by the root of their number: [texts, width] in single
/// precision.
pub(super) struct Pool<'a> {
    /// [texts + 1]: the first row of each text, and the number of rows.
    pub(super) starts: &'a Tensor,
}

impl CustomOp1 for Pool<'_> {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, rows: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        let rows = rows.as_slice::<f32>()?;
        let starts = self.starts.to_vec1::<u32>()?;
        let mut out = vec![0.0; starts.len().saturating_sub(1) * width];
        for (bounds, sums) in starts.windows(2).zip(out.chunks_exact_mut(width)) {
            let &[start, end] = bounds else { continue };
            let text = start as usize * width..end as usize * width;
            for row in rows.get(text).unwrap_or_default().chunks_exact(width) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            let share = 1.0 / ((end - start) as f32).sqrt();
            sums.iter_mut().for_each(|it| *it *= share);
        }
        let n_texts = out.len() / width.max(1);
        Ok((CpuStorage::F32(out), Shape::from((n_texts, width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, rows: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        let n_texts = self.starts.dim(0)?.saturating_sub(1);
        let out = kernels::pool((rows, layout), self.starts, n_texts)?;
        Ok((out, Shape::from((n_texts, width))))
    }
}
