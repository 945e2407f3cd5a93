//! Launches the kernels of kernels.cu. Each takes tensors without gaps, checks their sizes, and gives a new one.

use std::ops::Deref;
use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::CudaDType;
use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::result::{device, mem_pool};
use candle_core::cuda_backend::cudarc::driver::{
    CudaContext, CudaView, LaunchConfig, PinnedHostSlice, PushKernelArg, sys,
};
use candle_core::{CudaDevice, CudaStorage, Error, Layout, Result, Storage, Tensor, bail};
use half::f16;

/// Compiled by build.rs.
const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
/// The name under which the device keeps them.
const MODULE: &str = "fenwen";

/// A tensor on a card, as an operation of candle's is handed it.
pub(super) type Place<'a> = (&'a CudaStorage, &'a Layout);

/// Runs the kernel of a name with one thread for each value of its result, which is the argument `out`.
macro_rules! launch {
    ($device:expr, $name:literal, $kind:ty, $n_values:expr, [$($before:expr),+], [$($after:expr),*]) => {{
        let n_values: u32 = match u32::try_from($n_values) {
            Ok(n_values) => n_values,
            Err(_) => bail!("too many values at once"),
        };
        let device = $device;
        let function = device.get_or_load_custom_func($name, MODULE, PTX)?;
        // SAFETY: the kernel writes every one of these values, and nothing reads them before.
        let out = unsafe { device.alloc::<$kind>(n_values as usize)? };
        let mut launch = function.builder();
        $(launch.arg($before);)+
        launch.arg(&out).arg(&n_values);
        $(launch.arg($after);)*
        // SAFETY: the arguments are those of the kernel, and what it reads is as long as the sizes say: the caller has
        // checked it.
        unsafe { launch.launch(LaunchConfig::for_num_elems(n_values)) }.w()?;
        Ok(CudaStorage::wrap_cuda_slice(out, device.clone()))
    }};
}

/// Has the card's own store of memory keep up to `n_bytes` of what was given back to it.
///
/// Allocations follow the stream, from the card's default pool (CUDA Driver API, stream-ordered memory allocator).
#[expect(unsafe_code, reason = "the driver is foreign code")]
pub(super) fn keep_memory(card: &CudaDevice, n_bytes: u64) -> Result<()> {
    let context = card.cuda_stream().context().clone();
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut wanted = n_bytes;
    // SAFETY: the device is the context's, its default pool lives as long as it, and the value is the 64-bit number that
    // this attribute takes.
    unsafe {
        let pool = device::get_default_mem_pool(context.cu_device()).w()?;
        mem_pool::set_attribute(
            pool,
            sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
            (&raw mut wanted).cast(),
        )
        .w()
    }
}

/// Memory of the host that stays where it is, so that a card writes into it by itself: several times as fast as into
/// memory that the system may move (CUDA Driver API, cuMemHostAlloc).
#[derive(Default)]
pub(super) struct Locked {
    room: Option<PinnedHostSlice<f32>>,
    n_values: usize,
}

impl Locked {
    /// Copies a tensor of 32-bit floats without gaps out of a card's memory, and waits for it.
    pub(super) fn take(&mut self, tensor: &Tensor) -> Result<()> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = storage.deref() else {
            bail!("a tensor that is not on a card")
        };
        let n_values = layout.shape().elem_count();
        let place = whole::<f32>((storage, layout), n_values)?;
        let stream = storage.device().cuda_stream();
        let room = self.room(stream.context(), n_values)?.as_mut_slice().w()?;
        let Some(room) = room.get_mut(..n_values) else { bail!("too little memory of the host") };
        stream.memcpy_dtoh(&place, room).w()?;
        // The card writes by itself: until then nothing is there.
        stream.synchronize().w()?;
        self.n_values = n_values;
        Ok(())
    }

    /// Room for so many values.
    #[expect(unsafe_code, reason = "the driver is foreign code")]
    fn room(
        &mut self,
        context: &Arc<CudaContext>,
        n_values: usize,
    ) -> Result<&mut PinnedHostSlice<f32>> {
        if self.room.as_ref().is_none_or(|it| it.len() < n_values) {
            self.n_values = 0;
            // What was there is given back before more is asked for.
            self.room = None;
            let len = n_values.next_power_of_two();
            // SAFETY: every float that is read was copied there before.
            self.room = Some(unsafe { context.alloc_pinned_with_flags(len, 0) }.w()?);
        }
        self.room.as_mut().ok_or_else(|| Error::Msg("no memory of the host".to_owned()))
    }

    /// Whether nothing was copied.
    pub(super) fn is_empty(&self) -> bool {
        self.n_values == 0
    }

    /// What was copied last.
    pub(super) fn values(&self) -> &[f32] {
        let all = self.room.as_ref().and_then(|it| it.as_slice().ok());
        all.and_then(|it| it.get(..self.n_values)).unwrap_or_default()
    }
}

