//! What every engine promises, a case each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fenwen::base::ErrorCode;
use fenwen::bus::{
    BusError, Endpoint, Extension, Filter, Handler, Headers, Outcome, Receipt, Reply, Subject,
    Subscription,
};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{
    Engine, Limits, WATCHDOG, echo, event, job, next, publish, receive, request, serve, serve_with,
    subscribe, within,
};

const JOBS: &str = "moi.ai.v1.job.>";
const DEAD: &str = "moi.ai.v1.dlq.>";

/// A test of every case for an engine.
macro_rules! conformance {
    ($engine:ty) => {
        $crate::bus::suite::conformance!($engine:
            wildcards_select, groups_share_requests, nobody_is_told_at_once, an_answer_may_be_late,
            failures_carry_their_problem, a_panic_is_a_failure, headers_and_sizes,
            one_id_is_one_event, what_crashes_comes_again, a_member_that_dies_leaves_its_events,
            progress_keeps_the_lease, a_retry_waits, the_fifth_failure_is_a_dead_letter,
            a_rejected_event_is_a_dead_letter_at_once, full_is_refused, what_has_no_stream_is_refused,
            a_stopped_service_answers_what_it_has, draining_loses_nothing,
            a_crash_keeps_durables, nothing_is_lost_of_ten_thousand,
            no_event_of_the_outbox_is_lost_in_a_crash, the_report_names_everything);
    };
    ($engine:ty: $($case:ident),+) => {
        mod conformance {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::suite::$case::<$engine>().await;
                }
            )+
        }
    };
}
pub(super) use super::relay::no_event_of_the_outbox_is_lost_in_a_crash;
pub(super) use conformance;

fn evt(org: &str, name: &str) -> Subject {
    Subject::event(org, name).unwrap()
}

pub(super) async fn wildcards_select<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let mut members = Vec::new();
    for (durable, filter, expected) in [
        ("agency", "moi.ai.v1.evt.301000000A.>", &["1", "2", "end"][..]),
        ("letters", "moi.ai.v1.evt.*.letters.>", &["1", "3", "end"]),
        ("exact", "moi.ai.v1.evt.301000000A.letters.classification.completed", &["1", "end"]),
        ("all", "moi.ai.v1.evt.>", &["1", "2", "3", "end"]),
    ] {
        let (handle, deliveries) = receive(&*bus, filter, durable, |_| Outcome::Ack).await;
        members.push((handle, deliveries, expected));
    }
    let own = "301000000A";
    publish(&*bus, &evt(own, "letters.classification.completed"), "1").await;
    publish(&*bus, &evt(own, "documents.dispatch.completed"), "2").await;
    publish(&*bus, &evt("379000000A", "letters.classification.completed"), "3").await;
    publish(&*bus, &evt(own, "letters.classification.completed"), "end").await;
    for (_handle, mut deliveries, expected) in members {
        let mut found = next(&mut deliveries, expected.len()).await;
        found.sort();
        let expected: Vec<(String, u32)> = expected.iter().map(|&it| (it.to_owned(), 1)).collect();
        assert_eq!(found, expected);
    }
}

pub(super) async fn groups_share_requests<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let counts = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let mut handles = Vec::new();
    for count in &counts {
        let count = Arc::clone(count);
        let answer = move |request: fenwen::bus::Request| {
            count.fetch_add(1, Ordering::SeqCst);
            Reply { body: request.body, ..Reply::default() }
        };
        handles.push(serve(&*bus, answer).await);
    }
    for n in 0..100_u32 {
        let body = n.to_string();
        let reply = within(bus.request(request(body.as_bytes()), WATCHDOG)).await.unwrap();
        assert_eq!(reply.body.expose(), body.as_bytes());
    }
    let counts = counts.map(|it| it.load(Ordering::SeqCst));
    assert_eq!(counts.iter().sum::<usize>(), 100, "each request once");
    assert!(counts.iter().all(|it| 0 < *it), "{counts:?}");
}

pub(super) async fn nobody_is_told_at_once<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let error = within(it.bus().request(request(b""), 10 * WATCHDOG)).await.unwrap_err();
    assert!(matches!(error, BusError::NoResponders(_)), "{error:?}");
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

