//! What goes over the bus, and what those who serve and receive hand to it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::Private;

use super::error::BusError;
use super::event::{CloudEvent, EventError, Extension};
use super::stream::Retention;
use super::subject::{Filter, Subject};

/// Headers of a request or reply, names in lower case.
pub type Headers = BTreeMap<String, String>;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whom it asks.
    pub subject: Subject,
    /// What is said about it.
    pub headers: Headers,
    /// What it says.
    pub body: Private<Vec<u8>>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What is said about it.
    pub headers: Headers,
    /// What it says; of a failure the problem document.
    pub body: Private<Vec<u8>>,
    /// Status and number of a failure.
    pub failure: Option<(u16, &'static str)>,
}

impl Reply {
    /// What a panic of the one who serves becomes. Its message stays out of the answer: it may hold input.
    pub(super) fn of_panic() -> Reply {
        Reply { failure: Some((500, "ER0500")), ..Reply::default() }
    }
}

/// Answers requests.
pub type Answerer = Arc<dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync>;

/// A service with its endpoints.
#[derive(Clone)]
pub struct ServiceSpec {
    /// Name, such as `fenwen-letters`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// In words.
    pub description: String,
    /// For those who discover it: where its documents are described, which model answers.
    pub metadata: BTreeMap<String, String>,
    /// Members of one group share the requests.
    pub group: String,
    /// What it answers.
    pub endpoints: Vec<Endpoint>,
}

/// One operation of a service.
#[derive(Clone)]
pub struct Endpoint {
    /// Name, such as `classify`.
    pub name: String,
    /// Where it is asked.
    pub subject: Subject,
    /// Who answers.
    pub answer: Answerer,
}

/// Answers, also when whoever answers panics.
pub(super) async fn answered(answer: &Answerer, request: Request) -> Reply {
    let answer = AssertUnwindSafe(async { answer(request).await }).catch_unwind();
    answer.await.unwrap_or_else(|_| Reply::of_panic())
}

/// What became of a published event.
pub struct Receipt {
    /// The stream had its id already.
    pub duplicate: bool,
    /// Resolves when a restart cannot lose the event any more: it is on a server's disk, or every durable inside this
    /// process has acknowledged it.
    ///
    /// An error means that nobody knows: publish it again.
    pub settled: BoxFuture<'static, Result<(), BusError>>,
}

/// Receives events.
pub type Handler = Arc<dyn Fn(Delivery) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// What a durable wants, and who receives it.
#[derive(Clone)]
pub struct Subscription {
    /// Which subjects.
    pub filter: Filter,
    /// Name of the durable: 1 to 64 letters, digits or hyphens. Members of one durable share the events.
    pub durable: String,
    /// Events that this member works on at one time.
    pub max_in_flight: usize,
    /// Who receives.
    pub handler: Handler,
}

/// What becomes of a delivered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ack,
    /// Again after this time; given up after the last delivery.
    Retry(Duration),
    /// Never again: it becomes a dead letter for this reason.
    Reject(&'static str),
}

/// An event that was delivered. It comes again unless it is acknowledged within the lease.
#[derive(Clone)]
pub struct Delivery {
    /// Under which subject.
    pub subject: Subject,
    /// The event.
    pub event: Arc<CloudEvent>,
    /// What its sender said about it, as of a request; none inside one process.
    pub headers: Headers,
    /// Which delivery this is, from 1.
    pub attempt: u32,
    /// Extends the lease.
    pub(super) progress: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Delivery {
    /// Extends the lease: work goes on.
    pub async fn progress(&self) {
        (self.progress)().await;
    }
}

/// Receives, also when the receiver panics: then nothing is said, and the lease runs out.
pub(super) async fn received(handler: &Handler, delivery: Delivery) -> Option<Outcome> {
    AssertUnwindSafe(async { handler(delivery).await }).catch_unwind().await.ok()
}

/// The event with why it was given up. Its attributes are kept; what a command says may be somebody's letter, and goes.
pub(super) fn dead_letter(
    event: &CloudEvent,
    subject: &Subject,
    reason: &str,
    n_deliveries: u32,
) -> Result<CloudEvent, EventError> {
    let n_deliveries = i32::try_from(n_deliveries).unwrap_or(i32::MAX);
    let mut dead = event.clone();
    if subject.is_command() {
        dead.data = None;
    }
    dead.with("deadreason", Extension::String(reason.to_owned()))?
        .with("deadsubject", Extension::String(subject.to_string()))?
        .with("deaddeliveries", Extension::Integer(n_deliveries))
}

/// Something that runs on the bus. Dropping it ends it at once, as a crash would.
pub struct Handle {
    stop: Option<Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send + Sync>>,
    task: tokio::task::AbortHandle,
}

impl Handle {
    /// Of a task that takes nothing new once `stop` was called, and then ends by itself.
    pub(super) fn of(
        task: tokio::task::JoinHandle<()>,
        stop: impl FnOnce() + Send + Sync + 'static,
    ) -> Handle {
        let abort = task.abort_handle();
        let stop = move || {
            async move {
                stop();
                // It was aborted, if it fails.
                let _ = task.await;
            }
            .boxed()
        };
        Handle { stop: Some(Box::new(stop)), task: abort }
    }

    /// Takes nothing new and waits for what runs.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            stop().await;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How a bus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `embedded`, or the server's name.
    pub server: String,
    /// The server's version; ours for the embedded engine.
    pub version: String,
    /// Bytes of one message.
    pub max_message_bytes: usize,
    /// Each stream.
    pub streams: Vec<StreamReport>,
    /// Name and version of each service that answers, ours and others'.
    pub services: Vec<(String, String)>,
}

/// How a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// Its name.
    pub name: String,
    /// Who takes its messages.
    pub retention: Retention,
    /// None while nobody has made it.
    pub state: Option<StreamState>,
}

/// What is in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Messages kept.
    pub n_messages: u64,
    /// Durables on it.
    pub n_durables: usize,
}
