//! Streams end when whoever holds them may no longer: a key is revoked, a client suspended, the server ends.

use std::time::Duration;

use fenwen::audit::Phase;
use serde_json::{Value, json};

use super::super::client::{Client, WATCHDOG};
use super::super::fake::Server;
use super::super::guard::register;
use super::super::later::{self, JOBS};
use super::openai::streamed;
use super::stream::{PATH, Talk};
use super::{FakeEar, wav};
use crate::audit::rows;

/// Id of the key in a header line.
async fn key_of(server: &Server, client: &str) -> String {
    let keys = server.store.client_keys().await.unwrap();
    keys.into_iter().find(|it| it.client == client).unwrap().id
}

/// Action, status and reason of what was recorded of streams.
pub(crate) fn recorded(server: &Server) -> Vec<(String, Option<u16>, Option<String>)> {
    let closed =
        rows(server.data_dir.path()).into_iter().filter(|it| it.phase != Some(Phase::Open));
    let streams = closed.filter(|it| it.action.starts_with("STREAM"));
    streams.map(|it| (it.action, it.status, it.reason)).collect()
}

/// What a stream tells at last, and how it is closed.
pub(crate) async fn ended(talk: &mut Talk) -> (Value, u16) {
    let told = talk.settled().await;
    assert_eq!(told["type"], "error", "{told}");
    (told["code"].clone(), talk.closed().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_stream_ends_with_the_key_that_opened_it() {
    let server = Server::guarded().await;
    let open = async |client: &str| {
        let head = register(&server, client, |_| ()).await;
        Talk::begin_with(&server, &head).await.0
    };
    let mut talks = [open("revoked").await, open("suspended").await, open("removed").await];
    let head = register(&server, "silent", |_| ()).await;
    let mut silent = Talk::open_with(&server, PATH, &head).await;
    let mut stays = open("other").await;
    let key = key_of(&server, "revoked").await;
    assert!(server.store.delete_client_key(&key).await.unwrap());
    assert!(server.store.set_client_active("suspended", false, Duration::ZERO).await.unwrap());
    for client in ["removed", "silent"] {
        assert!(server.store.delete_client(client).await.unwrap());
    }
    for (talk, code) in talks.iter_mut().zip(["ER0300", "ER0310", "ER0300"]) {
        assert_eq!(ended(talk).await, (json!(code), 1008));
    }
    assert_eq!(ended(&mut silent).await, (json!("ER0300"), 1008), "before its first message");
    stays.sound(&[true, false]).await;
    assert_eq!(stays.settled().await["type"], "final");
    stays.say(&json!({"type": "end"})).await;
    assert_eq!(stays.settled().await["type"], "done");
    assert_eq!(stays.closed().await, 1000);
    let expected = [(200, ""), (401, "ER0300"), (401, "ER0300"), (401, "ER0300"), (403, "ER0310")];
    let mut found: Vec<_> = recorded(&server)
        .into_iter()
        .map(|(action, status, reason)| {
            assert_eq!(action, "STREAM /api/v1/speech/stream");
            (status.unwrap(), reason.unwrap_or_default())
        })
        .collect();
    found.sort();
    assert_eq!(found, expected.map(|(status, reason)| (status, reason.to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_job_end_with_the_key_that_asks_for_them() {
    let server = Server::guarded().await;
    let head = register(&server, "mailbox", |_| ()).await;
    let mut order = later::order("遷入");
    order["input"]["purpose"] = json!({"code": "petition-handling"});
    let job = later::post(server.addr, JOBS, &head, &order).await.json();
    let path = format!("{JOBS}/{}/events", job["job_id"].as_str().unwrap());
    let mut client = Client::connect(server.addr).await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\n{head}\r\n");
    client.write(request.as_bytes()).await;
    client.read_until("event: queued").await;
    let key = key_of(&server, "mailbox").await;
    assert!(server.store.delete_client_key(&key).await.unwrap());
    // The last chunk: the answer ends in order.
    client.read_until("\r\n0\r\n\r\n").await;
    client.write(request.as_bytes()).await;
    let again = client.read_until("\r\n\r\n").await;
    assert!(again.starts_with("HTTP/1.1 401"), "{again}");
    let row = ("STREAM /api/v1/jobs/{id}/events".to_owned(), Some(401), Some("ER0300".to_owned()));
    assert_eq!(recorded(&server), [row]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcription_that_is_told_by_events_says_why_it_ends() {
    let ear = FakeEar::with_permits(1);
    let server = Server::guarded_hearing(ear.clone()).await;
    let head = register(&server, "mailbox", |_| ()).await;
    let mut client = Client::connect(server.addr).await;
    client.write(&streamed(&wav(&[true, true]), &head)).await;
    client.read_until("transcript.text.delta").await;
    let key = key_of(&server, "mailbox").await;
    assert!(server.store.delete_client_key(&key).await.unwrap());
    let told = client.read_until("data: [DONE]\n\n").await;
    assert!(told.contains("ER0300") && !told.contains("transcript.text.done"), "{told}");
    let row = ("STREAM /v1/audio/transcriptions".to_owned(), Some(401), Some("ER0300".to_owned()));
    assert_eq!(recorded(&server), [row]);
    let stopped = async {
        while ear.n_stopped.load(std::sync::atomic::Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WATCHDOG, stopped).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_without_a_pause_is_told_that_the_server_ends() {
    let mut server = Server::open().await;
    let (mut talk, _) = Talk::begin(&server).await;
    talk.sound(&[true]).await;
    server.begin_shutdown();
    let speaking = async {
        loop {
            talk.sound(&[true, false]).await;
            let told = talk.settled().await;
            if told["type"] == "error" {
                break told;
            }
        }
    };
    let told = tokio::time::timeout(WATCHDOG, speaking).await.expect("it is told in time");
    assert_eq!(told["code"], "ER0510");
    assert_eq!(talk.closed().await, 1001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_done_has_left_its_place_before_its_client_closes() {
    let server = Server::open().await;
    let mut done = Vec::new();
    for _ in 0..6 {
        let (mut talk, _) = Talk::begin(&server).await;
        talk.say(&json!({"type": "end"})).await;
        assert_eq!(talk.settled().await["type"], "done");
        assert_eq!(talk.closed().await, 1000);
        done.push(talk);
    }
}