pub(super) async fn an_answer_may_be_late<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let answer = Arc::new(|_| std::future::pending().boxed());
    let endpoint = Endpoint { name: "echo".to_owned(), subject: echo(), answer };
    let _serving = serve_with(&*bus, endpoint).await;
    let asked = bus.request(request(b""), Duration::from_millis(50));
    assert!(matches!(within(asked).await, Err(BusError::Timeout)));
}

pub(super) async fn failures_carry_their_problem<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let _serving = serve(&*bus, |_| Reply {
        body: b"{\"code\":\"ER0452\"}".to_vec().into(),
        failure: Some((422, "ER0452")),
        ..Reply::default()
    })
    .await;
    let error = within(bus.request(request(b""), WATCHDOG)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Classified);
    let BusError::Remote { status, code, problem, .. } = error else { unreachable!("{error:?}") };
    assert_eq!((status, code.as_str()), (422, "ER0452"));
    assert_eq!(problem.expose(), b"{\"code\":\"ER0452\"}");
}

pub(super) async fn a_panic_is_a_failure<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let _serving = serve(&*bus, |request| {
        assert_eq!(request.body.expose(), b"good", "A123456789 in a panic message");
        Reply::default()
    })
    .await;
    let error = within(bus.request(request(b"bad"), WATCHDOG)).await.unwrap_err();
    let BusError::Remote { status: 500, code, problem, .. } = error else {
        unreachable!("{error:?}")
    };
    assert_eq!(code, "ER0500");
    assert!(problem.expose().is_empty(), "no panic message");
    assert!(within(bus.request(request(b"good"), WATCHDOG)).await.is_ok(), "the service goes on");
}

pub(super) async fn headers_and_sizes<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let _serving =
        serve(&*bus, |request| Reply { headers: request.headers, ..Reply::default() }).await;
    let mut asked = request(b"x");
    asked.headers = Headers::from([("traceparent".to_owned(), "00-1".to_owned())]);
    let reply = within(bus.request(asked, WATCHDOG)).await.unwrap();
    assert_eq!(reply.headers.get("traceparent").map(String::as_str), Some("00-1"));
    let too_large = request(&vec![0; bus.max_message_bytes() + 1]);
    let error = within(bus.request(too_large, WATCHDOG)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge, "{error:?}");
}

pub(super) async fn one_id_is_one_event<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let (_member, mut deliveries) = receive(&*bus, JOBS, "worker", |_| Outcome::Ack).await;
    assert!(!publish(&*bus, &job("transcribe"), "1").await.duplicate);
    assert!(publish(&*bus, &job("transcribe"), "1").await.duplicate);
    within(publish(&*bus, &job("transcribe"), "2").await.settled).await.unwrap();
    let mut found = next(&mut deliveries, 2).await;
    found.sort();
    assert_eq!(found, [("1".to_owned(), 1), ("2".to_owned(), 1)]);
}

pub(super) async fn what_crashes_comes_again<E: Engine>() {
    let it = E::start(Limits { lease: Duration::from_millis(200), ..Limits::default() }).await;
    let bus = it.bus();
    let (_member, mut deliveries) = receive(&*bus, JOBS, "worker", |delivery| {
        assert_ne!(delivery.attempt, 1, "crashes before the acknowledgement");
        Outcome::Ack
    })
    .await;
    let receipt = publish(&*bus, &job("transcribe"), "1").await;
    let (id, attempt) = next(&mut deliveries, 1).await.remove(0);
    assert_eq!(id, "1");
    assert!(1 < attempt);
    within(receipt.settled).await.unwrap();
}

pub(super) async fn a_member_that_dies_leaves_its_events<E: Engine>() {
    let it = E::start(Limits { lease: Duration::from_millis(200), ..Limits::default() }).await;
    let bus = it.bus();
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let hangs: Handler = Arc::new(move |_| {
        let _ = begun.send(());
        std::future::pending().boxed()
    });
    let dying = subscribe(&*bus, JOBS, "worker", hangs).await;
    publish(&*bus, &job("transcribe"), "1").await;
    within(has_begun.recv()).await.unwrap();
    drop(dying);
    let (_other, mut deliveries) = receive(&*bus, JOBS, "worker", |_| Outcome::Ack).await;
    assert_eq!(next(&mut deliveries, 1).await.remove(0).0, "1");
}

