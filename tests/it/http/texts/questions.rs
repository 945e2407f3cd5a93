//! Questions over HTTP: answered by quoting, refused, followed up, taken up without a restart.

use std::path::Path;

use fenwen::pipeline::answers::index::Vectors;
use fenwen::service::events::QuestionUnanswered;
use fenwen::service::routing::index::{pack, versions};
use fenwen::task::answers::Source;
use serde_json::{Value, json};

use super::super::client::get;
use super::super::fake::{ENCODER, Server};
use super::post;

pub(crate) const ANSWERS: &str = "/api/v1/qa/answers";
pub(crate) const SUGGESTIONS: &str = "/api/v1/qa/suggestions";

/// Makes an index of `(id, question, answer)` the one that answers; by words only.
pub(crate) fn activate(data_dir: &Path, rows: &[(&str, &str, &str)]) {
    activate_with(data_dir, rows, None);
}

/// The same with vectors of the encoder with this SHA-256.
fn activate_with(data_dir: &Path, rows: &[(&str, &str, &str)], vectors: Option<(&str, &Vectors)>) {
    let source = |(id, question, answer): &(&str, &str, &str)| Source {
        id: (*id).to_owned(),
        version: 1,
        question: Some((*question).to_owned()),
        answer: (*answer).to_owned(),
        ..Source::default()
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in pack(rows.iter().map(source).collect(), vectors).unwrap() {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let versions = versions(&data_dir.join("answers"));
    versions.activate(versions.add(folder.path()).unwrap()).unwrap();
}

pub(crate) const ROWS: [(&str, &str, &str); 3] = [
    ("ris-1", "身分證遺失怎麼補發?", "請攜帶印章至戶政事務所補發。"),
    ("ris-2", "結婚登記要帶什麼證件?", "雙方身分證、印章與結婚書約。"),
    ("fire-1", "如何檢舉違規施放爆竹?", "請撥打一一九。"),
];

async fn ready() -> Server {
    let server = Server::open().await;
    activate(server.data_dir.path(), &ROWS);
    server.routing.refresh();
    server
}

async fn ask(server: &Server, body: Value) -> Value {
    let answer = post(server.addr, ANSWERS, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn an_approved_source_is_quoted() {
    let server = ready().await;
    let found = ask(&server, json!({"question": "身分證遺失怎麼補發"})).await;
    assert_eq!(found["state"], "answered");
    assert_eq!(found["answer"], ROWS[0].2);
    let cited = &found["citations"][0];
    assert_eq!((&cited["source_id"], &cited["quote_end"]), (&json!("ris-1"), &json!(14)));
    assert_eq!(found["by_words_only"], true);
    assert_eq!(found["model"]["version"], "1");
    let id = found["answer_id"].as_str().unwrap();
    let kept = get(server.addr, &format!("/api/v1/predictions/{id}")).await.json();
    assert_eq!((&kept["service"], &kept["labels"][0]["code"]), (&json!("qa"), &json!("ris-1")));
    let feedback = format!("/api/v1/predictions/{id}/feedback");
    let corrected = |label| json!({"decision": "corrected", "label": label});
    assert_eq!(post(server.addr, &feedback, &corrected("ris-2")).await.status, 204);
    assert_eq!(post(server.addr, &feedback, &corrected("ris-9")).await.status, 400);
}

#[tokio::test]
async fn what_no_source_answers_is_refused_and_reported() {
    let server = ready().await;
    let question = "海生館的企鵝叫什麼名字,請打0912345678";
    let found = ask(&server, json!({"question": question})).await;
    assert_eq!((&found["state"], &found["answer"]), (&json!("no_answer"), &json!(null)));
    assert_eq!(found["message"], "查無資料,將轉由專人處理");
    assert_eq!(found["citations"], json!([]));
    ask(&server, json!({"question": "結婚登記要帶什麼證件"})).await;
    let report = get(server.addr, "/api/v1/qa/unanswered").await.json();
    assert_eq!((&report["asked"], &report["unanswered"]), (&json!(2), &json!(1)));
    assert_eq!(report["items"][0]["answer_id"], found["answer_id"]);
    // Whoever brings in sources must know what was asked, not who asked.
    assert_eq!(report["items"][0]["question"], "海生館的企鵝叫什麼名字,請打〔行動電話〕");
    assert!(!report.to_string().contains("0912345678"));
}

#[tokio::test]
async fn what_no_source_answers_is_told_without_what_was_asked() {
    let server = ready().await;
    ask(&server, json!({"question": "結婚登記要帶什麼證件"})).await;
    assert!(server.store.outbox_pending(9).await.unwrap().is_empty(), "it was answered");
    // Neither the question nor the source that came nearest is in the event.
    let question = "結婚典禮的飯店和新秘要去哪裡找比較便宜";
    let found = ask(&server, json!({"question": question})).await;
    assert_eq!(found["state"], "no_answer");
    let mut rows = server.store.outbox_pending(9).await.unwrap();
    assert_eq!(rows.len(), 1);
    let row = rows.remove(0);
    assert_eq!(row.subject, "moi.ai.v1.evt.301000000A.qa.question.unanswered");
    let event: Value = serde_json::from_str(&row.body).unwrap();
    let id = found["answer_id"].as_str().unwrap();
    assert_eq!(event["type"], "tw.gov.moi.ai.qa.question.unanswered.v1");
    assert_eq!(event["dataref"], format!("/api/v1/predictions/{id}"));
    let data = &event["data"];
    assert_eq!((&data["prediction_id"], &data["org_code"]), (&json!(id), &json!("301000000A")));
    assert_eq!(data["refusal_reason"], found["refusal_reason"]);
    assert_eq!(data["report"], QuestionUnanswered::REPORT);
    for word in ["結婚", "飯店", "ris-"] {
        assert!(!row.body.contains(word), "{}", row.body);
    }
    let report = get(server.addr, QuestionUnanswered::REPORT).await.json();
    assert_eq!(report["items"][0]["answer_id"], id);
    let reread = get(server.addr, event["dataref"].as_str().unwrap()).await.json();
    assert_eq!(reread["service"], "qa");
}

#[tokio::test]
async fn a_question_may_lean_on_the_one_before() {
    let server = ready().await;
    let question = "那需要什麼";
    let alone = ask(&server, json!({"question": question})).await;
    assert_eq!(alone["state"], "no_answer");
    let context = json!({"previous_question": "結婚登記要帶什麼證件?"});
    let found = ask(&server, json!({"question": question, "context": context})).await;
    assert_eq!((&found["state"], &found["used_previous"]), (&json!("answered"), &json!(true)));
    assert_eq!(found["citations"][0]["source_id"], "ris-2");
    for other in ["台積電股價多少", "好的謝謝"] {
        let found = ask(&server, json!({"question": other, "context": context})).await;
        let state = (&found["state"], &found["used_previous"]);
        assert_eq!(state, (&json!("no_answer"), &json!(false)), "{other}");
    }
}

#[tokio::test]
async fn an_index_is_taken_up_without_a_restart_and_its_lack_is_told() {
    let server = Server::open().await;
    let refused = post(server.addr, ANSWERS, &json!({"question": "甲"})).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "ER0410"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("fenwen qa import"));
    activate(server.data_dir.path(), &ROWS);
    server.routing.refresh();
    let found = ask(&server, json!({"question": "結婚登記要帶什麼證件"})).await;
    assert_eq!(found["model"]["version"], "1");
    activate(server.data_dir.path(), &ROWS[..1]);
    server.routing.refresh();
    let found = ask(&server, json!({"question": "結婚登記要帶什麼證件"})).await;
    assert_eq!((&found["model"]["version"], &found["state"]), (&json!("2"), &json!("no_answer")));
    let services = get(server.addr, "/api/v1/services").await.json();
    let entry = services["services"].as_array().unwrap().iter().find(|it| it["name"] == "qa");
    assert!(entry.unwrap()["notice"].as_str().unwrap().contains("fenwen models pull"));
    let ready = get(server.addr, "/healthz/ready").await.json();
    assert!(ready["notices"][0].as_str().unwrap().contains("只比對文字"));
}

#[tokio::test]
async fn meanings_are_compared_with_the_encoder_of_the_index() {
    let server = Server::open().await;
    // As the made-up encoder has it: the second source and the question are about 戶.
    let values = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]].map(|it| [it, it].concat()).concat();
    let vectors = Vectors::new(2, values);
    activate_with(server.data_dir.path(), &ROWS, Some((ENCODER, &vectors)));
    server.routing.refresh();
    let found = ask(&server, json!({"question": "戶"})).await;
    assert_eq!(found["by_words_only"], false);
    let nearest = if found["state"] == "answered" { "citations" } else { "alternatives" };
    assert_eq!(found[nearest][0]["source_id"], "ris-2", "{found}");
    let ready = get(server.addr, "/healthz/ready").await.json();
    assert_eq!(ready, json!({"status": "ready"}));
    // The vectors of another encoder mean something else.
    activate_with(
        server.data_dir.path(),
        &ROWS[..1],
        Some((&"1".repeat(64), &Vectors::new(2, vec![0.0; 4]))),
    );
    server.routing.refresh();
    assert_eq!(ask(&server, json!({"question": "戶"})).await["model"]["version"], "1");
    let ready = get(server.addr, "/healthz/ready").await.json();
    assert!(ready["notices"][0].as_str().unwrap().contains("fenwen qa index"), "{ready}");
}

#[tokio::test]
async fn a_call_is_assisted_and_not_kept() {
    let server = ready().await;
    let call = json!({"utterances": [
        {"start": 0, "end": 4, "speaker": "citizen", "text": "結婚登記要帶什麼證件呢"},
        {"start": 5, "end": 6, "speaker": "agent", "text": "請問哪一位要辦?"},
        {"start": 7, "end": 9, "speaker": "citizen", "text": "海生館的企鵝叫什麼名字"},
    ]});
    let found = post(server.addr, SUGGESTIONS, &call).await.json();
    let states: Vec<&Value> =
        found["items"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["answered", "no_answer"], "{found}");
    assert_eq!(found["items"][0]["citations"][0]["source_id"], "ris-2");
    let report = get(server.addr, "/api/v1/qa/unanswered").await.json();
    assert_eq!(report["asked"], 0);
    assert!(server.store.outbox_pending(9).await.unwrap().is_empty(), "and not told");
}
