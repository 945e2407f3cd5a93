//! Live streams: a client that speaks WebSocket by hand.

use std::time::Instant;

use fenwen::service::speech::SpeechLimits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::client::{WATCHDOG, get};
use super::super::fake::Server;
use super::{FakeEar, pcm};

pub(crate) const PATH: &str = "/api/v1/speech/stream";

/// Kinds of frames (RFC 6455).
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// What a frame with so many bytes begins with.
fn head(kind: u8, n_bytes: usize) -> Vec<u8> {
    let mut head = vec![0x80 | kind];
    match u16::try_from(n_bytes) {
        Ok(short @ ..=125) => head.push(0x80 | short.to_le_bytes()[0]),
        Ok(long) => head.extend([&[0x80 | 126][..], &long.to_be_bytes()].concat()),
        Err(_) => head.extend([&[0x80 | 127][..], &(n_bytes as u64).to_be_bytes()].concat()),
    }
    // A mask of nothing is a mask too.
    head.extend([0; 4]);
    head
}

pub(crate) struct Talk(TcpStream);

impl Talk {
    /// A connection that has become a WebSocket.
    async fn open(server: &Server) -> Talk {
        Talk::open_at(server, PATH).await
    }

    /// The same with a query.
    pub(super) async fn open_at(server: &Server, path: &str) -> Talk {
        Talk::open_with(server, path, "").await
    }

    /// The same with header lines.
    pub(super) async fn open_with(server: &Server, path: &str, head: &str) -> Talk {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n{head}\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        Talk(stream)
    }

    /// A stream that was begun; its token.
    pub(super) async fn begin(server: &Server) -> (Talk, String) {
        Talk::begin_with(server, "").await
    }

    /// The same with header lines.
    pub(crate) async fn begin_with(server: &Server, head: &str) -> (Talk, String) {
        let mut talk = Talk::open_with(server, PATH, head).await;
        let purpose = json!({"code": "petition-handling"});
        talk.say(&json!({"type": "start", "rate": 16_000, "purpose": purpose})).await;
        let ready = talk.hear().await;
        assert_eq!((&ready["type"], &ready["received"]), (&json!("ready"), &json!(0.0)));
        let token = ready["token"].as_str().unwrap().to_owned();
        (talk, token)
    }

    /// What is answered to whoever would take up the stream of a token.
    #[cfg(feature = "console")]
    pub(crate) async fn resume_with(server: &Server, head: &str, token: &str) -> Value {
        let mut talk = Talk::open_with(server, PATH, head).await;
        talk.say(&json!({"type": "resume", "token": token})).await;
        talk.hear().await
    }

    async fn frame(&mut self, kind: u8, content: &[u8]) {
        let frame = [&head(kind, content.len()), content].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.frame(TEXT, message.to_string().as_bytes()).await;
    }

    pub(crate) async fn sound(&mut self, seconds: &[bool]) {
        for second in seconds {
            self.frame(BINARY, &pcm(&[*second])).await;
        }
    }

