//! From an application to a client over HTTP: handed over by one system, approved by another person, then looked after.

use std::time::Duration;

use fenwen::audit::AuditEvent;
use fenwen::store::clients::ClientRow;
use serde_json::{Value, json};

use super::client::Answer;
use super::description::validate;
use super::fake::Server;
use super::guard::{call, register};
use crate::audit::rows;

const CLIENTS: &str = "/api/v1/clients";
const APPLICATIONS: &str = "/api/v1/clients/applications";

async fn post(server: &Server, head: &str, path: &str, body: Value) -> Answer {
    call(server, ("POST", &format!("{CLIENTS}{path}")), head, &body.to_string()).await
}

async fn get(server: &Server, head: &str, path: &str) -> Answer {
    call(server, ("GET", &format!("{CLIENTS}{path}")), head, "").await
}

async fn with_scopes(server: &Server, id: &str, scopes: &str) -> String {
    register(server, id, |it| it.scopes = scopes.to_owned()).await
}

fn application() -> Value {
    json!({
        "application_no": "SO-2026-000123", "applied_by": "u-31", "client_id": "mailbox", "org": "301000000A",
        "scopes": ["jobs:read"], "purposes": ["petition-handling"],
    })
}

fn fits(path: &str, (method, status): (&str, u16), body: &Value) {
    let path = path.replace('/', "~1");
    let of = "content/application~1json/schema";
    validate(&format!("/paths/{path}/{method}/responses/{status}/{of}"), body);
}

#[tokio::test]
async fn a_system_applies_another_person_approves_and_it_calls() {
    let server = Server::guarded().await;
    let platform = with_scopes(&server, "platform", "clients:apply").await;
    let other = with_scopes(&server, "other", "clients:apply").await;
    let applicant = with_scopes(&server, "U-31", "clients:admin").await;
    let admin = with_scopes(&server, "u-2", "clients:admin").await;
    let made = post(&server, &platform, "/applications", application()).await;
    assert_eq!(made.status, 201, "{made:?}");
    fits(APPLICATIONS, ("post", 201), &made.json());
    let id = made.json()["application_id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("{APPLICATIONS}/{id}"));
    let again = post(&server, &platform, "/applications", application()).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "ER0410"), "it waits already");
    let own = get(&server, &platform, &format!("/applications/{id}")).await;
    assert_eq!((own.status, &own.json()["request"]["own"]), (200, &json!(true)));
    assert_eq!(get(&server, &other, &format!("/applications/{id}")).await.status, 404);
    assert_eq!(get(&server, &platform, "/applications").await.status, 403);
    let (approve, none) = (format!("/applications/{id}/approve"), json!({}));
    assert_eq!(post(&server, &platform, &approve, none.clone()).await.status, 403);
    let same = post(&server, &applicant, &approve, json!({"by": "u-2"})).await;
    assert_eq!((same.status, same.problem().as_str()), (409, "ER0410"), "the applicant");
    assert_eq!(post(&server, &admin, &approve, none.clone()).await.status, 204);
    assert_eq!(post(&server, &admin, &approve, none.clone()).await.status, 404, "once");
    let list = get(&server, &admin, "/applications").await.json();
    fits(APPLICATIONS, ("get", 200), &list);
    let request = &list["items"][0]["request"];
    assert_eq!((&request["state"], &request["approved_by"]), (&json!("done"), &json!("u-2")));

    let key = post(&server, &admin, "/mailbox/keys", none.clone()).await;
    assert_eq!((key.status, key.header("cache-control")), (201, "no-store"));
    fits("/api/v1/clients/{id}/keys", ("post", 201), &key.json());
    let head = format!("authorization: Bearer {}\r\n", key.json()["key"].as_str().unwrap());
    let calls = async || {
        server.skip(Duration::from_secs(16));
        call(&server, ("GET", "/api/v1/jobs"), &head, "").await.status
    };
    assert_eq!(calls().await, 200);
    let clients = get(&server, &admin, "").await.json();
    fits(CLIENTS, ("get", 200), &clients);
    assert!(!clients.to_string().contains(key.json()["key"].as_str().unwrap()));
    assert_eq!(post(&server, &admin, "/mailbox/suspend", none.clone()).await.status, 204);
    assert_eq!(calls().await, 403);
    assert_eq!(post(&server, &admin, "/mailbox/enable", none.clone()).await.status, 204);
    assert_eq!(calls().await, 200);
    let key = format!("{CLIENTS}/mailbox/keys/{}", key.json()["key_id"].as_str().unwrap());
    assert_eq!(call(&server, ("DELETE", &key), &admin, "").await.status, 204);
    assert_eq!(call(&server, ("DELETE", &key), &admin, "").await.status, 404, "once");
    assert_eq!(calls().await, 401);

    told_of_each_step(&server);
}

