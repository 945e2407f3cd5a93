//! Traces and metrics to a collector: OTLP over HTTP, in its JSON form (opentelemetry.io, OTLP 1.x).
//!
//! Spans are taken from a bounded queue and sent in batches; what cannot be sent is tried again for a while and then
//! dropped, for a collector that is away must cost nothing but its data. Metrics are what `/metrics` shows.

mod metrics;
mod spans;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::base::{Clock, Secret, Span, Spans};
use crate::service::webhooks::{Failure, Guard, Post, Posted, Resolve, Sender};

/// Spans of one request.
const BATCH: usize = 512;
/// Between two looks at the queue of spans.
const PAUSE: Duration = Duration::from_secs(2);
/// Tries of one batch.
const TRIES: u32 = 5;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Which process this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Name of the node.
    pub node: String,
    /// When the process began to count: since 1970-01-01T00:00:00Z.
    pub begun: Duration,
}

/// A collector.
pub struct Collector {
    /// Its address, without the paths of signals: `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Value of the header `authorization`, if it wants one.
    pub authorization: Option<Secret<String>>,
    /// Who we are.
    pub resource: Resource,
    /// Sends.
    pub sender: Arc<dyn Sender>,
    /// Resolves names.
    pub resolver: Arc<dyn Resolve>,
    /// Where it may be; the operator has named it.
    pub guard: Guard,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Collector {
    /// Sends spans until told to stop, and then what still waits, once.
    pub async fn send_spans(&self, spans: Spans, mut stopped: watch::Receiver<bool>) {
        let mut tried: (Vec<Span>, u32) = (Vec::new(), 0);
        loop {
            let is_last = *stopped.borrow();
            if tried.0.is_empty() {
                let (taken, n_dropped) = spans.take(BATCH);
                count("traces", "dropped", n_dropped);
                tried = (taken, 0);
            }
            let is_whole = BATCH <= tried.0.len();
            tried = self.try_spans(tried).await;
            if is_last {
                return count("traces", "dropped", tried.0.len() as u64);
            }
            if is_whole && tried.0.is_empty() {
                continue;
            }
            if wait(&mut stopped, PAUSE).await.is_err() {
                return;
            }
        }
    }

    /// Sends a batch; what is left of it, and how often it was tried.
    async fn try_spans(&self, (batch, n_tries): (Vec<Span>, u32)) -> (Vec<Span>, u32) {
        if batch.is_empty() {
            return (batch, 0);
        }
        let body = spans::request(&batch, &self.resource);
        match self.post("/v1/traces", body).await {
            Ok(()) => count("traces", "sent", batch.len() as u64),
            Err(failure) if is_passing(failure) && n_tries + 1 < TRIES => {
                count("traces", "failed", 1);
                return (batch, n_tries + 1);
            }
            Err(failure) => {
                count("traces", "dropped", batch.len() as u64);
                tracing::warn!(reason = failure.code(), n = batch.len(), "spans were dropped");
            }
        }
        (Vec::new(), 0)
    }

    /// Sends what is measured, every so often until told to stop, and then once more.
    pub async fn send_metrics(
        &self,
        measured: impl Fn() -> String + Send + Sync,
        every: Duration,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let is_last = *stopped.borrow();
            let body = metrics::request(&measured(), &self.resource, self.clock.unix_time());
            match self.post("/v1/metrics", body).await {
                Ok(()) => count("metrics", "sent", 1),
                // They are sums from the beginning: the next ones say all that these would have.
                Err(failure) => {
                    count("metrics", "failed", 1);
                    tracing::warn!(reason = failure.code(), "metrics were not taken");
                }
            }
            if is_last || wait(&mut stopped, every).await.is_err() {
                return;
            }
        }
    }

    async fn post(&self, path: &str, body: Value) -> Result<(), Failure> {
        let url = format!("{}{path}", self.endpoint.trim_end_matches('/'));
        let checked = self.guard.check(&url, self.resolver.as_ref());
        let checked = tokio::time::timeout(TIMEOUT, checked).await.map_err(|_| Failure::Timeout)?;
        let target = checked.map_err(Failure::Guard)?;
        let mut headers = vec![("content-type", "application/json".to_owned())];
        let authorization = self.authorization.as_ref().map(|it| it.expose().clone());
        headers.extend(authorization.map(|it| ("authorization", it)));
        let body = body.to_string().into_bytes();
        match self.sender.post(Post { target, headers, body, timeout: TIMEOUT }).await? {
            Posted { status: 200..=299, .. } => Ok(()),
            Posted { status, .. } => Err(Failure::Status(status)),
        }
    }
}

/// Waits, or less when told to stop; an error when nobody is left who could.
async fn wait(stopped: &mut watch::Receiver<bool>, time: Duration) -> Result<(), ()> {
    match tokio::time::timeout(time, stopped.wait_for(|it| *it)).await {
        Ok(Err(_)) => Err(()),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// What OTLP says may be sent again.
fn is_passing(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::Status(429 | 502 | 503 | 504) | Failure::Timeout | Failure::Connection
    )
}

fn count(signal: &'static str, result: &'static str, n: u64) {
    if 0 < n {
        metrics_of(signal, result).increment(n);
    }
}

fn metrics_of(signal: &'static str, result: &'static str) -> ::metrics::Counter {
    ::metrics::counter!("fenwen_otlp_exports_total", "signal" => signal, "result" => result)
}

/// A name and a text.
fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn resource(of: &Resource) -> Value {
    json!({"attributes": [
        text("service.name", "fenwen"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &of.node),
    ]})
}

fn scope() -> Value {
    json!({"name": "fenwen", "version": env!("CARGO_PKG_VERSION")})
}

/// Nanoseconds since 1970-01-01T00:00:00Z, as JSON has 64 bits: in a text.
fn nanoseconds(time: Duration) -> String {
    time.as_nanos().to_string()
}
