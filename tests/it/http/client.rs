//! A tiny HTTP/1.1 client that can also misbehave: tests write what they like and read one answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for anything: a test that takes longer hangs.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

pub(crate) const RECOGNITIONS: &str = "/api/v1/identity-documents/recognitions";

/// Boundary of [`form`].
pub(crate) const BOUNDARY: &str = "fenwen-test-boundary";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case; values of one name in lines.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The code of a well-formed problem document.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["instance"].as_str().unwrap().starts_with("urn:uuid:"));
        assert_eq!(problem["trace_id"].as_str().unwrap().len(), 32);
        for key in ["type", "title", "detail"] {
            assert!(!problem[key].as_str().unwrap().is_empty(), "{key}");
        }
        assert!(problem["errors"].is_array());
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// A connection to the server under test.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Client {
        Client { stream: TcpStream::connect(addr).await.unwrap(), unread: Vec::new() }
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        tokio::time::timeout(WATCHDOG, self.stream.write_all(bytes)).await.unwrap().unwrap();
    }

    /// Reads one answer; `None` when the server closes the connection instead.
    pub(crate) async fn read(&mut self) -> Option<Answer> {
        tokio::time::timeout(WATCHDOG, self.read_answer()).await.unwrap()
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let head_end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8(self.unread.drain(..head_end).collect()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let values = headers.entry(name.to_ascii_lowercase()).or_default();
            let separator = if values.is_empty() { "" } else { "\n" };
            values.extend([separator, value]);
        }
        assert!(!headers.contains_key("transfer-encoding"), "answers are written in one piece");
        let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
        while self.unread.len() < length {
            self.fill().await?;
        }
        let body = self.unread.drain(..length).collect();
        Some(Answer { status, headers, body })
    }

    /// Reads on until `text` has come; everything up to its end.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let read = async {
            loop {
                if let Some(at) = find(&self.unread, text.as_bytes()) {
                    let seen: Vec<u8> = self.unread.drain(..at + text.len()).collect();
                    return String::from_utf8(seen).unwrap();
                }
                self.fill().await.unwrap();
            }
        };
        tokio::time::timeout(WATCHDOG, read).await.unwrap()
    }

    async fn fill(&mut self) -> Option<()> {
        let mut chunk = vec![0; 16 << 10];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => None,
            Ok(len) => {
                self.unread.extend_from_slice(&chunk[..len]);
                Some(())
            }
        }
    }
}

/// One request on its own connection.
pub(crate) async fn send(addr: SocketAddr, request: &[u8]) -> Answer {
    let mut client = Client::connect(addr).await;
    client.write(request).await;
    client.read().await.unwrap()
}

pub(crate) async fn get(addr: SocketAddr, path: &str) -> Answer {
    send(addr, format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes()).await
}

/// A POST of a form with `headers` (complete lines) besides the necessary ones.
pub(crate) fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {RECOGNITIONS} HTTP/1.1\r\nhost: t\r\n{headers}\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A form of named parts.
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"; \
             filename=\"A123456789.jpg\"\r\ncontent-type: text/lies\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|it| it == needle)
}
