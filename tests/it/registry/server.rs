//! A loopback server that answers as told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// How the server answers one request.
pub(super) enum Answer {
    /// The whole content, whatever was asked.
    Whole(Vec<u8>),
    /// The whole content is promised, so many bytes come.
    Cut(Vec<u8>, usize),
    /// The part asked for.
    Range(Vec<u8>),
    /// Nothing but a status, with a way elsewhere.
    Status(u16),
}

/// Answers one request after the other, each on its own connection.
pub(super) struct Server {
    address: String,
    thread: JoinHandle<Vec<Request>>,
}

/// What a client asked for.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) range: Option<String>,
    pub(super) token: Option<String>,
}

impl Server {
    pub(super) fn start(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let request = read_request(&stream);
                // The client may hang up in the middle, when it has seen enough.
                let _ = send(&stream, &answer, request.range.as_deref());
                requests.push(request);
            }
            requests
        });
        Server { address, thread }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    pub(super) fn source(&self) -> String {
        format!("url:{}/file", self.address)
    }

    /// What was asked for, once every answer was given.
    pub(super) fn requests(self) -> Vec<Request> {
        self.thread.join().unwrap()
    }
}

fn read_request(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |wanted: &str| {
        headers.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
        })
    };
    Request { path, range: header("range"), token: header("authorization") }
}

fn send(mut stream: &TcpStream, answer: &Answer, range: Option<&str>) -> std::io::Result<()> {
    let (head, body) = match answer {
        Answer::Whole(content) => (ok(content.len()), &content[..]),
        Answer::Cut(content, n_bytes) => (ok(content.len()), &content[..*n_bytes]),
        Answer::Range(content) => match range {
            None => (ok(content.len()), &content[..]),
            Some(range) => {
                let start: usize =
                    range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
                let (end, total) = (content.len() - 1, content.len());
                let head = format!(
                    "HTTP/1.1 206 Partial\r\nContent-Range: bytes {start}-{end}/{total}\r\nContent-Length: {}",
                    total - start,
                );
                (head, &content[start..])
            }
        },
        Answer::Status(status) => {
            let elsewhere = "Location: https://elsewhere.example/";
            (format!("HTTP/1.1 {status} No\r\n{elsewhere}\r\nContent-Length: 0"), &[][..])
        }
    };
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    stream.write_all(body)
}

fn ok(n_bytes: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {n_bytes}")
}
