//! Answers to what is asked in a live stream, told over the stream itself.

use serde_json::{Value, json};

use super::super::client::get;
use super::super::fake::Server;
use super::super::texts::post;
use super::super::texts::questions::{ROWS, activate};
use super::FakeEar;
use super::stream::{PATH, Talk};

const ASKED: &str = "結婚登記要帶什麼證件呢?";

/// A server that hears this sentence in every second of sound, and has an index.
async fn hearing(sentence: &str) -> Server {
    let server = Server::with_ear(FakeEar::saying(sentence, usize::MAX / 2)).await;
    activate(server.data_dir.path(), &ROWS);
    server.routing.refresh();
    server
}

/// A stream with answers, or without; its token.
async fn begin(server: &Server, query: &str, rendition: &str) -> (Talk, String) {
    let mut talk = Talk::open_at(server, &format!("{PATH}{query}")).await;
    talk.say(&json!({"type": "start", "rate": 16_000, "rendition": rendition})).await;
    let ready = talk.hear().await;
    assert_eq!(ready["type"], "ready", "{ready}");
    (talk, ready["token"].as_str().unwrap().to_owned())
}

/// The messages that are not partial, up to the last.
async fn rest(talk: &mut Talk) -> Vec<Value> {
    talk.say(&json!({"type": "end"})).await;
    let mut found = Vec::new();
    loop {
        let message = talk.settled().await;
        if message["type"] == "done" {
            return found;
        }
        found.push(message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_of_a_call_is_answered_on_its_stream() {
    let server = hearing(ASKED).await;
    let (mut talk, _) = begin(&server, "?answers=true", "redacted").await;
    talk.sound(&[true, false]).await;
    let message = talk.settled().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("final"), &json!(0)));
    let message = talk.settled().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("answer"), &json!(0)), "{message}");
    assert_eq!((&message["question"], &message["end"]), (&json!(ASKED), &json!(1.0)));
    let result = &message["result"];
    assert_eq!((&result["state"], &result["answer"]), (&json!("answered"), &json!(ROWS[1].2)));
    let cited = &result["citations"][0];
    assert_eq!((&cited["source_id"], &cited["quote_start"]), (&json!("ris-2"), &json!(0)));
    // It is kept as any question is: an officer's verdict is feedback on it.
    let id = result["answer_id"].as_str().unwrap();
    let kept = format!("/api/v1/predictions/{id}");
    assert_eq!(get(server.addr, &kept).await.json()["labels"][0]["code"], "ris-2");
    for verdict in [json!({"decision": "accepted"}), json!({"decision": "discarded"})] {
        assert_eq!(post(server.addr, &format!("{kept}/feedback"), &verdict).await.status, 204);
    }
    assert_eq!(get(server.addr, &kept).await.json()["feedback"].as_array().unwrap().len(), 2);
    assert_eq!(rest(&mut talk).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_source_answers_goes_to_a_person() {
    let server = hearing("海生館的企鵝叫什麼名字呢?").await;
    let (mut talk, _) = begin(&server, "?answers=true", "redacted").await;
    talk.sound(&[true]).await;
    let found = rest(&mut talk).await;
    assert_eq!(found.iter().map(|it| &it["type"]).collect::<Vec<_>>(), ["final", "answer"]);
    let result = &found[1]["result"];
    assert_eq!(result["message"], "查無資料,將轉由專人處理");
    assert_eq!((&result["answer"], &result["citations"]), (&json!(null), &json!([])));
    assert_eq!(get(server.addr, "/api/v1/qa/unanswered").await.json()["unanswered"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_asked_unless_it_is_wanted() {
    let server = hearing(ASKED).await;
    for query in ["", "?answers=false"] {
        let (mut talk, _) = begin(&server, query, "redacted").await;
        talk.sound(&[true]).await;
        let found = rest(&mut talk).await;
        assert_eq!(found.iter().map(|it| &it["type"]).collect::<Vec<_>>(), ["final"], "{query}");
    }
    assert_eq!(get(server.addr, "/api/v1/qa/unanswered").await.json()["asked"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_data_is_not_looked_for() {
    let server = hearing("我的電話0912345678可以查詢進度嗎?").await;
    let (mut talk, _) = begin(&server, "?answers=true", "original").await;
    talk.sound(&[true]).await;
    let found = rest(&mut talk).await;
    assert!(found[0]["text"].as_str().unwrap().contains("0912345678"), "{found:?}");
    assert_eq!(found[1]["question"], "我的電話〔行動電話〕可以查詢進度嗎?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_told_again_when_a_broken_connection_is_taken_up() {
    let server = hearing(ASKED).await;
    let (mut talk, token) = begin(&server, "?answers=true", "redacted").await;
    talk.sound(&[true, false]).await;
    assert_eq!(talk.settled().await["type"], "final");
    let answer = talk.settled().await;
    assert_eq!(answer["type"], "answer");
    drop(talk);
    let resume = async |after: Option<u64>| loop {
        let mut talk = Talk::open_at(&server, &format!("{PATH}?answers=true")).await;
        talk.say(&json!({"type": "resume", "token": token, "after": after})).await;
        // The server may not have noticed yet that the first connection is gone.
        if talk.hear().await["type"] == "ready" {
            return talk;
        }
    };
    let mut talk = resume(None).await;
    assert_eq!(talk.settled().await["type"], "final");
    assert_eq!(talk.settled().await, answer);
    drop(talk);
    let mut talk = resume(Some(0)).await;
    assert_eq!(rest(&mut talk).await, Vec::<Value>::new());
    assert_eq!(get(server.addr, "/api/v1/qa/unanswered").await.json()["asked"], 1);
}

#[tokio::test]
async fn what_is_asked_for_is_checked_before_the_stream_is_opened() {
    let server = Server::open().await;
    let check = async |query: &str, expected: (u16, &str)| {
        let request = format!(
            "GET {PATH}{query} HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let answer = super::super::client::send(server.addr, request.as_bytes()).await;
        assert_eq!((answer.status, answer.problem().as_str()), expected, "{query}");
    };
    check("?answers=maybe", (400, "ER0210")).await;
    check("?answers", (400, "ER0210")).await;
    check("?language=zh", (400, "ER0200")).await;
    // There is no index.
    check("?answers=true", (409, "ER0410")).await;
}
