//! Windows that slide over pictures: convolutions and pools, as the operators of candle that do each of them best.

use candle_core::{CpuStorage, CustomOp3, Layout, Result as CandleResult, Shape, Tensor, bail};
#[cfg(feature = "cuda")]
use candle_core::{CudaStorage, DType};
use rayon::prelude::*;

#[cfg(feature = "cuda")]
use crate::engine::candle::kernels;
use crate::engine::candle::onnx::planes::AddChannels;
use crate::engine::candle::onnx::shape::{RunError, bounded};

/// Size, step and margins of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Height and width.
    pub(super) size: [usize; 2],
    /// Step down and to the right; neither is 0.
    pub(super) stride: [usize; 2],
    /// Rows and columns added at the top, left, bottom, right.
    pub(super) pads: [usize; 4],
}

impl Window {
    /// Height and width of what it makes of a picture of that size.
    pub(super) fn output(&self, height: usize, width: usize) -> Result<[usize; 2], RunError> {
        let [top, left, bottom, right] = self.pads;
        let steps = |len: usize, size: usize, stride: usize| {
            len.checked_sub(size).and_then(|it| it.checked_div(stride)).map(|it| it + 1)
        };
        let rows = steps(height + top + bottom, self.size[0], self.stride[0]);
        let columns = steps(width + left + right, self.size[1], self.stride[1]);
        match (rows, columns) {
            (Some(rows), Some(columns)) => Ok([rows, columns]),
            _ => Err(RunError::Misfit("a picture smaller than the window")),
        }
    }
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// One product of matrices: the window is a single pixel.
    Pointwise,
    /// Every channel by itself.
    Depthwise,
    /// candle's convolution.
    General,
}

/// A convolution with its weights on the device.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub(super) method: Method,
    pub(super) window: Window,
    /// Channels out, channels in (1 if depthwise), height, width.
    pub(super) weight: Tensor,
    /// For each channel out; always there if depthwise.
    pub(super) bias: Option<Tensor>,
}

impl Convolution {
    /// This convolution, then × factor + offset for each channel.
    pub(super) fn scaled(&self, factor: &Tensor, offset: &Tensor) -> CandleResult<Convolution> {
        let weight = self.weight.broadcast_mul(&factor.reshape(((), 1, 1, 1))?)?;
        let bias = self.bias.as_ref().map(|it| it.mul(factor)).transpose()?;
        Convolution { weight, bias, ..self.clone() }.shifted(offset)
    }

    /// This convolution, then + offset for each channel.
    pub(super) fn shifted(&self, offset: &Tensor) -> CandleResult<Convolution> {
        let bias = match &self.bias {
            Some(bias) => bias.add(offset)?,
            None => offset.clone(),
        };
        Ok(Convolution { bias: Some(bias), ..self.clone() })
    }

    /// Number of channels out.
    pub(super) fn n_out(&self) -> CandleResult<usize> {
        self.weight.dim(0)
    }

    pub(super) fn run(&self, input: &Tensor) -> Result<Tensor, RunError> {
        let (n_rows, n_in, height, width) = input.dims4()?;
        let (n_out, n_in_wanted, kernel_height, kernel_width) = self.weight.dims4()?;
        let [out_height, out_width] = self.window.output(height, width)?;
        bounded(&[n_rows, n_out, out_height, out_width])?;
        let depthwise = self.method == Method::Depthwise;
        if n_in != if depthwise { n_out } else { n_in_wanted } {
            return Err(RunError::Misfit("a convolution of another number of channels"));
        }
        let output = match self.method {
            Method::Depthwise => return self.depthwise(input, [out_height, out_width]),
            Method::Pointwise => {
                let rows = input.reshape((n_rows, n_in, height * width))?;
                let weight = self.weight.reshape((n_out, n_in))?;
                let product = weight.broadcast_as((n_rows, n_out, n_in))?.matmul(&rows)?;
                product.reshape((n_rows, n_out, out_height, out_width))?
            }
            #[cfg(feature = "cuda")]
            Method::General if input.device().is_cuda() => {
                return self.on_card(input, [out_height, out_width]);
            }
            Method::General => {
                // What a device may lay out as a matrix first.
                bounded(&[n_rows, n_in, kernel_height * kernel_width, out_height, out_width])?;
                let [top, left, bottom, right] = self.window.pads;
                let (input, padding) = if [left, bottom, right] == [top; 3] {
                    (input.clone(), top)
                } else {
                    bounded(&[n_rows, n_in, height + top + bottom, width + left + right])?;
                    let input = input.pad_with_zeros(2, top, bottom)?;
                    (input.pad_with_zeros(3, left, right)?, 0)
                };
                input.conv2d(&self.weight, padding, self.window.stride[0], 1, 1)?
            }
        };
        match &self.bias {
            Some(bias) => Ok(output.apply_op2_no_bwd(bias, &AddChannels)?),
            None => Ok(output),
        }
    }