pub(super) async fn progress_keeps_the_lease<E: Engine>() {
    let lease = Duration::from_secs(2);
    let it = E::start(Limits { lease, ..Limits::default() }).await;
    let bus = it.bus();
    let n_begun = Arc::new(AtomicUsize::new(0));
    let (done, mut is_done) = mpsc::unbounded_channel();
    let count = Arc::clone(&n_begun);
    let works: Handler = Arc::new(move |delivery| {
        count.fetch_add(1, Ordering::SeqCst);
        let done = done.clone();
        async move {
            // Twice the lease, in pieces.
            for _ in 0..8 {
                let _ = tokio::time::timeout(lease / 4, std::future::pending::<()>()).await;
                delivery.progress().await;
            }
            let _ = done.send(());
            Outcome::Ack
        }
        .boxed()
    });
    let _member = subscribe(&*bus, JOBS, "worker", works).await;
    let receipt = publish(&*bus, &job("transcribe"), "1").await;
    within(is_done.recv()).await.unwrap();
    within(receipt.settled).await.unwrap();
    assert_eq!(n_begun.load(Ordering::SeqCst), 1);
}

pub(super) async fn a_retry_waits<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let (_member, mut deliveries) = receive(&*bus, JOBS, "worker", |it| match it.attempt {
        1 => Outcome::Retry(Duration::from_millis(100)),
        _ => Outcome::Ack,
    })
    .await;
    let receipt = publish(&*bus, &job("transcribe"), "1").await;
    let expected = [("1".to_owned(), 1), ("1".to_owned(), 2)];
    assert_eq!(next(&mut deliveries, 2).await, expected);
    within(receipt.settled).await.unwrap();
}

async fn dies<E: Engine>(outcome: Outcome, expected: (u32, &str)) {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let (_member, mut deliveries) = receive(&*bus, JOBS, "worker", move |_| outcome).await;
    let said = serde_json::json!({"letter": "[content]"});
    let command = event("1").saying(said, "https://example.gov.tw/letter").unwrap();
    let receipt = within(bus.publish(&job("transcribe"), &command)).await.unwrap();
    let n_deliveries = expected.0 as usize;
    assert_eq!(next(&mut deliveries, n_deliveries).await.pop().unwrap().1, expected.0);
    let (_graves, mut dead) = receive(&*bus, DEAD, "graves", |_| Outcome::Ack).await;
    let dead = within(dead.recv()).await.unwrap();
    within(receipt.settled).await.unwrap();
    assert_eq!(dead.subject.as_str(), "moi.ai.v1.dlq.speech.transcribe");
    assert_eq!((dead.event.id(), dead.event.kind()), ("1", "tw.gov.moi.ai.test.v1"));
    let text = |text: &str| Some(Extension::String(text.to_owned()));
    assert_eq!(dead.event.extension("orgcode").cloned(), text("301000000A"));
    assert_eq!(dead.event.data, None, "what a command says is not kept");
    assert_eq!(dead.event.extension("deadreason").cloned(), text(expected.1));
    assert_eq!(dead.event.extension("deadsubject").cloned(), text(job("transcribe").as_str()));
    let n_deliveries = i32::try_from(expected.0).unwrap();
    assert_eq!(dead.event.extension("deaddeliveries"), Some(&Extension::Integer(n_deliveries)));
    // Nothing is left of it: the next one is the next delivery.
    publish(&*bus, &job("transcribe"), "2").await;
    assert_eq!(next(&mut deliveries, 1).await, [("2".to_owned(), 1)]);
}

pub(super) async fn the_fifth_failure_is_a_dead_letter<E: Engine>() {
    dies::<E>(Outcome::Retry(Duration::ZERO), (5, "max-deliveries")).await;
}

pub(super) async fn a_rejected_event_is_a_dead_letter_at_once<E: Engine>() {
    dies::<E>(Outcome::Reject("poison"), (1, "poison")).await;
}