/// Sizes of a depthwise convolution, in the order of height and width where there are two.
pub(super) struct Sizes {
    pub(super) n_rows: usize,
    pub(super) n_channels: usize,
    pub(super) picture: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) window: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) before: [usize; 2],
}

/// Convolves every channel by itself: pictures [rows, channels, height, width], weights [channels, 1, height, width]
/// and a bias for each channel.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn depthwise(
    pictures: Place<'_>,
    weights: Place<'_>,
    biases: Place<'_>,
    sizes: &Sizes,
) -> Result<CudaStorage> {
    let Sizes { n_rows, n_channels, picture, output, window, stride, before } = *sizes;
    let device = pictures.0.device();
    let pictures = whole::<f32>(pictures, n_rows * n_channels * picture[0] * picture[1])?;
    let weights = whole::<f32>(weights, n_channels * window[0] * window[1])?;
    let biases = whole::<f32>(biases, n_channels)?;
    let channels = number(n_channels);
    let [height, width] = picture.map(number);
    let [out_height, out_width] = output.map(number);
    let [size_y, size_x] = window.map(number);
    let [stride_y, stride_x] = stride.map(number);
    let [top, left] = before.map(number);
    let n_values = n_rows * n_channels * output[0] * output[1];
    launch!(
        device,
        "depthwise",
        f32,
        n_values,
        [&pictures, &weights, &biases],
        [
            &channels,
            &height,
            &width,
            &out_height,
            &out_width,
            &size_y,
            &size_x,
            &stride_y,
            &stride_x,
            &top,
            &left
        ]
    )
}

/// Values of a plane, and channels out, that a block of the kernel `convolve` makes.
const BLOCK: [usize; 2] = [128, 16];

/// Convolves pictures [rows, channels in, height, width] with weights [channels out, channels in, height, width] and a
/// bias for each channel out. The channels of `sizes` are those in.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn convolve(
    pictures: Place<'_>,
    weights: Place<'_>,
    biases: Place<'_>,
    sizes: &Sizes,
) -> Result<CudaStorage> {
    let Sizes { n_rows, n_channels, picture, output, window, stride, before } = *sizes;
    let device = pictures.0.device();
    let n_out = biases.1.shape().elem_count();
    let one = n_channels * picture[0] * picture[1];
    // The kernel counts the values of one picture in 32 bits, with a sign.
    if i32::try_from(one).is_err() {
        bail!("a picture of too many values");
    }
    let pictures = whole::<f32>(pictures, n_rows * one)?;
    let weights = whole::<f32>(weights, n_out * n_channels * window[0] * window[1])?;
    let biases = whole::<f32>(biases, n_out)?;
    let n_pixels = output[0] * output[1];
    let blocks = [n_pixels.div_ceil(BLOCK[0]), n_out.div_ceil(BLOCK[1]), n_rows].map(number);
    let config = LaunchConfig {
        grid_dim: blocks.into(),
        block_dim: (number(BLOCK[0]), 1, 1),
        shared_mem_bytes: 0,
    };
    let [height, width] = picture.map(number);
    let [out_height, out_width] = output.map(number);
    let [size_y, size_x] = window.map(number);
    let [stride_y, stride_x] = stride.map(number);
    let [top, left] = before.map(number);
    let channels = [n_out, n_channels].map(number);
    let function = device.get_or_load_custom_func("convolve", MODULE, PTX)?;
    // SAFETY: the kernel writes every one of these values, and nothing reads them before.
    let out = unsafe { device.alloc::<f32>(n_rows * n_out * n_pixels)? };
    let mut launch = function.builder();
    launch.arg(&pictures).arg(&weights).arg(&biases).arg(&out);
    launch.arg(&channels[0]).arg(&channels[1]).arg(&height).arg(&width).arg(&out_height);
    launch.arg(&out_width).arg(&size_y).arg(&size_x).arg(&stride_y).arg(&stride_x);
    launch.arg(&top).arg(&left);
    // SAFETY: the arguments are those of the kernel, and what it reads is as long as the sizes say.
    unsafe { launch.launch(config) }.w()?;
    Ok(CudaStorage::wrap_cuda_slice(out, device.clone()))
}

