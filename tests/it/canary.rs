//! Forty values are planted through every service of one server that logs everything; then they are looked for.
//!
//! The server runs in a process of its own, so that it alone has the log: this test binary, told by a variable.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenwen::base::{Clock, IdNumber, Private, RequestId, Spans, SystemClock};
use fenwen::service::ServiceLimits;
use fenwen::service::jobs::Worker;
use fenwen::store::{Approval, Erasure, Identifier, IdentifierKind, Request, Store};
use fenwen::task::idcard::Recognition;
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::http::card::card;
use crate::http::client::{self, Answer, WATCHDOG, form, get, send};
use crate::http::fake::{FakeRecogniser, Server, options, png};
use crate::http::later::{self, JOBS};
use crate::http::speech::{FakeEar, TRANSCRIPTIONS, upload, wav};
use crate::http::texts::{self, DOCUMENTS, LETTERS};

/// Tells the process that plays the server.
const PLAYER: &str = "FENWEN_CANARY";

/// Values of each kind.
const EACH: usize = 8;

/// What is planted: 8 identity numbers, telephone numbers, addresses of mail, names, and sentences.
fn planted() -> BTreeMap<&'static str, Vec<String>> {
    let number = |n: usize| {
        let mut digits = (0..10).map(|last| format!("W1{:07}{last}", 7_310_550 + n * 37));
        digits.find(|it| IdNumber::checksum_holds(it)).unwrap()
    };
    let of = |make: &dyn Fn(usize) -> String| (0..EACH).map(make).collect::<Vec<String>>();
    BTreeMap::from([
        ("id", of(&number)),
        ("phone", of(&|n| format!("09{:08}", 73_105_500 + n * 7))),
        ("mail", of(&|n| format!("canary-{n}@planted.example.tw"))),
        (
            "name",
            of(&|n| format!("歐陽鸝鶼{}", ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"][n])),
        ),
        ("words", of(&|n| format!("鄰居於深夜敲打銅鑼第{n}次"))),
    ])
}

fn all() -> Vec<String> {
    planted().into_values().flatten().collect()
}

/// A sentence with the nth value of each kind.
fn sentence(n: usize) -> String {
    let planted = planted();
    let [id, mail, name, phone, words] =
        ["id", "mail", "name", "phone", "words"].map(|it| &planted[it][n]);
    format!("我是{name},身分證{id},電話{phone},信箱{mail}。土地登記的事,{words}。")
}

/// Where a value stands in bytes: as it is, and as JSON may escape it.
fn find(bytes: &[u8], value: &str) -> bool {
    let mut escaped = String::new();
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => escaped.push(char::from(byte)),
            _ => write!(escaped, "\\u{unit:04x}").unwrap(),
        }
    }
    let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [value.as_bytes(), escaped.as_bytes(), &wide].iter().any(|it| holds(bytes, it))
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    aho_corasick::AhoCorasick::new([needle]).unwrap().is_match(bytes)
}

#[track_caller]
fn check_free(what: &str, bytes: &[u8]) {
    for value in all() {
        assert!(!find(bytes, &value), "`{value}` stands in {what}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

fn check_files(folder: &Path) -> usize {
    let found = files(folder);
    for path in &found {
        check_free(&path.display().to_string(), &std::fs::read(path).unwrap());
    }
    found.len()
}

#[test]
fn what_was_planted_is_found_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let played = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "canary::the_server_that_is_watched", "--nocapture"])
        .env(PLAYER, "1")
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}");
    check_free("what the process said", &[&played.stdout[..], &played.stderr].concat());
    check_files(folder.path());
}

/// The log of the process, at its most talkative.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

/// A card that belongs to one of the planted.
fn planted_card() -> Recognition {
    let mut card = card();
    let planted = planted();
    for (field, value) in card.fields.iter_mut().zip([&planted["id"][6], &planted["name"][6]]) {
        field.value = Some(Private::new(value.clone()));
        field.raw = Private::new(value.clone());
    }
    card
}

