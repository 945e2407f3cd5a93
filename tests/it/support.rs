//! What several areas need: the real models, from the store that `fenwen models pull` fills, and servers in processes
//! of their own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use fenwen::config::{Config, Overrides};
use fenwen::registry::VerifiedFile;

/// SHA-256 of the sentence encoder's weights.
#[cfg(feature = "candle")]
pub(crate) const ENCODER: &str = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9";
/// SHA-256 of its tokenizer.
#[cfg(feature = "candle")]
pub(crate) const TOKENIZER: &str =
    "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9";
/// SHA-256 of the text detector.
pub(crate) const DETECTOR: &str =
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f";
/// SHA-256 of the text recogniser.
pub(crate) const RECOGNISER: &str =
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884";
/// SHA-256 of the classifier that tells upright lines from others.
#[cfg(feature = "candle")]
pub(crate) const CLASSIFIER: &str =
    "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c";
/// SHA-256 of the finder of faces.
#[cfg(feature = "candle")]
pub(crate) const FACE_FINDER: &str =
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4";
/// SHA-256 of Whisper base.
#[cfg(all(feature = "candle", feature = "whisper"))]
pub(crate) const WHISPER_BASE: &str =
    "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9";
/// SHA-256 of ONNX Runtime for this platform.
pub(crate) const ONNX_RUNTIME: &str =
    "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3";

/// A pulled file, by its hash. Without it the test fails and says what to do.
#[expect(clippy::panic, reason = "a test without its model has failed")]
pub(crate) fn pulled(sha256: &str) -> VerifiedFile {
    let store = Config::read(&Overrides::default()).unwrap().model_store();
    VerifiedFile::check(&store.join(sha256), sha256)
        .unwrap_or_else(|err| panic!("{err}; run `fenwen models pull` first"))
}

/// A server on a free port, in a process of its own; it ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// One over the data below a folder, once it says where it listens.
    pub(crate) fn start(data: &Path) -> Server {
        Server::of(&mut Command::new(env!("CARGO_BIN_EXE_fenwen")), data)
    }

    /// The same by a command that runs what its arguments say.
    pub(crate) fn of(command: &mut Command, data: &Path) -> Server {
        Server::with(command, &[], data)
    }

    /// The same with more options.
    pub(crate) fn with(command: &mut Command, options: &[&str], data: &Path) -> Server {
        let mut child = command
            .args(["serve", "--profile", "demo", "--listen", "127.0.0.1:0"])
            .args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0", "--data-dir"])
            .arg(data)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.map(|it| it.unwrap()).find(|it| it.contains("http://")).unwrap();
        let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
        Server { child, addr: address.parse().unwrap() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends in order; what it has logged.
    pub(crate) fn stop(self) -> String {
        let (status, log) = self.killed(rustix::process::Signal::TERM);
        assert!(status.success(), "{log}");
        log
    }

    /// How it ends by a signal, and what it has logged.
    pub(crate) fn killed(mut self, signal: rustix::process::Signal) -> (ExitStatus, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
