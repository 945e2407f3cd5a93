//! What happens in calls is told: an event waits in the outbox as soon as its call is answered.

use serde_json::{Value, json};

use super::client::{form, get, post as picture, send};
use super::fake::png;
use super::later::post;
use super::texts::{DOCUMENTS, LETTERS, letter, ready};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn calls_leave_their_events_and_none_of_their_content() {
    let server = ready().await;
    let headers = format!("x-org-code: 379000000A\r\ntraceparent: {TRACE}\r\n");
    let classified = post(server.addr, LETTERS, &headers, &letter("遷入", "土地登記")).await;
    let id = classified.json()["items"][0]["prediction_id"].as_str().unwrap().to_owned();
    let document = json!({"document": {"priority": "速件", "subject": "檢送土地徵收計畫書"}});
    let dispatched = post(server.addr, DOCUMENTS, "", &document).await;
    let feedback = format!("/api/v1/predictions/{id}/feedback");
    let accepted = json!({"decision": "accepted"});
    assert_eq!(post(server.addr, &feedback, &headers, &accepted).await.status, 204);
    let read = send(server.addr, &picture("", &form(&[("image", &png(3))]))).await;
    let rows = server.store.outbox_pending(9).await.unwrap();
    let subjects: Vec<&str> = rows.iter().map(|it| it.subject.as_str()).collect();
    let expected = [
        "moi.ai.v1.evt.379000000A.letters.classification.completed",
        "moi.ai.v1.evt.301000000A.documents.dispatch.completed",
        "moi.ai.v1.evt.379000000A.predictions.feedback.received",
        "moi.ai.v1.evt.301000000A.identity-documents.recognition.completed",
    ];
    assert_eq!(subjects, expected);
    let events: Vec<Value> =
        rows.iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    let dispatched = dispatched.json();
    let about = [&id, dispatched["prediction_id"].as_str().unwrap(), &id];
    for (event, id) in events.iter().zip(about) {
        assert_eq!(event["data"]["prediction_id"], id);
        assert_eq!(event["dataref"], format!("/api/v1/predictions/{id}"));
    }
    assert_eq!(events[3]["data"]["recognition_id"], read.json()["recognition_id"]);
    assert_eq!(
        (&events[0]["orgcode"], &events[0]["traceparent"]),
        (&json!("379000000A"), &json!(TRACE))
    );
    for row in rows {
        for word in ["遷入", "土地", "A123456789"] {
            assert!(!row.body.contains(word), "{}", row.body);
        }
    }
}

#[tokio::test]
async fn a_job_tells_in_the_name_of_its_agency() {
    let (server, worker) = super::later::working().await;
    let order = super::later::order("遷入");
    let headers = "x-org-code: 379000000A\r\n";
    let accepted = post(server.addr, super::later::JOBS, headers, &order).await.json();
    let id = accepted["job_id"].as_str().unwrap();
    server.jobs.ended(id, super::client::WATCHDOG).await.unwrap();
    worker.abort();
    let rows = server.store.outbox_pending(9).await.unwrap();
    let event = rows.iter().find(|it| it.subject.ends_with("letters.classification.completed"));
    let event: Value = serde_json::from_str(&event.unwrap().body).unwrap();
    assert_eq!(event["orgcode"], "379000000A");
    let job = server.store.job(id).await.unwrap().unwrap();
    assert_eq!(event["correlationid"], job.correlation);
}

#[tokio::test]
async fn an_agency_that_is_none_is_refused() {
    let server = ready().await;
    let answer = post(server.addr, LETTERS, "x-org-code: a.b\r\n", &letter("遷入", "")).await;
    assert_eq!(answer.problem(), "ER0210");
    assert!(server.store.outbox_pending(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_descriptions_of_events_are_served() {
    let server = super::fake::Server::open().await;
    let description = get(server.addr, "/asyncapi.yaml").await;
    assert_eq!(description.header("content-type"), "application/yaml");
    let text = String::from_utf8(description.body).unwrap();
    assert_eq!(text, fenwen::rpc::asyncapi());
    let files: Vec<&str> =
        text.split("\"./schemas/").skip(1).filter_map(|it| it.split('"').next()).collect();
    assert_eq!(files.len(), fenwen::service::events::Event::types().len());
    for file in files {
        let schema = get(server.addr, &format!("/schemas/{file}")).await;
        assert_eq!(schema.header("content-type"), "application/schema+json");
        assert_eq!(schema.json()["type"], "object", "{file}");
    }
    assert_eq!(get(server.addr, "/schemas/other.json").await.problem(), "ER0100");
}
