//! From an event to its receivers: queued once for each, signed, sent, tried again, logged.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::watch;

use crate::base::Clock;
use crate::bus::{Bus, BusError, CloudEvent, Data, Extension, Filter, Handle, ROOT, Subscription};
use crate::service::rounds;
use crate::store::webhooks::{
    Attempt, Delivery, DeliveryState, NewDelivery, Webhook, WebhookChange,
};
use crate::store::{Store, StoreError};

use super::guard::{Guard, GuardError, Resolve, Target};
use super::schedule::delay_before;
use super::sign::{SigningKey, signature_header};

/// Longest wait for a receiver's answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long a delivery is ours before another node may send it: longer than its name and its post may take.
const LEASE: Duration = Duration::from_secs(60);
/// Events queued at one time.
const EVENTS: usize = 8;
/// Deliveries taken and sent at one time.
const BATCH: usize = 32;

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The address may not be called.
    Guard(GuardError),
    /// The receiver answered with another status than 2xx.
    Status(u16),
    /// It did not answer in time.
    Timeout,
    /// It cannot be reached, or does not speak TLS or HTTP.
    Connection,
}

impl Failure {
    /// As in the log.
    pub fn code(self) -> &'static str {
        match self {
            Failure::Guard(GuardError::Url) => "url",
            Failure::Guard(GuardError::Unknown) => "unknown_host",
            Failure::Guard(GuardError::Forbidden) => "forbidden_address",
            Failure::Status(_) => "status",
            Failure::Timeout => "timeout",
            Failure::Connection => "connection",
        }
    }
}

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// The checked address.
    pub target: Target,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
    /// Longest wait.
    pub timeout: Duration,
}

/// What a receiver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// HTTP status.
    pub status: u16,
    /// `retry-after` in seconds, if it said so.
    pub retry_after: Option<Duration>,
}

/// Sends one request to exactly that address; follows no redirect.
pub trait Sender: Send + Sync {
    /// Posts and reads the status.
    ///
    /// # Errors
    /// [`Failure::Timeout`] or [`Failure::Connection`].
    fn post(&self, post: Post) -> BoxFuture<'_, Result<Posted, Failure>>;
}

/// Delivers events to receivers.
pub struct Deliverer {
    /// Receivers and deliveries.
    pub store: Store,
    /// Sends.
    pub sender: Arc<dyn Sender>,
    /// Resolves names.
    pub resolver: Arc<dyn Resolve>,
    /// Where receivers may be.
    pub guard: Guard,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Deliverer {
    /// Queues every event of the bus from now on; what cannot be queued comes again.
    ///
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn follow(self: &Arc<Self>, bus: &dyn Bus) -> Result<Handle, BusError> {
        let deliverer = Arc::clone(self);
        let handler = rounds::queueing("webhooks", move |event| {
            let deliverer = Arc::clone(&deliverer);
            async move { deliverer.queue(&event).await }
        });
        let filter = Filter::parse(&format!("{ROOT}.evt.>"))?;
        let durable = "webhooks".to_owned();
        bus.subscribe(Subscription { filter, durable, max_in_flight: EVENTS, handler }).await
    }

    /// Sends what is due, again and again, until told to stop; what is being sent then may still end.
    pub async fn run(&self, stopped: watch::Receiver<bool>) {
        rounds::until_stopped((stopped, self.clock.as_ref()), "webhooks", || self.round()).await;
    }

    /// Queues an event for every receiver that wants it; the same event again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue(&self, event: &CloudEvent) -> Result<(), StoreError> {
        let (Some(Extension::String(org)), Some(name)) =
            (event.extension("orgcode"), name_of(event.kind()))
        else {
            return Ok(());
        };
        let receivers = self.store.webhooks_wanting(org, name).await?;
        if receivers.is_empty() {
            return Ok(());
        }
        let (body, created) = (payload(event, name), self.clock.unix_time());
        let delivery = |webhook: Webhook| NewDelivery {
            id: format!("{}-{}", event.id(), webhook.id),
            webhook: webhook.id,
            name: name.to_owned(),
            body: body.clone(),
            traceparent: trace_parent(event),
            created,
        };
        self.store.add_deliveries(receivers.into_iter().map(delivery).collect()).await
    }

