//! From an event to its receivers: queued once for each, signed, sent, tried again, logged.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio::sync::watch;

use crate::base::Clock;
use crate::bus::{
    Bus, BusError, CloudEvent, Data, Extension, Filter, Handle, Handler, Outcome, ROOT,
    Subscription,
};

use super::guard::{Guard, Resolve, Target};
use super::schedule::delay_before;
use super::sign::signature_header;
use super::store::{
    Attempt, Delivery, DeliveryState, Failure, Webhook, WebhookError, WebhookStore,
};

/// Longest wait for a receiver's answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long a delivery is ours before another node may send it.
const LEASE: Duration = Duration::from_secs(60);
/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_secs(1);
/// Deliveries sent at one time.
const AT_ONE_TIME: usize = 8;
/// Deliveries taken at one time.
const BATCH: usize = 64;

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
    pub store: Arc<dyn WebhookStore>,
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
        let handler: Handler = Arc::new(move |delivery| {
            let deliverer = Arc::clone(&deliverer);
            async move {
                match deliverer.queue(&delivery.event).await {
                    Ok(()) => Outcome::Ack,
                    Err(error) => {
                        tracing::error!(%error, "failed to queue webhooks");
                        Outcome::Retry(PAUSE)
                    }
                }
            }
            .boxed()
        });
        let filter = Filter::parse(&format!("{ROOT}.evt.>"))?;
        let durable = "webhooks".to_owned();
        bus.subscribe(Subscription { filter, durable, max_in_flight: AT_ONE_TIME, handler }).await
    }

    /// Sends what is due, again and again, until told to stop.
    pub async fn run(&self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            match self.round().await {
                Ok(n_due) if BATCH <= n_due => continue,
                Ok(_) => (),
                Err(error) => tracing::error!(%error, "failed to send webhooks"),
            }
            // Ends by the timeout, or because somebody says so; an error means that nobody is left who could.
            let stop = stopped.wait_for(|it| *it);
            if let Ok(Err(_)) = tokio::time::timeout(PAUSE, stop).await {
                return;
            }
        }
    }

    /// Queues an event for every receiver that wants it; the same event again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue(&self, event: &CloudEvent) -> Result<(), WebhookError> {
        let (Some(Extension::String(org)), Some(name)) =
            (event.extension("orgcode"), name_of(event.kind()))
        else {
            return Ok(());
        };
        let now = self.clock.unix_time();
        for webhook in self.store.wanting(org, name).await? {
            let delivery = Delivery {
                id: format!("{}-{}", event.id(), webhook.id),
                webhook_id: webhook.id,
                body: payload(event, name),
                state: DeliveryState::Due(now),
                n_attempts: 0,
                log: Vec::new(),
            };
            self.store.add(delivery).await?;
        }
        Ok(())
    }

    /// Sends what is due. Returns how many were tried.
    ///
    /// # Errors
    /// When the store fails; what was sent and not recorded is sent again with the same id.
    pub async fn round(&self) -> Result<usize, WebhookError> {
        let due = self.store.take_due(self.clock.unix_time(), LEASE, BATCH).await?;
        let n_due = due.len();
        let tried = futures_util::stream::iter(due).map(|it| self.try_one(it));
        let mut tried = tried.buffer_unordered(AT_ONE_TIME);
        let mut result = Ok(n_due);
        while let Some(one) = tried.next().await {
            result = result.and_then(|n_due| one.map(|()| n_due));
        }
        result
    }

    async fn try_one(&self, delivery: Delivery) -> Result<(), WebhookError> {
        let Some(webhook) = self.store.webhook(&delivery.webhook_id).await? else {
            return self.store.disable(&delivery.webhook_id).await;
        };
        if !webhook.is_active {
            return self.store.disable(&webhook.id).await;
        }
        let (at, begun) = (self.clock.unix_time(), self.clock.now());
        let posted = self.post(&webhook, &delivery, at).await;
        let took = self.clock.now().saturating_duration_since(begun);
        let (result, retry_after) = match posted {
            Ok(Posted { status: status @ 200..=299, .. }) => (Ok(status), None),
            Ok(Posted { status, retry_after }) => (Err(Failure::Status(status)), retry_after),
            Err(failure) => (Err(failure), None),
        };
        let is_gone = result == Err(Failure::Status(410));
        let state = match (&result, delay_before(&delivery.id, delivery.n_attempts + 1)) {
            (Ok(_), _) => DeliveryState::Delivered,
            (Err(_), Some(delay)) if !is_gone => {
                let delay = delay.max(retry_after.unwrap_or_default());
                DeliveryState::Due(self.clock.unix_time() + delay)
            }
            (Err(_), _) => DeliveryState::Failed,
        };
        let label = if result.is_ok() { "delivered" } else { "failed" };
        metrics::counter!("fenwen_webhook_attempts_total", "result" => label).increment(1);
        self.store.record(&delivery.id, Attempt { at, took, result }, state).await?;
        if is_gone {
            tracing::warn!(webhook_id = webhook.id, "a receiver is gone; it is disabled");
            self.store.disable(&webhook.id).await?;
        }
        Ok(())
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
        let signature = signature_header(&webhook.keys, &delivery.id, timestamp, &delivery.body);
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", delivery.id.clone()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        let body = delivery.body.clone();
        self.sender.post(Post { target, headers, body, timeout: TIMEOUT }).await
    }
}

/// `letters.classification.completed` of `tw.gov.moi.ai.letters.classification.completed.v1`.
fn name_of(kind: &str) -> Option<&str> {
    let (name, version) = kind.strip_prefix("tw.gov.moi.ai.")?.rsplit_once('.')?;
    version.starts_with('v').then_some(name)
}

/// Type, time and data; nothing else of the event.
fn payload(event: &CloudEvent, name: &str) -> Vec<u8> {
    let data = match &event.data {
        Some(Data::Json(data)) => data.clone(),
        Some(Data::Binary(_)) | None => serde_json::Value::Null,
    };
    json!({"type": name, "timestamp": event.time(), "data": data}).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
