//! Proposals of versions over HTTP: one proposes, another approves or rejects, and what is approved answers at once.

use std::path::Path;

use fenwen::audit::{self, AuditEvent, Query};
use fenwen::registry::Versions;
use serde_json::{Value, json};
use std::time::Duration;

use super::client::Answer;
use super::description::validate;
use super::fake::Server;
use super::guard::{call, register};
use super::texts::{self, classifier};

const PROPOSALS: &str = "/api/v1/models/proposals";
const HOUSE: &str = "301000000A";

async fn post(server: &Server, head: &str, path: &str, body: Value) -> Answer {
    call(server, ("POST", &format!("{PROPOSALS}{path}")), head, &body.to_string()).await
}

async fn list(server: &Server, head: &str) -> Vec<Value> {
    let answer = call(server, ("GET", PROPOSALS), head, "").await;
    let pointer =
        "/paths/~1api~1v1~1models~1proposals/get/responses/200/content/application~1json/schema";
    validate(pointer, &answer.json());
    answer.json()["items"].as_array().unwrap().clone()
}

/// Takes a version in that does not answer yet.
fn take_in(data: &Path, labels: &[&str; 3]) -> u32 {
    let trained = tempfile::tempdir().unwrap();
    classifier::write(trained.path(), labels);
    Versions::at(&data.join("classifiers"), "letters").add(trained.path()).unwrap()
}

fn active(server: &Server) -> Option<u32> {
    Versions::at(&server.data_dir.path().join("classifiers"), "letters").active().unwrap()
}

/// A model manager.
async fn manager(server: &Server, id: &str, org: &str) -> String {
    register(server, id, |it| {
        it.org = org.to_owned();
        it.scopes = "models:read models:propose models:approve".to_owned();
    })
    .await
}

fn proposal(version: u32) -> Value {
    json!({"model": "letters", "version": version, "reason": "年度重訓"})
}