pub(super) async fn full_is_refused<E: Engine>() {
    let it = E::start(Limits { max_waiting: 3, ..Limits::default() }).await;
    let bus = it.bus();
    for id in ["1", "2", "3"] {
        publish(&*bus, &job("transcribe"), id).await;
    }
    let error = within(bus.publish(&job("transcribe"), &event("4"))).await.err().unwrap();
    assert!(matches!(error, BusError::Full(_)), "{error:?}");
    assert_eq!(error.code(), ErrorCode::Overloaded);
    let (_member, mut deliveries) = receive(&*bus, JOBS, "worker", |_| Outcome::Ack).await;
    assert_eq!(next(&mut deliveries, 3).await.len(), 3);
    // The acknowledgement of the third may still be on its way.
    let room = async { while bus.publish(&job("transcribe"), &event("4")).await.is_err() {} };
    within(room).await;
    assert_eq!(next(&mut deliveries, 1).await, [("4".to_owned(), 1)]);
}

pub(super) async fn what_has_no_stream_is_refused<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let error = within(bus.publish(&echo(), &event("1"))).await.err().unwrap();
    assert!(matches!(error, BusError::Unroutable(_)), "{error:?}");
    let (_member, _deliveries) = receive(&*bus, JOBS, "worker", |_| Outcome::Ack).await;
    for (filter, durable) in [
        ("moi.ai.v1.>", "all"),
        ("moi.ai.v1.job.speech.transcribe", "rival"),
        ("moi.ai.v1.job.speech.transcribe", "worker"),
        ("moi.ai.v1.evt.>", "a bad name"),
    ] {
        let handler: Handler = Arc::new(|_| std::future::ready(Outcome::Ack).boxed());
        let filter = Filter::parse(filter).unwrap();
        let wanted =
            Subscription { filter, durable: durable.to_owned(), max_in_flight: 1, handler };
        assert!(within(bus.subscribe(wanted)).await.is_err(), "{durable}");
    }
}

/// Serves requests that are answered when the test says so; `begun` hears of each.
async fn serve_gated<E: Engine>(
    it: &E,
) -> (fenwen::bus::Handle, Arc<Semaphore>, mpsc::UnboundedReceiver<()>) {
    let gate = Arc::new(Semaphore::new(0));
    let (begun, has_begun) = mpsc::unbounded_channel();
    let opened = Arc::clone(&gate);
    let answer = Arc::new(move |_| {
        let (gate, begun) = (Arc::clone(&opened), begun.clone());
        async move {
            let _ = begun.send(());
            gate.acquire().await.unwrap().forget();
            Reply { body: b"answered".to_vec().into(), ..Reply::default() }
        }
        .boxed()
    });
    let endpoint = Endpoint { name: "echo".to_owned(), subject: echo(), answer };
    (serve_with(&*it.bus(), endpoint).await, gate, has_begun)
}

pub(super) async fn a_stopped_service_answers_what_it_has<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let (serving, gate, mut has_begun) = serve_gated(&it).await;
    let bus = it.bus();
    let asked = tokio::spawn(async move { bus.request(request(b""), WATCHDOG).await });
    within(has_begun.recv()).await.unwrap();
    let stopped = tokio::spawn(serving.stop());
    let refused = async {
        while !matches!(
            it.bus().request(request(b""), Duration::from_millis(50)).await,
            Err(BusError::NoResponders(_))
        ) {}
    };
    within(refused).await;
    gate.add_permits(10);
    assert_eq!(within(asked).await.unwrap().unwrap().body.expose(), b"answered");
    within(stopped).await.unwrap();
}

