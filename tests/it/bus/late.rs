//! A bus whose server comes later is that bus from then on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fenwen::base::SystemClock;
use fenwen::bus::{Bus, BusError, Embedded, EmbeddedSettings, Late, Outcome, Reply};
use futures_util::FutureExt;

use super::{WATCHDOG, event, job, receive, request, serve, within};

#[tokio::test]
async fn what_was_begun_before_its_server_is_there_when_it_comes() {
    let inner = Embedded::new(EmbeddedSettings::default(), Arc::new(SystemClock));
    let is_there = Arc::new(AtomicBool::new(false));
    let (bus, there) = (inner.clone(), Arc::clone(&is_there));
    let connect = move || {
        let found = match there.load(Ordering::SeqCst) {
            true => Ok(Arc::new(bus.clone()) as Arc<dyn Bus>),
            false => Err(BusError::Timeout),
        };
        std::future::ready(found).boxed()
    };
    let late = Late::new("nats://host:4222".to_owned(), Box::new(connect));
    let serving = serve(&late, |it| Reply { body: it.body, ..Reply::default() }).await;
    let ended = serve(&late, |_| Reply::default()).await;
    within(ended.stop()).await;
    let (member, mut deliveries) =
        receive(&late, "moi.ai.v1.job.>", "worker", |_| Outcome::Ack).await;
    assert!(!late.is_connected());
    let error = late.publish(&job("transcribe"), &event("1")).await.err().unwrap();
    assert!(matches!(error, BusError::Away { .. }) && error.is_passing(), "{error:?}");
    let asked = late.request(request(b"x"), WATCHDOG).await.unwrap_err();
    assert!(matches!(asked, BusError::Away { .. }), "{asked:?}");
    is_there.store(true, Ordering::SeqCst);
    let published = async {
        while late.publish(&job("transcribe"), &event("1")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within(published).await;
    assert_eq!(super::next(&mut deliveries, 1).await, [("1".to_owned(), 1)]);
    let answered = async {
        while late.request(request(b"x"), WATCHDOG).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within(answered).await;
    assert!(late.is_connected());
    within(member.stop()).await;
    within(serving.stop()).await;
    assert_eq!(inner.report().await.unwrap().services, [], "both ended with their handles");
    within(late.drain()).await;
}
