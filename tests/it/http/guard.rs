//! Every route × {no credential, a bad one, one that has lapsed, wrong scope, another agency's row, malformed}. The
//! rows come from the description, so that a route that nobody thought of fails.

use std::collections::BTreeSet;
use std::time::Duration;

use fenwen::bus::{Bus, BusError, Headers, Request, Subject};
use fenwen::identity::NewKey;
use fenwen::policy::{Access, Kind, Offered, Policy, Principal, ROUTES, Role, Route, Scopes};
use fenwen::store::clients::{ClientKey, ClientRow};
use serde_json::{Value, json};

use super::client::{Answer, WATCHDOG, send};
use super::fake::Server;
use super::{speech, texts};

const CLASSIFICATIONS: &str = "/api/v1/letters/classifications";

pub(super) fn description() -> Value {
    serde_json::to_value(fenwen::http::openapi()).unwrap()
}

/// Methods and templates of the description.
pub(super) fn operations() -> BTreeSet<(String, String)> {
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    let methods = |item: &Value| -> Vec<String> {
        let found = item.as_object().unwrap().keys().map(|it| it.to_ascii_uppercase());
        found
            .filter(|it| ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&it.as_str()))
            .collect()
    };
    let pairs = paths.iter().flat_map(|(path, item)| {
        methods(item).into_iter().map(move |method| (method, path.clone()))
    });
    pairs.collect()
}

#[test]
fn the_table_of_routes_and_the_description_agree() {
    let rows: BTreeSet<(String, String)> =
        ROUTES.iter().map(|it| (it.method.to_owned(), it.path.to_owned())).collect();
    assert_eq!(rows, operations());
}

#[test]
fn the_description_tells_what_a_route_needs() {
    let description = description();
    for (method, path) in operations() {
        let route = Route::find(&method, &path).unwrap();
        let operation = &description["paths"][&path][method.to_ascii_lowercase()];
        let is_open = route.access == Access::Open;
        assert_eq!(operation["security"] == json!([]), is_open, "{method} {path}");
        for status in ["401", "403"] {
            let is_told = !operation["responses"][status].is_null();
            assert_eq!(is_told, !is_open, "{method} {path} {status}");
        }
    }
}

/// A registered client; its key as a header line.
pub(crate) async fn register(
    server: &Server,
    id: &str,
    change: impl FnOnce(&mut ClientRow),
) -> String {
    let mut row = ClientRow {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        units: String::new(),
        scopes: Scopes::all().to_string(),
        purposes: "petition-handling".to_owned(),
        hours: None,
        networks: String::new(),
        expires: None,
        certificate: None,
        partner: None,
        is_active: true,
        approver: "u-1".to_owned(),
        created: Duration::ZERO,
        used: Duration::from_secs(1 << 40),
    };
    change(&mut row);
    assert!(server.store.add_client(row).await.unwrap());
    let key = NewKey::generate(false).unwrap();
    let (client, hash) = (id.to_owned(), key.hash);
    let kept = ClientKey { id: key.id, client, hash, is_demo: false, created: Duration::ZERO };
    assert!(server.store.add_client_key(kept).await.unwrap());
    // One that was made just now is known a second later.
    server.skip(Duration::from_secs(1));
    format!("authorization: Bearer {}\r\n", key.text.expose())
}

/// The same client with other scopes; its new key as a header line.
pub(crate) async fn register_again(server: &Server, id: &str, scopes: &str) -> String {
    assert!(server.store.delete_client(id).await.unwrap());
    register(server, id, |it| it.scopes = scopes.to_owned()).await
}

pub(super) async fn call(
    server: &Server,
    (method, path): (&str, &str),
    head: &str,
    body: &str,
) -> Answer {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: t\r\n{head}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    send(server.addr, request.as_bytes()).await
}

/// A path of the template with ids that nobody has.
pub(super) fn concrete(template: &str) -> String {
    let id = "0".repeat(32);
    template
        .replace("{id}", &id)
        .replace("{delivery_id}", &id)
        .replace("{key_id}", &id)
        .replace("{number}", "1")
        .replace("{file}", "none")
}

