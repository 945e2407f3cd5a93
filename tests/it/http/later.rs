//! Jobs and uploads over HTTP.

mod jobs;
mod uploads;

use std::net::SocketAddr;
use std::sync::Arc;

use fenwen::service::jobs::Worker;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::client::{Answer, send};
use super::fake::Server;
use super::texts::ready;

pub(crate) const JOBS: &str = "/api/v1/jobs";
pub(crate) const BLOBS: &str = "/api/v1/blobs";

/// A server that can classify letters, and a worker beside it; it ends with the test.
async fn working() -> (Server, JoinHandle<()>) {
    let server = ready().await;
    let worker = work(&server);
    (server, worker)
}

fn work(server: &Server) -> JoinHandle<()> {
    let worker = Worker::new(Arc::clone(&server.jobs), "w-1".to_owned());
    tokio::spawn(async move { worker.run(std::future::pending()).await })
}

/// A request with `headers` (complete lines) and a body.
async fn call(addr: SocketAddr, line: &str, headers: &str, body: &[u8]) -> Answer {
    let head =
        format!("{line} HTTP/1.1\r\nhost: t\r\n{headers}content-length: {}\r\n\r\n", body.len());
    send(addr, &[head.as_bytes(), body].concat()).await
}

async fn post(addr: SocketAddr, path: &str, headers: &str, body: &Value) -> Answer {
    let headers = format!("content-type: application/json\r\n{headers}");
    call(addr, &format!("POST {path}"), &headers, body.to_string().as_bytes()).await
}

fn order(subject: &str) -> Value {
    json!({
        "service": "letters", "operation": "classify",
        "input": {"letters": [{"subject": subject, "body": "土地登記"}]},
    })
}
