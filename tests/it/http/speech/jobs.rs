//! Recordings as jobs: accepted, heard, shown while and after they are heard, taken back, and gone on with.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fenwen::service::jobs::Worker;
use serde_json::json;

use super::super::client::get;
use super::super::description::validate;
use super::super::fake::{Server, until};
use super::super::later::{BLOBS, JOBS};
use super::{
    FakeEar, TRANSCRIPTIONS, call, ended, job_id, post_form, post_json, upload, wav, work,
};

const MASKED: &str = "電話〔行動電話〕";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_becomes_a_transcript_in_every_form() {
    let server = Server::open().await;
    let _worker = work(&server);
    // Parts that do not end where samples do.
    let upload = upload(server.addr, &wav(&[true, false, true]), 7001).await;
    let order = json!({"blob_id": upload, "speakers": ["民眾"], "vocabulary": ["戶政司"],
        "purpose": {"code": "hotline-1996", "case_no": "C-1"}});
    let accepted = post_json(server.addr, TRANSCRIPTIONS, &order).await;
    validate(
        "/paths/~1api~1v1~1speech~1transcriptions/post/responses/202/content/application~1json/schema",
        &accepted.json(),
    );
    let id = job_id(&accepted);
    assert_eq!(accepted.header("location"), format!("{JOBS}/{id}"));
    let job = ended(&server, &id).await;
    assert_eq!((job["state"].as_str(), job["progress"].as_f64()), (Some("succeeded"), Some(1.0)));
    let path = format!("{TRANSCRIPTIONS}/{id}");
    let shown = get(server.addr, &path).await;
    let item = "/paths/~1api~1v1~1speech~1transcriptions~1{id}/get";
    validate(&format!("{item}/responses/200/content/application~1json/schema"), &shown.json());
    let document = shown.json();
    assert_eq!((document["state"].as_str(), shown.header("retry-after")), (Some("succeeded"), ""));
    let transcript = &document["transcript"];
    assert_eq!(transcript["segments"].as_array().unwrap().len(), 2);
    assert_eq!(transcript["segments"][1]["start"], 2.0);
    assert_eq!(transcript["segments"][1]["text"], MASKED);
    assert_eq!(transcript["speakers"], json!(["民眾"]));
    assert_eq!(transcript["model"]["name"], "fake-ear");
    let whole = get(server.addr, &format!("{path}?rendition=original")).await.json();
    assert_eq!(whole["transcript"]["segments"][0]["text"], "電話0912345678");
    for (format, kind, expected) in [
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\n電話〔"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n電話〔"),
        ("txt", "text/plain; charset=utf-8", "電話〔行動電話〕\n電話〔行動電話〕\n"),
    ] {
        let answer = get(server.addr, &format!("{path}?format={format}")).await;
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(
            (answer.header("content-type"), answer.header("x-transcription-state")),
            (kind, "succeeded")
        );
    }
    let result = get(server.addr, &format!("{JOBS}/{id}/result")).await;
    let result = String::from_utf8(result.body).unwrap();
    assert!(result.contains(MASKED) && !result.contains("0912345678"), "{result}");
    assert_eq!(get(server.addr, &format!("{path}?format=doc")).await.problem(), "ER0210");
    assert_eq!(get(server.addr, &format!("{path}?a=b")).await.problem(), "ER0200");
    let other = call(server.addr, &format!("GET {path}"), "x-client-id: other\r\n", b"").await;
    assert_eq!(other.problem(), "ER0100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_may_come_with_its_request() {
    let server = Server::open().await;
    let _worker = work(&server);
    let meta = br#"{"speakers":["a"],"purpose":{"code":"hotline-1996"}}"#;
    let file = wav(&[true]);
    let parts: [(&str, &[u8]); 2] = [("meta", meta), ("file", &file)];
    let id = job_id(&post_form(server.addr, TRANSCRIPTIONS, &parts).await);
    assert_eq!(ended(&server, &id).await["state"], "succeeded");
    let text = get(server.addr, &format!("{TRANSCRIPTIONS}/{id}?format=txt")).await;
    assert_eq!(String::from_utf8(text.body).unwrap(), format!("{MASKED}\n"));
    let told = server.store.outbox_pending(99).await.unwrap();
    let told: Vec<_> =
        told.iter().filter(|it| it.subject.ends_with("speech.transcription.completed")).collect();
    let [event] = told.as_slice() else { unreachable!("{}", told.len()) };
    let event: serde_json::Value = serde_json::from_str(&event.body).unwrap();
    let expected = json!({"job_id": id, "audio_seconds": 1.0, "segments": 1,
        "low_confidence_ratio": 0.0, "model": {"name": "fake-ear", "version": "1"}});
    assert_eq!((&event["data"], &event["subject"]), (&expected, &json!(format!("jobs/{id}"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_heard_so_far_is_shown_and_a_job_can_be_taken_back() {
    let server = Server::with_ear(FakeEar::with_permits(2)).await;
    let _worker = work(&server);
    let file = wav(&[true; 5]);
    let id = job_id(&post_form(server.addr, TRANSCRIPTIONS, &[("file", &file)]).await);
    let path = format!("{TRANSCRIPTIONS}/{id}");
    let partial = loop {
        let answer = get(server.addr, &path).await;
        let document = answer.json();
        // What was heard and how far it is may come with two signs of life.
        let n_segments = document["transcript"]["segments"].as_array().map_or(0, Vec::len);
        if (n_segments, document["progress"].as_f64()) == (2, Some(0.4)) {
            assert_eq!(
                (answer.header("retry-after"), answer.header("x-transcription-state")),
                ("2", "running")
            );
            break document;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(partial["state"], "running");
    assert_eq!(partial["transcript"]["segments"][1]["text"], MASKED);
    let cancelled = call(server.addr, &format!("POST {JOBS}/{id}/cancel"), "", b"").await;
    assert_eq!(cancelled.status, 200);
    assert_eq!(ended(&server, &id).await["state"], "cancelled");
    let ear = Arc::clone(&server.ear);
    until(|| ear.n_stopped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(ear.n_heard(), 2);
    assert_eq!(get(server.addr, &path).await.problem(), "ER0410");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_job_goes_on_after_the_last_finished_window() {
    let server = Server::with_ear(FakeEar::with_permits(3)).await;
    let worker = work(&server);
    let file = wav(&[true; 5]);
    let id = job_id(&post_form(server.addr, TRANSCRIPTIONS, &[("file", &file)]).await);
    let path = format!("{TRANSCRIPTIONS}/{id}");
    while get(server.addr, &path).await.json()["progress"] != 0.6 {
        tokio::task::yield_now().await;
    }
    // The worker ends without a word, as with its process; its lease is given up for it.
    worker.abort();
    let ear = Arc::clone(&server.ear);
    until(|| ear.n_stopped.load(Ordering::SeqCst) == 1).await;
    server.skip(Duration::from_secs(31));
    assert_eq!(server.jobs.sweep().await.unwrap(), 1);
    server.skip(Duration::from_secs(60));
    ear.permit(9);
    let other = Worker::new(Arc::clone(&server.jobs), "w-2".to_owned()).only("speech", 1);
    let _other = tokio::spawn(async move { other.run(std::future::pending()).await });
    let job = ended(&server, &id).await;
    assert_eq!((job["state"].as_str(), job["attempt"].as_u64()), (Some("succeeded"), Some(2)));
    assert_eq!(ear.n_heard(), 5, "no window is heard twice");
    let transcript = get(server.addr, &path).await.json()["transcript"].clone();
    let starts: Vec<f64> = transcript["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["start"].as_f64().unwrap())
        .collect();
    assert_eq!(starts, [0.0, 1.0, 2.0, 3.0, 4.0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_ordered_is_refused() {
    let server = Server::open().await;
    let check = async |body, code: &str| {
        let refused = post_json(server.addr, TRANSCRIPTIONS, &body).await;
        assert_eq!(refused.problem(), code, "{body}");
    };
    check(json!({}), "ER0210").await;
    check(json!({"blob_id": "0".repeat(32)}), "ER0210").await;
    check(json!({"blob_id": "../x"}), "ER0210").await;
    check(json!({"file": "x"}), "ER0220").await;
    let text = upload(server.addr, b"not a sound", 100).await;
    check(json!({"blob_id": text}), "ER0440").await;
    let theirs = upload(server.addr, &wav(&[true]), 90_000).await;
    let body = json!({"blob_id": theirs}).to_string();
    let headers = "content-type: application/json\r\nx-client-id: other\r\n";
    let line = format!("POST {TRANSCRIPTIONS}");
    assert_eq!(call(server.addr, &line, headers, body.as_bytes()).await.problem(), "ER0210");
    let other = call(server.addr, &line, "content-type: text/plain\r\n", b"x").await;
    assert_eq!(other.problem(), "ER0440");
    let both = json!({"blob_id": theirs}).to_string();
    let file = wav(&[true]);
    let parts: [(&str, &[u8]); 2] = [("meta", both.as_bytes()), ("file", &file)];
    assert_eq!(post_form(server.addr, TRANSCRIPTIONS, &parts).await.problem(), "ER0210");
    assert_eq!(
        post_form(server.addr, TRANSCRIPTIONS, &[("meta", b"{}")]).await.problem(),
        "ER0210"
    );
    // A generic job is the same.
    let job = json!({"service": "speech", "operation": "transcribe", "input": {"blob_id": theirs}});
    assert_eq!(post_json(server.addr, JOBS, &job).await.status, 202);
    let job = json!({"service": "speech", "operation": "transcribe", "input": {"blob_id": "0".repeat(32)}});
    assert_eq!(post_json(server.addr, JOBS, &job).await.problem(), "ER0210");
    let letter = json!({"service": "letters", "operation": "classify", "input": {"letters": [{"subject": "a"}]}});
    let id = job_id(&post_json(server.addr, JOBS, &letter).await);
    assert_eq!(get(server.addr, &format!("{TRANSCRIPTIONS}/{id}")).await.problem(), "ER0100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_the_server_says_what_to_do() {
    let server = Server::deaf().await;
    let file = wav(&[true]);
    let refused = post_form(server.addr, TRANSCRIPTIONS, &[("file", &file)]).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "ER0410"));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("fenwen models pull"), "{detail}");
    let catalogue = get(server.addr, "/api/v1/services").await.json();
    let speech = catalogue["services"].as_array().unwrap().iter().find(|it| it["name"] == "speech");
    let speech = speech.unwrap();
    assert_eq!((&speech["ready"], &speech["model"]), (&json!(false), &json!(null)));
    assert_eq!(get(server.addr, "/healthz/ready").await.status, 200);
}

/// Recordings and other contents in files that a server keeps.
fn n_kept(server: &Server) -> usize {
    let folders = std::fs::read_dir(server.data_dir.path().join("blobs")).into_iter().flatten();
    folders.map(|it| std::fs::read_dir(it.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn one_key_brings_one_job_and_keeps_one_recording() {
    let server = Server::open().await;
    let file = wav(&[true]);
    let form = super::super::client::form(&[("file", &file)]);
    let headers = format!(
        "content-type: multipart/form-data; boundary={}\r\nidempotency-key: k\r\n",
        super::BOUNDARY
    );
    let line = format!("POST {TRANSCRIPTIONS}");
    let at_once = [(); 2].map(|()| call(server.addr, &line, &headers, &form));
    let answers = futures_util::future::join_all(at_once).await;
    let later = call(server.addr, &line, &headers, &form).await;
    for answer in answers.iter().chain([&later]) {
        assert_eq!((answer.status, &answer.body), (202, &later.body));
    }
    let page = get(server.addr, JOBS).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(n_kept(&server), 1);
    let other = super::super::client::form(&[("file", &wav(&[true, true]))]);
    let misused = call(server.addr, &line, &headers, &other).await;
    assert_eq!((misused.status, misused.problem().as_str()), (422, "ER0400"));
    assert_eq!(n_kept(&server), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_answers_also_when_its_recording_is_gone() {
    let server = Server::open().await;
    let worker = work(&server);
    let blob = upload(server.addr, &wav(&[true]), 7_001).await;
    let body = json!({"blob_id": blob}).to_string();
    let line = format!("POST {TRANSCRIPTIONS}");
    let headers = "content-type: application/json\r\nidempotency-key: k\r\n";
    let first = call(server.addr, &line, headers, body.as_bytes()).await;
    assert_eq!(ended(&server, &job_id(&first)).await["state"], "succeeded");
    let delete = format!("DELETE {BLOBS}/{blob}");
    assert_eq!(call(server.addr, &delete, "", b"").await.status, 204);
    let again = call(server.addr, &line, headers, body.as_bytes()).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    let unnamed = call(server.addr, &line, "content-type: application/json\r\n", body.as_bytes());
    assert_eq!(unnamed.await.problem(), "ER0210");
    worker.abort();
}