pub(super) async fn draining_loses_nothing<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let (_serving, gate, mut has_begun) = serve_gated(&it).await;
    let bus = it.bus();
    let (release, released) = oneshot::channel::<()>();
    let released = released.shared();
    let (begun, mut received) = mpsc::unbounded_channel();
    let handler: Handler = Arc::new(move |_| {
        let (released, begun) = (released.clone(), begun.clone());
        async move {
            let _ = begun.send(());
            let _ = released.await;
            Outcome::Ack
        }
        .boxed()
    });
    let _member = subscribe(&*bus, JOBS, "worker", handler).await;
    let asked = tokio::spawn({
        let bus = it.bus();
        async move { bus.request(request(b""), WATCHDOG).await }
    });
    let receipt = publish(&*bus, &job("transcribe"), "1").await;
    within(has_begun.recv()).await.unwrap();
    within(received.recv()).await.unwrap();
    let mut drain = bus.drain();
    assert!((&mut drain).now_or_never().is_none(), "something still runs");
    assert!(matches!(bus.publish(&job("transcribe"), &event("2")).await, Err(BusError::Closed)));
    gate.add_permits(1);
    let _ = release.send(());
    within(drain).await;
    assert_eq!(within(asked).await.unwrap().unwrap().body.expose(), b"answered");
    within(receipt.settled).await.unwrap();
}

/// Publishes again what nobody knows to be settled, as the relay does from the outbox.
async fn publish_again<E: Engine>(it: &E, receipts: Vec<(String, Receipt)>) {
    for (id, receipt) in receipts {
        if !matches!(receipt.settled.now_or_never(), Some(Ok(()))) {
            publish(&*it.bus(), &job("transcribe"), &id).await;
        }
    }
}

pub(super) async fn a_crash_keeps_durables<E: Engine>() {
    let mut it = E::start(Limits { lease: Duration::from_millis(200), ..Limits::default() }).await;
    let bus = it.bus();
    let (member, mut deliveries) = receive(&*bus, JOBS, "worker", |it| {
        if it.event.id() == "1" { Outcome::Ack } else { Outcome::Retry(WATCHDOG / 120) }
    })
    .await;
    let mut receipts = Vec::new();
    for id in ["1", "2", "3"] {
        receipts.push((id.to_owned(), publish(&*bus, &job("transcribe"), id).await));
        next(&mut deliveries, 1).await;
    }
    drop((member, bus));
    it.crash().await;
    let (_member, mut deliveries) = receive(&*it.bus(), JOBS, "worker", |_| Outcome::Ack).await;
    publish_again(&it, receipts).await;
    publish(&*it.bus(), &job("transcribe"), "end").await;
    let mut found = std::collections::BTreeSet::new();
    while !["2", "3", "end"].iter().all(|&it| found.contains(it)) {
        found.insert(next(&mut deliveries, 1).await.remove(0).0);
    }
}

pub(super) async fn nothing_is_lost_of_ten_thousand<E: Engine>() {
    const N: usize = 10_000;
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let (_member, mut deliveries) = receive(&*bus, JOBS, "worker", |delivery| {
        // Some fail once.
        let fails = delivery.attempt == 1 && delivery.event.id().ends_with("77");
        if fails { Outcome::Retry(Duration::ZERO) } else { Outcome::Ack }
    })
    .await;
    let published = futures_util::stream::iter(0..N).for_each_concurrent(64, |n| {
        let bus = Arc::clone(&bus);
        async move {
            publish(&*bus, &job("transcribe"), &n.to_string()).await;
        }
    });
    let received = async {
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < N {
            let delivery = deliveries.recv().await.unwrap();
            if delivery.attempt == 2 || !delivery.event.id().ends_with("77") {
                assert!(
                    seen.insert(delivery.event.id().to_owned()),
                    "{delivery:?}",
                    delivery = delivery.event
                );
            }
        }
    };
    tokio::time::timeout(2 * WATCHDOG, async { tokio::join!(published, received) }).await.unwrap();
}

pub(super) async fn the_report_names_everything<E: Engine>() {
    let it = E::start(Limits::default()).await;
    let bus = it.bus();
    let serving = serve(&*bus, |_| Reply::default()).await;
    publish(&*bus, &job("transcribe"), "1").await;
    let report = within(bus.report()).await.unwrap();
    assert_eq!(report.services, [("fenwen-test".to_owned(), "1.2.3".to_owned())]);
    let names: Vec<&str> = report.streams.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["MOI_AI_JOBS", "MOI_AI_EVENTS", "MOI_AI_DLQ", "MOI_AI_AUDIT"]);
    assert_eq!(report.streams.first().and_then(|it| it.state).map(|it| it.n_messages), Some(1));
    serving.stop().await;
    assert!(within(bus.report()).await.unwrap().services.is_empty());
}
