//! Transcripts with the words of officers: shown in every form, guarded against two at once, kept and erased with what was
//! heard.

use std::time::Duration;

use fenwen::base::{Private, RequestId};
use fenwen::store::{Erasure, Identifier, IdentifierKind, Keep, Mention, Request, Subject};
use serde_json::{Value, json};

use super::super::client::{Answer, get};
use super::super::description::validate;
use super::super::fake::Server;
use super::super::guard;
use super::{JoinHandle, TRANSCRIPTIONS, call, ended, job_id, post_form, wav, work};
use crate::audit::rows;

const MASKED: &str = "電話〔行動電話〕";

/// A server with a transcript of two sentences; its path.
async fn transcribed(server: &Server) -> (String, String) {
    let file = wav(&[true, true]);
    let id = job_id(&post_form(server.addr, TRANSCRIPTIONS, &[("file", &file)]).await);
    assert_eq!(ended(server, &id).await["state"], "succeeded");
    (format!("{TRANSCRIPTIONS}/{id}"), id)
}

async fn opened() -> (Server, JoinHandle<()>, String) {
    let server = Server::open().await;
    let worker = work(&server);
    let (path, _) = transcribed(&server).await;
    (server, worker, path)
}

async fn write(server: &Server, (path, idx): (&str, u32), seen: u64, body: Value) -> Answer {
    let line = format!("PUT {path}/segments/{idx}/correction");
    let headers = format!("content-type: application/json\r\nif-match: \"{seen}\"\r\n");
    call(server.addr, &line, &headers, body.to_string().as_bytes()).await
}

async fn take_back(server: &Server, (path, idx): (&str, u32), seen: u64) -> Answer {
    let line = format!("DELETE {path}/segments/{idx}/correction");
    call(server.addr, &line, &format!("if-match: \"{seen}\"\r\n"), b"").await
}

