//! 個資: a person's rows are found, copied, held and erased by two persons; nothing of it without a session and its token.

use std::time::Duration;

use fenwen::audit::{self, AuditEvent, Query};
use fenwen::base::Private;
use fenwen::store::{Identifier, IdentifierKind, NewPrediction};
use serde_json::{Value, json};

use crate::http::client::{Answer, get};
use crate::http::fake::Server;

use super::{ask, html, register};

const PRIVACY: &str = "/console/privacy";
const ID_NUMBER: &str = "A123456789";

async fn act(server: &Server, head: &str, body: Value) -> Answer {
    let head = format!("{head}content-type: application/json\r\n");
    ask(server, "POST", PRIVACY, &head, &body.to_string()).await
}

/// About the person, done under a name.
fn about(what: &str, more: Value) -> Value {
    let mut body = json!({"do": what, "kind": "id-number", "identifier": ID_NUMBER});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A prediction that mentions the person.
async fn keep(server: &Server, id: &str) {
    let value = Private::new(ID_NUMBER.to_owned());
    let identifier = Identifier { kind: IdentifierKind::IdNumber, value };
    let prediction = NewPrediction {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        service: "letters",
        model: ["letters", "0", "00"].map(str::to_owned),
        taxonomy: "t".to_owned(),
        labels: r#"[["RIS-05",0.9]]"#.to_owned(),
        text: Private::new("{\"subject\":\"遷入\"}".as_bytes().to_vec()),
        signature: None,
        subjects: vec![server.store.subject(&identifier).unwrap()],
        shape: None,
        case_no: Some("C-1".to_owned()),
        created: 1,
        text_expires: 1 << 40,
        expires: 1 << 40,
    };
    server.store.keep(vec![prediction], Vec::new()).unwrap().await.unwrap();
}

/// Names of what was done on this screen, in order.
fn recorded(server: &Server) -> Vec<(AuditEvent, String)> {
    let mut found = Vec::new();
    let time = Duration::ZERO..Duration::from_secs(1 << 40);
    let query = Query { time, actor: None, object: None, case_no: None };
    let folder = server.data_dir.path().join("audit");
    audit::search(&folder, &query, |row| {
        if row.action.starts_with("console privacy") {
            found.push((row.event, row.person.unwrap_or_default()));
        }
    })
    .unwrap();
    found
}

#[tokio::test]
async fn a_person_is_found_and_copied() {
    let server = Server::open().await;
    let body = about("find", json!({})).to_string();
    let form = ask(&server, "POST", PRIVACY, "content-type: text/plain\r\n", &body).await;
    assert_eq!(form.status, 415, "what a form of another site could send");
    let none = act(&server, "", about("find", json!({}))).await;
    assert_eq!((none.status, &none.json()["items"]), (200, &json!([])));
    keep(&server, "p-1").await;
    let found = act(&server, "", about("find", json!({}))).await.json();
    let item = &found["items"][0];
    assert_eq!(
        (&item["kind"], &item["id"], &item["service"]),
        (&json!("prediction"), &json!("p-1"), &json!("letters"))
    );
    let copy = act(&server, "", about("copy", json!({}))).await;
    let files = copy.json()["files"].clone();
    assert_eq!(
        files[1],
        json!({"name": "prediction-p-1.text.json", "text": "{\"subject\":\"遷入\"}"})
    );
    assert_eq!(copy.header("cache-control"), "no-store");
    let events: Vec<AuditEvent> = recorded(&server).into_iter().map(|it| it.0).collect();
    let find = AuditEvent::SubjectFound;
    assert_eq!(events, [find, find, AuditEvent::SubjectExported]);
    for body in [
        json!({"do": "other"}),
        json!({"do": "find", "kind": "name", "identifier": "x"}),
        json!({"do": "find", "kind": "phone", "identifier": " "}),
        json!({"do": "find", "more": 1}),
    ] {
        let refused = act(&server, "", body.clone()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("ER0210")), "{body}");
    }
}

