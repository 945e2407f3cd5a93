//! Ending without losing an answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{Client, WATCHDOG, form, get, post, send};
use super::fake::{FakeRecogniser, Server, options, png, until};
use fenwen::http::{Ended, HttpOptions};
use fenwen::service::ServiceLimits;

#[tokio::test]
async fn accepted_calls_are_answered_and_new_ones_refused() {
    let patient = HttpOptions { drain_grace: WATCHDOG, ..options() };
    let mut server =
        Server::start(FakeRecogniser::gated(), ServiceLimits::default(), patient).await;
    let addr = server.addr;
    let request = post("", &form(&[("image", &png(3))]));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let request = request.clone();
        clients.spawn(async move { send(addr, &request).await });
    }
    until(|| server.recogniser.begun.load(Ordering::SeqCst) == 8).await;
    assert_eq!(get(addr, "/healthz/ready").await.status, 200);
    server.begin_shutdown();
    let service = std::sync::Arc::clone(&server.service);
    until(move || service.health() != fenwen::task::idcard::Health::Ready).await;
    assert_eq!(get(addr, "/healthz/ready").await.problem(), "ER0510");
    assert_eq!(get(addr, "/healthz/live").await.status, 200);
    let refused = send(addr, &request).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "ER0510"));
    assert!(!refused.header("retry-after").is_empty());
    server.recogniser.gate.add_permits(8);
    while let Some(answer) = clients.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    tokio::time::timeout(WATCHDOG, server.service.drained()).await.unwrap();
}

#[tokio::test]
async fn the_end_waits_for_answers_and_closes_idle_connections() {
    let mut server =
        Server::start(FakeRecogniser::gated(), ServiceLimits::default(), options()).await;
    let addr = server.addr;
    let mut idle = Client::connect(addr).await;
    idle.write(b"GET /healthz/live HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(idle.read().await.unwrap().status, 200);
    let request = post("", &form(&[("image", &png(3))]));
    let waiting = tokio::spawn(async move { send(addr, &request).await });
    until(|| server.recogniser.begun.load(Ordering::SeqCst) == 1).await;
    server.begin_shutdown();
    assert!(idle.read().await.is_none());
    server.recogniser.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!(server.ended().await, Ended::Drained);
}

#[tokio::test]
async fn the_drain_has_a_bound() {
    let brief = HttpOptions { drain_timeout: Duration::from_millis(100), ..options() };
    let mut server = Server::start(FakeRecogniser::gated(), ServiceLimits::default(), brief).await;
    let mut client = Client::connect(server.addr).await;
    client.write(&post("", &form(&[("image", &png(3))]))).await;
    until(|| server.recogniser.begun.load(Ordering::SeqCst) == 1).await;
    server.begin_shutdown();
    assert_eq!(server.ended().await, Ended::Cut(1));
    assert!(client.read().await.is_none());
}
