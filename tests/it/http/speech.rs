//! Recordings over HTTP, with an ear that hears a sentence in every second that is not silent.

mod assist;
mod broken;
mod corrections;
mod ear;
pub(crate) mod held;
mod jobs;
pub(crate) mod openai;
pub(crate) mod stream;

use std::net::SocketAddr;
use std::sync::Arc;

use fenwen::service::jobs::Worker;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::client::{Answer, BOUNDARY, WATCHDOG, send};
use super::fake::Server;
use super::later::BLOBS;

pub(crate) use ear::FakeEar;

pub(crate) const TRANSCRIPTIONS: &str = "/api/v1/speech/transcriptions";

/// A WAV file at 16 kHz: `true` for a second of speech, `false` for a silent one.
pub(crate) fn wav(seconds: &[bool]) -> Vec<u8> {
    let samples = pcm(seconds);
    let n_bytes = u32::try_from(samples.len()).unwrap();
    let head = [
        &b"RIFF"[..],
        &(n_bytes + 36).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0\x01\0",
        &16_000_u32.to_le_bytes(),
        &32_000_u32.to_le_bytes(),
        b"\x02\0\x10\0data",
        &n_bytes.to_le_bytes(),
    ];
    [head.concat(), samples].concat()
}

/// The samples alone.
fn pcm(seconds: &[bool]) -> Vec<u8> {
    let second = |it: &bool| [if *it { 0x10 } else { 0 }; 32_000];
    seconds.iter().flat_map(second).collect()
}

/// A worker on recordings beside the server; it ends with the test.
fn work(server: &Server) -> JoinHandle<()> {
    let worker = Worker::new(Arc::clone(&server.jobs), "w-1".to_owned()).only("speech", 1);
    tokio::spawn(async move { worker.run(std::future::pending()).await })
}

/// A request with `headers` (complete lines) and a body.
async fn call(addr: SocketAddr, line: &str, headers: &str, body: &[u8]) -> Answer {
    let head =
        format!("{line} HTTP/1.1\r\nhost: t\r\n{headers}content-length: {}\r\n\r\n", body.len());
    send(addr, &[head.as_bytes(), body].concat()).await
}

async fn post_json(addr: SocketAddr, path: &str, body: &Value) -> Answer {
    let kind = "content-type: application/json\r\n";
    call(addr, &format!("POST {path}"), kind, body.to_string().as_bytes()).await
}

pub(crate) async fn post_form(addr: SocketAddr, path: &str, parts: &[(&str, &[u8])]) -> Answer {
    let kind = format!("content-type: multipart/form-data; boundary={BOUNDARY}\r\n");
    call(addr, &format!("POST {path}"), &kind, &super::client::form(parts)).await
}

/// A complete upload; its id.
pub(crate) async fn upload(addr: SocketAddr, content: &[u8], part_bytes: usize) -> String {
    let asked = json!({"kind": "audio", "media_type": "audio/wav", "size": content.len()});
    let opened = post_json(addr, BLOBS, &asked).await.json();
    let id = opened["blob_id"].as_str().unwrap().to_owned();
    for (number, part) in (1..).zip(content.chunks(part_bytes)) {
        let put = format!("PUT {BLOBS}/{id}/parts/{number}");
        assert_eq!(call(addr, &put, "", part).await.status, 204);
    }
    let hash = fenwen::base::hex(&Sha256::digest(content));
    let path = format!("{BLOBS}/{id}/complete");
    assert_eq!(post_json(addr, &path, &json!({"sha256": hash})).await.status, 200);
    id
}

/// A transcript of two sentences; its id. Nothing works on jobs afterwards.
pub(crate) async fn transcript(server: &Server) -> String {
    let worker = work(server);
    let id =
        job_id(&post_form(server.addr, TRANSCRIPTIONS, &[("file", &wav(&[true, true]))]).await);
    assert_eq!(ended(server, &id).await["state"], "succeeded");
    worker.abort();
    id
}

/// Waits until a job has ended; its document.
async fn ended(server: &Server, id: &str) -> Value {
    server.jobs.ended(id, WATCHDOG).await.unwrap();
    super::client::get(server.addr, &format!("{}/{id}", super::later::JOBS)).await.json()
}

fn job_id(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["job_id"].as_str().unwrap().to_owned()
}
