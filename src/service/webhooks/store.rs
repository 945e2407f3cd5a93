//! Receivers, deliveries and their log; the store has them.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::guard::GuardError;
use super::sign::SigningKey;

/// Why the store does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the webhooks' store failed")]
pub struct WebhookError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// A receiver.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Identifies it.
    pub id: String,
    /// Code of the agency whose events it gets.
    pub org: String,
    /// Where it is called.
    pub url: String,
    /// Types of events that it wants, as `letters.classification.completed`; every type when empty.
    pub names: Vec<String>,
    /// What signs; two while a key is being changed.
    pub keys: Vec<SigningKey>,
    /// Whether it is called.
    pub is_active: bool,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// One attempt, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, since 1970-01-01T00:00:00Z.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// The status that was answered, or why there is none.
    pub result: Result<u16, Failure>,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried at this time, since 1970-01-01T00:00:00Z.
    Due(Duration),
    /// The receiver has it.
    Delivered,
    /// Given up: after the last attempt, or because the receiver does not want it.
    Failed,
}

/// One event for one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Identifies it, and is the `webhook-id` of every attempt.
    pub id: String,
    /// The receiver.
    pub webhook_id: String,
    /// What is sent.
    pub body: Vec<u8>,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts of the present series; a redelivery begins a new one.
    pub n_attempts: usize,
    /// Every attempt, oldest first.
    pub log: Vec<Attempt>,
}

/// Where receivers and deliveries are kept.
pub trait WebhookStore: Send + Sync {
    /// A receiver.
    ///
    /// # Errors
    /// When the store fails; so for every call here.
    fn webhook<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Webhook>, WebhookError>>;

    /// The active receivers of an agency's events with this name.
    fn wanting<'a>(
        &'a self,
        org: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Webhook>, WebhookError>>;

    /// Stops calling a receiver; its deliveries that are due fail.
    fn disable<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), WebhookError>>;

    /// Adds a delivery; one with this id stays as it is.
    fn add(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), WebhookError>>;

    /// Deliveries that are due, oldest first. Each is due again after `lease` unless [`WebhookStore::record`] says
    /// something else, so that two nodes do not send the same one.
    fn take_due(
        &self,
        now: Duration,
        lease: Duration,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, WebhookError>>;

    /// Appends an attempt and says how the delivery stands now.
    fn record<'a>(
        &'a self,
        id: &'a str,
        attempt: Attempt,
        state: DeliveryState,
    ) -> BoxFuture<'a, Result<(), WebhookError>>;

    /// The newest deliveries of a receiver, with their logs.
    fn deliveries<'a>(
        &'a self,
        webhook_id: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Delivery>, WebhookError>>;

    /// Sends a delivery again: due now, with a new series of attempts. False when there is none.
    fn redeliver<'a>(
        &'a self,
        id: &'a str,
        now: Duration,
    ) -> BoxFuture<'a, Result<bool, WebhookError>>;
}
