//! What an operator wants to know of the server.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::Nats;
use crate::bus::error::BusError;
use crate::bus::message::{Report, StreamReport};
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
        let stream = nats.jetstream.get_stream(spec.name).await.map_err(|it| set_up(it.into()))?;
        let state = &stream.cached_info().state;
        streams.push(StreamReport {
            name: spec.name.to_owned(),
            retention: spec.retention,
            n_messages: state.messages,
            n_durables: state.consumer_count,
        });
    }
    Ok(Report {
        server: server.server_name,
        version: server.version,
        max_message_bytes: server.max_payload,
        streams,
        services: services(nats).await,
    })
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
