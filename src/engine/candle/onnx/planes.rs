//! What is done to each channel or plane of pictures as a whole: one pass over them, without a stretched second input.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, bail};

#[cfg(feature = "cuda")]
use crate::engine::candle::kernels;
use crate::engine::candle::onnx::window::whole;

/// Adds to each value of planes [rows, channels, …] the bias of its channel, [channels]; neither has gaps.
pub(super) struct AddChannels;

/// Multiplies each value of planes [rows, channels, …] with the plane's own factor, [rows, channels]; neither has gaps.
pub(super) struct ScalePlanes;

impl CustomOp2 for AddChannels {
    fn name(&self) -> &'static str {
        "add-channels"
    }

    fn cpu_fwd(
        &self,
        planes: &CpuStorage,
        plane_layout: &Layout,
        biases: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let biases = whole(biases, bias_layout)?;
        let out = each_plane(planes, plane_layout, biases, |value, bias| value + bias)?;
        Ok((out, plane_layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        planes: &CudaStorage,
        plane_layout: &Layout,
        biases: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let out = kernels::add_channels((planes, plane_layout), (biases, bias_layout))?;
        Ok((out, plane_layout.shape().clone()))
    }
}

impl CustomOp2 for ScalePlanes {
    fn name(&self) -> &'static str {
        "scale-planes"
    }

    fn cpu_fwd(
        &self,
        planes: &CpuStorage,
        plane_layout: &Layout,
        factors: &CpuStorage,
        factor_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let factors = whole(factors, factor_layout)?;
        let out = each_plane(planes, plane_layout, factors, |value, factor| value * factor)?;
        Ok((out, plane_layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        planes: &CudaStorage,
        plane_layout: &Layout,
        factors: &CudaStorage,
        factor_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let out = kernels::scale_planes((planes, plane_layout), (factors, factor_layout))?;
        Ok((out, plane_layout.shape().clone()))
    }
}

/// Does to the values of each plane the same with one of `numbers`, which come again when there are more planes.
fn each_plane(
    planes: &CpuStorage,
    layout: &Layout,
    numbers: &[f32],
    compute: impl Fn(f32, f32) -> f32,
) -> Result<CpuStorage> {
    let n_planes: usize = layout.dims().iter().take(2).product();
    if numbers.is_empty() || !n_planes.is_multiple_of(numbers.len()) {
        bail!("{} numbers for {n_planes} planes", numbers.len());
    }
    let mut out = whole(planes, layout)?.to_vec();
    let inner = out.len() / n_planes.max(1);
    for (plane, number) in out.chunks_exact_mut(inner.max(1)).zip(numbers.iter().cycle()) {
        plane.iter_mut().for_each(|it| *it = compute(*it, *number));
    }
    Ok(CpuStorage::F32(out))
}