/// Adds to each value of planes [rows, channels, …] the bias of its channel.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn add_channels(planes: Place<'_>, biases: Place<'_>) -> Result<CudaStorage> {
    let dims = planes.1.dims();
    let (n_values, n_channels) = (planes.1.shape().elem_count(), biases.1.shape().elem_count());
    if dims.get(1) != Some(&n_channels) {
        bail!("{n_channels} biases for planes of {dims:?}");
    }
    let inner = number(dims.iter().skip(2).product());
    let device = planes.0.device();
    let planes = whole::<f32>(planes, n_values)?;
    let biases = whole::<f32>(biases, n_channels)?;
    let channels = number(n_channels);
    launch!(device, "add_channels", f32, n_values, [&planes, &biases], [&channels, &inner])
}

/// Multiplies every value of each plane of planes [rows, channels, …] with the plane's own factor.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn scale_planes(planes: Place<'_>, factors: Place<'_>) -> Result<CudaStorage> {
    let (n_values, n_planes) = (planes.1.shape().elem_count(), factors.1.shape().elem_count());
    if n_planes == 0 || !n_values.is_multiple_of(n_planes) {
        bail!("{n_planes} factors for {n_values} values");
    }
    let inner = number(n_values / n_planes);
    let device = planes.0.device();
    let planes = whole::<f32>(planes, n_values)?;
    let factors = whole::<f32>(factors, n_planes)?;
    launch!(device, "scale_planes", f32, n_values, [&planes, &factors], [&inner])
}

/// Embeddings of ids from a quantised table, in half precision.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn embed(
    levels: Place<'_>,
    scales: &Tensor,
    shifts: &Tensor,
    deltas: Option<&(Tensor, Tensor)>,
    ids: &Tensor,
) -> Result<CudaStorage> {
    let (n_tokens, width) = levels.1.shape().dims2()?;
    let n_ids = ids.dim(0)?;
    let device = levels.0.device();
    let levels = whole::<u8>(levels, n_tokens * width)?;
    let has_deltas = i32::from(deltas.is_some());
    // Where nothing was added the kernel reads neither of the two.
    let (slots, rows) = deltas.map_or((ids, scales), |it| (&it.0, &it.1));
    let (scales, shifts) = (on_card(scales), on_card(shifts));
    let (slots, rows, ids) = (on_card(slots), on_card(rows), on_card(ids));
    let (scales, shifts) = (scales.view::<f32>(n_tokens)?, shifts.view::<f32>(n_tokens)?);
    let (slots, rows) = (slots.all::<u32>()?, rows.all::<f32>()?);
    let ids = ids.view::<u32>(n_ids)?;
    let columns = number(width);
    launch!(
        device,
        "embed",
        f16,
        n_ids * width,
        [&levels, &scales, &shifts, &slots, &rows, &ids],
        [&columns, &has_deltas]
    )
}