/// Plays the server when it is asked to; does nothing in an ordinary run.
#[test]
fn the_server_that_is_watched() {
    if std::env::var_os(PLAYER).is_none() {
        return;
    }
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt::Subscriber::builder()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    tracing::trace!("the watch begins");
    runtime.unwrap().block_on(watched(&log));
}

async fn watched(log: &Log) {
    let ear = FakeEar::saying(&sentence(5), usize::MAX / 2);
    let recogniser = FakeRecogniser::reading(planted_card);
    let spans = Spans::keeping(1.0);
    let mut options = options();
    options.spans = spans.clone();
    let server = Server::start_with(recogniser, Some(ear), ServiceLimits::default(), options).await;
    texts::activate(&server);
    let worker = Worker::new(Arc::clone(&server.jobs), "w".to_owned());
    let work = tokio::spawn(async move { worker.run(std::future::pending()).await });
    plant(&server).await;
    mistake(&server).await;
    check_free("the metrics", &get(server.addr, "/metrics").await.body);
    work.abort();
    check_traces(&spans).await;
    let logged = log.0.lock().unwrap().clone();
    assert!(holds(&logged, b"the watch begins"), "the log is talkative");
    check_free("the log", &logged);
    let n_files = check_files(server.data_dir.path());
    assert!(5 < n_files, "{n_files} files were looked into");
    // What is sealed does hold them: the search would find them.
    let before = unsealed(&server).await;
    for (kind, values) in planted() {
        let n_found = values.iter().filter(|it| find(&before, it)).count();
        assert!(EACH - 2 <= n_found, "{kind}: {n_found}");
    }
    erase_all(&server.store);
    server.jobs.blobs().sweep().await.unwrap();
    server.store.scrub().unwrap();
    check_free("what is left, unsealed", &unsealed(&server).await);
    check_files(server.data_dir.path());
}

/// The spans of all these calls, as they leave for a collector.
#[cfg(feature = "otlp")]
async fn check_traces(spans: &Spans) {
    let traces = crate::otlp::documents(spans).await;
    assert!(holds(&traces, LETTERS.as_bytes()), "the calls were traced");
    check_free("the traces", &traces);
}

#[cfg(not(feature = "otlp"))]
async fn check_traces(_: &Spans) {}

