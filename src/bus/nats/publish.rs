//! Events to their streams.

use std::error::Error;

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::FutureExt;

use super::{Nats, connect};
use crate::bus::error::BusError;
use crate::bus::event::{CloudEvent, Extension, MEDIA_TYPE};
use crate::bus::message::Receipt;
use crate::bus::stream::stream_of;
use crate::bus::subject::Subject;

/// The server's number for a stream that takes no more messages, and for one that takes no more bytes.
const FULL: [u64; 2] = [10_077, 10_047];

pub(super) async fn publish(
    nats: &Nats,
    subject: &Subject,
    event: &CloudEvent,
) -> Result<Receipt, BusError> {
    nats.require_open()?;
    let json = event.to_json()?;
    store(nats, subject, headers(event), event.id(), json).await
}

/// Sends a message to its stream and waits until the server has it.
pub(super) async fn store(
    nats: &Nats,
    subject: &Subject,
    headers: HeaderMap,
    message_id: &str,
    body: Vec<u8>,
) -> Result<Receipt, BusError> {
    let stream = stream_of(subject).ok_or_else(|| BusError::Unroutable(subject.to_string()))?;
    let bytes = body.len();
    let failed = |error: PublishError| match error.kind() {
        PublishErrorKind::StreamNotFound => BusError::Unroutable(subject.to_string()),
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => BusError::Timeout,
        PublishErrorKind::MaxPayloadExceeded => {
            BusError::TooLarge { bytes, limit: nats.client.max_payload() }
        }
        PublishErrorKind::MaxAckPending => BusError::Full(stream.name.to_owned()),
        _ if is_full(&error) => BusError::Full(stream.name.to_owned()),
        _ => BusError::SetUp { what: format!("stream `{}`", stream.name), source: error.into() },
    };
    let body = Bytes::from(body);
    let send = async || {
        let message = PublishMessage::build().headers(headers.clone()).message_id(message_id);
        let sent = nats.jetstream.send_publish(subject.to_string(), message.payload(body.clone()));
        sent.await?.await
    };
    let stored = match send().await {
        // The server came back without its streams.
        Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
            connect::make_streams(&nats.jetstream, &nats.settings).await?;
            send().await
        }
        sent => sent,
    };
    let stored = stored.map_err(failed)?;
    let settled = std::future::ready(Ok(())).boxed();
    Ok(Receipt { duplicate: stored.duplicate, settled })
}

/// For filters and traces: what a consumer wants to know before it reads the body.
pub(super) fn headers(event: &CloudEvent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", MEDIA_TYPE);
    headers.insert("ce-type", event.kind());
    if let Some(Extension::String(trace)) = event.extension("traceparent") {
        headers.insert("traceparent", trace.as_str());
    }
    headers
}

fn is_full(error: &PublishError) -> bool {
    let source = error.source().and_then(|it| it.downcast_ref::<jetstream::Error>());
    source.is_some_and(|it| FULL.contains(&it.error_code().0))
}
