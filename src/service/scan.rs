//! Files are looked at by the house's virus scanner before anything of ours reads them: clamd's `INSTREAM`.
//!
//! Without a scanner in the settings nothing is looked at. What the scanner found is never logged with the file.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::base::{ErrorCode, Private};
use crate::store::blobs::BlobReader;
use crate::task::call::CallError;

/// Bytes that are handed over at once; clamd takes any number below its `StreamMaxLength`.
const CHUNK: usize = 1 << 16;
/// Longest answer.
const MAX_ANSWER: u64 = 1024;

/// Where the scanner listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clamd {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A host and a port, on a network that nobody else reads: the protocol has no encryption.
    Tcp(String),
}

/// What becomes of a file while the scanner is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// It is refused: production.
    Refuse,
    /// It is let through, and that is logged: demonstrations.
    Pass,
}

/// The scanner of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner {
    /// Where it listens; none where files are not looked at.
    pub clamd: Option<Clamd>,
    /// While it is away.
    pub when_away: WhenAway,
    /// For one file.
    pub time: Duration,
}

impl Scanner {
    /// Nothing is looked at.
    pub fn off() -> Scanner {
        Scanner { clamd: None, when_away: WhenAway::Pass, time: Duration::ZERO }
    }

    /// Has a file looked at.
    ///
    /// # Errors
    /// [`ErrorCode::Infected`] with a remedy; [`ErrorCode::Unavailable`] while the scanner is away, where that counts.
    pub async fn check(&self, file: &Private<Vec<u8>>) -> Result<(), CallError> {
        self.look_at(Content::File(file)).await
    }

    /// Has an upload looked at, part by part.
    ///
    /// # Errors
    /// As of [`Scanner::check`]; a file of ours that fails counts as a scanner that is away.
    pub async fn check_upload(&self, upload: BlobReader) -> Result<(), CallError> {
        self.look_at(Content::Upload(Box::new(upload))).await
    }

    /// Whether anything is looked at.
    pub fn is_on(&self) -> bool {
        self.clamd.is_some()
    }

    async fn look_at(&self, content: Content<'_>) -> Result<(), CallError> {
        let Some(clamd) = &self.clamd else { return Ok(()) };
        let asked = tokio::time::timeout(self.time, ask(clamd, content)).await;
        let found = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match (found, self.when_away) {
            (Ok(Verdict::Clean), _) => Ok(()),
            (Ok(Verdict::Infected), _) => {
                metrics::counter!("fenwen_scans_total", "result" => "infected").increment(1);
                tracing::warn!("the virus scanner refused a file");
                let message = "檔案含有惡意程式,未予處理;請以防毒軟體檢查來源電腦後重新取得檔案。";
                Err(CallError::new(ErrorCode::Infected, message))
            }
            (Ok(Verdict::Unread) | Err(_), WhenAway::Pass) => {
                metrics::counter!("fenwen_scans_total", "result" => "away").increment(1);
                tracing::warn!("a file was not scanned: clamd does not answer (scan.clamd)");
                Ok(())
            }
            (Ok(Verdict::Unread) | Err(_), WhenAway::Refuse) => {
                metrics::counter!("fenwen_scans_total", "result" => "away").increment(1);
                tracing::error!("a file was refused: clamd does not answer (scan.clamd)");
                let message = "防毒掃描暫時無法使用,檔案未予處理,請稍後再試。";
                let wait = Duration::from_secs(30);
                Err(CallError::new(ErrorCode::Unavailable, message).retry_after(wait))
            }
        }
    }
}

/// What the scanner said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Clean,
    Infected,
    /// It did not look at all of it: larger than its `StreamMaxLength`, say.
    Unread,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What is looked at.
enum Content<'a> {
    File(&'a Private<Vec<u8>>),
    Upload(Box<BlobReader>),
}

impl Content<'_> {
    async fn send(self, stream: &mut dyn Stream) -> io::Result<()> {
        match self {
            Content::File(file) => send(stream, file.expose()).await,
            Content::Upload(mut upload) => {
                while let Some(part) = upload.next().await.map_err(io::Error::other)? {
                    send(stream, part.expose()).await?;
                }
                Ok(())
            }
        }
    }
}

async fn ask(clamd: &Clamd, content: Content<'_>) -> io::Result<Verdict> {
    let mut stream: Box<dyn Stream> = match clamd {
        Clamd::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Clamd::Tcp(address) => Box::new(TcpStream::connect(address).await?),
    };
    stream.write_all(b"zINSTREAM\0").await?;
    // A scanner that has seen enough answers and closes before the end: its answer counts, not our failure to go on.
    let sent = match content.send(&mut *stream).await {
        Ok(()) => stream.write_all(&[0; 4]).await,
        Err(error) => Err(error),
    };
    let mut answer = Vec::new();
    let read = (&mut stream).take(MAX_ANSWER).read_to_end(&mut answer).await;
    match verdict(&answer) {
        Verdict::Unread => sent.and(read).map(|_| Verdict::Unread),
        found => Ok(found),
    }
}

/// Bytes in chunks, each behind its length.
async fn send(stream: &mut dyn Stream, bytes: &[u8]) -> io::Result<()> {
    for chunk in bytes.chunks(CHUNK) {
        let length = u32::try_from(chunk.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(chunk).await?;
    }
    Ok(())
}

/// `stream: OK`, `stream: <name> FOUND`, or why it was not read.
fn verdict(answer: &[u8]) -> Verdict {
    match answer.trim_ascii_end().strip_suffix(b"\0").unwrap_or(answer) {
        b"stream: OK" => Verdict::Clean,
        it if it.starts_with(b"stream: ") && it.ends_with(b" FOUND") => Verdict::Infected,
        _ => Verdict::Unread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_exactly() {
        let check = |answer: &[u8], expected| assert_eq!(verdict(answer), expected);
        check(b"stream: OK\0", Verdict::Clean);
        check(b"stream: Eicar-Test-Signature FOUND\0", Verdict::Infected);
        check(b"INSTREAM size limit exceeded. ERROR\0", Verdict::Unread);
        check(b"stream: OK but", Verdict::Unread);
        check(b"", Verdict::Unread);
    }
}