/// Neighbours side by side: sizes are width, order, left and first column.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn windows(
    rows: Place<'_>,
    before: &Tensor,
    after: &Tensor,
    [width, order, left, first]: [usize; 4],
) -> Result<CudaStorage> {
    let (n_rows, stride) = rows.1.shape().dims2()?;
    if stride < first + width {
        bail!("columns {first} to {} of {stride}", first + width);
    }
    let device = rows.0.device();
    let rows = whole::<f16>(rows, n_rows * stride)?;
    let (before, after) = (on_card(before), on_card(after));
    let (before, after) = (before.view::<u32>(n_rows)?, after.view::<u32>(n_rows)?);
    let n_values = n_rows * order * width;
    let [width, order, left, stride, first] = [width, order, left, stride, first].map(number);
    launch!(
        device,
        "windows",
        f16,
        n_values,
        [&rows, &before, &after],
        [&width, &order, &left, &stride, &first]
    )
}

/// A product plus bias, and as a layer of a branch its positive part plus columns of what it was computed from.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn activate(
    product: Place<'_>,
    bias: &Tensor,
    earlier: Option<(&Tensor, usize)>,
) -> Result<CudaStorage> {
    let (n_rows, width) = product.1.shape().dims2()?;
    let device = product.0.device();
    let product = whole::<f16>(product, n_rows * width)?;
    let is_layer = i32::from(earlier.is_some());
    // Where there is nothing earlier the kernel does not read it.
    let (earlier, first) = earlier.unwrap_or((bias, 0));
    let stride = if is_layer == 1 { earlier.dim(1)? } else { width };
    if stride < first + width || is_layer == 1 && earlier.dim(0)? != n_rows {
        bail!("columns {first} to {} of {stride}", first + width);
    }
    let (bias, earlier) = (on_card(bias), on_card(earlier));
    let (bias, earlier) = (bias.view::<f16>(width)?, earlier.all::<f16>()?);
    let n_values = n_rows * width;
    let [width, stride, first] = [width, stride, first].map(number);
    launch!(
        device,
        "activate",
        f16,
        n_values,
        [&product, &bias, &earlier],
        [&width, &stride, &first, &is_layer]
    )
}

/// For each text the sum of its rows divided by the root of their number, in single precision.
#[expect(unsafe_code, reason = "a kernel on the device is foreign code")]
pub(super) fn pool(rows: Place<'_>, starts: &Tensor, n_texts: usize) -> Result<CudaStorage> {
    let (n_rows, width) = rows.1.shape().dims2()?;
    let device = rows.0.device();
    let rows = whole::<f16>(rows, n_rows * width)?;
    let starts = on_card(starts);
    let starts = starts.view::<u32>(n_texts + 1)?;
    let columns = number(width);
    launch!(device, "pool", f32, n_texts * width, [&rows, &starts], [&columns])
}

/// A size as kernels count; launches are bounded by 32 bits.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// A tensor that lies on a card, held while a kernel is launched.
struct OnCard<'a, S>(S, &'a Layout);

fn on_card(tensor: &Tensor) -> OnCard<'_, impl Deref<Target = Storage>> {
    let (storage, layout) = tensor.storage_and_layout();
    OnCard(storage, layout)
}

impl<S: Deref<Target = Storage>> OnCard<'_, S> {
    fn all<T: CudaDType>(&self) -> Result<CudaView<'_, T>> {
        self.view(self.1.shape().elem_count())
    }

    fn view<T: CudaDType>(&self, len: usize) -> Result<CudaView<'_, T>> {
        match &*self.0 {
            Storage::Cuda(storage) => whole((storage, self.1), len),
            _ => bail!("a tensor that is not on the card"),
        }
    }
}

/// The elements of a tensor without gaps, of which there are so many.
fn whole<'a, T: CudaDType>((storage, layout): Place<'a>, len: usize) -> Result<CudaView<'a, T>> {
    match layout.contiguous_offsets() {
        Some((start, end)) if end - start == len => {
            Ok(storage.as_cuda_slice::<T>()?.slice(start..end))
        }
        _ => bail!("a tensor with gaps, or of another size"),
    }
}