/// Sends every planted value through a service that takes it.
async fn plant(server: &Server) {
    let addr = server.addr;
    for n in [0, 1] {
        let answer = texts::post(addr, LETTERS, &texts::letter(&sentence(n), &sentence(n))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let document = json!({"document": {
        "doc_type": "函", "priority": "速件", "secrecy": "普通",
        "subject": sentence(2), "body": [sentence(3)],
    }});
    assert_eq!(texts::post(addr, DOCUMENTS, &document).await.status, 200);
    // As a file: what it mentions is known once it was read.
    let letters = texts::letter("", &sentence(4).repeat(500)).to_string();
    let uploaded = upload(addr, letters.as_bytes(), 7001).await;
    let order = json!({"service": "letters", "operation": "classify", "blob_id": uploaded});
    ended(server, &later::post(addr, JOBS, "", &order).await).await;
    let order = later::order(&sentence(4));
    ended(server, &later::post(addr, JOBS, "", &order).await).await;
    let uploaded = upload(addr, &wav(&[true, false, true]), 7001).await;
    let order = json!({"blob_id": uploaded, "speakers": [planted()["name"][5]]});
    ended(server, &later::post(addr, TRANSCRIPTIONS, "", &order).await).await;
    let expected =
        json!({"expected": {"id_number": planted()["id"][6], "name": planted()["name"][6]}});
    let meta = expected.to_string();
    let parts: [(&str, &[u8]); 2] = [("image", &png(3)), ("meta", meta.as_bytes())];
    let answer = send(addr, &client::post("", &form(&parts))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The rest once more as letters: every value was somewhere.
    for n in [6, 7] {
        assert_eq!(texts::post(addr, LETTERS, &texts::letter("", &sentence(n))).await.status, 200);
    }
}

async fn ended(server: &Server, accepted: &Answer) {
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.json()["job_id"].as_str().unwrap().to_owned();
    server.jobs.ended(&id, WATCHDOG).await.unwrap();
    let job = get(server.addr, &format!("{JOBS}/{id}")).await.json();
    assert_eq!(job["state"], "succeeded", "{job}");
}

/// Calls that are refused, with planted values wherever a mistake may be: no answer repeats one.
async fn mistake(server: &Server) {
    let (addr, text) = (server.addr, sentence(7));
    let id = planted()["id"][7].clone();
    let mut answers = vec![
        texts::post(addr, LETTERS, &json!({"letters": text})).await,
        texts::post(addr, LETTERS, &json!({"letters": [{"subject": [text]}]})).await,
        texts::post(addr, LETTERS, &json!({"purpose": {"code": text}, "letters": []})).await,
        texts::post_bytes(addr, LETTERS, "application/json", text.as_bytes()).await,
        texts::post_bytes(addr, LETTERS, &format!("text/{id}"), text.as_bytes()).await,
        texts::post(addr, DOCUMENTS, &json!({"document": text})).await,
        later::post(addr, JOBS, "", &json!({"service": text, "operation": id})).await,
        get(addr, &format!("{JOBS}/{id}")).await,
        get(addr, &format!("/api/v1/predictions/{id}")).await,
        get(addr, &format!("/{id}")).await,
        get(addr, &format!("{JOBS}?state={id}")).await,
    ];
    let parts: [(&str, &[u8]); 2] = [("image", text.as_bytes()), ("meta", text.as_bytes())];
    answers.push(send(addr, &client::post("", &form(&parts))).await);
    for answer in answers {
        assert!(400 <= answer.status, "{answer:?}");
        check_free("an error", &answer.body);
    }
}

/// Everything that is sealed, opened.
async fn unsealed(server: &Server) -> Vec<u8> {
    let path = server.data_dir.path().join("store.sqlite");
    let ids = |table: &str| -> Vec<String> {
        let database = rusqlite::Connection::open(&path).unwrap();
        let mut statement = database.prepare(&format!("SELECT id FROM {table}")).unwrap();
        let found = statement.query_map([], |row| row.get(0)).unwrap();
        found.collect::<Result<_, _>>().unwrap()
    };
    let mut all = Vec::new();
    for id in ids("prediction") {
        let text = server.store.prediction_text(&id).await.unwrap();
        all.extend(text.map(Private::into_inner).unwrap_or_default());
    }
    for id in ids("blob") {
        let reader = server.jobs.blobs().read(&id).await.unwrap().unwrap();
        all.extend(reader.collect(1 << 30).await.unwrap().unwrap().into_inner());
    }
    all
}

/// Erases what mentions each of the planted persons, by one identifier of each.
fn erase_all(store: &Store) {
    let kinds = [
        ("id", IdentifierKind::IdNumber),
        ("phone", IdentifierKind::Phone),
        ("mail", IdentifierKind::Email),
    ];
    for n in 0..EACH {
        let (name, kind) = kinds[n % kinds.len()];
        let value = Private::new(planted()[name][n].clone());
        let subject = store.subject(&Identifier { kind, value }).unwrap();
        // Notes are of whole seconds or less: what was noted in this one is meant too.
        let now = SystemClock.unix_time() + Duration::from_secs(1);
        let id = RequestId::at(now).to_string();
        let request = Request {
            id: id.clone(),
            reason: "測試".to_owned(),
            asked: ("甲".to_owned(), now),
            approved: None,
            done: None,
            rejected: None,
        };
        store.ask_erasure(Erasure { request, subject, org: None }).wait().unwrap();
        assert_eq!(store.approve_erasure(&id, "乙", now).wait().unwrap(), Approval::Approved);
        let erasures = store.erasures().wait().unwrap();
        let erasure = erasures.into_iter().find(|it| it.request.id == id).unwrap();
        while 0 < store.erase_mentions(erasure.clone(), now).wait().unwrap() {}
    }
}

/// Values differ and have the form that the detector knows.
#[test]
fn forty_values_are_planted() {
    let mut values = all();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 40);
    let found = fenwen::service::subjects::identifiers(&sentence(3));
    let kinds: Vec<IdentifierKind> = found.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [IdentifierKind::IdNumber, IdentifierKind::Phone, IdentifierKind::Email]);
}
