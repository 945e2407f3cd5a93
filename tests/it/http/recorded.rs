//! Every route × {no credential, one that has lapsed, wrong scope, malformed, another agency's row}: the status, and the
//! rows of the audit log. Which routes there are is read from the description.

use std::collections::BTreeMap;
use std::time::Duration;

use fenwen::audit::{AuditEvent, Outcome, Phase, RowBody, report};
use fenwen::base::{Clock, Hours, SystemClock};
use fenwen::bus::{Bus, Headers, Request, Subject};
use fenwen::pipeline::documents::deadline::Calendar;
use fenwen::policy::{Access, Route};
use fenwen::service::notices::{Limit, NoticeKind, Office};
use serde_json::{Value, json};

use super::client::{Client, WATCHDOG};
use super::fake::Server;
use super::guard::{call, concrete, description, operations, register};
use super::texts;
use crate::audit::rows;

/// A call as the log must tell of it: what was asked for, and the status.
type Told = (String, u16);

/// What is wrong with an id that is none.
const NO_ID: &str = "%27x%00";

#[tokio::test]
async fn each_refusal_is_on_record_with_its_status() {
    let server = Server::guarded().await;
    texts::questions::activate(server.data_dir.path(), &texts::questions::ROWS);
    texts::activate(&server);
    let lapsed = register(&server, "lapsed", |it| it.expires = Some(Duration::ZERO)).await;
    let poor = register(&server, "poor", |it| it.scopes = String::new()).await;
    let good = register(&server, "good", |_| ()).await;
    let (mut told, mut wrong) = (Vec::<Told>::new(), Vec::new());
    for (method, path) in operations() {
        let route = Route::find(&method, &path).unwrap();
        if route.access == Access::Open {
            continue;
        }
        let (action, at) = (format!("{method} {path}"), concrete(&path));
        let mut cases = vec![("", 401), (lapsed.as_str(), 403)];
        if let Access::Any(_) = route.access {
            cases.push((poor.as_str(), 403));
        }
        for (head, expected) in cases {
            let status = call(&server, (method.as_str(), at.as_str()), head, "{}").await.status;
            assert_eq!(status, expected, "{action}");
            told.push((action.clone(), status));
        }
        if let Some((at, body)) = malformed(&method, &path) {
            let answer = call(&server, (method.as_str(), at.as_str()), &good, body).await;
            let is_refused = (400..=428).contains(&answer.status);
            if !is_refused || [401, 403, 405].contains(&answer.status) {
                wrong.push((action.clone(), answer.status, body));
            }
            told.push((action, answer.status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let rows = rows(server.data_dir.path());
    let mut closed: Vec<Told> = rows.iter().filter_map(closing).collect();
    closed.sort();
    told.sort();
    assert_eq!(closed, told, "a row for each call, with its status");
    let n_open = rows.iter().filter(|it| it.phase == Some(Phase::Open)).count();
    assert_eq!(n_open, told.len(), "and one before it");
}

/// A call as its second row tells of it.
fn closing(row: &RowBody) -> Option<Told> {
    let is_denied = matches!(row.status, Some(401 | 403));
    assert!(!is_denied || row.outcome == Some(Outcome::Denied), "{row:?}");
    (row.phase == Some(Phase::Close)).then(|| (row.action.clone(), row.status.unwrap()))
}

/// The same call, spoilt: a body that ends too early, or an id that is none. Nothing to spoil: none.
fn malformed(method: &str, path: &str) -> Option<(String, &'static str)> {
    let operation = &description()["paths"][path][method.to_ascii_lowercase()];
    if operation["requestBody"].is_object() {
        return Some((concrete(path), "{\"a\":"));
    }
    path.contains("{id}").then(|| (path.replace("{id}", NO_ID).replace("{number}", "x"), "{}"))
}

/// Routes with an id in their path that is no row of an agency, or whose rows another test sets up.
const ELSEWHERE: [(&str, &str); 7] = [
    ("/api/v1/clients/", "tests/it/http/clients.rs: an_agency_looks_after_its_own_clients"),
    ("/api/v1/identity-documents/", "tests/it/http/card_checks.rs: nothing is kept of an image"),
    ("/v2/", "models are the house's"),
    ("/api/v1/models/", "models are the house's"),
    ("/api/v1/modes/", "names an agency, no row: tests/it/http/modes.rs"),
    (
        "/api/v1/subjects/",
        "tests/it/http/subjects.rs: an_agency_sees_erases_and_holds_its_own_rows",
    ),
    ("/api/v1/reviews/", "tests/it/http/reviews.rs"),
];

/// Things of one agency: the beginning of a template, and an id.
async fn things(server: &Server, head: &str) -> BTreeMap<&'static str, String> {
    let made = async |path: &str, body: Value, pointer: &str| {
        let answer = call(server, ("POST", path), head, &body.to_string()).await;
        assert!((200..=202).contains(&answer.status), "{path}: {answer:?}");
        answer.json().pointer(pointer).unwrap().as_str().unwrap().to_owned()
    };
    let purpose = json!({"code": "petition-handling"});
    let letters = json!({"purpose": purpose, "letters": [{"subject": "a", "body": "b"}]});
    let job = json!({"service": "letters", "operation": "classify", "input": letters});
    let blob = json!({"kind": "audio", "media_type": "audio/wav", "size": 10});
    let url = json!({"url": "https://mailbox.gov.tw/hook"});
    let texts = "/api/v1/letters/classifications";
    let job = made("/api/v1/jobs", job, "/job_id").await;
    BTreeMap::from([
        ("/api/v1/blobs/", made("/api/v1/blobs", blob, "/blob_id").await),
        ("/api/v1/predictions/", made(texts, letters, "/items/0/prediction_id").await),
        // A transcript is the result of a job: the rows are those of jobs.
        ("/api/v1/speech/", job.clone()),
        ("/api/v1/jobs/", job),
        ("/api/v1/webhooks/", made("/api/v1/webhooks", url, "/webhook_id").await),
    ])
}

#[tokio::test]
async fn rows_of_another_agency_are_not_there_and_the_attempt_is_on_record() {
    let server = Server::guarded().await;
    texts::activate(&server);
    let own = register(&server, "own", |_| ()).await;
    let other = register(&server, "other", |it| it.org = "379000000A".to_owned()).await;
    let things = things(&server, &own).await;
    let (mut told, mut wrong) = (Vec::<Told>::new(), Vec::new());
    for (method, path) in operations() {
        let is_open = Route::find(&method, &path).unwrap().access == Access::Open;
        // Officers correct, and no system: tests/it/http/speech/corrections.rs.
        if is_open
            || path.ends_with("/correction")
            || !path.contains('{')
            || ELSEWHERE.iter().any(|(it, _)| path.starts_with(it))
        {
            continue;
        }
        let id = things.iter().find(|(it, _)| path.starts_with(*it)).map(|(_, id)| id);
        let Some(id) = id else { unreachable!("{method} {path} has no row of another agency") };
        let at = concrete(&path.replace("{id}", id));
        let (body, head) = (body_for(&method, &path), format!("{other}if-match: \"0\"\r\n"));
        let answer = call(&server, (method.as_str(), at.as_str()), &head, &body.to_string()).await;
        if answer.status != 404 {
            wrong.push((format!("{method} {path}"), answer));
        }
        told.push((format!("{method} {path}"), 404));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(15 <= told.len(), "{told:?}");
    let rows = rows(server.data_dir.path());
    let of_other = rows.iter().filter(|it| it.actor.id == "other");
    let mut closed: Vec<Told> = of_other.filter_map(closing).collect();
    closed.sort();
    told.sort();
    assert_eq!(closed, told);
    // They are there for whose they are.
    for (prefix, id) in &things {
        let path = format!("{prefix}{id}");
        if Route::find("GET", &format!("{prefix}{{id}}")).is_some() {
            let answer = call(&server, ("GET", path.as_str()), &own, "").await;
            assert_eq!(answer.status, if *prefix == "/api/v1/speech/" { 404 } else { 200 });
        }
    }
}

/// A body that the route would take.
fn body_for(method: &str, path: &str) -> Value {
    match (method, path.rsplit('/').next().unwrap()) {
        ("POST", "feedback") => json!({"decision": "accepted"}),
        ("PUT", "correction") => json!({"text": "甲"}),
        ("POST", "complete") => json!({"sha256": "0".repeat(64)}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn a_connection_from_elsewhere_is_closed_and_on_record() {
    let server = Server::guarded_for(vec!["10.1.0.0/16".parse().unwrap()]).await;
    for _ in 0..3 {
        let mut client = Client::connect(server.addr).await;
        assert!(client.read().await.is_none(), "nothing is answered");
    }
    server.audit.close();
    let rows = rows(server.data_dir.path());
    let found: Vec<&RowBody> =
        rows.iter().filter(|it| it.event == AuditEvent::ConnectionRefused).collect();
    let [row] = found[..] else { unreachable!("{rows:?}") };
    assert_eq!((row.outcome, row.reason.as_deref()), (Some(Outcome::Denied), Some("network")));
    assert_eq!((row.ip.as_deref(), row.count), (Some("127.0.0.1"), Some(1)));
}

/// Offices that are closed now and for hours to come; three reads are much.
fn closed() -> Office {
    let noon = Hours::parse("12:00-24:00").unwrap();
    let is_afternoon = noon.has(SystemClock.unix_time());
    let hours = Hours::parse(if is_afternoon { "03:00-04:00" } else { "18:00-19:00" }).unwrap();
    let reads = Limit { times: 3, window: Duration::from_secs(3600) };
    Office { hours, calendar: Calendar::default(), reads }
}

#[tokio::test]
async fn reading_while_offices_are_closed_is_marked_counted_and_noticed() {
    let server = Server::guarded_off_hours(closed()).await;
    let good = register(&server, "good", |_| ()).await;
    let night = register(&server, "night", |it| it.hours = Some("00:00-24:00".to_owned())).await;
    for head in [&good, &night, &night, &night, &good] {
        assert_eq!(call(&server, ("GET", "/api/v1/reviews"), head, "").await.status, 200);
        assert_eq!(call(&server, ("GET", "/api/v1/jobs"), head, "").await.status, 200);
    }
    assert_eq!(server.service.notices().open(), []);
    assert_eq!(call(&server, ("GET", "/api/v1/reviews"), &good, "").await.status, 200);
    let [notice] = &server.service.notices().open()[..] else { unreachable!("one") };
    assert_eq!(
        (notice.kind, notice.object.as_str()),
        (NoticeKind::OffHoursReading, "clients/good")
    );
    server.audit.close();
    for row in rows(server.data_dir.path()).iter().filter(|it| it.event == AuditEvent::ApiCalled) {
        assert_eq!(row.off_hours, row.action == "GET /api/v1/reviews", "{row:?}");
    }
    let time = Duration::ZERO..Duration::from_secs(1 << 33);
    let found = report(&server.data_dir.path().join("audit"), time).unwrap().to_markdown("t");
    assert!(found.contains("## 非上班時間讀取個資\n\n共 6 次。"), "{found}");
    assert!(found.contains("| 介接系統 | good | 3 |\n| 介接系統 | night | 3 |\n"), "{found}");
}

#[tokio::test]
async fn reading_over_the_bus_while_offices_are_closed_is_noticed_alike() {
    let server = Server::guarded_off_hours(closed()).await;
    let head = register(&server, "good", |_| ()).await;
    let credential = head.trim_start_matches("authorization: ").trim_end().to_owned();
    let (bus, _serving) = server.on_a_bus().await;
    let ask = async |operation: &str| {
        let subject = Subject::rpc("jobs", operation).unwrap();
        let headers = Headers::from([("authorization".to_owned(), credential.clone())]);
        let body = format!(r#"{{"job_id":"{}"}}"#, "0".repeat(32)).into_bytes().into();
        assert!(bus.request(Request { subject, headers, body }, WATCHDOG).await.is_err());
    };
    for operation in ["read", "read", "read", "result", "result"] {
        ask(operation).await;
    }
    assert_eq!(server.service.notices().open(), []);
    ask("result").await;
    let [notice] = &server.service.notices().open()[..] else { unreachable!("one") };
    assert_eq!(
        (notice.kind, notice.object.as_str()),
        (NoticeKind::OffHoursReading, "clients/good")
    );
    server.audit.close();
    for row in rows(server.data_dir.path()).iter().filter(|it| it.event == AuditEvent::BusCalled) {
        assert_eq!(row.off_hours, row.action == "jobs.result", "{row:?}");
    }
}
