//! Calls: a row before and a row after, whatever becomes of them; nothing of their content.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fenwen::audit::{ActorKind, AuditEvent, Outcome, Phase, RowBody};
use fenwen::base::SystemClock;
use fenwen::bus::{
    Bus, BusError, CloudEvent, Embedded, EmbeddedSettings, Extension, Filter, Handler, Origin,
    Outcome as Became, Request, Subject, Subscription,
};
use fenwen::http::{HttpOptions, Unrecorded};
use fenwen::rpc::RpcOptions;
use fenwen::service::ServiceLimits;
use futures_util::FutureExt;
use serde_json::json;

use super::rows;
use crate::http::client::{Client, RECOGNITIONS, WATCHDOG, form, get, post, send};
use crate::http::fake::{FakeRecogniser, PANIC_WIDTH, Server, options, png};
use crate::http::texts;

/// Planted in everything that a caller may write.
const CANARY: &str = "CANARYA123456789";

/// The last call: its row before and its row after.
fn last_call(server: &Server) -> (RowBody, RowBody) {
    let mut rows = rows(server.data_dir.path());
    let close = rows.pop().unwrap();
    let open = rows.pop().unwrap();
    assert_eq!((open.phase, close.phase), (Some(Phase::Open), Some(Phase::Close)));
    assert_eq!(open.request_id, close.request_id);
    assert_eq!((open.outcome, open.status), (None, None), "nothing is known before");
    (open, close)
}

