//! Answers that need more than one classifier's labels: fused with an encoder, or a unit for its unsure sections.

use serde_json::json;

use super::super::fake::{ENCODER, Server};
use super::{DOCUMENTS, LETTERS, classifier, letter, post};

#[tokio::test]
async fn a_fused_classifier_asks_the_encoder() {
    let server = Server::open().await;
    for name in ["letters", "documents"] {
        classifier::activate_fused(server.data_dir.path(), name, ENCODER);
    }
    server.routing.refresh();
    let letters = json!({"letters": [{"subject": "土地", "body": "登記"}, {"subject": "土地", "body": "戶"}]});
    let answer = post(server.addr, LETTERS, &letters).await.json();
    let first = |idx: usize| answer["items"][idx]["labels"][0]["code"].clone();
    assert_eq!((first(0), first(1)), (json!("地政司"), json!("戶政司")), "{answer}");
    let document = json!({"document": {"subject": "土地", "body": ["戶"]}});
    let answer = post(server.addr, DOCUMENTS, &document).await.json();
    assert_eq!(answer["units"][0]["unit"], "301000000A/戶政司", "{answer}");
}

#[tokio::test]
async fn a_classifier_of_another_encoder_does_not_answer() {
    let server = Server::open().await;
    classifier::activate(server.data_dir.path(), "letters", &classifier::UNITS);
    server.routing.refresh();
    classifier::activate_fused(server.data_dir.path(), "letters", &"1".repeat(64));
    server.routing.refresh();
    let answer = post(server.addr, LETTERS, &letter("土地", "戶")).await.json();
    assert_eq!(answer["items"][0]["model"]["version"], "1", "{answer}");
    assert_eq!(answer["items"][0]["labels"][0]["code"], "地政司");
}

#[tokio::test]
async fn a_sure_unit_is_answered_for_its_unsure_sections() {
    let server = Server::open().await;
    let (first, second) = ("301000000A/地政司/第一科", "301000000A/地政司/第二科");
    let labels = [first, second, "301000000A/戶政司"];
    for name in ["letters", "documents"] {
        classifier::activate_sections(server.data_dir.path(), name, &labels, 0.8);
    }
    server.routing.refresh();
    let unit = "301000000A/地政司";
    let answer = post(server.addr, LETTERS, &letter("土地與兵役", "")).await.json();
    let item = &answer["items"][0];
    let code = |idx: usize| item["labels"][idx]["code"].as_str().unwrap_or_default();
    assert_eq!([code(0), code(1), code(2)], [unit, first, second], "{answer}");
    let shown = (&item["labels"][0]["unit"], &item["labels"][0]["name"], &item["abstained"]);
    assert_eq!(shown, (&json!(unit), &json!("地政司"), &json!(false)));
    // A section that is sure is answered itself, and one that is not with a unit that is not is for a person.
    let answer = post(server.addr, LETTERS, &letter("土地", "")).await.json();
    assert_eq!(answer["items"][0]["labels"][0]["code"], first);
    let answer = post(server.addr, LETTERS, &letter("土地與戶籍", "")).await.json();
    assert_eq!(answer["items"][0]["abstained"], true, "{answer}");
    let document = json!({"document": {"subject": "土地與兵役", "body": []}});
    let answer = post(server.addr, DOCUMENTS, &document).await.json();
    let units = answer["units"].as_array().unwrap();
    assert_eq!((units[0]["unit"].as_str(), units.len()), (Some(unit), 1), "{answer}");
}
