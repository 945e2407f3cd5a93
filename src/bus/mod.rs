//! The enterprise bus: requests to services, events and commands to durables, whatever carries them.
//!
//! One port, two engines: [`Embedded`] inside the process, and NATS JetStream (feature `nats`). One suite holds for
//! both (`tests/it/bus`). The store is the truth and the bus is its doorbell: a message may come late or twice, so
//! whoever receives one checks the store.

mod embedded;
mod error;
mod event;
mod gate;
mod late;
mod message;
#[cfg(feature = "nats")]
mod nats;
mod stream;
mod subject;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use embedded::{Embedded, EmbeddedSettings};
pub use error::BusError;
pub use event::{CloudEvent, Data, EventError, Extension, MAX_EVENT_BYTES, MEDIA_TYPE, Origin};
pub use late::{Connect, Late};
pub use message::{
    Answerer, Delivery, Endpoint, Handle, Handler, Headers, Outcome, Receipt, Reply, Report,
    Request, ServiceSpec, StreamReport, StreamState, Subscription,
};
#[cfg(feature = "nats")]
pub use nats::{Nats, NatsSettings, NatsTls};
pub use stream::{
    DUPLICATE_WINDOW, MAX_DELIVERIES, Retention, STREAMS, StreamSpec, stream_of, stream_under,
};
pub use subject::{Filter, ROOT, Subject, SubjectError, is_token};

/// Bytes of one message on a server that was not asked yet: NATS's own default.
const DEFAULT_MESSAGE_BYTES: usize = 1 << 20;

/// A bus.
pub trait Bus: Send + Sync {
    /// Asks whoever serves the subject and waits for the answer.
    ///
    /// # Errors
    /// [`BusError::NoResponders`] at once when nobody does, [`BusError::Timeout`], [`BusError::Remote`] with the
    /// problem document of a failure, [`BusError::TooLarge`].
    fn request(
        &self,
        request: Request,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Reply, BusError>>;

    /// Answers requests until the handle is stopped or dropped; servers of one group share them.
    ///
    /// # Errors
    /// [`BusError::SetUp`], [`BusError::Closed`].
    fn serve(&self, service: ServiceSpec) -> BoxFuture<'_, Result<Handle, BusError>>;

    /// Hands an event to its stream; the same id again is the same event.
    ///
    /// # Errors
    /// [`BusError::Full`] when the stream or a durable has no room, [`BusError::Unroutable`], [`BusError::Event`].
    fn publish<'a>(
        &'a self,
        subject: &'a Subject,
        event: &'a CloudEvent,
    ) -> BoxFuture<'a, Result<Receipt, BusError>>;

    /// Receives events until the handle is stopped or dropped; what is not acknowledged comes again, to this member
    /// of the durable or to another.
    ///
    /// # Errors
    /// [`BusError::Unroutable`] unless one stream has everything that the filter selects, [`BusError::SetUp`].
    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Handle, BusError>>;

    /// Bytes of one message, headers included.
    fn max_message_bytes(&self) -> usize;

    /// What the bus is and how full its streams are, for operators.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    fn report(&self) -> BoxFuture<'_, Result<Report, BusError>>;

    /// Whether its server is there now; always where there is none.
    fn is_connected(&self) -> bool {
        true
    }

    /// Takes nothing new, lets what runs end, and hands out what was answered or acknowledged.
    fn drain(&self) -> BoxFuture<'_, ()>;
}
