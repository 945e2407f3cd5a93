//! The bus over NATS: JetStream for what must not be lost, NATS services for requests.
//!
//! Everything of the client library stays in this folder. Key-value buckets are not used: older servers answer the
//! account question in a form that the client cannot read.

mod connect;
mod durable;
mod headers;
mod publish;
mod report;
mod service;
mod version;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::Bus;
use super::error::BusError;
use super::event::CloudEvent;
use super::gate::Gate;
use super::message::{Handle, Receipt, Reply, Report, Request, ServiceSpec, Subscription};
use super::stream::MAX_DELIVERIES;
use super::subject::Subject;

/// Where the server is and how we use it.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// `nats://host:4222` or `tls://host:4222`; several between commas.
    pub url: String,
    /// How we name ourselves to the server.
    pub name: String,
    /// File with a token and a key (`.creds`).
    pub credentials: Option<PathBuf>,
    /// Encryption.
    pub tls: NatsTls,
    /// For the connection to be there.
    pub connect_timeout: Duration,
    /// How long a delivered event may stay unacknowledged.
    pub lease: Duration,
    /// Deliveries of one event before it becomes a dead letter.
    pub max_deliveries: u32,
    /// Commands that wait; the next one is refused.
    pub max_waiting: u32,
    /// Copies of each stream, on as many servers.
    pub replicas: usize,
    /// Whether a server with known vulnerabilities is used all the same.
    pub accept_old_server: bool,
}

/// Encryption of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsTls {
    /// Certificates that sign the server's (PEM), besides the system's.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether a connection without encryption is refused.
    pub required: bool,
}

impl NatsSettings {
    /// Where the server is, for operators: without credentials.
    pub fn shown_url(&self) -> String {
        connect::without_credentials(&self.url)
    }
}

impl Default for NatsSettings {
    /// `nats://127.0.0.1:4222`, 5 s to connect, a lease of 30 s, 5 deliveries, 10,000 commands, one copy.
    fn default() -> NatsSettings {
        NatsSettings {
            url: "nats://127.0.0.1:4222".to_owned(),
            name: "fenwen".to_owned(),
            credentials: None,
            tls: NatsTls::default(),
            connect_timeout: Duration::from_secs(5),
            lease: Duration::from_secs(30),
            max_deliveries: MAX_DELIVERIES,
            max_waiting: 10_000,
            replicas: 1,
            accept_old_server: false,
        }
    }
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Nats {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    settings: Arc<NatsSettings>,
    /// Tasks that serve and receive.
    tasks: Gate,
    closing: Arc<watch::Sender<bool>>,
}

impl Nats {
    /// Connects, checks the server's version and makes the streams that are not there.
    ///
    /// # Errors
    /// [`BusError::Away`], [`BusError::Unreachable`], [`BusError::TooOld`], [`BusError::SetUp`].
    pub async fn connect(settings: NatsSettings) -> Result<Nats, BusError> {
        connect::connect(settings).await
    }

    /// Connects and checks the server's version; makes nothing.
    ///
    /// # Errors
    /// [`BusError::Away`], [`BusError::Unreachable`], [`BusError::TooOld`].
    pub async fn look(settings: NatsSettings) -> Result<Nats, BusError> {
        connect::look(settings).await
    }

    fn require_open(&self) -> Result<(), BusError> {
        if self.tasks.is_closed() { Err(BusError::Closed) } else { Ok(()) }
    }
}

impl Bus for Nats {
    fn request(
        &self,
        request: Request,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Reply, BusError>> {
        service::ask(self, request, timeout).boxed()
    }

    fn serve(&self, service: ServiceSpec) -> BoxFuture<'_, Result<Handle, BusError>> {
        service::serve(self, service).boxed()
    }

    fn publish<'a>(
        &'a self,
        subject: &'a Subject,
        event: &'a CloudEvent,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        publish::publish(self, subject, event).boxed()
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Handle, BusError>> {
        durable::subscribe(self, subscription).boxed()
    }

    fn max_message_bytes(&self) -> usize {
        self.client.max_payload()
    }

    fn report(&self) -> BoxFuture<'_, Result<Report, BusError>> {
        report::report(self).boxed()
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        async move {
            self.tasks.close();
            self.closing.send_replace(true);
            self.tasks.empty().await;
            // Without a connection there is nobody to tell; then what was not acknowledged comes again.
            let _ = self.client.flush().await;
            let _ = self.client.drain().await;
        }
        .boxed()
    }
}
