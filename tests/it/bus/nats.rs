//! NATS holds the suite, and what only a server can do.

use std::sync::Arc;
use std::time::Duration;

use fenwen::bus::{Bus, BusError, Nats, NatsSettings, Subject};

use super::{Engine, Limits, WATCHDOG, echo, job, publish, receive, request, serve, suite, within};
use crate::nats_server::NatsServer;
use fenwen::bus::{Outcome, Reply};

struct Server {
    bus: Nats,
    settings: NatsSettings,
    server: NatsServer,
}

impl Engine for Server {
    async fn start(limits: Limits) -> Server {
        let server = NatsServer::start();
        let settings = NatsSettings {
            url: server.url(),
            lease: limits.lease,
            max_waiting: limits.max_waiting,
            ..NatsSettings::default()
        };
        let bus = within(Nats::connect(settings.clone())).await.unwrap();
        Server { bus, settings, server }
    }

    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn crash(&mut self) {
        self.server.kill();
        self.server.start_again();
        self.bus = within(Nats::connect(self.settings.clone())).await.unwrap();
    }
}

super::suite::conformance!(super::Server);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_survives_a_server_that_is_killed() {
    let mut it = Server::start(Limits::default()).await;
    let bus = it.bus();
    let _serving = serve(&*bus, |request| Reply { body: request.body, ..Reply::default() }).await;
    let (_member, mut deliveries) =
        receive(&*bus, "moi.ai.v1.job.>", "worker", |_| Outcome::Ack).await;
    publish(&*bus, &job("transcribe"), "before").await;
    assert_eq!(super::next(&mut deliveries, 1).await, [("before".to_owned(), 1)]);
    it.server.kill();
    it.server.start_again();
    // Until the client has noticed and is back.
    let again = async {
        while bus.publish(&job("transcribe"), &super::event("after")).await.is_err() {}
        while bus.request(request(b"x"), WATCHDOG / 60).await.is_err() {}
    };
    within(again).await;
    // The acknowledgement of the first may have died with the server: then it comes again.
    while super::next(&mut deliveries, 1).await != [("after".to_owned(), 1)] {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reached_is_told_without_credentials() {
    let server = NatsServer::with(&["--user", "fenwen", "--pass", "right"]);
    let with = |password: &str| NatsSettings {
        url: server.url().replace("//", &format!("//fenwen:{password}@")),
        ..NatsSettings::default()
    };
    within(Nats::connect(with("right"))).await.unwrap();
    let error = within(Nats::connect(with("hunter2"))).await.err().unwrap();
    assert!(matches!(error, BusError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_shows_version_metadata_and_counts() {
    let it = Server::start(Limits::default()).await;
    let bus = it.bus();
    let _serving = serve(&*bus, |request| {
        let failure = (request.body.expose() == b"bad").then_some((400, "ER0210"));
        Reply { failure, ..Reply::default() }
    })
    .await;
    within(bus.request(request(b"good"), WATCHDOG)).await.unwrap();
    within(bus.request(request(b"bad"), WATCHDOG)).await.unwrap_err();
    let other = async_nats::connect(it.settings.url.as_str()).await.unwrap();
    let ask = async |verb: &str| {
        let subject = format!("$SRV.{verb}.fenwen-test");
        let answer = within(other.request(subject, Vec::new().into())).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&answer.payload).unwrap()
    };
    assert_eq!(ask("PING").await["version"], "1.2.3");
    let info = ask("INFO").await;
    assert_eq!(info["metadata"]["openapi"], "/openapi.json");
    assert_eq!(info["endpoints"][0]["subject"], echo().as_str());
    let stats = ask("STATS").await["endpoints"][0].clone();
    assert_eq!((&stats["num_requests"], &stats["data"]["failures"]), (&2.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_and_a_stream_that_are_deleted_are_made_again_and_nothing_is_missed() {
    let it = Server::start(Limits::default()).await;
    let bus = it.bus();
    let subject = Subject::parse("moi.ai.v1.evt.301000000A.job.job.done").unwrap();
    let (_member, mut deliveries) =
        receive(&*bus, "moi.ai.v1.evt.>", "webhooks", |_| Outcome::Ack).await;
    publish(&*bus, &subject, "a").await;
    assert_eq!(super::next(&mut deliveries, 1).await, [("a".to_owned(), 1)]);
    let other = async_nats::connect(it.settings.url.as_str()).await.unwrap();
    let other = async_nats::jetstream::new(other);
    let stream = other.get_stream("MOI_AI_EVENTS").await.unwrap();
    stream.delete_consumer("webhooks").await.unwrap();
    publish(&*bus, &subject, "b").await;
    assert_eq!(super::next(&mut deliveries, 1).await, [("b".to_owned(), 1)]);
    // Another member with other settings: the durable takes them, and goes on where it is.
    let lease = Duration::from_secs(7);
    let again = Nats::connect(NatsSettings { lease, ..it.settings.clone() }).await.unwrap();
    let (other_member, _) = receive(&again, "moi.ai.v1.evt.>", "webhooks", |_| Outcome::Ack).await;
    let found = stream.consumer_info("webhooks").await.unwrap();
    assert_eq!((found.config.ack_wait, found.num_pending), (lease, 0));
    within(other_member.stop()).await;
    other.delete_stream("MOI_AI_EVENTS").await.unwrap();
    publish(&*bus, &subject, "c").await;
    assert_eq!(super::next(&mut deliveries, 1).await, [("c".to_owned(), 1)]);
}
