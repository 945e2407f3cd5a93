//! What an officer found who compared an ID image with what was read of it.

use serde_json::{Value, json};

use super::client::{Answer, RECOGNITIONS, form, get, post, send};
use super::fake::{Server, png};
use super::later;

fn found(name_is_right: bool) -> Value {
    let decision = if name_is_right { "accepted" } else { "corrected" };
    json!({
        "document_type": "tw_national_id_front",
        "fields": [
            {"name": "id_number", "decision": "accepted", "confidence": 0.99},
            {"name": "name", "decision": decision, "confidence": 0.5},
        ],
        "decided_by": {"id": "u-88", "role": "承辦人"},
    })
}

async fn check(server: &Server, id: &str, headers: &str, body: &Value) -> Answer {
    later::post(server.addr, &format!("{RECOGNITIONS}/{id}/feedback"), headers, body).await
}

#[tokio::test]
async fn which_fields_were_right_is_kept_as_feedback_and_no_value_is() {
    let server = Server::open().await;
    let read = send(server.addr, &post("", &form(&[("image", &png(3))]))).await.json();
    let id = read["recognition_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/predictions/{id}");
    assert_eq!(get(server.addr, &path).await.problem(), "ER0100", "nothing is kept of an image");
    let answer = check(&server, &id, "", &found(false)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let kept = get(server.addr, &path).await.json();
    assert_eq!(kept["service"], "identity-documents");
    let labels = json!([
        {"code": "tw_national_id_front/id_number", "score": 0.99},
        {"code": "tw_national_id_front/name", "score": 0.5},
    ]);
    assert_eq!(kept["labels"], labels);
    let said = |it: &Value| (it["decision"].clone(), it["label"].clone());
    let feedback = kept["feedback"].as_array().unwrap();
    let wrong = json!("tw_national_id_front/name");
    assert_eq!(feedback.iter().map(said).collect::<Vec<_>>(), [(json!("corrected"), wrong)]);
    // Whoever looks again adds another word.
    assert_eq!(check(&server, &id, "", &found(true)).await.status, 204);
    let kept = get(server.addr, &path).await.json();
    assert_eq!(kept["feedback"].as_array().unwrap().len(), 2);
    assert_eq!(said(&kept["feedback"][1]), (json!("accepted"), Value::Null));
    let told = server.store.outbox_pending(99).await.unwrap();
    let n_told = told.iter().filter(|it| it.subject.contains("feedback")).count();
    assert_eq!(n_told, 2);
    let text = server.store.prediction_text(&id).await.unwrap();
    assert!(text.is_none_or(|it| it.expose().is_empty()));
}

#[tokio::test]
async fn corrections_are_counted_by_kind_and_field() {
    let server = Server::open().await;
    let path = "/api/v1/statistics";
    let none = get(server.addr, path).await.json();
    assert_eq!(none["identity_documents"]["checked"], 0);
    assert_eq!(none["identity_documents"]["fields"], json!([]));
    for (n, words) in [vec![false, true], vec![false], vec![true]].into_iter().enumerate() {
        let read = send(server.addr, &post("", &form(&[("image", &png(3))]))).await.json();
        let id = read["recognition_id"].as_str().unwrap();
        for right in words {
            assert_eq!(check(&server, id, "", &found(right)).await.status, 204, "{n}");
        }
    }
    let statistics = get(server.addr, path).await.json();
    let cards = &statistics["identity_documents"];
    assert_eq!(cards["checked"], 3, "the last word on each counts");
    let field = |at: usize, key: &str| cards["fields"][at][key].clone();
    let counts =
        |at| ["field", "checked", "right", "measured", "confidence"].map(|it| field(at, it));
    assert_eq!(counts(0), [json!("id_number"), json!(3), json!(3), json!(1.0), json!(0.99)]);
    assert_eq!(counts(1), [json!("name"), json!(3), json!(2), json!(0.6667), json!(0.5)]);
    assert_eq!(field(1, "document_type"), "tw_national_id_front");
    if cfg!(feature = "console") {
        let page = get(server.addr, "/console/models").await;
        let page = String::from_utf8(page.body).unwrap();
        assert!(page.contains("tw_national_id_front") && page.contains("66.7 %"), "{page}");
    }
}

#[tokio::test]
async fn what_says_nothing_or_too_much_is_refused() {
    let server = Server::open().await;
    let id = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
    let refused = async |id: &str, body: Value| check(&server, id, "", &body).await.problem();
    assert_eq!(refused("x", found(true)).await, "ER0100");
    assert_eq!(refused(id, json!({"document_type": "tw_national_id_front"})).await, "ER0210");
    let mut value = found(true);
    value["fields"][0]["value"] = json!("A123456789");
    assert_eq!(refused(id, value).await, "ER0220");
    assert_eq!(check(&server, id, "", &found(true)).await.status, 204);
    let other = check(&server, id, "x-org-code: 379000000A\r\n", &found(true)).await;
    assert_eq!(other.problem(), "ER0100", "another agency's");
}