/// The code of a refusal, in the shape of either interface.
fn code(answer: &Answer) -> String {
    let body = answer.json();
    let code = if body["error"].is_object() { &body["error"]["code"] } else { &body["code"] };
    code.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_route_refuses_whoever_may_not_call_it() {
    let server = Server::guarded().await;
    let lapsed = register(&server, "lapsed", |it| it.expires = Some(Duration::ZERO)).await;
    let suspended = register(&server, "suspended", |it| it.is_active = false).await;
    let poor = register(&server, "poor", |it| it.scopes = String::new()).await;
    let good = register(&server, "good", |_| ()).await;
    for (method, path) in operations() {
        let route = Route::find(&method, &path).unwrap();
        let (name, at) = (format!("{method} {path}"), concrete(&path));
        let target = (method.as_str(), at.as_str());
        let refused = async |head: &str| {
            let answer = call(&server, target, head, "{}").await;
            (answer.status, code(&answer), !answer.header("www-authenticate").is_empty())
        };
        if route.access == Access::Open {
            let status = call(&server, target, "", "").await.status;
            assert!(![401, 403].contains(&status), "{name}: {status}");
            continue;
        }
        assert_eq!(refused("").await, (401, "ER0300".to_owned(), true), "{name}");
        let bad = "authorization: Basic eDp5\r\n";
        // A good call between bad ones, or the address is locked.
        assert_eq!(refused(bad).await, (401, "ER0300".to_owned(), true), "{name}");
        assert_eq!(refused(&lapsed).await, (403, "ER0310".to_owned(), false), "{name}");
        assert_eq!(refused(&suspended).await, (403, "ER0310".to_owned(), false), "{name}");
        if let Access::Any(_) = route.access {
            assert_eq!(refused(&poor).await, (403, "ER0310".to_owned(), true), "{name}");
        }
        let status = call(&server, target, &good, "{}").await.status;
        assert!(![401, 405, 500].contains(&status), "{name}: {status}");
    }
}

#[tokio::test]
async fn malformed_credentials_are_refused_and_five_of_them_lock() {
    let server = Server::guarded().await;
    let good = register(&server, "good", |_| ()).await;
    let jobs = ("GET", "/api/v1/jobs");
    for bad in ["", "Bearer", "Bearer \u{7f}", "Bearer a.b.c", "bearer fwk_0000000000000000_x"] {
        let answer = call(&server, jobs, &format!("authorization: {bad}\r\n"), "").await;
        let status = if bad.contains('\u{7f}') { 400 } else { 401 };
        assert_eq!(answer.status, status, "{bad:?}");
    }
    assert_eq!(call(&server, jobs, "authorization: Bearer x\r\n", "").await.status, 401);
    let locked = call(&server, jobs, &good, "").await;
    assert_eq!((locked.status, locked.problem().as_str()), (429, "ER0301"));
    assert!(0 < locked.header("retry-after").parse::<u64>().unwrap());
    server.skip(Duration::from_secs(15 * 60));
    assert_eq!(call(&server, jobs, &good, "").await.status, 200);
}

#[tokio::test]
async fn what_a_caller_says_about_itself_is_not_believed() {
    let server = Server::guarded().await;
    let own = register(&server, "own", |_| ()).await;
    let other = register(&server, "other", |it| it.org = "379000000A".to_owned()).await;
    let body = json!({
        "service": "letters", "operation": "classify",
        "input": {"purpose": {"code": "petition-handling"}, "letters": [{"subject": "a", "body": "b"}]},
    });
    let claims = format!("{own}x-client-id: other\r\nx-org-code: 379000000A\r\n");
    let made = call(&server, ("POST", "/api/v1/jobs"), &claims, &body.to_string()).await;
    assert_eq!(made.status, 202, "{made:?}");
    let id = made.json()["job_id"].as_str().unwrap().to_owned();
    let job = server.store.job(&id).await.unwrap().unwrap();
    assert_eq!((job.client.as_str(), job.org.as_str()), ("own", "301000000A"));
    for (head, status) in [
        (own.clone(), 200),
        (other.clone(), 404),
        (format!("{other}x-client-id: own\r\nx-org-code: 301000000A\r\n"), 404),
    ] {
        let path = format!("/api/v1/jobs/{id}");
        assert_eq!(call(&server, ("GET", path.as_str()), &head, "").await.status, status);
        let cancel = format!("{path}/cancel");
        if status == 404 {
            assert_eq!(call(&server, ("POST", cancel.as_str()), &head, "").await.status, 404);
        }
    }
}

#[tokio::test]
async fn only_approved_purposes_are_taken() {
    let server = Server::guarded().await;
    texts::activate(&server);
    let head = register(&server, "mailbox", |_| ()).await;
    let two = register(&server, "two", |it| it.purposes = "a b".to_owned()).await;
    let letters = json!([{"subject": "a", "body": "b"}]);
    let body = |purpose: &str| json!({"purpose": {"code": purpose}, "letters": letters});
    let job = |input: Value| json!({"service": "letters", "operation": "classify", "input": input});
    let later = format!("{head}prefer: respond-async\r\n");
    for (path, head, body, expected) in [
        (CLASSIFICATIONS, &head, body("other"), 403),
        (CLASSIFICATIONS, &head, json!({"letters": letters}), 403),
        (CLASSIFICATIONS, &later, body("other"), 403),
        (CLASSIFICATIONS, &later, body("petition-handling"), 202),
        ("/api/v1/jobs", &head, job(body("other")), 403),
        ("/api/v1/jobs", &head, job(body("petition-handling")), 202),
    ] {
        let answer = call(&server, ("POST", path), head, &body.to_string()).await;
        assert_eq!(answer.status, expected, "{path} {body} {answer:?}");
        if expected == 403 {
            assert_eq!(answer.problem(), "ER0320", "{path} {body}");
        }
    }
    let answer = call(&server, ("POST", "/v1/audio/transcriptions"), &two, "{}").await;
    assert_eq!((answer.status, code(&answer).as_str()), (403, "ER0320"));
}

#[tokio::test]
async fn the_kind_of_a_job_and_the_whole_text_need_their_own_scopes() {
    let server = Server::guarded().await;
    let head = register(&server, "letters", |it| it.scopes = "letters:classify".to_owned()).await;
    let hears = register(&server, "speech", |it| it.scopes = "speech:transcribe".to_owned()).await;
    let body = json!({"service": "documents", "operation": "dispatch",
        "input": {"purpose": {"code": "petition-handling"}}});
    let answer = call(&server, ("POST", "/api/v1/jobs"), &head, &body.to_string()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "ER0310"));
    let path = format!("{}/{}", speech::TRANSCRIPTIONS, "0".repeat(32));
    assert_eq!(call(&server, ("GET", path.as_str()), &hears, "").await.status, 404);
    let original = format!("{path}?rendition=original");
    assert_eq!(call(&server, ("GET", original.as_str()), &hears, "").await.status, 403);
}

