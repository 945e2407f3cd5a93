//! More requests than places.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use super::client::{form, post, send};
use super::fake::{FakeRecogniser, Server, options, png, until};
use fenwen::service::ServiceLimits;

const PLACES: u32 = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_on_thirty_two_places() {
    let limits = ServiceLimits { max_in_flight: PLACES, ..ServiceLimits::default() };
    let server = Server::start(FakeRecogniser::gated(), limits, options()).await;
    let request: Arc<[u8]> = post("", &form(&[("image", &png(3))])).into();
    let mut clients = JoinSet::new();
    for _ in 0..200 {
        let (addr, request) = (server.addr, Arc::clone(&request));
        clients.spawn(async move { send(addr, &request).await });
    }
    // Nothing is answered yet, so whoever found no place is refused while the others wait.
    for _ in 0..200 - PLACES {
        let answer = clients.join_next().await.unwrap().unwrap();
        assert_eq!((answer.status, answer.problem().as_str()), (429, "ER0429"));
        assert!(1 <= answer.header("retry-after").parse::<u32>().unwrap());
    }
    assert_eq!(server.service.occupancy().calls, PLACES as usize);
    server.recogniser.gate.add_permits(PLACES as usize);
    while let Some(answer) = clients.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(server.recogniser.begun.load(Ordering::SeqCst), PLACES as usize);
    until(|| server.service.occupancy().calls == 0).await;
}

#[tokio::test]
async fn what_cannot_be_in_time_is_refused_at_once() {
    let server = Server::open().await;
    server.recogniser.estimate_ms.store(60_000, Ordering::SeqCst);
    let answer = send(server.addr, &post("", &form(&[("image", &png(3))]))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (429, "ER0429"));
    assert!(25 <= answer.header("retry-after").parse::<u32>().unwrap());
    assert_eq!(server.recogniser.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn pixels_have_a_budget_and_one_call_always_fits() {
    let limits = ServiceLimits { max_admitted_pixels: 5, ..ServiceLimits::default() };
    let server = Server::start(FakeRecogniser::gated(), limits, options()).await;
    let request = post("", &form(&[("image", &png(3))]));
    let (addr, first) = (server.addr, request.clone());
    let first = tokio::spawn(async move { send(addr, &first).await });
    until(|| server.recogniser.begun.load(Ordering::SeqCst) == 1).await;
    assert_eq!(send(server.addr, &request).await.status, 429);
    server.recogniser.gate.add_permits(1);
    assert_eq!(first.await.unwrap().status, 200);
}