    fn geometry(&self, output: [usize; 2]) -> Geometry {
        let Window { size, stride, pads: [top, left, ..] } = self.window;
        Geometry { size, stride, before: [top, left], output }
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self, input: &Tensor, output: [usize; 2]) -> Result<Tensor, RunError> {
        let on_card = OnCard(self.geometry(output));
        let bias = match &self.bias {
            Some(bias) => bias.contiguous()?,
            None => Tensor::zeros(self.n_out()?, DType::F32, input.device())?,
        };
        let (input, weight) = (input.contiguous()?, self.weight.contiguous()?);
        Ok(input.apply_op3_no_bwd(&weight, &bias, &on_card)?)
    }

    fn depthwise(&self, input: &Tensor, output: [usize; 2]) -> Result<Tensor, RunError> {
        let depthwise = Depthwise(self.geometry(output));
        let bias = self.bias.as_ref().ok_or(RunError::Misfit("a convolution without a bias"))?;
        let (input, weight, bias) =
            (input.contiguous()?, self.weight.contiguous()?, bias.contiguous()?);
        Ok(input.apply_op3_no_bwd(&weight, &bias, &depthwise)?)
    }
}

/// Where a window goes over a picture, and how large a result that makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Height and width of the window.
    pub(super) size: [usize; 2],
    /// Step down and to the right.
    pub(super) stride: [usize; 2],
    /// Rows added at the top, columns added at the left.
    pub(super) before: [usize; 2],
    /// Height and width of the result.
    pub(super) output: [usize; 2],
}

#[cfg(feature = "cuda")]
impl Geometry {
    /// As a kernel is told of it.
    fn sizes(&self, n_rows: usize, n_channels: usize, picture: [usize; 2]) -> kernels::Sizes {
        let Geometry { size: window, stride, before, output } = *self;
        kernels::Sizes { n_rows, n_channels, picture, output, window, stride, before }
    }
}

/// A convolution of every channel by itself: pictures [rows, channels, height, width], weights [channels, 1, height,
/// width] and a bias for each channel, all without gaps.
///
/// candle's own convolution takes the groups one after another, a few hundred for each of these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depthwise(Geometry);

impl CustomOp3 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn cpu_fwd(
        &self,
        pictures: &CpuStorage,
        picture_layout: &Layout,
        weights: &CpuStorage,
        weight_layout: &Layout,
        biases: &CpuStorage,
        bias_layout: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        let (n_rows, n_channels, height, width) = picture_layout.shape().dims4()?;
        let [out_height, out_width] = self.0.output;
        let pictures = whole(pictures, picture_layout)?;
        let weights = whole(weights, weight_layout)?;
        let biases = whole(biases, bias_layout)?;
        let n_weights = self.0.size[0] * self.0.size[1];
        if weights.len() != n_channels * n_weights || biases.len() != n_channels {
            bail!("the weights of a depthwise convolution do not fit its {n_channels} channels");
        }
        let mut out = vec![0.0_f32; n_rows * n_channels * out_height * out_width];
        let channels = || weights.chunks_exact(n_weights).zip(biases);
        let channels: Vec<_> = (0..n_rows).flat_map(|_| channels()).collect();
        out.par_chunks_exact_mut(out_height * out_width)
            .zip(pictures.par_chunks_exact(height * width))
            .zip(channels)
            .for_each(|((out, picture), (weights, bias))| {
                out.fill(*bias);
                self.add_plane(picture, width, weights, out);
            });
        Ok((CpuStorage::F32(out), Shape::from((n_rows, n_channels, out_height, out_width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        pictures: &CudaStorage,
        picture_layout: &Layout,
        weights: &CudaStorage,
        weight_layout: &Layout,
        biases: &CudaStorage,
        bias_layout: &Layout,
    ) -> CandleResult<(CudaStorage, Shape)> {
        let (n_rows, n_channels, height, width) = picture_layout.shape().dims4()?;
        let sizes = self.0.sizes(n_rows, n_channels, [height, width]);
        let out = kernels::depthwise(
            (pictures, picture_layout),
            (weights, weight_layout),
            (biases, bias_layout),
            &sizes,
        )?;
        Ok((out, Shape::from((n_rows, n_channels, self.0.output[0], self.0.output[1]))))
    }
}

impl Depthwise {
    /// Adds to a plane its picture's windows × weights: each weight to a whole row at a time.
    fn add_plane(&self, picture: &[f32], width: usize, weights: &[f32], out: &mut [f32]) {
        let rows: Vec<&[f32]> = picture.chunks_exact(width).collect();
        for (out_y, out_row) in out.chunks_exact_mut(self.0.output[1]).enumerate() {
            for (y, weights) in weights.chunks_exact(self.0.size[1]).enumerate() {
                let y = (out_y * self.0.stride[0] + y).checked_sub(self.0.before[0]);
                let Some(row) = y.and_then(|it| rows.get(it)) else { continue };
                for (x, weight) in weights.iter().enumerate() {
                    self.add_row(row, x, *weight, out_row);
                }
            }
        }
    }

    /// Adds to a row of the result a row of the picture, seen through column `x` of the window, × weight.
    fn add_row(&self, row: &[f32], x: usize, weight: f32, out_row: &mut [f32]) {
        let (left, stride) = (self.0.before[1], self.0.stride[1]);
        let first = left.saturating_sub(x).div_ceil(stride);
        let out = out_row.iter_mut().skip(first);
        let seen = row.get((first * stride + x).saturating_sub(left)..).unwrap_or_default();
        if stride == 1 {
            out.zip(seen).for_each(|(out, value)| *out += weight * value);
        } else {
            out.zip(seen.iter().step_by(stride)).for_each(|(out, value)| *out += weight * value);
        }
    }
}

/// A convolution on a card, where candle lays every window out in memory first, and then what comes of it once more:
/// pictures [rows, channels in, height, width], weights [channels out, channels in, height, width] and a bias for each
/// channel out, all without gaps.
#[cfg(feature = "cuda")]
struct OnCard(Geometry);

#[cfg(feature = "cuda")]
impl CustomOp3 for OnCard {
    fn name(&self) -> &'static str {
        "convolve"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        bail!("a convolution for cards on a processor")
    }

    fn cuda_fwd(
        &self,
        pictures: &CudaStorage,
        picture_layout: &Layout,
        weights: &CudaStorage,
        weight_layout: &Layout,
        biases: &CudaStorage,
        bias_layout: &Layout,
    ) -> CandleResult<(CudaStorage, Shape)> {
        let (n_rows, n_channels, height, width) = picture_layout.shape().dims4()?;
        let out = kernels::convolve(
            (pictures, picture_layout),
            (weights, weight_layout),
            (biases, bias_layout),
            &self.0.sizes(n_rows, n_channels, [height, width]),
        )?;
        let [out_height, out_width] = self.0.output;
        Ok((out, Shape::from((n_rows, bias_layout.shape().dims1()?, out_height, out_width))))
    }
}

/// The elements of a tensor without gaps.
pub(super) fn whole<'a>(storage: &'a CpuStorage, layout: &Layout) -> CandleResult<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("a tensor with gaps") };
    Ok(storage.as_slice::<f32>()?.get(start..end).unwrap_or_default())
}

