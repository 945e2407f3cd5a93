//! What an officer found who compared an ID image with what was read of it.

use std::time::Duration;

use fenwen::base::Private;
use fenwen::store::{Approval, Erasure, Identifier, IdentifierKind, Keep, Request};
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
    let kept = get(server.addr, &path).await.json();
    assert_eq!(kept["service"], "identity-documents");
    assert_eq!(kept["model"]["name"], read["model"]["name"]);
    assert_eq!(kept["feedback"], json!([]));
    let answer = check(&server, &id, "", &found(false)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let kept = get(server.addr, &path).await.json();
    assert_eq!(kept["service"], "identity-documents");
    let labels = json!([
        {"code": "tw_national_id_front", "score": 0.98},
        {"code": "tw_national_id_front/id_number", "score": 0.1235},
        {"code": "tw_national_id_front/name", "score": 0.1235},
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
    assert_eq!(counts(0), [json!("id_number"), json!(3), json!(3), json!(1.0), json!(0.1235)]);
    assert_eq!(counts(1), [json!("name"), json!(3), json!(2), json!(0.6667), json!(0.1235)]);
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
    assert_eq!(refused(id, found(true)).await, "ER0100", "never given");
    let read = send(server.addr, &post("", &form(&[("image", &png(3))]))).await.json();
    let id = read["recognition_id"].as_str().unwrap();
    let other = check(&server, id, "x-org-code: 379000000A\r\n", &found(true)).await;
    assert_eq!(other.problem(), "ER0100", "another agency's");
    let mut body = found(true);
    body["document_type"] = json!("passport");
    assert_eq!(refused(id, body).await, "ER0210", "another kind");
    let mut body = found(true);
    body["fields"][1]["name"] = json!("address");
    let answer = check(&server, id, "", &body).await;
    assert_eq!(
        answer.json()["errors"][0]["pointer"],
        "/fields/1/name",
        "a field that was not read"
    );
    let accepted = json!({"decision": "accepted"});
    let path = format!("/api/v1/predictions/{id}/feedback");
    let answer = later::post(server.addr, &path, "", &accepted).await;
    assert_eq!(answer.problem(), "ER0410", "fields are compared one by one");
    assert_eq!(server.store.feedback(id).await.unwrap(), []);
    assert_eq!(check(&server, id, "", &found(true)).await.status, 204);
}

#[tokio::test]
async fn a_recognition_is_erased_with_the_person_and_expires() {
    let server = Server::open().await;
    let meta = json!({"purpose": {"code": "online-application", "case_no": "C-7"}}).to_string();
    let parts = [("meta", meta.as_bytes()), ("image", &png(3))];
    let mut ids = Vec::new();
    for _ in 0..2 {
        let read = send(server.addr, &post("", &form(&parts))).await.json();
        ids.push(read["recognition_id"].as_str().unwrap().to_owned());
    }
    let value = Private::new("A123456789".to_owned());
    let person = Identifier { kind: IdentifierKind::IdNumber, value };
    let person = server.store.subject(&person).unwrap();
    let mentions = server.store.mentions(&person).await.unwrap();
    let noted: Vec<_> = mentions.iter().map(|(it, _)| it.parts().1.to_owned()).collect();
    assert_eq!(noted, ids);
    // The text, which there is none of, is past its time: with it goes whose the row was.
    let kept = server.store.prediction(&ids[0], 0).await.unwrap().unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let created = Duration::from_secs(kept.created);
    let keep =
        Keep { feedback: day, events: day, deliveries: day, review_texts: day, reviews: day };
    assert_eq!(server.store.purge(created, keep).await.unwrap().texts, [""; 0]);
    let request = Request {
        id: "e-1".to_owned(),
        reason: "當事人請求".to_owned(),
        asked: ("a".to_owned(), created + day),
        approved: None,
        done: None,
        rejected: None,
    };
    let erasure = Erasure { request, subject: person.clone(), org: None };
    server.store.ask_erasure(erasure).await.unwrap();
    let approval = server.store.approve_erasure("e-1", "b", created + day).await.unwrap();
    assert_eq!(approval, Approval::Approved);
    let approved = server.store.erasures().await.unwrap().remove(0);
    assert_eq!(server.store.erase_mentions(approved, created + day).await.unwrap(), 2);
    assert_eq!(check(&server, &ids[0], "", &found(true)).await.problem(), "ER0100");
    let read = send(server.addr, &post("", &form(&parts))).await.json();
    let id = read["recognition_id"].as_str().unwrap();
    let late = Duration::from_secs(kept.expires) + day;
    server.store.purge(late, keep).await.unwrap();
    assert_eq!(server.store.mentions(&person).await.unwrap(), []);
    assert_eq!(server.store.prediction(id, 0).await.unwrap(), None);
}
