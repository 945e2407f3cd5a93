//! What the driver tells of a card, as `nvidia-smi` shows it, for the metrics.

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

/// Sets the gauges of the card of this number.
///
/// The driver numbers all cards of the machine, CUDA those that `CUDA_VISIBLE_DEVICES` leaves: with it the numbers may
/// differ.
pub(super) fn report(number: u16) -> Result<(), NvmlError> {
    let nvml = Nvml::init()?;
    let card = nvml.device_by_index(u32::from(number))?;
    let memory = card.memory_info()?;
    let device = format!("cuda:{number}");
    let set = |name: &'static str, value: f64| {
        metrics::gauge!(name, "device" => device.clone()).set(value);
    };
    set("fenwen_gpu_memory_used_bytes", memory.used as f64);
    set("fenwen_gpu_memory_bytes", memory.total as f64);
    set("fenwen_gpu_busy_ratio", f64::from(card.utilization_rates()?.gpu) / 100.0);
    set("fenwen_gpu_celsius", f64::from(card.temperature(TemperatureSensor::Gpu)?));
    set("fenwen_gpu_watts", f64::from(card.power_usage()?) / 1000.0);
    Ok(())
}