/// A convolution run backwards whose windows neither overlap nor leave gaps: one product of matrices.
#[derive(Clone, Debug)]
pub(super) struct Transposed {
    /// Channels in, channels out, height, width of the window.
    pub(super) weight: Tensor,
    /// For each channel out.
    pub(super) bias: Option<Tensor>,
}

impl Transposed {
    pub(super) fn run(&self, input: &Tensor) -> Result<Tensor, RunError> {
        let (n_rows, n_in, height, width) = input.dims4()?;
        let (n_in_wanted, n_out, down, right) = self.weight.dims4()?;
        if n_in != n_in_wanted {
            return Err(RunError::Misfit("a convolution of another number of channels"));
        }
        bounded(&[n_rows, n_out, down, right, height, width])?;
        let weight = self.weight.reshape((n_in, n_out * down * right))?.t()?;
        let weight = weight.broadcast_as((n_rows, n_out * down * right, n_in))?;
        let product = weight.matmul(&input.reshape((n_rows, n_in, height * width))?)?;
        let blocks = product.reshape(&[n_rows, n_out, down, right, height, width][..])?;
        let output = blocks.permute([0, 1, 4, 2, 5, 3].as_slice())?.reshape((
            n_rows,
            n_out,
            height * down,
            width * right,
        ))?;
        match &self.bias {
            Some(bias) => Ok(output.apply_op2_no_bwd(bias, &AddChannels)?),
            None => Ok(output),
        }
    }
}

/// What is made of the values under a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// The greatest.
    Greatest,
    /// Their mean; there are no margins.
    Mean,
}

impl Pool {
    pub(super) fn run(self, window: &Window, input: &Tensor) -> Result<Tensor, RunError> {
        let (n_rows, n_channels, height, width) = input.dims4()?;
        window.output(height, width)?;
        let (size, stride) = (window.size.into(), window.stride.into());
        let (size, stride): ((usize, usize), (usize, usize)) = (size, stride);
        match self {
            Pool::Mean => Ok(input.avg_pool2d_with_stride(size, stride)?),
            Pool::Greatest => {
                let [top, left, bottom, right] = window.pads;
                bounded(&[n_rows, n_channels, height + top + bottom, width + left + right])?;
                // A window that reaches over the edge has the edge in it, so the edge again changes nothing.
                let input = input.pad_with_same(2, top, bottom)?.pad_with_same(3, left, right)?;
                Ok(input.max_pool2d_with_stride(size, stride)?)
            }
        }
    }
}