#[tokio::test]
async fn a_call_is_recorded_with_its_purpose_and_case() {
    let server = Server::open().await;
    let meta = r#"{"purpose":{"code":"online-application","case_no":"案 7"}}"#.as_bytes();
    let headers = "x-client-id: mailbox\r\nx-org-code: 379000000A\r\nx-road-id: X-1\r\n\
                   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let body = form(&[("image", &png(3)), ("meta", meta)]);
    assert_eq!(send(server.addr, &post(headers, &body)).await.status, 200);
    let (open, close) = last_call(&server);
    assert_eq!(open.action, format!("POST {RECOGNITIONS}"));
    assert_eq!((open.event, open.actor.kind), (AuditEvent::ApiCalled, ActorKind::System));
    assert_eq!((open.actor.id.as_str(), open.actor.asserted), ("mailbox", true));
    assert_eq!(open.actor.org.as_deref(), Some("379000000A"));
    assert_eq!(open.ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(open.xroad_id.as_deref(), Some("X-1"));
    assert_eq!(open.trace_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!((close.outcome, close.status), (Some(Outcome::Success), Some(200)));
    assert_eq!(close.purpose.as_deref(), Some("online-application"));
    assert_eq!(close.case_no.as_deref(), Some("案 7"));
    assert!(close.duration_ms.is_some());
}

#[tokio::test]
async fn refusals_and_panics_are_recorded() {
    let server = Server::open().await;
    let form_of = |width| post("", &form(&[("image", &png(width))]));
    for (request, status, code, outcome) in [
        (form_of(PANIC_WIDTH), 500, "ER0500", Outcome::Failed),
        (post("", b"x"), 400, "ER0210", Outcome::Refused),
        (post("x-deadline-ms: no\r\n", b""), 400, "ER0210", Outcome::Refused),
        (
            b"GET /api/v1/A123456789 HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(),
            404,
            "ER0100",
            Outcome::Refused,
        ),
        (b"PUT /api/v1/jobs HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), 405, "ER0110", Outcome::Refused),
    ] {
        assert_eq!(send(server.addr, &request).await.status, status);
        let (_, close) = last_call(&server);
        assert_eq!((close.status, close.outcome), (Some(status), Some(outcome)));
        assert_eq!(close.reason.as_deref(), Some(code));
    }
    let n_before = rows(server.data_dir.path()).len();
    for path in ["/healthz/live", "/metrics", "/docs", "/openapi.json"] {
        get(server.addr, path).await;
    }
    assert_eq!(rows(server.data_dir.path()).len(), n_before, "health and pages are not recorded");
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded() {
    let recogniser = FakeRecogniser::gated();
    let mut server = Server::start(recogniser, ServiceLimits::default(), options()).await;
    let mut client = Client::connect(server.addr).await;
    client.write(&post("", &form(&[("image", &png(3))]))).await;
    while server.recogniser.begun.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    drop(client);
    while server.recogniser.dropped.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // A later call is written behind what the dropped one has left.
    get(server.addr, "/api/v1/services").await;
    let rows = rows(server.data_dir.path());
    let left = rows.iter().find(|it| it.outcome == Some(Outcome::Abandoned)).unwrap();
    assert_eq!((left.status, left.phase), (Some(499), Some(Phase::Close)));
    server.begin_shutdown();
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_recorded() {
    let recogniser = FakeRecogniser::gated();
    let server = Server::start(recogniser, ServiceLimits::default(), options()).await;
    let request = post("x-deadline-ms: 1\r\n", &form(&[("image", &png(3))]));
    assert_eq!(send(server.addr, &request).await.status, 504);
    let (_, close) = last_call(&server);
    assert_eq!((close.outcome, close.reason.as_deref()), (Some(Outcome::Timeout), Some("ER0520")));
}

fn break_log(server: &Server) {
    fs::rename(chain(server), server.data_dir.path().join("away")).unwrap();
    fs::write(chain(server), "no folder").unwrap();
}

fn mend_log(server: &Server) {
    fs::remove_file(chain(server)).unwrap();
    fs::rename(server.data_dir.path().join("away"), chain(server)).unwrap();
}

fn chain(server: &Server) -> std::path::PathBuf {
    server.data_dir.path().join("audit/node")
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let server = Server::open().await;
    let request = post("", &form(&[("image", &png(3))]));
    assert_eq!(send(server.addr, &request).await.status, 200);
    break_log(&server);
    let refused = send(server.addr, &request).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "ER0530"));
    assert_eq!(get(server.addr, "/healthz/ready").await.status, 503);
    assert_eq!(get(server.addr, "/healthz/live").await.status, 200);
    assert_eq!(get(server.addr, "/api/v1/services").await.status, 200, "no personal data");
    let begun = server.recogniser.begun.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(begun, 1, "nothing was recognised off the record");
    mend_log(&server);
    // The log tries again by itself, a second later.
    let mended = async { while get(server.addr, "/healthz/ready").await.status != 200 {} };
    tokio::time::timeout(crate::http::client::WATCHDOG, mended).await.unwrap();
    assert_eq!(send(server.addr, &request).await.status, 200);
    let rows = rows(server.data_dir.path());
    let gap = rows.iter().find(|it| it.event == AuditEvent::AuditGap).unwrap();
    assert_eq!(gap.count, Some(2));
}

#[tokio::test]
async fn nothing_at_all_may_be_done_off_the_record() {
    let server =
        Server::with_options(|it: &mut HttpOptions| it.unrecorded = Unrecorded::None).await;
    break_log(&server);
    assert_eq!(get(server.addr, "/api/v1/services").await.problem(), "ER0530");
}

#[tokio::test]
async fn calls_over_the_bus_are_recorded() {
    let server = texts::ready().await;
    let (bus, _serving) = server.on_a_bus().await;
    let ask = async |body: serde_json::Value| {
        let subject = Subject::rpc("letters", "classify").unwrap();
        let headers = [("x-client-id".to_owned(), "mailbox".to_owned())].into();
        let body = body.to_string().into_bytes().into();
        bus.request(Request { subject, headers, body }, WATCHDOG).await
    };
    let mut letter = texts::letter(CANARY, CANARY);
    assert!(ask(letter.clone()).await.is_err(), "the purpose is missing");
    letter["purpose"] = json!({"code": "petition-handling", "case_no": "SO-7"});
    ask(letter.clone()).await.unwrap();
    let (open, close) = last_call(&server);
    assert_eq!((open.event, open.action.as_str()), (AuditEvent::BusCalled, "letters.classify"));
    assert_eq!((open.actor.id.as_str(), close.status), ("mailbox", Some(200)));
    assert_eq!(close.purpose.as_deref(), Some("petition-handling"));
    assert_eq!(close.case_no.as_deref(), Some("SO-7"));
    let refused = &rows(server.data_dir.path())[1];
    assert_eq!((refused.status, refused.reason.as_deref()), (Some(400), Some("ER0210")));
    break_log(&server);
    let answer = ask(letter).await.unwrap_err();
    let BusError::Remote { .. } = &answer else { unreachable!("{answer}") };
    assert!(format!("{answer:?}").contains("ER0530"), "{answer:?}");
}

#[tokio::test]
async fn commands_are_recorded_and_come_again_while_they_cannot_be() {
    let server = texts::ready().await;
    let settings = EmbeddedSettings { max_deliveries: 1, ..EmbeddedSettings::default() };
    let bus = Embedded::new(settings, Arc::new(SystemClock));
    let rpc = server.rpc(Arc::clone(&server.gate), RpcOptions::default());
    let _receiving = fenwen::rpc::receive(&bus, &rpc).await.unwrap();
    let subject = Subject::job("letters", "classify").unwrap();
    let mut letter = texts::letter(CANARY, CANARY);
    letter["purpose"] = json!({"code": "petition-handling", "case_no": "SO-7"});
    let send = async |id: &str| {
        let event = CloudEvent::new(Origin { id, source: "/mailbox", kind: "classify" }).unwrap();
        let event = event.saying(letter.clone(), "https://example.gov.tw/letter").unwrap();
        bus.publish(&subject, &event).await.unwrap()
    };
    send("c-1").await.settled.await.unwrap();
    let (open, close) = last_call(&server);
    assert_eq!((open.event, open.action.as_str()), (AuditEvent::BusCalled, "letters.classify"));
    assert_eq!((close.status, close.case_no.as_deref()), (Some(200), Some("SO-7")));
    break_log(&server);
    // It is not refused: this bus has one delivery only, after which it gives up.
    let receipt = send("c-2").await;
    tokio::time::timeout(WATCHDOG, receipt.settled).await.unwrap().unwrap();
    let (sender, mut dead) = tokio::sync::mpsc::unbounded_channel();
    let handler: Handler = Arc::new(move |delivery| {
        let _ = sender.send(delivery);
        std::future::ready(Became::Ack).boxed()
    });
    let filter = Filter::parse("moi.ai.v1.dlq.>").unwrap();
    let wanted = Subscription { filter, durable: "graves".to_owned(), max_in_flight: 1, handler };
    let _graves = bus.subscribe(wanted).await.unwrap();
    let dead = tokio::time::timeout(WATCHDOG, dead.recv()).await.unwrap().unwrap();
    let reason = Extension::String("max-deliveries".to_owned());
    assert_eq!((dead.event.id(), dead.event.extension("deadreason")), ("c-2", Some(&reason)));
}

#[tokio::test]
async fn a_stream_is_recorded_from_its_first_message_to_its_end() {
    let server = Server::open().await;
    let mut client = Client::connect(server.addr).await;
    client
        .write(
            b"GET /api/v1/speech/stream HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\n\
              upgrade: websocket\r\nsec-websocket-version: 13\r\n\
              sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        )
        .await;
    assert_eq!(client.read().await.unwrap().status, 101);
    // A closing frame under a mask of zeros.
    client.write(&[0x88, 0x80, 0, 0, 0, 0]).await;
    assert!(client.read().await.is_none());
    let mut rows = rows(server.data_dir.path());
    rows.retain(|it| it.action.starts_with("STREAM"));
    let phases: Vec<_> = rows.iter().map(|it| it.phase).collect();
    assert_eq!(phases, [Some(Phase::Open), Some(Phase::Close)]);
}

#[tokio::test]
async fn showing_the_numbers_of_a_card_is_recorded_or_refused() {
    let server = Server::open().await;
    let read = send(server.addr, &post("", &form(&[("image", &png(3))]))).await.json();
    let id = read["recognition_id"].as_str().unwrap();
    let path = |id: &str| format!("{RECOGNITIONS}/{id}/reveal");
    let shown = texts::post(server.addr, &path(id), &json!(null)).await;
    assert_eq!((shown.status, shown.body.as_slice()), (204, &b""[..]));
    let unknown = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
    let refused = texts::post(server.addr, &path(unknown), &json!(null)).await;
    assert_eq!(refused.problem(), "ER0100");
    let mut rows = rows(server.data_dir.path());
    rows.retain(|it| it.action.ends_with("/{id}/reveal"));
    let opened = rows.iter().filter(|it| it.phase == Some(Phase::Open));
    let about: Vec<_> = opened.map(|it| it.object.clone()).collect();
    assert_eq!(about, [id, unknown].map(|id| Some(format!("recognitions/{id}"))));
    let ends: Vec<_> = rows.iter().filter_map(|it| it.outcome).collect();
    assert_eq!(ends, [Outcome::Success, Outcome::Refused]);
}

/// Whether any file below `folder` holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = fs::read(&path).unwrap();
        bytes.windows(text.len()).any(|it| it == text.as_bytes())
    })
}

#[tokio::test]
async fn nothing_of_what_somebody_wrote_is_recorded() {
    let server = texts::ready().await;
    let letter = texts::letter(CANARY, CANARY);
    texts::post(server.addr, texts::LETTERS, &letter).await;
    texts::post(server.addr, texts::DOCUMENTS, &json!({"document": {"subject": CANARY}})).await;
    texts::post(server.addr, "/api/v1/qa/answers", &json!({"question": CANARY})).await;
    let name = format!(
        "--x\r\ncontent-disposition: form-data; name=\"{CANARY}\"; filename=\"{CANARY}\"\r\n\r\n{CANARY}\r\n--x--\r\n"
    );
    texts::post_bytes(
        server.addr,
        RECOGNITIONS,
        "multipart/form-data; boundary=x",
        name.as_bytes(),
    )
    .await;
    for path in ["/api/v1/jobs/", "/api/v1/predictions/", "/api/v1/", "/api/v1/jobs?state="] {
        get(server.addr, &format!("{path}{CANARY}")).await;
    }
    for header in ["x-client-id", "x-org-code", "x-request-id", "x-road-id", "traceparent"] {
        // With a character that none of them may have.
        let request =
            format!("GET /api/v1/jobs HTTP/1.1\r\nhost: t\r\n{header}: {CANARY}!\r\n\r\n");
        send(server.addr, request.as_bytes()).await;
    }
    let n_calls = rows(server.data_dir.path()).len();
    assert_eq!(n_calls, 2 * 13, "every one of them is on record");
    assert!(!holds(&server.data_dir.path().join("audit"), CANARY));
}
