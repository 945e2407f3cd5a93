//! The worker process's side of `isolation = "process"`: opens one model and runs it until the server closes.
//!
//! The messages travel over a socket that the server hands over as standard input, so whatever a native library
//! prints cannot damage them. When the server ends, for whatever reason, the socket closes and the worker ends too.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::engine::frame::Frame;
use crate::engine::{EngineError, Isolation, OpenOptions, Scratch, TensorModel, open};
use crate::registry::VerifiedFile;
use crate::tensor::Tensor;

/// What the server asks a worker to open. The worker checks the hashes itself.
#[derive(serde::Deserialize, serde::Serialize)]
pub struct OpenRequest {
    file: (PathBuf, String),
    library: Option<(PathBuf, String)>,
    engine: String,
    device: String,
    threads: usize,
    keeps_scratch: bool,
}

impl OpenRequest {
    /// The request for this model and these options.
    pub fn new(file: &VerifiedFile, options: &OpenOptions) -> OpenRequest {
        let parts = |it: &VerifiedFile| (it.path().to_owned(), it.sha256().to_owned());
        OpenRequest {
            file: parts(file),
            library: options.ort_library.as_ref().map(parts),
            engine: options.engine.as_str().to_owned(),
            device: options.device.to_string(),
            threads: options.threads,
            keeps_scratch: options.scratch == Scratch::Keep,
        }
    }

    /// Opens the model in this process.
    pub fn open(&self) -> Result<Box<dyn TensorModel>, EngineError> {
        let verify = |(path, sha256): &(PathBuf, String)| verify(path, sha256);
        let options = OpenOptions {
            engine: self.engine.parse()?,
            device: self.device.parse()?,
            threads: self.threads,
            ort_library: self.library.as_ref().map(verify).transpose()?,
            isolation: Isolation::None,
            scratch: if self.keeps_scratch { Scratch::Keep } else { Scratch::Return },
        };
        open(&verify(&self.file)?, &options)
    }
}

fn verify(path: &Path, sha256: &str) -> Result<VerifiedFile, EngineError> {
    VerifiedFile::check(path, sha256).map_err(|err| EngineError::Load(err.to_string()))
}

/// The hidden command `engine-worker`: serves the socket that is this process's standard input.
pub fn run() -> io::Result<()> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    serve(UnixStream::from(socket), OpenRequest::open)
}

/// Serves one connection: a request to open, then runs, until the other side closes.
pub fn serve(
    mut connection: impl Read + Write,
    open: impl FnOnce(&OpenRequest) -> Result<Box<dyn TensorModel>, EngineError>,
) -> io::Result<()> {
    let Some(Frame::Open(json)) = Frame::read(&mut connection)? else { return Ok(()) };
    let request: OpenRequest = serde_json::from_slice(&json)?;
    let mut model = match open(&request) {
        Ok(model) => model,
        Err(err) => return Frame::Failed(describe(&err)).write(&mut connection),
    };
    Frame::Ready(serde_json::to_vec(model.signature())?).write(&mut connection)?;
    while let Some(frame) = Frame::read(&mut connection)? {
        match frame {
            Frame::Tensors(inputs) => run_once(model.as_mut(), &inputs, &mut connection)?,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

fn run_once(
    model: &mut dyn TensorModel,
    inputs: &[Tensor],
    connection: &mut impl Write,
) -> io::Result<()> {
    let mut written = Ok(());
    let result = model.run(inputs, &mut |views| written = Frame::write_views(views, connection));
    match result {
        Ok(()) => written,
        Err(err) => Frame::Failed(describe(&err)).write(connection),
    }
}

/// The error with its causes, on one line: only text can travel.
fn describe(err: &EngineError) -> String {
    let mut text = err.to_string();
    let mut source = std::error::Error::source(err);
    while let Some(err) = source {
        text = format!("{text}: {err}");
        source = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_when_the_server_is_gone() {
        let (server, worker) = UnixStream::pair().unwrap();
        drop(server);
        assert!(serve(worker, OpenRequest::open).is_ok());
    }

    #[test]
    fn says_why_it_cannot_open() {
        let (mut server, worker) = UnixStream::pair().unwrap();
        let request = r#"{"file":["gone",""],"engine":"ort","device":"cpu","threads":1,"keeps_scratch":true}"#;
        Frame::Open(request.into()).write(&mut server).unwrap();
        serve(worker, OpenRequest::open).unwrap();
        let Some(Frame::Failed(reason)) = Frame::read(&mut server).unwrap() else { panic!() };
        assert!(reason.contains("gone"), "{reason}");
    }
}