#[tokio::test]
async fn a_method_without_a_row_reaches_no_route() {
    let server = Server::guarded().await;
    let answer = call(&server, ("DELETE", CLASSIFICATIONS), "", "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(call(&server, ("GET", "/nothing"), "", "").await.status, 404);
    assert_eq!(call(&server, ("GET", "/docs/"), "", "").await.status, 200);
}

#[test]
fn an_operator_sees_no_content() {
    let policy = Policy { strong: Vec::new(), strong_acr: Vec::new() };
    let local = Principal::local("a".to_owned(), "b".to_owned());
    let scopes = Role::SystemAdministrator.scopes();
    let operator = Principal { kind: Kind::Person, scopes, ..local };
    for route in ROUTES.iter().filter(|it| it.offered == Offered::Clients) {
        let shows = route.path.contains("transcriptions") || route.path.ends_with("/result");
        assert!(!shows || policy.decide(Some(&operator), route).is_err(), "{route:?}");
    }
}

#[tokio::test]
async fn requests_over_the_bus_are_guarded_alike() {
    let server = Server::guarded().await;
    texts::activate(&server);
    let head = register(&server, "mailbox", |_| ()).await;
    let good = head.trim_start_matches("authorization: ").trim_end().to_owned();
    let poor = register(&server, "poor", |it| it.scopes = "qa:ask".to_owned()).await;
    let poor = poor.trim_start_matches("authorization: ").trim_end().to_owned();
    let (bus, _serving) = server.on_a_bus().await;
    let subject = Subject::rpc("letters", "classify").unwrap();
    let letters = |purpose: &str| json!({"purpose": {"code": purpose}, "letters": [{"subject": "a", "body": "b"}]});
    for (credential, purpose, expected) in [
        (None, "petition-handling", (401, "ER0300")),
        (Some("Bearer x"), "petition-handling", (401, "ER0300")),
        (Some(poor.as_str()), "petition-handling", (403, "ER0310")),
        (Some(good.as_str()), "other", (403, "ER0320")),
    ] {
        let mut headers = Headers::from([("x-client-id".to_owned(), "mailbox".to_owned())]);
        if let Some(credential) = credential {
            headers.insert("authorization".to_owned(), credential.to_owned());
        }
        let body = letters(purpose).to_string().into_bytes().into();
        let request = Request { subject: subject.clone(), headers, body };
        let found = match bus.request(request, WATCHDOG).await {
            Err(BusError::Remote { status, code, .. }) => (status, code),
            other => unreachable!("{other:?}"),
        };
        assert_eq!((found.0, found.1.as_str()), expected, "{credential:?} {purpose}");
    }
    for operation in ["read", "result", "cancel", "list"] {
        let headers = Headers::from([("authorization".to_owned(), poor.clone())]);
        let subject = Subject::rpc("jobs", operation).unwrap();
        let body = json!({"job_id": "0".repeat(32)}).to_string().into_bytes().into();
        let refused = bus.request(Request { subject, headers, body }, WATCHDOG).await;
        let is_denied =
            |it: &BusError| matches!(it, BusError::Remote { code, .. } if code == "ER0310");
        assert!(refused.as_ref().is_err_and(is_denied), "{operation}: {refused:?}");
    }
}
