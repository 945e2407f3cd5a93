//! Launches the kernels of kernels.cu.

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{CudaView, LaunchConfig, PushKernelArg};
use candle_core::{CudaStorage, Layout, Result, bail};

/// Compiled by build.rs.
const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
/// The name under which the device keeps them.
const MODULE: &str = "fenwen";

/// Sizes of a depthwise convolution, in the order of height and width where there are two.
pub(in crate::engine::candle) struct Sizes {
    pub(super) n_rows: usize,
    pub(super) n_channels: usize,
    pub(super) picture: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) window: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) before: [usize; 2],
}

/// Convolves every channel by itself: pictures [rows, channels, height, width], weights [channels, 1, height, width]
/// and a bias for each channel, all of them without gaps.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(in crate::engine::candle) fn depthwise(
    pictures: (&CudaStorage, &Layout),
    weights: (&CudaStorage, &Layout),
    biases: (&CudaStorage, &Layout),
    sizes: &Sizes,
) -> Result<CudaStorage> {
    let Sizes { n_rows, n_channels, picture, output, window, stride, before } = *sizes;
    let n_values = n_rows * n_channels * output[0] * output[1];
    let pictures_view = whole(pictures, n_rows * n_channels * picture[0] * picture[1])?;
    let weights_view = whole(weights, n_channels * window[0] * window[1])?;
    let biases_view = whole(biases, n_channels)?;
    let Ok(n_threads) = u32::try_from(n_values) else { bail!("{n_values} values at once") };
    let device = pictures.0.device();
    let function = device.get_or_load_custom_func("depthwise", MODULE, PTX)?;
    // SAFETY: the kernel writes every one of its values before anything reads them.
    let out = unsafe { device.alloc::<f32>(n_values)? };
    let numbers = [
        n_channels, picture[0], picture[1], output[0], output[1], window[0], window[1], stride[0],
        stride[1], before[0], before[1],
    ];
    let numbers = numbers.map(|it| i32::try_from(it).unwrap_or(i32::MAX));
    let mut launch = function.builder();
    launch.arg(&pictures_view).arg(&weights_view).arg(&biases_view).arg(&out).arg(&n_threads);
    for number in &numbers {
        launch.arg(number);
    }
    // SAFETY: the arguments are those of the kernel, and the views are as long as the sizes say, checked above.
    unsafe { launch.launch(LaunchConfig::for_num_elems(n_threads)) }.w()?;
    Ok(CudaStorage::wrap_cuda_slice(out, device.clone()))
}

/// The elements of a tensor without gaps, of which there are so many.
fn whole<'a>(
    (storage, layout): (&'a CudaStorage, &Layout),
    len: usize,
) -> Result<CudaView<'a, f32>> {
    match layout.contiguous_offsets() {
        Some((start, end)) if end - start == len => {
            Ok(storage.as_cuda_slice::<f32>()?.slice(start..end))
        }
        _ => bail!("a tensor with gaps, or of another size"),
    }
}
