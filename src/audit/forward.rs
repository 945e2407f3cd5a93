//! Rows and checkpoints on their way to another system: in order, at least once, from where a cursor says.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::base::Clock;

use super::files::{self, CHECKPOINTS};
use super::line::Line;
use super::row::Outcome;
use super::{AuditError, AuditEvent, Recorder, Row, Word};

/// Bytes that are sent at one time.
const BATCH_BYTES: u64 = 256 << 10;
/// How often the log is looked at when nothing is left to send.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a failure.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// How often a failure that lasts is told again.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// A line for a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Unique for the line: the same again is the same line.
    pub id: String,
    /// `audit.row` or `audit.checkpoint`.
    pub kind: &'static str,
    /// The chain.
    pub chain: String,
    /// Canonical JSON.
    pub line: String,
}

/// Why a receiver did not take what it was sent.
#[derive(Debug, thiserror::Error)]
#[error("the receiver of the audit log failed")]
pub struct ForwardError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// A receiver of the log.
pub trait Forward: Send + Sync {
    /// Names it, for its cursor and for operators: letters and hyphens.
    fn name(&self) -> &'static str;

    /// Hands lines over, in order. When this succeeds, the receiver has them all.
    ///
    /// # Errors
    /// When it is not known that the receiver has them: they come again.
    fn send(&self, lines: Vec<Forwarded>) -> BoxFuture<'_, Result<(), ForwardError>>;
}

/// How far a receiver is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// First row of the segment.
    segment: u64,
    /// Bytes of it that were sent.
    offset: u64,
    /// Bytes of the checkpoints that were sent.
    checkpoints: u64,
}