async fn text(server: &Server, path: &str) -> String {
    String::from_utf8(get(server.addr, path).await.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officers_words_are_shown_in_every_form_and_can_be_taken_back() {
    let (server, _worker, path) = opened().await;
    let before = get(server.addr, &path).await;
    assert_eq!((before.header("etag"), &before.json()["version"]), ("\"0\"", &json!(0)));
    assert!(before.json()["transcript"]["segments"][0].get("correction").is_none());
    let body = json!({"text": " 我的電話〔行動電話〕,B123456780 "});
    let written = write(&server, (&path, 0), 0, body).await;
    assert_eq!((written.status, written.header("etag")), (200, "\"1\""), "{written:?}");
    let item = "/paths/~1api~1v1~1speech~1transcriptions~1{id}~1segments~1{number}~1correction";
    let schema = "responses/200/content/application~1json/schema";
    validate(&format!("{item}/put/{schema}"), &written.json());
    let shown = get(server.addr, &path).await;
    validate(
        "/paths/~1api~1v1~1speech~1transcriptions~1{id}/get/responses/200/content/application~1json/schema",
        &shown.json(),
    );
    let segments = shown.json()["transcript"]["segments"].clone();
    assert_eq!(written.json()["segments"], json!([segments[0]]), "only what is shown otherwise");
    assert_eq!(segments[0]["text"], "我的電話〔行動電話〕,〔身分證字號〕");
    assert_eq!(segments[1]["text"], MASKED);
    let correction = &segments[0]["correction"];
    assert_eq!((&correction["heard"], &correction["by"]), (&json!(MASKED), &json!("local")));
    assert!(correction["at"].as_str().unwrap().ends_with('Z'));
    // Of the words that stayed the time and the doubt; what an officer wrote is sure.
    let whole = get(server.addr, &format!("{path}?rendition=original")).await.json();
    let words = whole["transcript"]["segments"][0]["words"].as_array().unwrap().clone();
    assert_eq!((&words[0]["text"], &words[0]["confidence"]), (&json!("我"), &json!(1.0)));
    assert_eq!(whole["transcript"]["segments"][0]["text"], "我的電話0912345678,B123456780");
    let line = "我的電話〔行動電話〕,〔身分證字號〕";
    assert_eq!(text(&server, &format!("{path}?format=txt")).await, format!("{line}\n{MASKED}\n"));
    for format in ["srt", "vtt"] {
        assert!(text(&server, &format!("{path}?format={format}")).await.contains(line), "{format}");
    }
    let original = text(&server, &format!("{path}?format=txt&rendition=original")).await;
    assert_eq!(original, "我的電話0912345678,B123456780\n電話0912345678\n");
    let job = path.rsplit('/').next().unwrap();
    assert!(text(&server, &format!("/api/v1/jobs/{job}/result")).await.contains(line));
    let undone = take_back(&server, (&path, 0), 1).await;
    assert_eq!((undone.status, undone.header("etag")), (200, "\"2\""));
    validate(&format!("{item}/delete/{schema}"), &undone.json());
    let again = get(server.addr, &path).await.json();
    assert_eq!(again["transcript"], before.json()["transcript"], "as it was heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_told_by_ids_and_never_by_what_was_written() {
    let (server, _worker, path) = opened().await;
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(write(&server, (&path, 1), 0, json!({"text": "我要檢舉"})).await.status, 200);
    assert_eq!(write(&server, (&path, 1), 0, json!({"text": "慢了一步"})).await.status, 412);
    assert_eq!(take_back(&server, (&path, 1), 1).await.status, 200);
    let told = server.store.outbox_pending(99).await.unwrap();
    let told: Vec<_> =
        told.iter().filter(|it| it.subject.contains("transcript.corrected")).collect();
    let event = |n: usize| serde_json::from_str::<Value>(&told[n].body).unwrap();
    let data = |version: u64, change: &str| json!({"job_id": id, "segment": 1, "version": version, "change": change});
    assert_eq!(told.len(), 2, "what was refused is not told");
    assert_eq!(event(0)["data"], data(1, "corrected"));
    assert_eq!(event(1)["data"], data(2, "taken_back"));
    assert_eq!(event(0)["type"], "tw.gov.moi.ai.speech.transcript.corrected.v1");
    assert_eq!(event(0)["dataref"], path.as_str());
    assert!(told.iter().all(|it| !it.body.contains("檢舉")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_said_is_not_shown_as_a_line() {
    let (server, _worker, path) = opened().await;
    assert_eq!(write(&server, (&path, 0), 0, json!({"text": ""})).await.status, 200);
    assert_eq!(text(&server, &format!("{path}?format=txt")).await, format!("{MASKED}\n"));
    let srt = text(&server, &format!("{path}?format=srt")).await;
    assert!(srt.starts_with("1\n00:00:01,000"), "{srt}");
    assert_eq!(get(server.addr, &path).await.json()["transcript"]["segments"][0]["text"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_officers_at_once_cannot_write_over_each_other() {
    let (server, _worker, path) = opened().await;
    let both = [json!({"text": "甲"}), json!({"text": "乙"})];
    let [one, other] = both.map(|body| write(&server, (&path, 0), 0, body));
    let (one, other) = tokio::join!(one, other);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{one:?} {other:?}");
    let late = if one.status == 412 { one } else { other };
    assert_eq!(late.problem(), "ER0420");
    // Of another sentence it is the same transcript.
    assert_eq!(write(&server, (&path, 1), 0, json!({"text": "丙"})).await.problem(), "ER0420");
    assert_eq!(take_back(&server, (&path, 0), 0).await.problem(), "ER0420");
    assert_eq!(take_back(&server, (&path, 1), 1).await.problem(), "ER0410", "nothing to take back");
    assert_eq!(get(server.addr, &path).await.header("etag"), "\"1\"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_corrected_is_refused() {
    let (server, _worker, path) = opened().await;
    let check = async |idx: u32, body: Value, code: &str| {
        let refused = write(&server, (&path, idx), 0, body.clone()).await;
        assert_eq!(refused.problem(), code, "{body}");
    };
    check(2, json!({"text": "x"}), "ER0100").await;
    check(0, json!({"text": "x\ny"}), "ER0210").await;
    check(0, json!({"text": MASKED}), "ER0210").await;
    check(0, json!({"text": format!("{MASKED}{MASKED}")}), "ER0210").await;
    check(0, json!({"text": "x", "by": "u-1"}), "ER0220").await;
    check(0, json!({"text": "長".repeat(1001)}), "ER0210").await;
    check(0, json!({"text": "長".repeat(9000)}), "ER0430").await;
    let line = format!("PUT {path}/segments/0/correction");
    let kind = "content-type: application/json\r\n";
    let bare = call(server.addr, &line, kind, br#"{"text":"x"}"#).await;
    assert_eq!((bare.status, bare.problem().as_str()), (428, "ER0421"));
    let theirs = format!("{kind}if-match: \"0\"\r\nx-client-id: other\r\n");
    assert_eq!(call(server.addr, &line, &theirs, br#"{"text":"x"}"#).await.problem(), "ER0100");
    let file = wav(&[true]);
    let waiting = Server::open().await;
    let id = job_id(&post_form(waiting.addr, TRANSCRIPTIONS, &[("file", &file)]).await);
    let path = format!("{TRANSCRIPTIONS}/{id}");
    let early = write(&waiting, (&path, 0), 0, json!({"text": "x"})).await;
    assert_eq!((early.status, early.problem().as_str()), (409, "ER0410"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_the_original_cannot_write_it_and_everything_is_on_record() {
    let server = Server::guarded().await;
    let _worker = work(&server);
    let sender = guard::register(&server, "hotline", |_| ()).await;
    let purpose = json!({"code": "petition-handling", "case_no": "C-7"});
    let meta = json!({ "purpose": purpose }).to_string();
    let file = wav(&[true]);
    let form = super::super::client::form(&[("meta", meta.as_bytes()), ("file", &file)]);
    let kind = format!("content-type: multipart/form-data; boundary={}\r\n", super::BOUNDARY);
    let sent = call(server.addr, &format!("POST {TRANSCRIPTIONS}"), &(sender + &kind), &form).await;
    let id = job_id(&sent);
    server.jobs.ended(&id, super::WATCHDOG).await.unwrap();
    let target = format!("{TRANSCRIPTIONS}/{id}/segments/0/correction");
    let put = ("PUT", target.as_str());
    let body = json!({"text": "打給我", "rendition": "original", "purpose": purpose}).to_string();
    for (scopes, body, status, code) in [
        ("speech:transcribe speech:read", body.as_str(), 403, "ER0310"),
        ("speech:review", body.as_str(), 403, "ER0310"),
        ("speech:review", r#"{"text":"打給我"}"#, 403, "ER0320"),
    ] {
        // The same client with fewer rights.
        let head = guard::register_again(&server, "hotline", scopes).await;
        let head = format!("{head}if-match: \"0\"\r\n");
        let answer = guard::call(&server, put, &head, body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{scopes}");
    }
    let head = guard::register_again(&server, "hotline", "speech:review").await;
    let body = json!({"text": "打給〔行動電話〕", "purpose": purpose}).to_string();
    let done = guard::call(&server, put, &format!("{head}if-match: \"0\"\r\n"), &body).await;
    assert_eq!((done.status, done.header("etag")), (200, "\"1\""), "{done:?}");
    assert!(!String::from_utf8(done.body).unwrap().contains("0912345678"));
    let row = rows(server.data_dir.path()).pop().unwrap();
    assert!(row.action.starts_with("PUT /api/v1/speech/transcriptions/"), "{}", row.action);
    assert_eq!((row.status, row.case_no.as_deref()), (Some(200), Some("C-7")));
    assert_eq!(row.actor.id, "hotline");
    assert!(row.object.is_some_and(|it| it.contains(&id)), "which transcript");
}

fn subject(server: &Server) -> Subject {
    let value = Private::new("B123456780".to_owned());
    server.store.subject(&Identifier { kind: IdentifierKind::IdNumber, value }).unwrap()
}

/// A transcript in which an officer has written whom it is about; the blob of that.
async fn mentioning(server: &Server, path: &str) -> String {
    let body = json!({"text": "我是B123456780"});
    assert_eq!(write(server, (path, 0), 0, body).await.status, 200);
    let job = server.store.job(path.rsplit('/').next().unwrap()).await.unwrap().unwrap();
    job.corrections.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_is_sealed_found_by_subject_and_erased_with_the_transcript() {
    let (server, _worker, path) = opened().await;
    let first = mentioning(&server, &path).await;
    let body = json!({"text": "我就是〔身分證字號〕"});
    assert_eq!(write(&server, (&path, 0), 1, body).await.status, 200);
    assert!(server.store.blob(&first).await.unwrap().is_none(), "only the newest is kept");
    let id = path.rsplit('/').next().unwrap().to_owned();
    let found = server.store.mentions(&subject(&server)).await.unwrap();
    assert_eq!(found.into_iter().map(|it| it.0).collect::<Vec<_>>(), [Mention::Job(id.clone())]);
    let job = server.store.job(&id).await.unwrap().unwrap();
    let blob = job.corrections.clone().unwrap();
    let kept = server.store.blob(&blob).await.unwrap().unwrap();
    assert_eq!((kept.meta.expires, kept.meta.kind.as_str()), (job.expires, "corrections"));
    server.store.scrub().unwrap();
    for entry in std::fs::read_dir(server.data_dir.path()).unwrap() {
        let file = entry.unwrap().path();
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            let is_there = |text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
            assert!(!is_there("B123456780") && !is_there("我就是"), "{} is open", file.display());
        }
    }
    let asked = ("u-1".to_owned(), Duration::from_secs(1));
    let now = fenwen::base::Clock::unix_time(&fenwen::base::SystemClock) + Duration::from_secs(9);
    let request = Request {
        id: RequestId::at(now).to_string(),
        reason: "x".to_owned(),
        asked,
        approved: Some(("u-2".to_owned(), now)),
        done: None,
        rejected: None,
    };
    let erasure = Erasure { request, subject: subject(&server), org: None };
    server.store.adopt_erasure(erasure.clone()).await.unwrap();
    assert_eq!(server.store.erase_mentions(erasure, now).await.unwrap(), 1);
    assert!(server.store.blob(&blob).await.unwrap().is_none());
    assert_eq!(get(server.addr, &path).await.problem(), "ER0100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_expires_with_its_transcript_unless_that_is_held() {
    let (server, _worker, path) = opened().await;
    let blob = mentioning(&server, &path).await;
    let hold = fenwen::store::Hold {
        id: "h".to_owned(),
        kind: fenwen::store::HoldKind::Job,
        object: path.rsplit('/').next().unwrap().to_owned(),
        reason: "x".to_owned(),
        approver: "u-1".to_owned(),
        created: Duration::ZERO,
        lifted: None,
        org: None,
    };
    server.store.add_hold(hold).await.unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let keep =
        Keep { feedback: day, events: day, deliveries: day, review_texts: day, reviews: day };
    let late = Duration::from_secs(1 << 40);
    server.store.purge(late, keep).await.unwrap();
    assert!(server.store.blob(&blob).await.unwrap().is_some(), "it is held");
    assert!(server.store.lift_hold("h", "u-2", late).await.unwrap());
    server.store.purge(late, keep).await.unwrap();
    assert!(server.store.blob(&blob).await.unwrap().is_none());
    assert_eq!(get(server.addr, &path).await.problem(), "ER0100");
}
