//! Reading in a process of its own, with little time and memory: a hostile file costs that process and nothing else.
//!
//! The request travels over a socket that the worker has as standard input: limits as one line of JSON, then the file.
//! The answer is JSON. Neither side logs anything of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Pdf, PdfError, PdfLimits};

/// Address space of the worker: four times what the largest accepted real files take.
const MAX_MEMORY: u64 = 1 << 30;
/// Processor seconds of the worker, should nobody be left to kill it.
const MAX_SECONDS: u64 = 20;
/// Most bytes of an answer for each character allowed: four of UTF-8, or escaped.
const ANSWER_PER_CHAR: usize = 6;

/// How to start the process that reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdfWorker {
    /// Program.
    pub program: PathBuf,
    /// Arguments with which it calls [`serve`].
    pub args: Vec<String>,
    /// Longest time that one file may take; then the process is killed.
    pub limit: Duration,
}

impl PdfWorker {
    /// This program with these arguments, 5 seconds a file.
    pub fn this_program(args: &[&str]) -> io::Result<PdfWorker> {
        Ok(PdfWorker {
            program: std::env::current_exe()?,
            args: args.iter().map(|it| (*it).to_owned()).collect(),
            limit: Duration::from_secs(5),
        })
    }

    /// Reads one file as [`super::read`] does. Blocks.
    pub fn read(&self, bytes: &[u8], limits: &PdfLimits) -> Result<Pdf, PdfError> {
        let (mut worker, mut connection) = self.start().map_err(|_| PdfError::Worker)?;
        // A worker that died while it was sent the file has closed the socket; reading tells.
        let _ = send(&mut connection, bytes, limits);
        let max = limits.max_chars.saturating_mul(ANSWER_PER_CHAR).saturating_add(1 << 20);
        let mut answer = Vec::new();
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        let received = connection.take(max).read_to_end(&mut answer);
        worker.end();
        // No answer: out of time, out of memory, or dead of a full stack.
        received
            .ok()
            .and_then(|_| serde_json::from_slice(&answer).ok())
            .unwrap_or(Err(PdfError::TooCostly))
    }

    fn start(&self) -> io::Result<(Running, UnixStream)> {
        let (connection, theirs) = UnixStream::pair()?;
        connection.set_read_timeout(Some(self.limit))?;
        connection.set_write_timeout(Some(self.limit))?;
        let process = Command::new(&self.program)
            .args(&self.args)
            // Neither secrets nor settings of the caller are the worker's business.
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok((Running(process), connection))
    }
}

fn send(connection: &mut UnixStream, bytes: &[u8], limits: &PdfLimits) -> io::Result<()> {
    let mut head = serde_json::to_vec(limits)?;
    head.push(b'\n');
    connection.write_all(&head)?;
    connection.write_all(bytes)?;
    connection.shutdown(Shutdown::Write)
}

/// A worker; killed when dropped.
struct Running(Child);

impl Running {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The worker's side: limits itself, reads one file from the socket that is standard input, answers there.
///
/// `read` is [`super::read`], but for tests.
pub fn serve(read: impl FnOnce(&[u8], &PdfLimits) -> Result<Pdf, PdfError>) -> io::Result<()> {
    let limit = |resource, value| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
    };
    limit(Resource::As, MAX_MEMORY)?;
    limit(Resource::Cpu, MAX_SECONDS)?;
    limit(Resource::Core, 0)?;
    let mut connection = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut head = Vec::new();
    reader.by_ref().take(4096).read_until(b'\n', &mut head)?;
    let limits: PdfLimits = serde_json::from_slice(&head)?;
    let mut bytes = Vec::new();
    let max = u64::try_from(limits.max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(max).read_to_end(&mut bytes)?;
    connection.write_all(&serde_json::to_vec(&read(&bytes, &limits))?)
}
