//! Letters, documents and feedback over HTTP, with a classifier made by hand.

mod answers;
pub(crate) mod classifier;
mod contract;
mod hostile;
mod kept;
pub(crate) mod questions;
mod tenants;

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::client::{Answer, send};
use super::fake::Server;

#[cfg(feature = "console")]
pub(super) use kept::cx;

pub(crate) const LETTERS: &str = "/api/v1/letters/classifications";
pub(crate) const DOCUMENTS: &str = "/api/v1/documents/dispatch-suggestions";

/// A server with the hand-made classifier for letters and documents.
pub(crate) async fn ready() -> Server {
    let server = Server::open().await;
    activate(&server);
    server
}

/// Gives a server the hand-made classifier for letters and documents.
pub(crate) fn activate(server: &Server) {
    for name in ["letters", "documents"] {
        classifier::activate(server.data_dir.path(), name, &classifier::UNITS);
    }
    server.routing.refresh();
}

pub(crate) async fn post(addr: SocketAddr, path: &str, body: &Value) -> Answer {
    post_bytes(addr, path, "application/json", body.to_string().as_bytes()).await
}

pub(crate) async fn post_bytes(addr: SocketAddr, path: &str, kind: &str, body: &[u8]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: t\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    send(addr, &[head.as_bytes(), body].concat()).await
}

pub(crate) fn letter(subject: &str, body: &str) -> Value {
    json!({"letters": [{"subject": subject, "body": body}]})
}
