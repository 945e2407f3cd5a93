//! Commands over the bus: each becomes one job, or a dead letter without its content; what may pass comes again.

#[cfg(feature = "nats")]
mod over_nats;

use std::sync::Arc;
use std::time::Duration;

use fenwen::base::SystemClock;
use fenwen::bus::{
    Bus, CloudEvent, Delivery, Embedded, EmbeddedSettings, Extension, Filter, Handle, Origin,
    Outcome, Subject, Subscription,
};
use fenwen::rpc::RpcOptions;
use fenwen::service::jobs::{Job, JobFilter};
use fenwen::wire::v1::meta::PurposeRule;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::client::WATCHDOG;
use super::fake::{Server, open_gate};
use super::{speech, texts};

/// Nowhere but in what a command says.
const CANARY: &str = "CANARY-A123456789";

/// A server that makes jobs of commands, for as long as the handles live.
async fn receiving(server: &Server, bus: &dyn Bus, rule: PurposeRule) -> Vec<Handle> {
    let options = RpcOptions { purpose: rule, ..RpcOptions::default() };
    let rpc = server.rpc(open_gate(server.store.clone()), options);
    fenwen::rpc::receive(bus, &rpc).await.unwrap()
}

/// A bus that takes the same id again at once.
fn forgetful() -> Embedded {
    let settings =
        EmbeddedSettings { duplicate_window: Duration::ZERO, ..EmbeddedSettings::default() };
    Embedded::new(settings, Arc::new(SystemClock))
}

fn command(id: &str, document: Value) -> CloudEvent {
    let kind = "tw.gov.example.letters.classify.v1";
    let event = CloudEvent::new(Origin { id, source: "/example/mailbox", kind }).unwrap();
    event.saying(document, "https://example.gov.tw/schemas/command").unwrap()
}

fn letters(subject: &str) -> Value {
    let mut letters = texts::letter(subject, "土地登記");
    letters["purpose"] = json!({"code": "petition-handling", "case_no": "SO-7"});
    letters
}

async fn send(bus: &dyn Bus, (service, operation): (&str, &str), event: &CloudEvent) {
    let subject = Subject::job(service, operation).unwrap();
    let receipt = bus.publish(&subject, event).await.unwrap();
    tokio::time::timeout(WATCHDOG, receipt.settled).await.unwrap().unwrap();
}

async fn graves(bus: &dyn Bus) -> (Handle, mpsc::UnboundedReceiver<Delivery>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handler = Arc::new(move |delivery| {
        let _ = sender.send(delivery);
        std::future::ready(Outcome::Ack).boxed()
    });
    let filter = Filter::parse("moi.ai.v1.dlq.>").unwrap();
    let wanted = Subscription { filter, durable: "graves".to_owned(), max_in_flight: 8, handler };
    (bus.subscribe(wanted).await.unwrap(), receiver)
}

async fn next(graves: &mut mpsc::UnboundedReceiver<Delivery>) -> Delivery {
    tokio::time::timeout(WATCHDOG, graves.recv()).await.unwrap().unwrap()
}

async fn jobs(server: &Server) -> Vec<Job> {
    let all = JobFilter { limit: 99, ..JobFilter::default() };
    server.store.jobs(all).await.unwrap()
}

