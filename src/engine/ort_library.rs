//! Opens the ONNX Runtime library: once per process, and only a verified file.
//!
//! This is the one place of the program with `unsafe` code: a native library cannot be opened without.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::engine::EngineError;
use crate::registry::VerifiedFile;

struct Runtime {
    sha256: String,
    environment: Environment,
}

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// The process's ONNX Runtime, opened from `library` on the first call.
///
/// A second, different library is an error: two of them cannot live in one process.
pub(crate) fn environment(library: &VerifiedFile) -> Result<Environment, EngineError> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    match &*runtime {
        Some(loaded) if loaded.sha256 == library.sha256() => Ok(loaded.environment.clone()),
        Some(_) => Err(library_error("another one is already open in this process")),
        None => {
            let (api, version) = open(library)?;
            ort::set_api(api);
            let environment = ort::init()
                .with_name("fenwen")
                .with_telemetry(false)
                .with_logger(Arc::new(log))
                .build()
                .map_err(|err| library_error(err.message()))?;
            tracing::info!(version, "opened ONNX Runtime");
            let sha256 = library.sha256().to_owned();
            *runtime = Some(Runtime { sha256, environment: environment.clone() });
            Ok(environment)
        }
    }
}

fn library_error(reason: impl ToString) -> EngineError {
    EngineError::Library(reason.to_string())
}

/// Returns the library's table of functions, and its version.
#[expect(unsafe_code, reason = "opening a native library is unsafe by nature")]
fn open(library: &VerifiedFile) -> Result<(ort::sys::OrtApi, String), EngineError> {
    // SAFETY: opening a library runs its initialisers. Its SHA-256 was checked against the manifest, so it is the
    // published ONNX Runtime, whose initialisers are sound. It is leaked, so nothing from it can dangle.
    let library: &'static libloading::Library = Box::leak(Box::new(
        unsafe { libloading::Library::new(library.path()) }.map_err(library_error)?,
    ));
    // SAFETY: the published library exports this function with this type.
    let base = unsafe {
        library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")
    }
    .map_err(library_error)?;
    // SAFETY: the function takes nothing and returns null or a pointer to a static table.
    let base = unsafe { base().as_ref() }.ok_or_else(|| library_error("it has no interface"))?;
    // SAFETY: the function returns a static, null-terminated string.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    let version = version.to_string_lossy().into_owned();
    // SAFETY: the function returns null, or a static table with at least the functions of the version asked for,
    // which is the version that `OrtApi` was declared for.
    let api = unsafe { (base.GetApi)(ort::sys::ORT_API_VERSION).as_ref() };
    match api {
        // SAFETY: `OrtApi` is a table of function pointers: a copy is as good as the original.
        Some(api) => Ok((unsafe { std::ptr::read(api) }, version)),
        None => Err(library_error(format!("version {version} is too old"))),
    }
}

/// Hands the runtime's messages to our log. They name nodes and shapes, never contents.
fn log(level: LogLevel, _category: &str, _id: &str, _location: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => tracing::trace!(message, "ONNX Runtime"),
        LogLevel::Warning => tracing::debug!(message, "ONNX Runtime"),
        LogLevel::Error | LogLevel::Fatal => tracing::warn!(message, "ONNX Runtime"),
    }
}
