//! `isolation = "process"`: a model in a worker process, so that a native crash costs one batch and not the server.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::engine::frame::Frame;
use crate::engine::signature::Signature;
use crate::engine::worker::OpenRequest;
use crate::engine::{EngineError, TensorModel, Wanted};
use crate::tensor::{Tensor, View};

/// Pause before the second restart in a row; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How to start a worker and how long to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// Program.
    pub program: PathBuf,
    /// Arguments.
    pub args: Vec<String>,
    /// Longest time that opening the model or one run may take; then the worker is killed.
    pub limit: Duration,
}

impl WorkerCommand {
    /// This program's own hidden command `engine-worker`.
    pub fn this_program() -> io::Result<WorkerCommand> {
        Ok(WorkerCommand {
            program: std::env::current_exe()?,
            args: vec!["engine-worker".to_owned()],
            limit: Duration::from_secs(120),
        })
    }
}

/// A model in a worker process.
///
/// When the worker crashes or hangs, the run fails with [`EngineError::Crashed`]; the next run starts another worker,
/// after a growing pause if none has succeeded since.
pub struct ProcessModel {
    command: WorkerCommand,
    request: Vec<u8>,
    signature: Signature,
    worker: Option<Worker>,
    n_crashes: u32,
}

impl ProcessModel {
    /// Starts a worker and has it open the model.
    pub fn start(
        command: WorkerCommand,
        request: &OpenRequest,
    ) -> Result<ProcessModel, EngineError> {
        let request =
            serde_json::to_vec(request).map_err(|err| EngineError::Load(err.to_string()))?;
        let (worker, signature) = Worker::start(&command, &request)?;
        Ok(ProcessModel { command, request, signature, worker: Some(worker), n_crashes: 0 })
    }

    /// The worker, started again if it crashed. Blocks for the pause that is due.
    fn worker(&mut self) -> Result<&mut Worker, EngineError> {
        if self.worker.is_none() {
            if let Some(doublings) = self.n_crashes.checked_sub(2) {
                let pause = FIRST_PAUSE.saturating_mul(1_u32 << doublings.min(10));
                thread::park_timeout(pause.min(LONGEST_PAUSE));
            }
            let (worker, signature) = Worker::start(&self.command, &self.request)
                .inspect_err(|_| self.n_crashes = self.n_crashes.saturating_add(1))?;
            if signature != self.signature {
                return Err(EngineError::Load("the model has changed".to_owned()));
            }
            self.worker = Some(worker);
        }
        self.worker.as_mut().ok_or_else(|| EngineError::Crashed("no worker".to_owned()))
    }
}

impl TensorModel for ProcessModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run_while(
        &mut self,
        inputs: &[Tensor],
        _: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        self.signature.check(inputs)?;
        let inputs = Frame::Tensors(inputs.to_vec());
        let answer = self.worker()?.exchange(&inputs);
        match answer {
            Ok(Frame::Tensors(outputs)) => {
                self.n_crashes = 0;
                let views: Option<Vec<View<'_>>> = outputs.iter().map(Tensor::view).collect();
                visit(&views.ok_or_else(|| failed("an output is not a float tensor"))?);
                Ok(())
            }
            Ok(Frame::Failed(reason)) => {
                self.n_crashes = 0;
                Err(EngineError::Failed(reason))
            }
            Ok(Frame::Open(_) | Frame::Ready(_)) => Err(self.bury("it answered nonsense")),
            Err(err) => Err(self.bury(&err.to_string())),
        }
    }
}

fn failed(reason: &str) -> EngineError {
    EngineError::Failed(reason.to_owned())
}

impl ProcessModel {
    /// Gives up the worker and says how it ended.
    fn bury(&mut self, reason: &str) -> EngineError {
        self.n_crashes = self.n_crashes.saturating_add(1);
        match self.worker.take() {
            Some(worker) => worker.bury(reason),
            None => EngineError::Crashed(reason.to_owned()),
        }
    }
}

/// A running worker process; killed when dropped.
struct Worker {
    process: Child,
    connection: UnixStream,
}

impl Worker {
    fn start(command: &WorkerCommand, request: &[u8]) -> Result<(Worker, Signature), EngineError> {
        let launch = || {
            let (connection, theirs) = UnixStream::pair()?;
            connection.set_read_timeout(Some(command.limit))?;
            connection.set_write_timeout(Some(command.limit))?;
            let process = Command::new(&command.program)
                .args(&command.args)
                // Neither secrets nor settings of the server are the worker's business.
                .env_clear()
                .stdin(Stdio::from(OwnedFd::from(theirs)))
                .stdout(Stdio::null())
                .spawn()?;
            Ok(Worker { process, connection })
        };
        let mut worker = launch().map_err(|err: io::Error| {
            EngineError::Crashed(format!("the worker cannot be started: {err}"))
        })?;
        match worker.exchange(&Frame::Open(request.to_vec())) {
            Ok(Frame::Ready(json)) => match serde_json::from_slice(&json) {
                Ok(signature) => Ok((worker, signature)),
                Err(_) => Err(worker.bury("it answered nonsense")),
            },
            Ok(Frame::Failed(reason)) => Err(EngineError::Load(reason)),
            Ok(_) => Err(worker.bury("it answered nonsense")),
            Err(err) => Err(worker.bury(&err.to_string())),
        }
    }

    fn exchange(&mut self, message: &Frame) -> io::Result<Frame> {
        message.write(&mut self.connection)?;
        Frame::read(&mut self.connection)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Makes sure that the process has ended, and says how.
    fn bury(mut self, reason: &str) -> EngineError {
        // A crashed process closes its socket a little before it can be waited for, hence no look before the kill.
        let _ = self.process.kill();
        let status = self.process.wait();
        let ending = match status.ok().map(|it| (it.signal(), it.code())) {
            Some((Some(signal), _)) => format!("signal {signal}"),
            Some((None, Some(code))) => format!("exit status {code}"),
            _ => "unknown ending".to_owned(),
        };
        EngineError::Crashed(format!("{reason} ({ending})"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
