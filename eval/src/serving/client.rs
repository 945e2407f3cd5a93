//! The least of an HTTP/1.1 client: one request at a time over one connection, so that the load costs little.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer's header.
const MAX_HEADER: usize = 64 << 10;

/// Whom to ask what.
#[derive(clap::Args)]
pub(super) struct RequestArgs {
    /// Address of the server.
    #[arg(long)]
    address: SocketAddr,
    /// Path of the request.
    #[arg(long)]
    path: String,
    /// File of the JSON body, on one line; of several lines, each is a body and they are asked in turn.
    #[arg(long)]
    body: PathBuf,
    /// More header fields, `name: value`.
    #[arg(long = "header", value_name = "FIELD")]
    headers: Vec<String>,
}

/// A request, as it goes over the wire.
pub(super) struct Request {
    address: SocketAddr,
    bytes: Vec<u8>,
}

impl RequestArgs {
    /// The only one.
    pub(super) fn request(&self) -> Result<Request> {
        let mut requests = self.requests()?;
        let first = requests.pop().context("the body is empty")?;
        ensure!(requests.is_empty(), "{} has more than one body", self.body.display());
        Ok(first)
    }

    /// One for each body.
    pub(super) fn requests(&self) -> Result<Vec<Request>> {
        let bodies = fs::read_to_string(&self.body)
            .with_context(|| format!("failed to read {}", self.body.display()))?;
        Ok(bodies.lines().map(|it| self.with_body(it)).collect())
    }

    fn with_body(&self, body: &str) -> Request {
        let mut head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            self.path,
            self.address,
            body.len()
        );
        for field in &self.headers {
            head.push_str(field);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        Request { address: self.address, bytes: (head + body).into_bytes() }
    }
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Status of the answer.
    pub(super) status: u16,
    /// Whether it says when to come again.
    pub(super) has_retry_after: bool,
}

/// A connection.
pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(request: &Request) -> Result<Connection> {
        let stream = TcpStream::connect(request.address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, read: Vec::with_capacity(4096) })
    }

    pub(super) async fn send(&mut self, request: &Request) -> Result<()> {
        Ok(self.stream.write_all(&request.bytes).await?)
    }

    /// Reads an answer to its end.
    pub(super) async fn answer(&mut self) -> Result<Answer> {
        self.read.clear();
        let header_len = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            if MAX_HEADER < self.read.len() || self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the connection ended before the answer");
            }
        };
        let header = Header::parse(&self.read[..header_len])?;
        let ending = match header.body {
            Body::Length(length) => return self.rest(header_len + length, header.answer).await,
            Body::Chunked => b"0\r\n\r\n",
        };
        while !self.read[header_len..].ends_with(ending) {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the connection ended within the answer");
            }
        }
        Ok(header.answer)
    }

    async fn rest(&mut self, length: usize, answer: Answer) -> Result<Answer> {
        while self.read.len() < length {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the connection ended within the answer");
            }
        }
        Ok(answer)
    }
}

/// How long a body is.
#[derive(Debug, PartialEq, Eq)]
enum Body {
    Length(usize),
    Chunked,
}

#[derive(Debug, PartialEq, Eq)]
struct Header {
    answer: Answer,
    body: Body,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Header> {
        let text = std::str::from_utf8(bytes).context("the header is no text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|it| it.split(' ').nth(1)?.parse().ok());
        let status = status.context("the answer has no status")?;
        let mut header =
            Header { answer: Answer { status, has_retry_after: false }, body: Body::Length(0) };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                header.body = Body::Length(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                header.body = Body::Chunked;
            } else if name.eq_ignore_ascii_case("retry-after") {
                header.answer.has_retry_after = true;
            }
        }
        Ok(header)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, status: u16, has_retry_after: bool, body: Body) {
        let header = Header::parse(text.as_bytes()).unwrap();
        assert_eq!(header, Header { answer: Answer { status, has_retry_after }, body }, "{text}");
    }

    #[test]
    fn headers_tell_the_status_and_the_length() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", 200, false, Body::Length(12));
        check("HTTP/1.1 204 No Content\r\n\r\n", 204, false, Body::Length(0));
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, false, Body::Chunked);
        check("HTTP/1.1 429 \r\nretry-after: 1\r\n\r\n", 429, true, Body::Length(0));
        assert!(Header::parse(b"nonsense\r\n\r\n").is_err());
    }
}
