//! Where a model computes, and how the cores are divided among its copies.

use std::fmt;
use std::str::FromStr;

use crate::engine::EngineError;

/// A device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The CUDA device of that number.
    Cuda(u16),
}

impl FromStr for Device {
    type Err = EngineError;

    /// Parses `cpu` or `cuda:N`.
    fn from_str(text: &str) -> Result<Device, EngineError> {
        let unknown = || {
            let expected = "expected `auto`, `cpu` or `cuda:N`";
            EngineError::Unsupported(format!("there is no device `{text}`: {expected}"))
        };
        match text.split_once(':') {
            None if text == "cpu" => Ok(Device::Cpu),
            Some(("cuda", number)) if number.bytes().all(|it| it.is_ascii_digit()) => {
                Ok(Device::Cuda(number.parse().map_err(|_| unknown())?))
            }
            _ => Err(unknown()),
        }
    }
}

/// The device that a setting names: `auto` is the first CUDA device where one answers, else the processor.
///
/// # Errors
/// When the text names no device, or one that this build cannot use or that does not answer.
pub fn choose(text: &str) -> Result<Device, EngineError> {
    if text != "auto" {
        let device = text.parse()?;
        return check(device).map(|()| device);
    }
    let first = Device::Cuda(0);
    if !cfg!(feature = "cuda") {
        return Ok(Device::Cpu);
    }
    match check(first) {
        Ok(()) => Ok(first),
        Err(reason) => {
            tracing::warn!(%reason, "no CUDA device: the processor computes");
            Ok(Device::Cpu)
        }
    }
}

/// Sets the gauges of a device: memory, load, temperature and power of a card. The processor has none.
pub fn report(device: Device) {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(number) = device
        && let Err(reason) = super::nvml::report(number)
    {
        static TOLD: std::sync::Once = std::sync::Once::new();
        TOLD.call_once(|| {
            tracing::warn!(%reason, %device, "the driver tells nothing of the card: no metrics of it");
        });
    }
    #[cfg(not(feature = "cuda"))]
    let (Device::Cpu | Device::Cuda(_)) = device;
}

/// Whether the device answers.
fn check(device: Device) -> Result<(), EngineError> {
    #[cfg(feature = "candle")]
    return super::candle::open_device(device).map(drop);
    #[cfg(not(feature = "candle"))]
    match device {
        Device::Cpu => Ok(()),
        Device::Cuda(_) => {
            let reason = format!("this program was built without `{device}` (gpu/README.md)");
            Err(EngineError::Unsupported(reason))
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// How many copies of a model run at a time, and with how many threads each. Neither is 0.
///
/// On a processor `sessions × threads` never exceeds the cores: two threads fighting for one core cost more than
/// either of them waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Copies of the model, each on its own thread.
    pub sessions: usize,
    /// Threads of one copy.
    pub threads: usize,
}

impl Placement {
    /// Divides `cores` among at most `max_sessions` copies.
    pub fn divide(cores: usize, max_sessions: usize) -> Placement {
        let cores = cores.max(1);
        let sessions = cores.min(max_sessions.max(1));
        Placement { sessions, threads: cores / sessions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_parsed_or_refused() {
        #[track_caller]
        fn check(text: &str, expected: Option<Device>) {
            assert_eq!(text.parse::<Device>().ok(), expected, "{text}");
        }
        check("cpu", Some(Device::Cpu));
        check("cuda:0", Some(Device::Cuda(0)));
        check("cuda:7", Some(Device::Cuda(7)));
        check("cuda", None);
        check("cuda:", None);
        check("cuda:+1", None);
        check("cuda:65536", None);
        check("CPU", None);
        check("", None);
    }

    #[test]
    fn a_setting_names_a_device_that_is_there() {
        assert_eq!(choose("cpu"), Ok(Device::Cpu));
        assert!(matches!(choose("gpu"), Err(EngineError::Unsupported(_))));
        if !cfg!(feature = "cuda") {
            assert_eq!(choose("auto"), Ok(Device::Cpu));
            let refused = choose("cuda:0").unwrap_err().to_string();
            assert!(refused.contains("gpu/README.md"), "{refused}");
        }
    }

    #[test]
    fn cores_are_divided_without_rest_threads() {
        #[track_caller]
        fn check(cores: usize, max_sessions: usize, sessions: usize, threads: usize) {
            assert_eq!(Placement::divide(cores, max_sessions), Placement { sessions, threads });
        }
        check(1, 4, 1, 1);
        check(2, 4, 2, 1);
        check(8, 4, 4, 2);
        check(7, 4, 4, 1);
        check(16, 2, 2, 8);
        check(0, 0, 1, 1);
    }
}
