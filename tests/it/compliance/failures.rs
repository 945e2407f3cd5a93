//! Failures of every kind tell nothing of the inside, and nothing of what was sent.

use serde_json::json;

use crate::http::client::{Answer, form, get, post, send};
use crate::http::fake::{PANIC_WIDTH, Server, png};

/// What a caller never reads: places, statements, stacks, libraries.
const INSIDE: [&str; 16] = [
    ".rs",
    "src/",
    "/tmp",
    "store.sqlite",
    "sqlite",
    "SELECT",
    "INSERT",
    "constraint",
    "no such table",
    "panicked",
    "backtrace",
    "unwrap",
    "tokio",
    "serde",
    "std::",
    "0x",
];

/// What somebody wrote; no answer repeats it.
const WRITTEN: &str = "鄰居敲鑼A123456789";

fn check(server: &Server, name: &str, answer: &Answer) {
    assert!(400 <= answer.status, "{name}: {}", answer.status);
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let folder = server.data_dir.path().to_str().unwrap();
    for inside in INSIDE.into_iter().chain([folder, WRITTEN, "A123456789"]) {
        assert!(!text.contains(inside), "{name}: `{inside}` in {text}");
    }
    if text.is_empty() {
        return;
    }
    let problem = answer.json();
    let problem = if problem["error"].is_object() { &problem["error"] } else { &problem };
    assert!(problem["code"].as_str().unwrap().starts_with("ER"), "{name}: {text}");
}

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn failures_tell_nothing_of_the_inside() {
    let server = Server::open().await;
    let letter =
        json!({"letters": [{"subject": WRITTEN, "body": WRITTEN}], "options": {"top_k": WRITTEN}});
    let nowhere = format!("/api/v1/jobs/{}", "0".repeat(32));
    for (name, request) in [
        ("a wrong value", request("POST", "/api/v1/letters/classifications", &letter.to_string())),
        ("no JSON", request("POST", "/api/v1/letters/classifications", WRITTEN)),
        (
            "a wrong purpose",
            request(
                "POST",
                "/api/v1/qa/answers",
                &json!({"question": WRITTEN, "purpose": WRITTEN}).to_string(),
            ),
        ),
        ("no such job", request("GET", &nowhere, "")),
        ("no such path", request("GET", "/api/v1/../../etc/passwd", "")),
        ("a wrong method", request("DELETE", "/api/v1/letters/classifications", "")),
        ("a wrong query", request("GET", "/api/v1/jobs?limit=A123456789", "")),
        ("no XML", request("POST", "/api/v1/documents/dispatch-suggestions", WRITTEN)),
        ("no picture", post("", &form(&[("image", WRITTEN.as_bytes())]))),
        ("no form", post("", WRITTEN.as_bytes())),
        ("no sound", request("POST", "/v1/audio/transcriptions", WRITTEN)),
        (
            "a webhook to nowhere",
            request("POST", "/api/v1/webhooks", &json!({"url": "ftp://A123456789/"}).to_string()),
        ),
        ("a panic", post("", &form(&[("image", &png(PANIC_WIDTH))]))),
    ] {
        check(&server, name, &send(server.addr, &request).await);
    }
}

#[tokio::test]
async fn a_broken_store_tells_nothing_either() {
    let server = Server::open().await;
    let path = server.data_dir.path().join("store.sqlite");
    let database = rusqlite::Connection::open(path).unwrap();
    let tables = "DROP TABLE job; DROP TABLE prediction; DROP TABLE blob;";
    database.execute_batch(&format!("PRAGMA foreign_keys = OFF; {tables}")).unwrap();
    let id = "0".repeat(32);
    let blob = json!({"kind": "audio", "media_type": "audio/wav", "size": 4});
    for (name, request) in [
        ("jobs", request("GET", "/api/v1/jobs", "")),
        ("a job", request("GET", &format!("/api/v1/jobs/{id}"), "")),
        ("a prediction", request("GET", &format!("/api/v1/predictions/{id}"), "")),
        ("an upload", request("POST", "/api/v1/blobs", &blob.to_string())),
    ] {
        let answer = send(server.addr, &request).await;
        assert!([500, 503].contains(&answer.status), "{name}: {answer:?}");
        check(&server, name, &answer);
    }
    assert_eq!(get(server.addr, "/healthz/live").await.status, 200);
}
