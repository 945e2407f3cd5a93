//! `fenwen eval …` and `fenwen train …` run sibling programs, so that their dependencies stay out of the server.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

/// Runs `program`, found beside this executable, and passes its exit code on.
pub(super) fn run(program: &str, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let path = beside(program)?;
    let status = Command::new(&path).args(arguments).status().with_context(|| {
        format!("無法執行 {};請先建置:cargo build --release --workspace", path.display())
    })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// Where a program of that name would be beside this one.
pub(super) fn beside(program: &str) -> anyhow::Result<PathBuf> {
    let exe = std::env::current_exe().context("找不到本程式的執行檔")?;
    Ok(exe.with_file_name(program))
}