    /// Sends what is due. Returns how many were tried.
    ///
    /// # Errors
    /// When the store fails; what was sent and not recorded is sent again with the same id.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let due = self.store.take_due(self.clock.unix_time(), LEASE, BATCH).await?;
        rounds::work_off(due, BATCH, |it| self.try_one(it)).await
    }

    async fn try_one(&self, delivery: Delivery) -> Result<(), StoreError> {
        let found = self.store.webhook(&delivery.webhook).await?;
        let Some(webhook) = found.filter(|it| it.is_active) else {
            return self.disable(&delivery.webhook).await;
        };
        let (at, begun) = (self.clock.unix_time(), self.clock.now());
        let posted = self.post(&webhook, &delivery, at).await;
        let took = self.clock.now().saturating_duration_since(begun);
        let (result, retry_after) = match posted {
            Ok(Posted { status: status @ 200..=299, .. }) => (Ok(status), None),
            Ok(Posted { status, retry_after }) => (Err(Failure::Status(status)), retry_after),
            Err(failure) => (Err(failure), None),
        };
        let n_attempts = usize::try_from(delivery.n_attempts + 1).unwrap_or(usize::MAX);
        let is_gone = result == Err(Failure::Status(410));
        let state = match (&result, delay_before(&delivery.id, n_attempts)) {
            (Ok(_), _) => DeliveryState::Delivered,
            (Err(_), Some(delay)) if !is_gone => {
                let delay = delay.max(retry_after.unwrap_or_default());
                DeliveryState::Due(self.clock.unix_time() + delay)
            }
            (Err(_), _) => DeliveryState::Failed,
        };
        let label = if result.is_ok() { "delivered" } else { "failed" };
        metrics::counter!("fenwen_webhook_attempts_total", "result" => label).increment(1);
        let failure = result.err();
        let status = match (result, failure) {
            (Ok(status), _) | (_, Some(Failure::Status(status))) => Some(status.into()),
            _ => None,
        };
        let failure = failure.map(|it| it.code().to_owned());
        let attempt = Attempt { at, took, status, failure };
        self.store.record_attempt(&delivery.id, attempt, state).await?;
        if is_gone {
            tracing::warn!(webhook_id = webhook.id, "a receiver is gone; it is disabled");
            self.disable(&webhook.id).await?;
        }
        Ok(())
    }

    /// Stops calling a receiver; its deliveries that are due fail, also when it is not there any more.
    async fn disable(&self, id: &str) -> Result<(), StoreError> {
        let change = WebhookChange { is_active: Some(false), ..WebhookChange::default() };
        self.store.change_webhook(id, change).await.map(|_| ())
    }

    async fn post(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        at: Duration,
    ) -> Result<Posted, Failure> {
        // Names may lead elsewhere than yesterday: checked each time.
        let checked = self.guard.check(&webhook.url, self.resolver.as_ref());
        let checked = tokio::time::timeout(TIMEOUT, checked).await.map_err(|_| Failure::Timeout)?;
        let target = checked.map_err(Failure::Guard)?;
        let timestamp = at.as_secs();
        let body = delivery.body.clone().into_bytes();
        let signature = signature_header(&keys(webhook, at), &delivery.id, timestamp, &body);
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", delivery.id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        headers.extend(delivery.traceparent.clone().map(|it| ("traceparent", it)));
        self.sender.post(Post { target, headers, body, timeout: TIMEOUT }).await
    }
}

/// The trace that the event belongs to.
fn trace_parent(event: &CloudEvent) -> Option<String> {
    match event.extension("traceparent") {
        Some(Extension::String(it)) => Some(it.clone()),
        _ => None,
    }
}

/// `letters.classification.completed` of `tw.gov.moi.ai.letters.classification.completed.v1`.
fn name_of(kind: &str) -> Option<&str> {
    let (name, version) = kind.strip_prefix("tw.gov.moi.ai.")?.rsplit_once('.')?;
    version.starts_with('v').then_some(name)
}

/// What signs at `now`: the secret, and while it is new the one before it.
fn keys(webhook: &Webhook, now: Duration) -> Vec<SigningKey> {
    let before = webhook.before.as_ref().filter(|(_, until)| now < *until).map(|it| &it.0);
    [Some(&webhook.secret), before].into_iter().flatten().flat_map(SigningKey::pair).collect()
}

/// Type, time and data; nothing else of the event.
fn payload(event: &CloudEvent, name: &str) -> String {
    let data = match &event.data {
        Some(Data::Json(data)) => data.clone(),
        Some(Data::Binary(_)) | None => serde_json::Value::Null,
    };
    json!({"type": name, "timestamp": event.time(), "data": data}).to_string()
}

#[cfg(test)]
mod tests;
