//! What an operator wants to know of the server.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::State as StreamInfo;
use futures_util::StreamExt;
use serde_json::Value;

use super::Nats;
use crate::bus::error::BusError;
use crate::bus::message::{Report, StreamReport, StreamState};
use crate::bus::stream::STREAMS;

/// How long services may take to say that they are there.
const DISCOVERY: Duration = Duration::from_millis(500);

pub(super) async fn report(nats: &Nats) -> Result<Report, BusError> {
    let server = nats.client.server_info();
    let mut streams = Vec::new();
    for spec in &STREAMS {
        let set_up = |source: async_nats::Error| BusError::SetUp {
            what: format!("stream `{}`", spec.name),
            source,
        };
        let state = match nats.jetstream.get_stream(spec.name).await {
            Ok(stream) => {
                let StreamInfo { messages, consumer_count, .. } = stream.cached_info().state;
                Some(StreamState { n_messages: messages, n_durables: consumer_count })
            }
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(set_up(error.into())),
        };
        streams.push(StreamReport { name: spec.name.to_owned(), retention: spec.retention, state });
    }
    Ok(Report {
        server: server.server_name,
        version: server.version,
        max_message_bytes: server.max_payload,
        streams,
        services: services(nats).await,
    })
}

fn is_missing(error: &GetStreamError) -> bool {
    match error.kind() {
        GetStreamErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    }
}

/// Name and version of everything that answers `$SRV.PING` in time.
async fn services(nats: &Nats) -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    let inbox = nats.client.new_inbox();
    let Ok(mut answers) = nats.client.subscribe(inbox.clone()).await else { return Vec::new() };
    let asked = nats.client.publish_with_reply("$SRV.PING", inbox, Vec::new().into()).await;
    let collect = async {
        while let Some(answer) = answers.next().await {
            let answer: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
            let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(name), Some(version)) = (text("name"), text("version")) {
                found.insert((name, version));
            }
        }
    };
    if asked.is_ok() {
        // Ends by the timeout: nobody says that all have answered.
        let _ = tokio::time::timeout(DISCOVERY, collect).await;
    }
    found.into_iter().collect()
}