/// What stands in the audit log of the client, beside the calls.
fn told_of_each_step(server: &Server) {
    server.audit.close();
    let told =
        rows(server.data_dir.path()).into_iter().filter(|it| it.event != AuditEvent::ApiCalled);
    let told: Vec<_> = told
        .filter(|it| it.object.as_deref() == Some("clients/mailbox"))
        .map(|it| (it.event, it.person, it.case_no))
        .collect();
    let row = |event, person: &str, case_no: Option<&str>| {
        (event, Some(person.to_owned()), case_no.map(str::to_owned))
    };
    let no = Some("SO-2026-000123");
    let expected = [
        row(AuditEvent::ClientApplied, "platform", no),
        row(AuditEvent::ClientRegistered, "u-2", no),
        row(AuditEvent::ClientKeyIssued, "u-2", None),
        row(AuditEvent::ClientSuspended, "u-2", None),
        row(AuditEvent::ClientEnabled, "u-2", None),
        row(AuditEvent::ClientKeyRevoked, "u-2", None),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused_and_nobody_becomes_more_powerful() {
    let server = Server::guarded().await;
    let platform = with_scopes(&server, "platform", "clients:apply").await;
    let admin = with_scopes(&server, "u-2", "clients:admin").await;
    register(&server, "taken", |it| it.partner = Some("TW/GOV/1/taken".to_owned())).await;
    for (field, value, expected) in [
        ("client_id", json!("王小明"), (400, "ER0210")),
        ("scopes", json!([]), (400, "ER0210")),
        ("scopes", json!(["letters:all"]), (400, "ER0210")),
        ("scopes", json!(["audit:read"]), (400, "ER0210")),
        ("scopes", json!(["clients:apply"]), (400, "ER0210")),
        ("purposes", json!(["王"]), (400, "ER0210")),
        ("networks", json!(["somewhere"]), (400, "ER0210")),
        ("applied_by", json!("a\nb"), (400, "ER0210")),
        ("owner", json!("x"), (400, "ER0220")),
        ("client_id", json!("taken"), (409, "ER0410")),
        ("exchange_name", json!("TW/GOV/1/taken"), (409, "ER0410")),
        ("exchange_name", json!("TW/GOV/%31/t%61ken"), (409, "ER0410")),
    ] {
        let mut body = application();
        body[field] = value;
        let refused = post(&server, &platform, "/applications", body).await;
        assert_eq!((refused.status, refused.problem().as_str()), expected, "{field} {refused:?}");
        if expected.1 == "ER0210" {
            assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
            assert!(!String::from_utf8_lossy(&refused.body).contains('王'));
        }
    }
    // Whoever hands it over does not approve it either.
    let made = post(&server, &admin, "/applications", application()).await.json();
    let id = made["application_id"].as_str().unwrap();
    let own = post(&server, &admin, &format!("/applications/{id}/approve"), json!({})).await;
    assert_eq!((own.status, own.problem().as_str()), (409, "ER0410"));
    let why = json!({"reason": "重複申請"});
    let reject = format!("/applications/{id}/reject");
    assert_eq!(post(&server, &admin, &reject, why.clone()).await.status, 204);
    assert_eq!(post(&server, &admin, &reject, why).await.status, 404, "once");
    // A client that was taken meanwhile is not registered a second time.
    let made = post(&server, &platform, "/applications", application()).await.json();
    let id = made["application_id"].as_str().unwrap();
    with_scopes(&server, "mailbox", "jobs:read").await;
    let late = post(&server, &admin, &format!("/applications/{id}/approve"), json!({})).await;
    assert_eq!((late.status, late.problem().as_str()), (409, "ER0410"));
    // No key of a client that may do more than whoever issues it, and it stays suspended.
    let powerful = |it: &mut ClientRow| {
        (it.scopes, it.is_active) = ("audit:read".to_owned(), false);
    };
    register(&server, "auditor", powerful).await;
    for what in ["keys", "enable"] {
        let refused = post(&server, &admin, &format!("/auditor/{what}"), json!({})).await;
        assert_eq!((refused.status, refused.problem().as_str()), (409, "ER0410"), "{what}");
    }
    assert_eq!(post(&server, &admin, "/nobody/keys", json!({})).await.status, 404);
}

#[tokio::test]
async fn an_agency_looks_after_its_own_clients() {
    let server = Server::guarded().await;
    let platform = with_scopes(&server, "platform", "clients:apply").await;
    let agency = register(&server, "u-9", |it| {
        (it.org, it.scopes) = ("379000000A".to_owned(), "clients:admin".to_owned());
    })
    .await;
    let made = post(&server, &platform, "/applications", application()).await.json();
    let id = made["application_id"].as_str().unwrap();
    for (path, body) in [
        (format!("/applications/{id}/approve"), json!({})),
        (format!("/applications/{id}/reject"), json!({"reason": "r"})),
        ("/platform/suspend".to_owned(), json!({})),
        ("/platform/keys".to_owned(), json!({})),
    ] {
        assert_eq!(post(&server, &agency, &path, body).await.status, 404, "{path}");
    }
    assert_eq!(get(&server, &agency, "/applications").await.json()["items"], json!([]));
    let seen = get(&server, &agency, "").await.json();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    assert_eq!(post(&server, &agency, "/applications", application()).await.status, 400);
    let mut own = application();
    own["org"] = json!("379000000A");
    own["client_id"] = json!("own");
    assert_eq!(post(&server, &agency, "/applications", own).await.status, 201);
}
