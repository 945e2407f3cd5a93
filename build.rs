//! Compiles the kernels of feature `cuda` with NVIDIA's compiler (gpu/toolkit); does nothing without it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const KERNELS: &str = "src/engine/candle/kernels.cu";

fn main() -> Result<(), String> {
    println!("cargo:rerun-if-changed={KERNELS}");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    for name in ["CUDA_COMPUTE_CAP", "CUDA_HOME", "NVCC"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let compiler = env::var_os("NVCC").map_or_else(|| PathBuf::from("nvcc"), PathBuf::from);
    let generation = env::var_os("CUDA_COMPUTE_CAP").and_then(|it| it.into_string().ok());
    let generation = generation.unwrap_or_else(|| "90".to_owned());
    let out = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("kernels.ptx");
    let status = Command::new(&compiler)
        .args(["-ptx", "-O3", &format!("-arch=compute_{generation}"), "-o"])
        .arg(&out)
        .arg(KERNELS)
        .status();
    let compiler = compiler.display();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{compiler} failed on {KERNELS}: {status}")),
        Err(error) => Err(format!(
            "{compiler} does not start ({error}): build with `make cuda`, which fetches NVIDIA's compiler"
        )),
    }
}