fn reason(dead: &Delivery) -> String {
    match dead.event.extension("deadreason") {
        Some(Extension::String(reason)) => reason.clone(),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_command_is_one_job_however_often_it_comes() {
    let server = texts::ready().await;
    let bus = forgetful();
    let _receiving = receiving(&server, &bus, PurposeRule::Required).await;
    let (_graves, mut dead) = graves(&bus).await;
    let to = ("letters", "classify");
    let first = command("c-1", letters(CANARY));
    send(&bus, to, &first).await;
    send(&bus, to, &first).await;
    let case = Extension::String("case-7".to_owned());
    let second = command("c-2", letters("遷入")).with("correlationid", case).unwrap();
    send(&bus, to, &second).await;
    let found = jobs(&server).await;
    let names: Vec<(&str, &str)> =
        found.iter().map(|it| (it.operation.as_str(), it.correlation.as_str())).collect();
    assert_eq!(names, [("classify", "case-7"), ("classify", "c-1")]);
    // Its sender follows it by the id that it chose.
    let rows = server.store.outbox_pending(9).await.unwrap();
    let queued: Value = serde_json::from_str(&rows[0].body).unwrap();
    assert_eq!(
        (&queued["correlationid"], &queued["data"]["state"]),
        (&"c-1".into(), &"queued".into())
    );
    assert_eq!(queued["subject"], format!("jobs/{}", found[1].id));
    // The same id for something else is none of it.
    send(&bus, to, &command("c-1", letters("遷出"))).await;
    assert_eq!(reason(&next(&mut dead).await), "ER0400");
    assert_eq!(jobs(&server).await.len(), 2);
}

#[tokio::test]
async fn what_can_never_succeed_is_a_dead_letter_without_its_content() {
    let server = texts::ready().await;
    let bus = forgetful();
    let _receiving = receiving(&server, &bus, PurposeRule::Required).await;
    let (_graves, mut dead) = graves(&bus).await;
    let classify = ("letters", "classify");
    let unknown = json!({"purpose": {"code": "petition-handling"}, "letter": CANARY});
    for (idx, (to, document, expected)) in [
        (classify, unknown, "ER0220"),
        (classify, json!({"purpose": {"code": CANARY}, "letters": [{"subject": "a"}]}), "ER0210"),
        (classify, json!(CANARY), "ER0210"),
        (("letters", "burn"), letters(CANARY), "ER0100"),
        (("qa", "answer"), json!({"question": CANARY}), "ER0100"),
        (
            ("speech", "transcribe"),
            json!({"blob_id": "0".repeat(32), "vocabulary": [CANARY]}),
            "ER0210",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        send(&bus, to, &command(&format!("c-{idx}"), document)).await;
        let dead = next(&mut dead).await;
        assert_eq!(reason(&dead), expected, "{to:?}");
        assert_eq!(dead.event.id(), format!("c-{idx}"));
        assert_eq!(dead.subject.as_str(), format!("moi.ai.v1.dlq.{}.{}", to.0, to.1));
        assert!(!String::from_utf8(dead.event.to_json().unwrap()).unwrap().contains("CANARY"));
    }
    send(&bus, classify, &command("no id of ours", letters("a"))).await;
    assert_eq!(reason(&next(&mut dead).await), "ER0210");
    assert_eq!(jobs(&server).await, []);
}

#[tokio::test]
async fn a_recording_that_was_uploaded_is_transcribed() {
    let server = Server::open().await;
    let bus = forgetful();
    let _receiving = receiving(&server, &bus, PurposeRule::Optional).await;
    let recording = speech::wav(&[true]);
    let blob = speech::upload(server.addr, &recording, recording.len()).await;
    let wanted = command("c-1", json!({"blob_id": blob, "priority": 3}));
    for _ in 0..2 {
        send(&bus, ("speech", "transcribe"), &wanted).await;
    }
    let found = jobs(&server).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].service.as_str(), found[0].priority), ("speech", 3));
}

#[tokio::test]
async fn commands_for_a_service_that_is_elsewhere_wait_for_it() {
    use fenwen::task::service::ServiceName;
    let server = Server::having(&[ServiceName::Documents]).await;
    let bus = forgetful();
    let _receiving = receiving(&server, &bus, PurposeRule::Optional).await;
    let subject = Subject::job("letters", "classify").unwrap();
    let _receipt = bus.publish(&subject, &command("c-1", letters("遷入"))).await.unwrap();
    let report = bus.report().await.unwrap();
    let state = report.streams[0].state.unwrap();
    assert_eq!((state.n_messages, state.n_durables), (1, 1));
    assert_eq!(jobs(&server).await, []);
}