#[tokio::test]
async fn one_proposes_and_another_lets_it_answer() {
    let server = Server::guarded().await;
    let number = take_in(server.data_dir.path(), &classifier::UNITS);
    let (one, two) = (manager(&server, "m-1", HOUSE).await, manager(&server, "m-2", HOUSE).await);
    let made = post(&server, &one, "", proposal(number)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["proposal_id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["request"]["own"], true);
    assert_eq!(post(&server, &two, "", proposal(number)).await.status, 409, "it waits already");
    assert_eq!(active(&server), Some(0));
    let compare = format!("{PROPOSALS}/{id}/comparison");
    let compared = call(&server, ("GET", &compare), &one, "").await.json();
    let schema = "/paths/~1api~1v1~1models~1proposals~1{id}~1comparison/get/responses/200/content/application~1json/schema";
    validate(schema, &compared);
    let versions = (&compared["candidate_version"], &compared["active_version"]);
    assert_eq!(versions, (&json!(number.to_string()), &json!("0")));
    assert_eq!(compared["candidate"]["decided"], 0);
    let approve = format!("/{id}/approve");
    let own = post(&server, &one, &approve, json!({"by": "m-2"})).await;
    assert_eq!((own.status, own.problem().as_str()), (409, "ER0410"));
    assert_eq!(post(&server, &two, &approve, json!({})).await.status, 204);
    assert_eq!(active(&server), Some(number));
    let model = server.service.classifier(fenwen::task::call::Task::Letters).unwrap();
    assert_eq!(model.info.version, number.to_string(), "it answers at once");
    assert_eq!(post(&server, &two, &approve, json!({})).await.status, 404, "once");
    assert_eq!(post(&server, &one, "", proposal(number)).await.status, 409, "it answers already");
    let seen = &list(&server, &one).await[0]["request"];
    assert_eq!((&seen["state"], &seen["approved_by"]), (&json!("done"), &json!("m-2")));
    let time = Duration::ZERO..Duration::from_secs(1 << 40);
    let mut events = Vec::new();
    let object = Some(format!("models/letters/{number}"));
    let query = Query { time, object, ..Query::default() };
    let folder = server.data_dir.path().join("audit");
    audit::search(&folder, &query, |row| events.push((row.event, row.person.unwrap()))).unwrap();
    let expected = [(AuditEvent::ModelProposed, "m-1"), (AuditEvent::ModelActivated, "m-2")];
    assert_eq!(events, expected.map(|(event, person)| (event, person.to_owned())));
}

#[tokio::test]
async fn a_rejected_or_a_changed_version_does_not_answer() {
    let server = Server::open().await;
    let data = server.data_dir.path();
    let number = take_in(data, &classifier::UNITS);
    let named = |by: &str| {
        let mut body = proposal(number);
        body["by"] = json!(by);
        body
    };
    assert_eq!(post(&server, "", "", proposal(number)).await.status, 400, "one says who one is");
    let made = post(&server, "", "", named("王承辦")).await.json();
    let id = made["proposal_id"].as_str().unwrap();
    let why = json!({"reason": "召回率下降", "by": "李科長"});
    assert_eq!(post(&server, "", &format!("/{id}/reject"), why.clone()).await.status, 204);
    assert_eq!(post(&server, "", &format!("/{id}/reject"), why).await.status, 404, "once");
    let approve = async |id: &str| {
        post(&server, "", &format!("/{id}/approve"), json!({"by": "李科長"})).await
    };
    assert_eq!(approve(id).await.status, 404, "it was rejected");
    let again = post(&server, "", "", named("王承辦")).await.json();
    let folder = data.join("classifiers/letters");
    let other = take_in(data, &["甲", "乙", "丙"]);
    std::fs::remove_dir_all(folder.join(number.to_string())).unwrap();
    std::fs::rename(folder.join(other.to_string()), folder.join(number.to_string())).unwrap();
    let changed = approve(again["proposal_id"].as_str().unwrap()).await;
    assert_eq!((changed.status, changed.problem().as_str()), (409, "ER0410"));
    assert_eq!(active(&server), Some(0));
    for (body, status) in [
        (json!({"model": "letters", "version": 99, "reason": "r", "by": "a"}), 409),
        (json!({"model": "faces", "version": 1, "reason": "r", "by": "a"}), 404),
        (json!({"model": "letters", "version": -1, "reason": "r", "by": "a"}), 400),
        (json!({"model": "letters", "version": 1, "reason": "", "by": "a"}), 400),
    ] {
        assert_eq!(post(&server, "", "", body.clone()).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn the_models_of_the_house_are_the_houses() {
    let server = Server::guarded().await;
    let number = take_in(server.data_dir.path(), &classifier::UNITS);
    let (house, agency) =
        (manager(&server, "m-1", HOUSE).await, manager(&server, "m-2", "379000000A").await);
    let made = post(&server, &house, "", proposal(number)).await.json();
    let id = made["proposal_id"].as_str().unwrap();
    assert!(list(&server, &agency).await.is_empty());
    assert_eq!(post(&server, &agency, "", proposal(0)).await.status, 404);
    for what in ["approve", "reject"] {
        let body = if what == "reject" { json!({"reason": "r"}) } else { json!({}) };
        let refused = post(&server, &agency, &format!("/{id}/{what}"), body).await;
        assert_eq!(refused.status, 404, "{what}");
    }
    let reader = register(&server, "reader", |it| it.scopes = "models:read".to_owned()).await;
    assert_eq!(list(&server, &reader).await.len(), 1);
    assert_eq!(post(&server, &reader, "", proposal(number)).await.status, 403);
    assert_eq!(post(&server, &reader, &format!("/{id}/approve"), json!({})).await.status, 403);
}

#[tokio::test]
async fn a_proposed_version_is_compared_on_what_officers_decided() {
    let server = texts::ready().await;
    // The same classifier with other names: it is wrong wherever the one that answers is right.
    let number = take_in(server.data_dir.path(), &["役政司", "戶政司", "地政司"]);
    for (subject, label) in [("戶籍遷入", "戶政司"), ("兵役緩徵", "役政司"), ("戶籍謄本", "戶政司")]
    {
        let answer = texts::post(server.addr, texts::LETTERS, &texts::letter(subject, "")).await;
        let id = answer.json()["items"][0]["prediction_id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/predictions/{id}/feedback");
        let body = json!({"decision": "corrected", "label": label});
        assert_eq!(texts::post(server.addr, &path, &body).await.status, 204);
    }
    let mut body = proposal(number);
    body["by"] = json!("王承辦");
    let made = post(&server, "", "", body).await.json();
    let id = made["proposal_id"].as_str().unwrap();
    let path = format!("{PROPOSALS}/{id}/comparison");
    let found = call(&server, ("GET", &path), "", "").await.json();
    let shares = ["candidate", "active", "alike"].map(|it| found[it]["equal"].as_u64().unwrap());
    assert_eq!((shares, &found["active"]["decided"]), ([0, 3, 0], &json!(3)), "{found}");
    let unit = &found["units"][0];
    assert_eq!((&unit["name"], &unit["active"]["equal"]), (&json!("戶政司"), &json!(2)));
    let differences = found["differences"].as_array().unwrap();
    assert_eq!((differences.len(), &differences[0]["decided"]), (3, &json!("戶政司")));
    #[cfg(feature = "console")]
    {
        let path = format!("/console/models/comparison/{id}");
        let page = String::from_utf8(call(&server, ("GET", &path), "", "").await.body).unwrap();
        for text in ["提案比對", "戶政司", "100.0", "兩版不同的個案"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        let missing = format!("/console/models/comparison/{}", "0".repeat(32));
        assert_eq!(call(&server, ("GET", &missing), "", "").await.status, 404);
    }
}
