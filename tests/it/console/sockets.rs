//! A browser opens a WebSocket for a page of any site, and sends the session's cookie along: only our own page is heard,
//! and for no longer than the session lasts.

use std::time::Duration;

use serde_json::json;

use crate::http::client::Client;
use crate::http::fake::Server;
use crate::http::later::{self, JOBS};
use crate::http::speech::held::{ended, recorded};
use crate::http::speech::stream::Talk;

use super::session::{sign_in, token};
use super::{ask, register};

const STREAM: &str = "/api/v1/speech/stream";

/// The status of a WebSocket that is opened with these header lines.
async fn opened(server: &Server, path: &str, head: &str) -> u16 {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: t:8080\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{head}\r\n"
    );
    let mut client = Client::connect(server.addr).await;
    client.write(request.as_bytes()).await;
    client.read().await.unwrap().status
}

#[tokio::test]
async fn a_session_opens_a_stream_from_our_own_page_only() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "speech:transcribe").await;
    let cookie = sign_in(&server, &key).await;
    let from = async |origin: &str| opened(&server, STREAM, &format!("{cookie}{origin}")).await;
    assert_eq!(from("origin: http://t:8080\r\n").await, 101);
    for other in [
        "",
        "origin: http://t\r\n",
        "origin: http://evil.example\r\n",
        "origin: http://t:8080.evil.example\r\n",
        "origin: null\r\n",
        "origin: http://t:8080\r\norigin: http://evil.example\r\n",
    ] {
        assert_eq!(from(other).await, 403, "{other}");
    }
    // What may be opened is decided as for every other call.
    let answers = format!("{STREAM}?answers=true");
    let own = format!("{cookie}origin: http://t:8080\r\n");
    assert_eq!(opened(&server, &answers, &own).await, 403);
    assert_eq!(opened(&server, STREAM, "origin: http://t:8080\r\n").await, 401);
    // A program shows its key, and comes from no page.
    let bearer = format!("authorization: Bearer {key}\r\n");
    assert_eq!(opened(&server, STREAM, &bearer).await, 101);
}

#[tokio::test]
async fn a_demonstration_is_not_open_to_the_pages_of_others() {
    let server = Server::open().await;
    assert_eq!(opened(&server, STREAM, "").await, 101);
    assert_eq!(opened(&server, STREAM, "origin: http://t:8080\r\n").await, 101);
    assert_eq!(opened(&server, STREAM, "origin: http://evil.example\r\n").await, 403);
}

/// Header lines of our own page in the browser of a session.
fn of_page(cookie: &str) -> String {
    format!("{cookie}origin: http://t\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_out_keeps_no_stream_open() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "speech:transcribe letters:classify jobs:read").await;
    let [left, other] = [sign_in(&server, &key).await, sign_in(&server, &key).await];
    let csrf = token(&server, &left).await;
    let mut order = later::order("遷入");
    order["input"]["purpose"] = json!({"code": "petition-handling"});
    let own = format!("{left}x-csrf-token: {csrf}\r\n");
    let job = later::post(server.addr, JOBS, &own, &order).await.json();
    let mut events = Client::connect(server.addr).await;
    let path = format!("{JOBS}/{}/events", job["job_id"].as_str().unwrap());
    events.write(format!("GET {path} HTTP/1.1\r\nhost: t\r\n{left}\r\n").as_bytes()).await;
    events.read_until("event: queued").await;
    let (mut talk, token) = Talk::begin_with(&server, &of_page(&left)).await;
    let (mut stays, _) = Talk::begin_with(&server, &of_page(&other)).await;

    ask(&server, "POST", "/console/logout", &left, &format!("token={csrf}")).await;
    assert_eq!(ended(&mut talk).await, (json!("ER0300"), 1008));
    events.read_until("\r\n0\r\n\r\n").await;
    let mut actions: Vec<_> = recorded(&server);
    actions.sort();
    let expected = ["STREAM /api/v1/jobs/{id}/events", "STREAM /api/v1/speech/stream"]
        .map(|it| (it.to_owned(), Some(401), Some("ER0300".to_owned())));
    assert_eq!(actions, expected);
    stays.sound(&[true, false]).await;
    assert_eq!(stays.settled().await["type"], "final", "another session goes on");
    // Nobody takes up what was ended.
    let resumed = Talk::resume_with(&server, &of_page(&other), &token).await;
    assert_eq!(resumed["code"], "ER0100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_lasts_no_longer_than_its_session_and_to_speak_is_to_use_it() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "speech:transcribe").await;
    let minutes = |it: u64| Duration::from_secs(60 * it);
    let cookie = sign_in(&server, &key).await;
    let (mut talk, _) = Talk::begin_with(&server, &of_page(&cookie)).await;
    server.skip(minutes(8));
    talk.sound(&[true, false]).await;
    assert_eq!(talk.settled().await["type"], "final");
    server.skip(minutes(8));
    assert_eq!(ask(&server, "GET", "/console", &cookie, "").await.status, 200, "somebody spoke");
    server.skip(minutes(15));
    assert_eq!(ended(&mut talk).await, (json!("ER0300"), 1008));
    assert_eq!(ask(&server, "GET", "/console", &cookie, "").await.status, 303);

    let cookie = sign_in(&server, &key).await;
    let (mut talk, _) = Talk::begin_with(&server, &of_page(&cookie)).await;
    server.store.set_client_active("officer", false, Duration::ZERO).await.unwrap();
    assert_eq!(ended(&mut talk).await, (json!("ER0310"), 1008), "suspended");
}