    /// The next frame: its kind and content.
    async fn next(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let kind = self.0.read_u8().await.unwrap() & 0x0f;
            let length = match self.0.read_u8().await.unwrap() {
                126 => self.0.read_u16().await.unwrap().into(),
                short => usize::from(short),
            };
            let mut content = vec![0; length];
            self.0.read_exact(&mut content).await.unwrap();
            (kind, content)
        };
        tokio::time::timeout(WATCHDOG, read).await.unwrap()
    }

    pub(crate) async fn hear(&mut self) -> Value {
        let (kind, content) = self.next().await;
        assert_eq!(kind, TEXT);
        serde_json::from_slice(&content).unwrap()
    }

    /// The next message that is not partial.
    pub(crate) async fn settled(&mut self) -> Value {
        loop {
            let message = self.hear().await;
            if message["type"] != "partial" {
                return message;
            }
        }
    }

    /// The code of the closing frame.
    pub(crate) async fn closed(&mut self) -> u16 {
        let (kind, content) = self.next().await;
        assert_eq!(kind, CLOSE);
        u16::from_be_bytes([content[0], content[1]])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_becomes_text_as_it_comes() {
    let server = Server::open().await;
    let (mut talk, _) = Talk::begin(&server).await;
    talk.sound(&[true]).await;
    let partial = talk.hear().await;
    assert_eq!(
        partial,
        json!({"type": "partial", "start": 0.0, "end": 1.0, "text": "電話〔行動電話〕"})
    );
    talk.sound(&[false]).await;
    let message = talk.settled().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("final"), &json!(0)));
    assert_eq!((&message["end"], &message["text"]), (&json!(1.0), &json!("電話〔行動電話〕")));
    talk.sound(&[true]).await;
    talk.say(&json!({"type": "end"})).await;
    let message = talk.settled().await;
    assert_eq!(
        (&message["type"], &message["id"], &message["end"]),
        (&json!("final"), &json!(1), &json!(3.0))
    );
    assert_eq!(talk.settled().await, json!({"type": "done", "received": 3.0}));
    assert_eq!(talk.closed().await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_taken_up_again() {
    let server = Server::open().await;
    let (mut talk, token) = Talk::begin(&server).await;
    talk.sound(&[true, false]).await;
    assert_eq!(talk.settled().await["id"], 0);
    talk.frame(BINARY, &pcm(&[true])[..6400]).await;
    drop(talk);
    // The server may not have noticed yet that the first connection is gone.
    let (mut talk, ready) = loop {
        let mut talk = Talk::open(&server).await;
        talk.say(&json!({"type": "resume", "token": token, "rendition": "original"})).await;
        let ready = talk.hear().await;
        if ready["type"] == "ready" {
            break (talk, ready);
        }
        assert_eq!(ready["code"], "ER0100");
    };
    assert_eq!((&ready["received"], &ready["token"]), (&json!(2.2), &json!(token)));
    let again = talk.hear().await;
    assert_eq!((&again["id"], &again["text"]), (&json!(0), &json!("電話0912345678")));
    talk.say(&json!({"type": "end"})).await;
    assert_eq!(talk.settled().await["id"], 1);
    assert_eq!(talk.settled().await["type"], "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_told_and_end_the_stream() {
    let server = Server::open().await;
    let check = async |first: &Value, code: &str| {
        let mut talk = Talk::open(&server).await;
        talk.say(first).await;
        let error = talk.hear().await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)));
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(talk.closed().await, 1008);
    };
    check(&json!({"type": "start", "rate": 44_100}), "ER0210").await;
    check(&json!({"type": "start", "rate": 8000, "language": "zh"}), "ER0220").await;
    check(&json!({"type": "end"}), "ER0210").await;
    check(&json!({"type": "resume", "token": "t"}), "ER0100").await;
    let (mut talk, _) = Talk::begin(&server).await;
    talk.frame(BINARY, &[0; 3]).await;
    assert_eq!(talk.settled().await["code"], "ER0210");
    let plain = get(server.addr, PATH).await;
    assert_eq!((plain.status, plain.problem().as_str()), (400, "ER0210"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_long_a_frame_is_told_at_once() {
    let server = Server::open().await;
    let begun = Instant::now();
    // Of the last one no more than the head is read.
    for frame in [[head(BINARY, 32_002), vec![0; 32_002]].concat(), head(BINARY, 256_002)] {
        let (mut talk, _) = Talk::begin(&server).await;
        talk.0.write_all(&frame).await.unwrap();
        let error = talk.settled().await;
        assert_eq!(error["code"], "ER0210");
        assert!(error["message"].as_str().unwrap().contains("32000"), "{error}");
        assert_eq!(talk.closed().await, 1008);
    }
    let mut talk = Talk::open(&server).await;
    talk.frame(TEXT, &[b' '; 32_001]).await;
    assert_eq!((talk.hear().await["code"].as_str(), talk.closed().await), (Some("ER0210"), 1008));
    let resume = SpeechLimits::default().resume;
    assert!(begun.elapsed() < resume, "nobody waits for as long as a stream is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_closes_is_answered_and_may_come_back() {
    let server = Server::open().await;
    let (mut talk, token) = Talk::begin(&server).await;
    let begun = Instant::now();
    talk.frame(CLOSE, &1000_u16.to_be_bytes()).await;
    assert_eq!(talk.closed().await, 1000);
    assert_eq!(talk.0.read(&mut [0]).await.unwrap(), 0, "the connection has ended");
    let mut talk = Talk::open(&server).await;
    talk.say(&json!({"type": "resume", "token": token})).await;
    assert_eq!(talk.hear().await["type"], "ready");
    assert!(begun.elapsed() < SpeechLimits::default().resume);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_falls_silent_is_told_and_may_come_back() {
    let server = Server::open().await;
    let (mut talk, token) = Talk::begin(&server).await;
    assert_eq!(talk.hear().await["code"], "ER0521");
    // While the connection is still being closed.
    let mut next = Talk::open(&server).await;
    next.say(&json!({"type": "resume", "token": token})).await;
    assert_eq!(next.hear().await["type"], "ready");
    assert_eq!(talk.closed().await, 1008);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_heard_is_not_read_either() {
    let ear = FakeEar::with_permits(0);
    let server = Server::with_ear(ear.clone()).await;
    let (mut talk, _) = Talk::begin(&server).await;
    // 32 MB: more than the stream and the buffers of the connection hold.
    let second = pcm(&[true]);
    let flood = async {
        for _ in 0..1000 {
            talk.frame(BINARY, &second).await;
        }
    };
    let blocked = tokio::time::timeout(std::time::Duration::from_secs(2), flood).await;
    assert!(blocked.is_err(), "the sender has to wait");
    assert_eq!(ear.n_heard(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_only_so_many_streams() {
    let server = Server::open().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(Talk::begin(&server).await);
    }
    let mut talk = Talk::open(&server).await;
    talk.say(&json!({"type": "start", "rate": 8000})).await;
    assert_eq!(talk.hear().await["code"], "ER0429");
    assert_eq!(talk.closed().await, 1013);
}

/// Packets of 40 ms of a tone at 48 kHz.
#[cfg(feature = "audio")]
fn opus(n_packets: usize) -> Vec<Vec<u8>> {
    use ropus::{Application, Channels, Encoder};

    let mut encoder = Encoder::builder(48_000, Channels::Mono, Application::Voip).build().unwrap();
    let tone: Vec<f32> = (0_u16..1920).map(|it| 0.3 * (f32::from(it) * 0.05).sin()).collect();
    let packet = |_| {
        let mut out = vec![0; 1500];
        let n_bytes = encoder.encode_float(&tone, &mut out).unwrap();
        out.truncate(n_bytes);
        out
    };
    (0..n_packets).map(packet).collect()
}

#[cfg(feature = "audio")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_of_opus_are_heard_and_lost_ones_concealed() {
    let server = Server::open().await;
    let start = json!({"type": "start", "rate": 48_000, "encoding": "opus"});
    let mut talk = Talk::open(&server).await;
    talk.say(&start).await;
    assert_eq!(talk.hear().await["type"], "ready");
    for (number, packet) in opus(25).iter().enumerate() {
        let packet = if number % 10 == 5 { [].as_slice() } else { packet };
        talk.frame(BINARY, packet).await;
    }
    talk.say(&json!({"type": "end"})).await;
    let message = talk.settled().await;
    assert_eq!((&message["id"], &message["end"]), (&json!(0), &json!(1.0)));
    assert_eq!(talk.settled().await, json!({"type": "done", "received": 1.0}));

    let mut talk = Talk::open(&server).await;
    talk.say(&start).await;
    assert_eq!(talk.hear().await["type"], "ready");
    talk.frame(BINARY, b"OggS is no packet").await;
    let error = talk.settled().await;
    assert_eq!(error["code"], "ER0210");
    assert!(error["message"].as_str().unwrap().contains("Opus"), "{error}");
    assert_eq!(talk.closed().await, 1008);
}