/// A cursor cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The log or the cursor cannot be read or written.
    #[error("failed to read what is to be forwarded")]
    Files(#[from] AuditError),
    /// The receiver failed.
    #[error("failed to forward")]
    Receiver(#[from] ForwardError),
}

/// Sends the log of this process to a receiver.
pub struct Pump {
    recorder: Arc<Recorder>,
    receiver: Arc<dyn Forward>,
    clock: Arc<dyn Clock>,
    chain: String,
    folder: PathBuf,
}

impl Pump {
    /// From where this receiver was left.
    pub fn new(recorder: Arc<Recorder>, receiver: Arc<dyn Forward>, clock: Arc<dyn Clock>) -> Pump {
        let (chain, folder) = recorder.chain();
        let chain = chain.to_owned();
        Pump { recorder, receiver, clock, chain, folder }
    }

    /// Sends until told to stop, then what is left, once.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut failed_at = None;
        loop {
            let is_last = *stopped.borrow();
            let pause = match self.round().await {
                Ok(0) if failed_at.take().is_some() => {
                    self.tell(AuditEvent::ForwardRestored, Outcome::Success);
                    LOOK_EVERY
                }
                Ok(0) => LOOK_EVERY,
                Ok(_) => continue,
                Err(error) => {
                    let now = self.clock.now();
                    let is_soon = |it| now.saturating_duration_since(it) < TELL_EVERY;
                    if failed_at.is_none() {
                        self.tell(AuditEvent::ForwardFailed, Outcome::Failed);
                    }
                    if !failed_at.is_some_and(is_soon) {
                        failed_at = Some(now);
                        let reason = reasons(&error);
                        let receiver = self.receiver.name();
                        tracing::error!(receiver, reason, "the audit log is not forwarded");
                    }
                    RETRY_EVERY
                }
            };
            if is_last {
                return;
            }
            tokio::select! {
                () = self.clock.wait(pause) => (),
                // An error means that nobody is left who could say so.
                _ = stopped.changed() => (),
            }
        }
    }

    fn tell(&self, event: AuditEvent, outcome: Outcome) {
        let mut row = Row::of_service(event, "forward");
        row.object = Word::new(self.receiver.name());
        row.outcome = Some(outcome);
        // The next round sends it; nobody waits for it here.
        drop(self.recorder.append(row));
    }

    /// Sends what fits into a batch. Tells how many lines.
    ///
    /// # Errors
    /// When the log or the cursor cannot be read, or the receiver fails: nothing is lost by calling again.
    pub async fn round(&self) -> Result<usize, CursorError> {
        let mut cursor = self.cursor()?;
        let mut lines = self.rows(&mut cursor)?;
        lines.extend(self.checkpoints(&mut cursor)?);
        let n = lines.len();
        if n == 0 {
            return Ok(0);
        }
        self.receiver.send(lines).await?;
        self.keep(cursor)?;
        Ok(n)
    }

    /// Rows behind the cursor that are on the disk, and moves the cursor.
    fn rows(&self, cursor: &mut Cursor) -> Result<Vec<Forwarded>, AuditError> {
        let last = self.recorder.last();
        let segments = files::segments(&self.folder)?;
        for segment in segments {
            if segment.first < cursor.segment {
                continue;
            }
            if cursor.segment < segment.first {
                (cursor.segment, cursor.offset) = (segment.first, 0);
            }
            let bytes = read_lines(&segment.path, cursor.offset)?;
            let mut found = Vec::new();
            for text in bytes.split_inclusive(|&it| it == b'\n') {
                let line = text.strip_suffix(b"\n").and_then(Line::parse);
                if line.is_some_and(|it| last < it.seq) {
                    break;
                }
                cursor.offset += text.len() as u64;
                let seq =
                    line.map_or_else(|| format!("?{}", cursor.offset), |it| it.seq.to_string());
                found.push(self.forwarded("audit.row", &seq, text));
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    fn checkpoints(&self, cursor: &mut Cursor) -> Result<Vec<Forwarded>, AuditError> {
        let bytes = read_lines(&self.folder.join(CHECKPOINTS), cursor.checkpoints)?;
        cursor.checkpoints += bytes.len() as u64;
        let lines = bytes.split_inclusive(|&it| it == b'\n').enumerate();
        let from = cursor.checkpoints;
        let of = |(idx, text): (usize, &[u8])| {
            self.forwarded("audit.checkpoint", &format!("checkpoint-{from}-{idx}"), text)
        };
        Ok(lines.map(of).collect())
    }

    fn forwarded(&self, kind: &'static str, id: &str, text: &[u8]) -> Forwarded {
        let line = String::from_utf8_lossy(text).trim_end().to_owned();
        let id = format!("{}-{id}", self.chain);
        Forwarded { id, kind, chain: self.chain.clone(), line }
    }

    fn cursor_path(&self) -> PathBuf {
        self.folder.join(format!("forward-{}.json", self.receiver.name()))
    }

    fn cursor(&self) -> Result<Cursor, AuditError> {
        let path = self.cursor_path();
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|_| AuditError::Damaged { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Cursor::default()),
            Err(source) => Err(AuditError::File { action: "read", path, source }),
        }
    }

    fn keep(&self, cursor: Cursor) -> Result<(), AuditError> {
        let path = self.cursor_path();
        let draft = path.with_extension("new");
        let write = || {
            let mut file = files::appending(&draft)?;
            file.set_len(0)?;
            // Nothing in this type fails to be written.
            file.write_all(&serde_json::to_vec(&cursor).unwrap_or_default())?;
            file.sync_data()?;
            fs::rename(&draft, &path)
        };
        write().map_err(AuditError::file("write", &path))
    }
}

/// Whole lines from `offset` on, of about a batch; no file, no lines.
fn read_lines(path: &Path, offset: u64) -> Result<Vec<u8>, AuditError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(BATCH_BYTES).read_to_end(&mut bytes)?;
        bytes.truncate(bytes.iter().rposition(|&it| it == b'\n').map_or(0, |it| it + 1));
        Ok(bytes)
    };
    read().map_err(AuditError::file("read", path))
}

fn reasons(error: &CursorError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
