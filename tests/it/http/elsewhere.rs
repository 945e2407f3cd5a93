//! A node that has some of the services: it answers for these, takes in jobs for other nodes, and says so.

#[cfg(all(feature = "ort", feature = "rten"))]
use std::process::Command;
use std::sync::Arc;

use fenwen::bus::{Bus, BusError, Request, Subject};
use fenwen::service::jobs::Worker;
use fenwen::task::service::ServiceName;
use serde_json::{Value, json};

#[cfg(all(feature = "ort", feature = "rten"))]
use crate::support;

use super::client::{WATCHDOG, form, get, post as picture, send};
use super::fake::{Server, png};
use super::later::{self, JOBS};
use super::speech::{TRANSCRIPTIONS, openai, post_form, wav};
use super::texts::{self, DOCUMENTS, LETTERS, letter, post};

/// A node that has letters alone, with a classifier for documents that it is not to open.
async fn letters_alone() -> Server {
    let server = Server::having(&[ServiceName::Letters]).await;
    texts::activate(&server);
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_nodes_answer_is_refused_and_said_to_be_theirs() {
    let server = letters_alone().await;
    assert_eq!(get(server.addr, "/healthz/ready").await.status, 200);
    assert_eq!(post(server.addr, LETTERS, &letter("戶籍遷入", "請問")).await.status, 200);
    let image = png(64);
    let refused = [
        post(server.addr, DOCUMENTS, &json!({"document": {"subject": "戶籍遷入"}})).await,
        post(server.addr, "/api/v1/qa/answers", &json!({"question": "如何遷入"})).await,
        send(server.addr, &picture("", &form(&[("image", &image)]))).await,
        send(server.addr, &openai::streamed(&wav(&[true]), "")).await,
        get(server.addr, "/api/v1/speech/stream").await,
    ];
    for answer in refused {
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 503, "{text}");
        assert!(text.contains("ER0510") && text.contains("server.services"), "{text}");
    }
    let catalogue = get(server.addr, "/api/v1/services").await.json();
    for it in catalogue["services"].as_array().unwrap() {
        let is_here = it["name"] == "letters";
        assert_eq!(
            (it["ready"].as_bool(), it["model"].is_null()),
            (Some(is_here), !is_here),
            "{it}"
        );
        assert_eq!(it["notice"].is_null(), is_here, "{it}");
    }
    let statistics = get(server.addr, "/api/v1/statistics").await.json();
    assert_eq!(statistics["identity_documents"], Value::Null);
    assert_eq!(statistics["services"].as_array().unwrap().len(), 1, "{statistics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_taken_in_for_other_nodes() {
    let server = letters_alone().await;
    let head = "prefer: respond-async\r\n";
    let document = json!({"document": {"subject": "戶籍遷入"}});
    let answer = later::post(server.addr, DOCUMENTS, head, &document).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let file = wav(&[true]);
    let answer = post_form(server.addr, TRANSCRIPTIONS, &[("file", &file)]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let answer = post_form(server.addr, TRANSCRIPTIONS, &[("file", b"no sound")]).await;
    assert_eq!(answer.status, 415, "what nobody hears is refused here too: {answer:?}");
    let worker = || Worker::new(Arc::clone(&server.jobs), "n".to_owned());
    for service in ServiceName::ALL {
        let has_work = worker().only(service.as_str(), 1).has_work();
        assert_eq!(has_work, service.has_jobs(), "{service:?}");
    }
    let worker = worker().without("documents").without("speech");
    assert!(worker.has_work() && !worker.without("letters").has_work());
    let listed = get(server.addr, JOBS).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
}

/// Nothing is computed there: no models are needed, nor the time to open them.
#[cfg(all(feature = "ort", feature = "rten"))]
#[tokio::test]
async fn a_relay_serves_without_models() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.env("XDG_DATA_HOME", dir.path());
    let relay = support::Server::with(&mut command, &["--role", "relay"], dir.path());
    assert_eq!(get(relay.addr, "/healthz/ready").await.status, 200);
    let answer = post(relay.addr, LETTERS, &letter("戶籍遷入", "請問")).await;
    assert_eq!(answer.problem(), "ER0510", "{answer:?}");
}

#[tokio::test]
async fn the_bus_gives_no_calls_to_a_node_that_cannot_answer_them() {
    let server = letters_alone().await;
    let (bus, _serving) = server.on_a_bus().await;
    let ask = async |service: &str, operation: &str| {
        let subject = Subject::rpc(service, operation).unwrap();
        let headers = [("x-client-id".to_owned(), "mailbox".to_owned())].into();
        let mut body = letter("戶籍遷入", "請問");
        body["purpose"] = json!({"code": "petition-handling", "case_no": "SO-7"});
        let body = body.to_string().into_bytes().into();
        bus.request(Request { subject, headers, body }, WATCHDOG).await
    };
    assert!(ask("letters", "classify").await.is_ok());
    for (service, operation) in
        [("documents", "dispatch"), ("identity-documents", "recognise"), ("qa", "answer")]
    {
        let answer = ask(service, operation).await;
        assert!(matches!(answer, Err(BusError::NoResponders(_))), "{service}: {answer:?}");
    }
    let transcribe = ask("speech", "transcribe").await;
    assert!(
        matches!(transcribe, Err(BusError::Remote { .. })),
        "a job is taken in: {transcribe:?}"
    );
}
