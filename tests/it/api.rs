//! The scenarios of `tests/api`, over every transport: the same calls, the same answers.

mod transport;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::http::speech;
use transport::{Answer, Transport};

/// A file of `tests/api`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    steps: Vec<Step>,
}

/// One call.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// `<service>.<operation>`.
    call: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// JSON; or `text` as it is; or `images` with `meta`.
    body: Option<Value>,
    text: Option<String>,
    /// Widths of generated pictures.
    #[serde(default)]
    images: Vec<u32>,
    meta: Option<Value>,
    status: u16,
    /// What the answer must have, at least; lists have the same length.
    #[serde(default)]
    answer: Value,
    #[serde(default)]
    answer_headers: BTreeMap<String, String>,
    /// Names for values of the answer, as `${name}` in later bodies.
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters() {
    run("letters").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents() {
    run("documents").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qa() {
    run("qa").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn predictions() {
    run("predictions").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity_documents() {
    run("identity-documents").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech() {
    run("speech").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrections() {
    run("corrections").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs() {
    run("jobs").await;
}

#[test]
fn every_scenario_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "corrections.yaml",
            "documents.yaml",
            "identity-documents.yaml",
            "jobs.yaml",
            "letters.yaml",
            "predictions.yaml",
            "qa.yaml",
            "speech.yaml"
        ]
    );
}

/// Runs a scenario over each transport, then compares the answers of all.
async fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/api/{name}.yaml"));
    let text = std::fs::read_to_string(path).unwrap();
    let scenario: Scenario = serde_saphyr::from_str(&text).unwrap();
    let mut first: Option<Vec<Value>> = None;
    for transport in transport::all().await {
        let answers = steps(&scenario, &transport).await;
        match &first {
            None => first = Some(answers),
            Some(first) => assert_eq!(first, &answers, "{name} over {}", transport.name),
        }
    }
}

/// The answers, without what differs from call to call.
async fn steps(scenario: &Scenario, transport: &Transport) -> Vec<Value> {
    let recording = transport.upload(&speech::wav(&[true])).await;
    let mut kept = BTreeMap::from([("${recording}".to_owned(), recording)]);
    let asks_for_results = ["speech.correct", "jobs.result"];
    if scenario.steps.iter().any(|it| asks_for_results.contains(&it.call.as_str())) {
        kept.insert("${transcript}".to_owned(), transport.transcript().await);
    }
    let mut answers = Vec::new();
    for (idx, step) in scenario.steps.iter().enumerate() {
        let at = format!("step {idx} ({}) over {}", step.call, transport.name);
        let mut step = step.clone();
        step.body = step.body.map(|it| filled(it, &kept));
        let Answer { status, headers, body } = transport.call(&step).await;
        assert_eq!(status, step.status, "{at}: {body}");
        check(&step.answer, &body, &at);
        for (name, value) in &step.answer_headers {
            assert_eq!(headers.get(name), Some(value), "{at}: {name}");
        }
        for (name, pointer) in &step.keep {
            let value = body.pointer(pointer).and_then(Value::as_str).unwrap();
            kept.insert(format!("${{{name}}}"), value.to_owned());
        }
        answers.push(lasting(body));
    }
    answers
}

fn filled(body: Value, kept: &BTreeMap<String, String>) -> Value {
    match body {
        Value::String(text) => Value::String(kept.get(&text).cloned().unwrap_or(text)),
        Value::Array(list) => list.into_iter().map(|it| filled(it, kept)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, it)| (key, filled(it, kept))).collect(),
        other => other,
    }
}

/// Whether `found` has all of `expected`.
#[track_caller]
fn check(expected: &Value, found: &Value, at: &str) {
    match (expected, found) {
        (Value::Null, _) => (),
        (Value::Object(expected), Value::Object(found)) => {
            for (key, expected) in expected {
                let found = found.get(key);
                assert!(found.is_some(), "{at}/{key} is missing");
                check(expected, found.unwrap(), &format!("{at}/{key}"));
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            assert_eq!(expected.len(), found.len(), "{at}: {found:?}");
            for (idx, (expected, found)) in expected.iter().zip(found).enumerate() {
                check(expected, found, &format!("{at}/{idx}"));
            }
        }
        (expected, found) => assert_eq!(expected, found, "{at}"),
    }
}

/// Without ids and times of the call.
fn lasting(answer: Value) -> Value {
    const PASSING: [&str; 15] = [
        "prediction_id",
        "answer_id",
        "recognition_id",
        "instance",
        "trace_id",
        "timings_ms",
        "repeated",
        "job_id",
        "at",
        "created_at",
        "started_at",
        "finished_at",
        "expires_at",
        "estimated_finish_at",
        "links",
    ];
    match answer {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, _)| !PASSING.contains(&key.as_str()))
            // Which media types a transport takes is its own.
            .filter(|(key, it)| {
                key != "detail" || !it.as_str().is_some_and(|it| it.contains("(DI)"))
            })
            .map(|(key, it)| (key, lasting(it)))
            .collect(),
        Value::Array(list) => list.into_iter().map(lasting).collect(),
        other => other,
    }
}
