//! candle's devices, each opened once and shared by every model on it.

use std::time::Instant;

use candle_core::{DType, Device as CandleDevice, Tensor};

use crate::engine::{Device, EngineError};

/// Bytes of memory for values between operators that stay with the program while nothing runs.
#[cfg(feature = "cuda")]
const MEMORY_KEPT: u64 = 4 << 30;

/// The device, opened by the first that asks.
///
/// # Errors
/// When this build cannot use it, or it does not answer.
#[cfg(feature = "cuda")]
pub fn open(device: Device) -> Result<CandleDevice, EngineError> {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    static OPENED: LazyLock<Mutex<HashMap<u16, CandleDevice>>> = LazyLock::new(Mutex::default);
    let Device::Cuda(number) = device else { return Ok(CandleDevice::Cpu) };
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = opened.get(&number) {
        return Ok(found.clone());
    }
    let found = CandleDevice::new_cuda(usize::from(number)).map_err(|err| {
        // candle appends a backtrace.
        let err = err.to_string();
        let err = err.lines().next().unwrap_or_default();
        let remedy =
            "is the driver of the card installed, and are CUDA's libraries found (gpu/README.md)?";
        EngineError::Library(format!("device `{device}` does not answer: {err}; {remedy}"))
    })?;
    if let CandleDevice::Cuda(card) = &found {
        // The default is to give all of it back after each run, and to ask for it again.
        super::kernels::keep_memory(card, MEMORY_KEPT).map_err(|err| {
            EngineError::Library(format!(
                "device `{device}` does not say what memory it has: {err}"
            ))
        })?;
    }
    opened.insert(number, found.clone());
    Ok(found)
}

/// The processor; there is no other in this build.
#[cfg(not(feature = "cuda"))]
pub fn open(device: Device) -> Result<CandleDevice, EngineError> {
    match device {
        Device::Cpu => Ok(CandleDevice::Cpu),
        Device::Cuda(_) => Err(EngineError::Unsupported(format!(
            "this program was built without `{device}` (gpu/README.md)"
        ))),
    }
}

/// Lies first in whatever holds memory of a device: memory of a card can be given back only by a thread that has the
/// card's context, and the last to let go of a model may be a thread that never computed.
#[derive(Clone, Debug)]
pub(crate) struct Tether(CandleDevice);

impl Tether {
    /// To this device.
    pub(crate) fn to(device: &CandleDevice) -> Tether {
        Tether(device.clone())
    }

    /// The device.
    pub(crate) fn device(&self) -> &CandleDevice {
        &self.0
    }
}

#[cfg(feature = "cuda")]
impl Drop for Tether {
    fn drop(&mut self) {
        if let CandleDevice::Cuda(card) = &self.0
            && let Err(reason) = card.cuda_stream().context().bind_to_thread()
        {
            tracing::warn!(%reason, "memory of the card is not given back");
        }
    }
}

/// Floating-point operations a second of a product of large matrices: what nothing on the device is faster than.
///
/// In half precision, with a side of 8192, or on the processor in single precision, with a side of 1024; the median of
/// five products after one that warms up.
///
/// # Errors
/// When the device fails, or has no memory for the matrices.
pub(crate) fn matrix_rate(device: Device) -> Result<f64, EngineError> {
    let measure = || -> candle_core::Result<f64> {
        let (side, dtype) =
            if device == Device::Cpu { (1024, DType::F32) } else { (8192, DType::F16) };
        let device = open(device).map_err(candle_core::Error::wrap)?;
        let matrix = || Tensor::rand(-1.0_f32, 1.0, (side, side), &device)?.to_dtype(dtype);
        let (one, other) = (matrix()?, matrix()?);
        let mut times = Vec::new();
        for _ in 0..6 {
            device.synchronize()?;
            let begun = Instant::now();
            let product = one.matmul(&other)?;
            device.synchronize()?;
            drop(product);
            times.push(begun.elapsed().as_secs_f64());
        }
        times.remove(0);
        times.sort_unstable_by(f64::total_cmp);
        let side = side as f64;
        Ok(2.0 * side * side * side / times.get(2).copied().unwrap_or(f64::INFINITY))
    };
    measure().map_err(|err| EngineError::Failed(err.to_string()))
}
