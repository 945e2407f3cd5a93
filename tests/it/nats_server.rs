//! A NATS server of the test's own: on a free loopback port, with its store in a private folder, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server.
pub(crate) struct NatsServer {
    child: Child,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl NatsServer {
    pub(crate) fn start() -> NatsServer {
        NatsServer::with(&[])
    }

    /// With more arguments.
    pub(crate) fn with(arguments: &[&str]) -> NatsServer {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        let (child, port) = run(folder.path(), -1, &arguments);
        NatsServer { child, port, folder, arguments }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it listens, by a name of this machine and encrypted.
    #[cfg(all(feature = "jwt", feature = "tls"))]
    pub(crate) fn encrypted_url(&self, host: &str) -> String {
        format!("tls://{host}:{}", self.port)
    }

    /// Ends as with `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts again after [`NatsServer::kill`], with the same store, on the same port.
    pub(crate) fn start_again(&mut self) {
        let (child, port) = run(self.folder.path(), i32::from(self.port), &self.arguments);
        assert_eq!(port, self.port);
        self.child = child;
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the program and waits until it says that it is ready. Port -1 is any free one.
#[expect(clippy::panic, reason = "a test without its server has failed")]
fn run(folder: &Path, port: i32, arguments: &[String]) -> (Child, u16) {
    let program = program();
    let mut child = Command::new(&program)
        .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir"])
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|err| panic!("{}: {err}; run `make servers` first", program.display()));
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut found = None;
    let is_ready = loop {
        let Some(Ok(line)) = lines.next() else { break false };
        if let Some((_, address)) = line.split_once("client connections on ") {
            found = address.rsplit(':').next().and_then(|it| it.parse().ok());
        }
        if line.contains("Server is ready") {
            break true;
        }
    };
    assert!(is_ready, "the NATS server ended before it was ready");
    // Its log is read on, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (child, found.unwrap())
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/nats-server")
}
