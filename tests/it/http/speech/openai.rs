//! Transcription for clients of OpenAI's interface: its forms, its events, and its failures.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::super::client::{Answer, BOUNDARY, Client, form, get, send};
use super::super::fake::{Server, until};
use super::{FakeEar, call, post_form, wav};

const PATH: &str = "/v1/audio/transcriptions";

async fn ask(server: &Server, parts: &[(&str, &[u8])]) -> Answer {
    let file = wav(&[true, true]);
    let all = [&[("file", file.as_slice()), ("model", b"whisper-1")][..], parts].concat();
    post_form(server.addr, PATH, &all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_is_answered() {
    let server = Server::open().await;
    let line = "電話〔行動電話〕";
    let answer = ask(&server, &[]).await;
    assert_eq!(answer.json(), json!({"text": format!("{line}\n{line}")}));
    let answer = ask(&server, &[("rendition", b"original"), ("language", b"zh")]).await;
    assert_eq!(answer.json()["text"], "電話0912345678\n電話0912345678");
    let verbose: [(&str, &[u8]); 3] = [
        ("response_format", b"verbose_json"),
        ("timestamp_granularities[]", b"word"),
        ("timestamp_granularities[]", b"segment"),
    ];
    let answer = ask(&server, &verbose).await.json();
    assert_eq!((&answer["duration"], &answer["language"]), (&json!(2.0), &json!("chinese")));
    assert_eq!(answer["segments"][1]["start"], 1.0);
    assert_eq!(answer["words"][1]["word"], "〔行動電話〕");
    let check = async |name: &str, kind: &str, expected: &str| {
        let answer = ask(&server, &[("response_format", name.as_bytes())]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.starts_with(expected), "{text}");
    };
    check("text", "text/plain; charset=utf-8", "電話〔行動電話〕\n電話").await;
    check("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\n電話").await;
    check("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.000").await;
}

#[track_caller]
fn failure(answer: &Answer, kind: &str, code: &str, param: &Value) -> String {
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let error = answer.json()["error"].clone();
    let found = (error["type"].as_str(), error["code"].as_str(), &error["param"]);
    assert_eq!(found, (Some(kind), Some(code), param), "{error}");
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_have_the_shape_that_the_client_reads() {
    let server = Server::open().await;
    let check = async |parts: &[(&str, &[u8])], param: &str| {
        let answer = ask(&server, parts).await;
        assert_eq!(answer.status, 400);
        failure(&answer, "invalid_request_error", "ER0210", &json!(param));
    };
    check(&[("response_format", b"doc")], "response_format").await;
    check(&[("language", b"ja")], "language").await;
    check(&[("stream", b"maybe")], "stream").await;
    for temperature in ["null", "NaN", "1.5", "-0.1", ""] {
        check(&[("temperature", temperature.as_bytes())], "temperature").await;
    }
    check(&[("stream", b"true"), ("response_format", b"srt")], "response_format").await;
    check(&[("timestamp_granularities[]", b"letter")], "timestamp_granularities").await;
    check(&[("rendition", b"all")], "rendition").await;
    check(&[("file", b"x")], "file").await;
    let answer = post_form(server.addr, PATH, &[("model", b"whisper-1")]).await;
    failure(&answer, "invalid_request_error", "ER0210", &json!("file"));
    let file = wav(&[true]);
    let answer = post_form(server.addr, PATH, &[("file", &file)]).await;
    failure(&answer, "invalid_request_error", "ER0210", &json!("model"));
    let text: [(&str, &[u8]); 2] = [("file", b"not a sound"), ("model", b"whisper-1")];
    let answer = post_form(server.addr, PATH, &text).await;
    let told = failure(&answer, "invalid_request_error", "ER0440", &json!(null));
    assert!(answer.status == 415 && told.contains("請改送 WAV"), "{told}");
    let large = vec![0; (1 << 20) + 1];
    let large: [(&str, &[u8]); 2] = [("file", &large), ("model", b"whisper-1")];
    let answer = post_form(server.addr, PATH, &large).await;
    assert_eq!(answer.status, 413);
    failure(&answer, "invalid_request_error", "ER0430", &json!(null));
    failure(&get(server.addr, PATH).await, "invalid_request_error", "ER0110", &json!(null));
    let answer = call(server.addr, &format!("POST {PATH}?a=b"), "", b"").await;
    failure(&answer, "invalid_request_error", "ER0200", &json!(null));
    let answer = ask(&Server::deaf().await, &[]).await;
    assert_eq!(answer.status, 409);
    let told = failure(&answer, "invalid_request_error", "ER0410", &json!(null));
    assert!(told.contains("fenwen models pull"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_tells_each_window_and_then_all() {
    let ear = FakeEar::with_permits(1);
    let server = Server::with_ear(ear.clone()).await;
    let mut client = Client::connect(server.addr).await;
    client.write(&streamed(&wav(&[true, true]), "")).await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    // The first window is told before the second is heard.
    let first = client.read_until("\n\n").await;
    assert!(
        first.contains(r#"data: {"type":"transcript.text.delta","delta":"電話〔行動電話〕"}"#),
        "{first}"
    );
    ear.permit(1);
    let rest = client.read_until("data: [DONE]\n\n").await;
    assert!(rest.contains(r#""delta":"\n電話〔行動電話〕""#), "{rest}");
    assert!(
        rest.contains(
            r#""type":"transcript.text.done","text":"電話〔行動電話〕\n電話〔行動電話〕""#
        ),
        "{rest}"
    );
}

pub(crate) fn streamed(file: &[u8], headers: &str) -> Vec<u8> {
    let body = form(&[("file", file), ("model", b"whisper-1"), ("stream", b"true")]);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: t\r\n{headers}content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_what_is_no_recording_does_not_begin() {
    let server = Server::with_ear(FakeEar::with_permits(1)).await;
    let answer = send(server.addr, &streamed(b"not a sound", "")).await;
    assert_eq!(answer.status, 415, "{answer:?}");
    failure(&answer, "invalid_request_error", "ER0440", &json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_ends_when_its_time_is_over_or_its_caller_has_gone() {
    let ear = FakeEar::with_permits(0);
    let server = Server::with_ear(ear.clone()).await;
    let file = wav(&[true]);
    let body = form(&[("file", &file), ("model", b"whisper-1")]);
    let headers =
        format!("x-deadline-ms: 300\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\n");
    let answer = call(server.addr, &format!("POST {PATH}"), &headers, &body).await;
    assert_eq!(answer.status, 504);
    let told = failure(&answer, "server_error", "ER0520", &json!(null));
    assert!(told.contains("/api/v1/speech/transcriptions"), "{told}");
    until(|| ear.n_stopped.load(Ordering::SeqCst) == 1).await;
    let mut client = Client::connect(server.addr).await;
    client.write(&streamed(&file, "")).await;
    client.read_until("\r\n\r\n").await;
    drop(client);
    until(|| ear.n_stopped.load(Ordering::SeqCst) == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_calls_are_refused_at_once() {
    let ear = FakeEar::with_permits(0);
    let server = Server::with_ear(ear.clone()).await;
    let file = wav(&[true]);
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(server.addr).await;
        client.write(&streamed(&file, "")).await;
        client.read_until("\r\n\r\n").await;
        waiting.push(client);
    }
    let answer = ask(&server, &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "5"));
    failure(&answer, "rate_limit_error", "ER0429", &json!(null));
    ear.permit(4);
    for mut client in waiting {
        client.read_until("data: [DONE]").await;
    }
}
