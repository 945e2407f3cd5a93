//! The bus inside one process: nothing to install, durable through the outbox.
//!
//! Events wait in memory; [`super::Receipt::settled`] tells the outbox when every durable has acknowledged one, so
//! that a restart publishes again what was not. Dead letters wait in memory, too, and are logged.

mod member;
mod registry;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};

use crate::base::Clock;

use super::error::BusError;
use super::event::CloudEvent;
use super::gate::Gate;
use super::message::{
    Handle, Receipt, Reply, Report, Request, ServiceSpec, StreamReport, StreamState, Subscription,
    answered,
};
use super::stream::{DUPLICATE_WINDOW, MAX_DELIVERIES, STREAMS};
use super::subject::Subject;
use super::{Bus, is_token};

use registry::Registry;
use state::State;

/// Bounds of the embedded engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// How long a delivered event may stay unacknowledged.
    pub lease: Duration,
    /// Deliveries of one event before it becomes a dead letter.
    pub max_deliveries: u32,
    /// Events that wait for one durable, those being worked on included.
    pub max_waiting: usize,
    /// Bytes of a request or reply.
    pub max_message_bytes: usize,
    /// How long a repeated id is recognised.
    pub duplicate_window: Duration,
}

impl Default for EmbeddedSettings {
    /// 30 s, 5 deliveries, 10,000 events, 16 MiB, 2 minutes.
    fn default() -> EmbeddedSettings {
        EmbeddedSettings {
            lease: Duration::from_secs(30),
            max_deliveries: MAX_DELIVERIES,
            max_waiting: 10_000,
            max_message_bytes: 16 << 20,
            duplicate_window: DUPLICATE_WINDOW,
        }
    }
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

/// What the engine's tasks share.
struct Shared {
    settings: EmbeddedSettings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    registry: Mutex<Registry>,
    /// Something may be due earlier than before.
    changed: Notify,
    gate: Gate,
    closing: watch::Sender<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Embedded {
    /// An empty bus.
    pub fn new(settings: EmbeddedSettings, clock: Arc<dyn Clock>) -> Embedded {
        Embedded {
            shared: Arc::new(Shared {
                settings,
                clock,
                state: Mutex::new(State::new(settings)),
                registry: Mutex::default(),
                changed: Notify::new(),
                gate: Gate::new(),
                closing: watch::Sender::new(false),
            }),
        }
    }

    /// Looks at the clock again; for whoever moves it by hand.
    pub fn wake(&self) {
        self.shared.changed.notify_waiters();
    }

    async fn ask(&self, request: Request, timeout: Duration) -> Result<Reply, BusError> {
        let _pass = self.shared.gate.enter()?;
        self.check_size(request.body.expose().len())?;
        let subject = request.subject.clone();
        let chosen = self.shared.registry().choose(&subject);
        let Some(member) = chosen else {
            return Err(BusError::NoResponders(subject.to_string()));
        };
        let _busy = member.gate.enter()?;
        let answer = tokio::time::timeout(timeout, answered(&member.answer, request)).await;
        let reply = answer.map_err(|_| BusError::Timeout)?;
        self.check_size(reply.body.expose().len())?;
        match reply.failure {
            None => Ok(reply),
            Some((status, code)) => {
                let Reply { headers, body: problem, .. } = reply;
                Err(BusError::Remote { status, code: code.to_owned(), headers, problem })
            }
        }
    }

    fn check_size(&self, bytes: usize) -> Result<(), BusError> {
        let limit = self.shared.settings.max_message_bytes;
        if bytes <= limit { Ok(()) } else { Err(BusError::TooLarge { bytes, limit }) }
    }

    fn accept(&self, subject: &Subject, event: &CloudEvent) -> Result<Receipt, BusError> {
        if self.shared.gate.is_closed() {
            return Err(BusError::Closed);
        }
        // The same limit as on a server.
        event.to_json()?;
        let now = self.shared.clock.now();
        let accepted = self.shared.state().publish(subject, event, now)?;
        self.shared.changed.notify_waiters();
        let mut left = accepted.left;
        let settled = async move {
            let settled = left.wait_for(|it| *it == 0).await;
            settled.map(|_| ()).map_err(|_| BusError::Closed)
        };
        Ok(Receipt { duplicate: accepted.duplicate, settled: settled.boxed() })
    }
}

impl Bus for Embedded {
    fn request(
        &self,
        request: Request,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Reply, BusError>> {
        self.ask(request, timeout).boxed()
    }

    fn serve(&self, service: ServiceSpec) -> BoxFuture<'_, Result<Handle, BusError>> {
        async move {
            let _pass = self.shared.gate.enter()?;
            Ok(registry::serve(&self.shared, &service))
        }
        .boxed()
    }

    fn publish<'a>(
        &'a self,
        subject: &'a Subject,
        event: &'a CloudEvent,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        std::future::ready(self.accept(subject, event)).boxed()
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Handle, BusError>> {
        async move {
            let _pass = self.shared.gate.enter()?;
            if !is_token(&subscription.durable) {
                return Err(super::SubjectError::Token(0).into());
            }
            let now = self.shared.clock.now();
            self.shared.state().add(&subscription.durable, &subscription.filter, now)?;
            Ok(member::start(&self.shared, subscription))
        }
        .boxed()
    }

    fn max_message_bytes(&self) -> usize {
        self.shared.settings.max_message_bytes
    }

    fn report(&self) -> BoxFuture<'_, Result<Report, BusError>> {
        async move {
            let state = self.shared.state();
            let streams = STREAMS.iter().map(|it| StreamReport {
                name: it.name.to_owned(),
                retention: it.retention,
                state: Some(StreamState {
                    n_messages: state.n_waiting(it.name) as u64,
                    n_durables: state.n_durables(it.name),
                }),
            });
            Ok(Report {
                server: "embedded".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                max_message_bytes: self.max_message_bytes(),
                streams: streams.collect(),
                services: self.shared.registry().names(),
            })
        }
        .boxed()
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        async move {
            self.shared.gate.close();
            self.shared.closing.send_replace(true);
            self.shared.gate.empty().await;
        }
        .boxed()
    }
}
