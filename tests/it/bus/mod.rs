//! The bus: one suite of promises, held by every engine.

mod embedded;
mod late;
#[cfg(feature = "nats")]
mod nats;
mod relay;
mod suite;
#[cfg(all(feature = "jwt", feature = "nats", feature = "tls"))]
mod tls;

use std::sync::Arc;
use std::time::Duration;

use fenwen::bus::{
    Bus, CloudEvent, Delivery, Endpoint, Extension, Filter, Handle, Handler, Headers, Origin,
    Outcome, Receipt, Reply, Request, ServiceSpec, Subject, Subscription,
};
use futures_util::FutureExt;
use tokio::sync::mpsc;

/// Longest wait for anything: a test that takes longer hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

/// What a case needs to be small.
#[derive(Clone, Copy)]
struct Limits {
    lease: Duration,
    max_waiting: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { lease: Duration::from_secs(30), max_waiting: 20_000 }
    }
}

/// An engine under test.
trait Engine: Sized {
    async fn start(limits: Limits) -> Self;

    /// The bus of this process.
    fn bus(&self) -> Arc<dyn Bus>;

    /// Crashes and starts again: the engine, and the server where there is one.
    async fn crash(&mut self);
}

fn job(operation: &str) -> Subject {
    Subject::job("speech", operation).unwrap()
}

fn event(id: &str) -> CloudEvent {
    let origin = Origin { id, source: "/moi/ai/test", kind: "tw.gov.moi.ai.test.v1" };
    let event = CloudEvent::new(origin).unwrap();
    event.with("orgcode", Extension::String("301000000A".to_owned())).unwrap()
}

async fn publish(bus: &dyn Bus, subject: &Subject, id: &str) -> Receipt {
    within(bus.publish(subject, &event(id))).await.unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WATCHDOG, future).await.unwrap()
}

/// Subscribes; `decide` says what becomes of each delivery, which is also sent on.
async fn receive(
    bus: &dyn Bus,
    filter: &str,
    durable: &str,
    decide: impl Fn(&Delivery) -> Outcome + Send + Sync + 'static,
) -> (Handle, mpsc::UnboundedReceiver<Delivery>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handler: Handler = Arc::new(move |delivery| {
        let outcome = decide(&delivery);
        let _ = sender.send(delivery);
        std::future::ready(outcome).boxed()
    });
    (subscribe(bus, filter, durable, handler).await, receiver)
}

async fn subscribe(bus: &dyn Bus, filter: &str, durable: &str, handler: Handler) -> Handle {
    let filter = Filter::parse(filter).unwrap();
    let wanted = Subscription { filter, durable: durable.to_owned(), max_in_flight: 8, handler };
    within(bus.subscribe(wanted)).await.unwrap()
}

/// Ids and attempts of the next deliveries.
async fn next(deliveries: &mut mpsc::UnboundedReceiver<Delivery>, n: usize) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for _ in 0..n {
        let delivery = within(deliveries.recv()).await.unwrap();
        found.push((delivery.event.id().to_owned(), delivery.attempt));
    }
    found
}

/// Serves `moi.ai.v1.rpc.test.echo`.
async fn serve(bus: &dyn Bus, answer: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Handle {
    let answer = Arc::new(move |request| std::future::ready(answer(request)).boxed());
    serve_with(bus, Endpoint { name: "echo".to_owned(), subject: echo(), answer }).await
}

async fn serve_with(bus: &dyn Bus, endpoint: Endpoint) -> Handle {
    let service = ServiceSpec {
        name: "fenwen-test".to_owned(),
        version: "1.2.3".to_owned(),
        description: "test".to_owned(),
        metadata: Headers::from([("openapi".to_owned(), "/openapi.json".to_owned())]),
        group: "fenwen".to_owned(),
        endpoints: vec![endpoint],
    };
    within(bus.serve(service)).await.unwrap()
}

fn echo() -> Subject {
    Subject::rpc("test", "echo").unwrap()
}

fn request(body: &[u8]) -> Request {
    Request { subject: echo(), headers: Headers::new(), body: body.to_vec().into() }
}
