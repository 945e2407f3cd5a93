//! Webhooks as their client sees them.

use fenwen::store::webhooks::{Attempt, DeliveryState, NewDelivery};
use serde_json::{Value, json};

use super::client::{Answer, get};
use super::description::validate;
use super::fake::Server;
use super::later::{call, post};

const WEBHOOKS: &str = "/api/v1/webhooks";
const URL: &str = "https://mailbox.gov.tw/hook";

async fn make(server: &Server, headers: &str) -> Value {
    let answer = post(server.addr, WEBHOOKS, headers, &json!({"url": URL})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn path_of(webhook: &Value) -> String {
    format!("{WEBHOOKS}/{}", webhook["webhook_id"].as_str().unwrap())
}

async fn patch(server: &Server, path: &str, body: &Value) -> Answer {
    let headers = "content-type: application/json\r\n";
    call(server.addr, &format!("PATCH {path}"), headers, body.to_string().as_bytes()).await
}

/// Checks an answer against the description of its operation; its body.
#[track_caller]
fn described(answer: &Answer, path: &str, method: &str) -> Value {
    let path = path.replace('/', "~1");
    let status = answer.status;
    let schema = format!("/paths/{path}/{method}/responses/{status}/content");
    validate(&format!("{schema}/application~1json/schema"), &answer.json());
    answer.json()
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_deleted() {
    let server = Server::open().await;
    let asked =
        json!({"url": URL, "events": ["letters.classification.completed", "speech.job.dead"]});
    let answer = post(server.addr, WEBHOOKS, "", &asked).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let made = described(&answer, WEBHOOKS, "post");
    let path = path_of(&made);
    assert_eq!(answer.header("location"), path);
    assert!(answer.header("ratelimit").starts_with("\"jobs\";r=5999;t="));
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(made["public_key"].as_str().unwrap().starts_with("whpk_"));
    assert_eq!((&made["url"], &made["events"]), (&asked["url"], &asked["events"]));
    let read = described(&get(server.addr, &path).await, &format!("{WEBHOOKS}/{{id}}"), "get");
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(read, expected, "the secret is shown once");
    let list = described(&get(server.addr, WEBHOOKS).await, WEBHOOKS, "get");
    assert_eq!(list["items"], json!([read]));
    let changed = patch(&server, &path, &json!({"active": false, "events": []})).await;
    let changed = described(&changed, &format!("{WEBHOOKS}/{{id}}"), "patch");
    assert_eq!((&changed["active"], &changed["events"]), (&json!(false), &json!([])));
    assert_eq!(changed["url"], URL);
    assert_eq!(call(server.addr, &format!("DELETE {path}"), "", b"").await.status, 204);
    for line in [format!("GET {path}"), format!("DELETE {path}")] {
        assert_eq!(call(server.addr, &line, "", b"").await.problem(), "ER0100", "{line}");
    }
}

#[tokio::test]
async fn a_secret_is_renewed_without_a_gap() {
    let server = Server::open().await;
    let made = make(&server, "").await;
    assert_eq!(made["previous_secret_until"], Value::Null);
    let path = format!("{}/rotate-secret", path_of(&made));
    let renewed = post(server.addr, &path, "", &json!({})).await;
    let renewed = described(&renewed, &format!("{WEBHOOKS}/{{id}}/rotate-secret"), "post");
    assert_ne!(renewed["secret"], made["secret"]);
    assert_ne!(renewed["public_key"], made["public_key"]);
    assert!(renewed["previous_secret_until"].is_string());
}

#[tokio::test]
async fn what_was_sent_is_shown_and_sent_again() {
    let server = Server::open().await;
    let made = make(&server, "").await;
    let id = made["webhook_id"].as_str().unwrap();
    let log = format!("{}/deliveries", path_of(&made));
    let delivery = |n: &str| NewDelivery {
        id: format!("019a{n}-{id}"),
        webhook: id.to_owned(),
        name: "speech.job.dead".to_owned(),
        body: "{}".to_owned(),
        traceparent: None,
        created: std::time::Duration::from_secs(1_795_402_800),
    };
    let new = ["0", "1", "2"].map(delivery).to_vec();
    server.store.add_deliveries(new).await.unwrap();
    let attempt = Attempt {
        at: std::time::Duration::from_secs(1_795_402_801),
        took: std::time::Duration::from_millis(37),
        status: Some(500),
        failure: Some("status".to_owned()),
    };
    let first = format!("019a0-{id}");
    server.store.record_attempt(&first, attempt, DeliveryState::Failed).await.unwrap();
    let page = get(server.addr, &format!("{log}?limit=2")).await;
    let page = described(&page, &format!("{WEBHOOKS}/{{id}}/deliveries"), "get");
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(page["items"][0]["next_attempt_at"], "2026-11-23T03:00:00.000Z");
    let next = page["next"].as_str().unwrap();
    let page = get(server.addr, &format!("{log}?limit=2&before={next}")).await.json();
    assert_eq!(page["next"], Value::Null);
    let expected = json!({
        "delivery_id": first, "event": "speech.job.dead", "state": "failed",
        "next_attempt_at": null, "created_at": "2026-11-23T03:00:00.000Z",
        "attempts": [{"at": "2026-11-23T03:00:01.000Z", "took_ms": 37, "status": 500, "failure": "status"}],
    });
    assert_eq!(page["items"], json!([expected]));
    let again = format!("{log}/{first}/redeliver");
    assert_eq!(post(server.addr, &again, "", &json!({})).await.status, 202);
    let page = get(server.addr, &log).await.json();
    assert_eq!(page["items"][2]["state"], "due");
    assert_eq!(
        post(server.addr, &format!("{log}/x/redeliver"), "", &json!({})).await.problem(),
        "ER0100"
    );
    patch(&server, &path_of(&made), &json!({"active": false})).await;
    let refused = post(server.addr, &again, "", &json!({})).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "ER0410"));
    for query in ["?limit=0", "?limit=101", "?before=x"] {
        assert_eq!(get(server.addr, &format!("{log}{query}")).await.problem(), "ER0210", "{query}");
    }
    assert_eq!(get(server.addr, &format!("{log}?colour=1")).await.problem(), "ER0200");
}

#[tokio::test]
async fn nobody_sees_the_webhooks_of_others() {
    let server = Server::open().await;
    let path = path_of(&make(&server, "").await);
    let other = "x-client-id: other\r\ncontent-type: application/json\r\n";
    for line in [
        format!("GET {path}"),
        format!("DELETE {path}"),
        format!("PATCH {path}"),
        format!("POST {path}/rotate-secret"),
        format!("GET {path}/deliveries"),
        format!("POST {path}/deliveries/019a/redeliver"),
        format!("GET {WEBHOOKS}/x"),
    ] {
        let refused = call(server.addr, &line, other, b"{}").await;
        assert_eq!((refused.status, refused.problem().as_str()), (404, "ER0100"), "{line}");
    }
    let list = call(server.addr, &format!("GET {WEBHOOKS}"), other, b"").await.json();
    assert_eq!(list, json!({"items": []}));
}

#[tokio::test]
async fn webhooks_that_cannot_be_are_refused() {
    let server = Server::open().await;
    for (body, code) in [
        (json!({"url": "ftp://mailbox.gov.tw/"}), "ER0210"),
        (json!({"url": "https://u:p@mailbox.gov.tw/"}), "ER0210"),
        (json!({"url": format!("https://a.tw/{}", "a".repeat(2048))}), "ER0210"),
        (json!({"url": URL, "events": ["letters.classification"]}), "ER0210"),
        (json!({"url": URL, "secret": "mine"}), "ER0220"),
        (json!({"url": URL, "events": ["a".repeat(8 << 10)]}), "ER0430"),
    ] {
        let refused = post(server.addr, WEBHOOKS, "", &body).await;
        assert_eq!(refused.problem(), code, "{body}");
        let text = String::from_utf8(refused.body).unwrap();
        assert!(!text.contains("password") && !text.contains("mine"), "{text}");
    }
    for _ in 0..3 {
        make(&server, "").await;
    }
    let refused = post(server.addr, WEBHOOKS, "", &json!({"url": URL})).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "ER0410"));
    make(&server, "x-client-id: other\r\n").await;
}