#[tokio::test]
async fn one_asks_and_another_approves() {
    let server = Server::open().await;
    keep(&server, "p-1").await;
    let unnamed = act(&server, "", about("ask", json!({"reason": "當事人申請"}))).await;
    assert_eq!(unnamed.status, 400, "in a demonstration one says who one is");
    let asked = about("ask", json!({"reason": "當事人申請", "by": "王承辦"}));
    let asked = act(&server, "", asked).await;
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    let page = html(&get(server.addr, PRIVACY).await);
    assert!(page.contains(&id) && page.contains("待核准") && page.contains("王承辦"));
    let approve = |by: &str| json!({"do": "approve", "id": id, "by": by});
    let own = act(&server, "", approve("王承辦")).await;
    assert_eq!((own.status, &own.json()["code"]), (409, &json!("ER0410")));
    let done = act(&server, "", approve("李科長")).await;
    assert_eq!((done.status, done.json()), (200, json!({"erased": 1})));
    assert_eq!(act(&server, "", approve("李科長")).await.status, 404, "once");
    let page = html(&get(server.addr, "/console/privacy?did=approve").await);
    assert!(page.contains("李科長") && page.contains("已刪除。請將刪除清單另存他處"));
    assert!(server.store.prediction("p-1", 0).await.unwrap().is_none());
    let recorded = recorded(&server);
    assert!(recorded.contains(&(AuditEvent::ErasureAsked, "王承辦".to_owned())));
    assert!(recorded.contains(&(AuditEvent::ErasureDone, "李科長".to_owned())), "{recorded:?}");
}

#[tokio::test]
async fn what_is_held_is_not_erased() {
    let server = Server::open().await;
    keep(&server, "p-1").await;
    let hold =
        json!({"do": "hold", "held": "case", "object": "C-1", "reason": "訴願", "by": "u-1"});
    let held = act(&server, "", hold).await.json()["id"].as_str().unwrap().to_owned();
    let asked = about("ask", json!({"reason": "當事人申請", "by": "王承辦"}));
    let id = act(&server, "", asked).await.json()["id"].clone();
    let approve = json!({"do": "approve", "id": id, "by": "李科長"});
    assert_eq!(act(&server, "", approve.clone()).await.status, 409);
    let page = html(&get(server.addr, PRIVACY).await);
    assert!(page.contains("C-1") && page.contains("保全中") && page.contains("訴願"));
    let lift = json!({"do": "lift", "id": held, "by": "u-2"});
    assert_eq!(act(&server, "", lift.clone()).await.status, 200);
    assert_eq!(act(&server, "", lift).await.status, 404, "once");
    assert_eq!(act(&server, "", approve).await.status, 200);
    let of_person = about("hold", json!({"held": "subject", "reason": "訴願", "by": "u-1"}));
    assert_eq!(act(&server, "", of_person).await.status, 200);
    let page = html(&get(server.addr, PRIVACY).await);
    assert!(page.contains("已解除") && !page.contains(ID_NUMBER), "a person is a pseudonym");
}

#[tokio::test]
async fn only_the_privacy_officer_and_with_the_token() {
    let server = Server::guarded().await;
    let find = about("find", json!({}));
    assert_eq!(act(&server, "", find.clone()).await.status, 303, "nobody");
    let sign_in = async |id: &str, scopes: &str| {
        let key = register(&server, id, scopes).await;
        // One that was made just now is known a second later.
        server.skip(Duration::from_secs(1));
        let answer = ask(&server, "POST", "/console/login", "", &format!("key={key}")).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let cookie = format!("cookie: {cookie}\r\n");
        let page = html(&ask(&server, "GET", "/console", &cookie, "").await);
        let (_, after) = page.split_once("name=\"token\" content=\"").unwrap();
        let token = after.split('"').next().unwrap();
        (cookie.clone(), format!("{cookie}x-csrf-token: {token}\r\n"))
    };
    let (_, other) = sign_in("officer", "letters:classify").await;
    assert_eq!(act(&server, &other, find.clone()).await.status, 403);
    let (cookie, head) = sign_in("privacy", "privacy:handle").await;
    assert_eq!(act(&server, &cookie, find.clone()).await.status, 303, "without the token");
    assert_eq!(act(&server, &head, find).await.status, 200);
    // Whoever has proven who it is cannot say otherwise.
    let asked = about("ask", json!({"reason": "當事人申請", "by": "somebody"}));
    let id = act(&server, &head, asked).await.json()["id"].clone();
    let approve = json!({"do": "approve", "id": id, "by": "somebody else"});
    assert_eq!(act(&server, &head, approve.clone()).await.status, 409);
    let (_, second) = sign_in("privacy-2", "privacy:handle").await;
    assert_eq!(act(&server, &second, approve).await.status, 200);
}
