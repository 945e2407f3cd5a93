//! Rights of persons over HTTP: rows are found, copied, held and erased by two persons, within the caller's agency.

use std::time::Duration;

use fenwen::audit::{self, AuditEvent, Outcome, Query};
use fenwen::base::Private;
use fenwen::store::{Identifier, IdentifierKind, NewPrediction};
use serde_json::{Value, json};

use super::client::Answer;
use super::description::validate;
use super::fake::Server;
use super::guard::{call, register};

const SUBJECTS: &str = "/api/v1/subjects";
const ID_NUMBER: &str = "A123456789";
const HOUSE: &str = "301000000A";
const AGENCY: &str = "379000000A";

async fn post(server: &Server, head: &str, path: &str, body: Value) -> Answer {
    call(server, ("POST", &format!("{SUBJECTS}{path}")), head, &body.to_string()).await
}

async fn list(server: &Server, head: &str, path: &str) -> Vec<Value> {
    let answer = call(server, ("GET", &format!("{SUBJECTS}{path}")), head, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let pointer = format!("/paths/~1api~1v1~1subjects~1{}/get", &path[1..]);
    validate(&format!("{pointer}/responses/200/content/application~1json/schema"), &answer.json());
    answer.json()["items"].as_array().unwrap().clone()
}

/// About the person.
fn about(more: Value) -> Value {
    let mut body = json!({"kind": "id-number", "identifier": ID_NUMBER});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A prediction of an agency that mentions the person.
pub(crate) async fn keep(server: &Server, id: &str, org: &str) {
    keep_of(server, id, (org, ID_NUMBER)).await;
}

async fn keep_of(server: &Server, id: &str, (org, id_number): (&str, &str)) {
    let value = Private::new(id_number.to_owned());
    let identifier = Identifier { kind: IdentifierKind::IdNumber, value };
    let prediction = NewPrediction {
        id: id.to_owned(),
        org: org.to_owned(),
        service: "letters",
        model: ["letters", "0", "00"].map(str::to_owned),
        taxonomy: "t".to_owned(),
        labels: r#"[["RIS-05",0.9]]"#.to_owned(),
        text: Private::new("{\"subject\":\"遷入\"}".as_bytes().to_vec()),
        signature: None,
        subjects: vec![server.store.subject(&identifier).unwrap()],
        shape: None,
        case_no: Some("C-1".to_owned()),
        mode: None,
        made_by: None,
        created: 1,
        text_expires: 1 << 40,
        expires: 1 << 40,
    };
    server.store.keep(vec![prediction], Vec::new()).unwrap().await.unwrap();
}

/// Events, persons and outcomes of what was done here, in order.
fn recorded(server: &Server) -> Vec<(AuditEvent, String, Outcome)> {
    let mut found = Vec::new();
    let time = Duration::ZERO..Duration::from_secs(1 << 40);
    let query = Query { time, actor: None, object: None, case_no: None };
    let folder = server.data_dir.path().join("audit");
    audit::search(&folder, &query, |row| {
        if row.action.starts_with("subjects ") {
            found.push((row.event, row.person.unwrap_or_default(), row.outcome.unwrap()));
        }
    })
    .unwrap();
    found
}

/// Ids of what mentions the person, as a caller sees it.
async fn ids(server: &Server, head: &str) -> Vec<String> {
    let answer = post(server, head, "/find", about(json!({}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_mistyped_number_is_told_from_one_that_nobody_mentions() {
    let server = Server::open().await;
    let mistyped = "A123456780";
    for (path, more) in [
        ("/find", json!({})),
        ("/copies", json!({})),
        ("/erasures", json!({"reason": "當事人申請", "by": "u-1"})),
        ("/holds", json!({"held": "subject", "reason": "訴願", "by": "u-1"})),
    ] {
        let mut body = about(more);
        body["identifier"] = json!(mistyped);
        let refused = post(&server, "", path, body).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "ER0210"), "{path}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/identifier", "{path}");
        assert!(!String::from_utf8(refused.body).unwrap().contains(mistyped), "{path}");
    }
    assert!(list(&server, "", "/erasures").await.is_empty());
    // As somebody wrote it beside 身分證字號: it is found then.
    keep_of(&server, "p-1", (HOUSE, mistyped)).await;
    let body = json!({"kind": "id-number", "identifier": mistyped});
    let found = post(&server, "", "/find", body).await;
    assert_eq!(found.json()["items"][0]["id"], "p-1", "{found:?}");
}

#[tokio::test]
async fn a_person_is_found_and_copied() {
    let server = Server::open().await;
    assert!(ids(&server, "").await.is_empty());
    keep(&server, "p-1", HOUSE).await;
    let found = post(&server, "", "/find", about(json!({}))).await;
    validate(
        "/paths/~1api~1v1~1subjects~1find/post/responses/200/content/application~1json/schema",
        &found.json(),
    );
    let item = &found.json()["items"][0];
    assert_eq!((&item["kind"], &item["id"]), (&json!("prediction"), &json!("p-1")));
    assert_eq!((&item["service"], &item["agency"]), (&json!("letters"), &json!(HOUSE)));
    assert_eq!(item["label_corrected_at"], "/api/v1/predictions/p-1/feedback");
    let copy = post(&server, "", "/copies", about(json!({}))).await;
    let files = copy.json()["files"].clone();
    let text = "{\"subject\":\"遷入\"}";
    assert_eq!(files[1], json!({"name": "prediction-p-1.text.json", "text": text}));
    assert_eq!(copy.header("cache-control"), "no-store");
    let (find, copied) = (AuditEvent::SubjectFound, AuditEvent::SubjectExported);
    let events: Vec<AuditEvent> = recorded(&server).into_iter().map(|it| it.0).collect();
    assert_eq!(events, [find, find, copied]);
    for (body, code) in [
        (json!({"kind": "name", "identifier": "x"}), "ER0210"),
        (json!({"kind": "phone", "identifier": " "}), "ER0210"),
        (json!({"kind": "phone"}), "ER0210"),
        (json!({"kind": "id-number", "identifier": "王小明"}), "ER0210"),
        (json!({"kind": "phone", "identifier": ID_NUMBER}), "ER0210"),
        (json!({"kind": "email", "identifier": "ming"}), "ER0210"),
        (about(json!({"more": 1})), "ER0220"),
    ] {
        let refused = post(&server, "", "/find", body.clone()).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, code), "{body}");
        assert!(!String::from_utf8(refused.body).unwrap().contains(ID_NUMBER));
    }
}

#[tokio::test]
async fn one_asks_and_another_approves_or_rejects() {
    let server = Server::open().await;
    keep(&server, "p-1", HOUSE).await;
    let unnamed = post(&server, "", "/erasures", about(json!({"reason": "當事人申請"}))).await;
    assert_eq!(unnamed.status, 400, "in a demonstration one says who one is");
    let ask = async || {
        let asked = about(json!({"reason": "當事人申請", "by": "王承辦"}));
        let asked = post(&server, "", "/erasures", asked).await;
        assert_eq!((asked.status, &asked.json()["found"]), (201, &json!(1)));
        asked.json()["erasure_id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (ask().await, ask().await);
    let act = async |id: &str, what: &str, body: Value| {
        post(&server, "", &format!("/erasures/{id}/{what}"), body).await
    };
    let why = json!({"reason": "重複申請", "by": "李科長"});
    assert_eq!(act(&first, "reject", why.clone()).await.status, 204);
    assert_eq!(act(&first, "reject", why).await.status, 404, "once");
    let by = |by: &str| json!({"by": by});
    assert_eq!(act(&first, "approve", by("李科長")).await.status, 404, "it was rejected");
    let own = act(&second, "approve", by(" 王承辦 ")).await;
    assert_eq!((own.status, own.problem().as_str()), (409, "ER0410"));
    let done = act(&second, "approve", by("李科長")).await;
    assert_eq!((done.status, done.json()), (200, json!({"erased": 1})));
    assert_eq!(act(&second, "approve", by("李科長")).await.status, 404, "once");
    assert_eq!(act("x", "approve", by("李科長")).await.status, 404);
    assert!(server.store.prediction("p-1", 0).await.unwrap().is_none());
    let states: Vec<Value> = list(&server, "", "/erasures")
        .await
        .into_iter()
        .map(|it| it["request"]["state"].clone())
        .collect();
    assert_eq!(states, ["done", "rejected"]);
    let recorded = recorded(&server);
    for (event, person) in [
        (AuditEvent::ErasureAsked, "王承辦"),
        (AuditEvent::ErasureRejected, "李科長"),
        (AuditEvent::ErasureDone, "李科長"),
    ] {
        assert!(recorded.contains(&(event, person.to_owned(), Outcome::Success)), "{recorded:?}");
    }
    let refused = (AuditEvent::ErasureDone, "王承辦".to_owned(), Outcome::Refused);
    assert!(recorded.contains(&refused), "{recorded:?}");
}

#[tokio::test]
async fn what_is_held_is_not_erased() {
    let server = Server::open().await;
    keep(&server, "p-1", HOUSE).await;
    let hold = json!({"held": "case", "object": "C-1", "reason": "訴願", "by": "u-1"});
    let laid = post(&server, "", "/holds", hold).await;
    assert_eq!(laid.status, 201, "{laid:?}");
    let held = laid.json()["hold_id"].as_str().unwrap().to_owned();
    let asked = about(json!({"reason": "當事人申請", "by": "王承辦"}));
    let asked = post(&server, "", "/erasures", asked).await.json();
    let approve = format!("/erasures/{}/approve", asked["erasure_id"].as_str().unwrap());
    let by = json!({"by": "李科長"});
    assert_eq!(post(&server, "", &approve, by.clone()).await.status, 409);
    let lift = format!("/holds/{held}/lift");
    assert_eq!(post(&server, "", &lift, json!({"by": "u-2"})).await.status, 204);
    assert_eq!(post(&server, "", &lift, json!({"by": "u-2"})).await.status, 404, "once");
    assert_eq!(post(&server, "", &approve, by).await.status, 200);
    let of_person = about(json!({"held": "subject", "reason": "訴願", "by": "u-1"}));
    assert_eq!(post(&server, "", "/holds", of_person).await.status, 201);
    let holds = list(&server, "", "/holds").await;
    assert_eq!((&holds[0]["held"], &holds[1]["lifted_by"]), (&json!("subject"), &json!("u-2")));
    assert!(!json!(holds).to_string().contains(ID_NUMBER), "a person is a pseudonym");
    for bad in [
        json!({"held": "all", "object": "x", "reason": "訴願", "by": "u-1"}),
        json!({"held": "case", "reason": "訴願", "by": "u-1"}),
        json!({"held": "subject", "reason": "訴願", "by": "u-1"}),
        json!({"held": "case", "object": "C-1", "reason": "a\nb", "by": "u-1"}),
        about(json!({"held": "case", "object": "C-1", "reason": "訴願", "by": "u-1"})),
        about(json!({"held": "subject", "object": "C-1", "reason": "訴願", "by": "u-1"})),
    ] {
        assert_eq!(post(&server, "", "/holds", bad.clone()).await.status, 400, "{bad}");
    }
}

/// A privacy officer of an agency.
async fn officer(server: &Server, id: &str, org: &str) -> String {
    register(server, id, |it| {
        it.org = org.to_owned();
        it.scopes = "privacy:handle".to_owned();
    })
    .await
}

#[tokio::test]
async fn an_agency_sees_erases_and_holds_its_own_rows_and_the_house_all() {
    let server = Server::guarded().await;
    keep(&server, "p-house", HOUSE).await;
    keep(&server, "p-agency", AGENCY).await;
    let house = officer(&server, "house-1", HOUSE).await;
    let (one, two) =
        (officer(&server, "agency-1", AGENCY).await, officer(&server, "agency-2", AGENCY).await);
    let other = officer(&server, "other-1", "A05000000H").await;
    assert_eq!(ids(&server, &house).await, ["p-agency", "p-house"]);
    assert_eq!(ids(&server, &one).await, ["p-agency"]);
    assert!(ids(&server, &other).await.is_empty());
    let copy = post(&server, &one, "/copies", about(json!({}))).await;
    assert!(!String::from_utf8(copy.body).unwrap().contains("p-house"));

    let hold = json!({"held": "prediction", "object": "p-agency", "reason": "訴願"});
    let laid = post(&server, &house, "/holds", hold).await.json();
    let lift = format!("/holds/{}/lift", laid["hold_id"].as_str().unwrap());
    assert!(list(&server, &one, "/holds").await.is_empty(), "that is the house's");
    assert_eq!(post(&server, &one, &lift, json!({})).await.status, 404);
    let asked = about(json!({"reason": "當事人申請"}));
    let asked = post(&server, &one, "/erasures", asked).await.json();
    assert_eq!(asked["found"], 1);
    let approve = format!("/erasures/{}/approve", asked["erasure_id"].as_str().unwrap());
    assert_eq!(post(&server, &other, &approve, json!({})).await.status, 404);
    assert!(list(&server, &other, "/erasures").await.is_empty());
    assert_eq!(post(&server, &one, &approve, json!({})).await.status, 409, "one's own");
    assert_eq!(post(&server, &two, &approve, json!({})).await.status, 409, "it is held");
    assert_eq!(post(&server, &house, &lift, json!({})).await.status, 204);
    let done = post(&server, &two, &approve, json!({"by": "somebody"})).await;
    assert_eq!((done.status, done.json()), (200, json!({"erased": 1})));
    assert_eq!(ids(&server, &house).await, ["p-house"], "the house's row stays");
    let seen = list(&server, &house, "/erasures").await;
    assert_eq!(seen[0]["agency"], AGENCY);
    assert_eq!(
        seen[0]["request"]["approved_by"], "agency-2",
        "who has proven it says nothing else"
    );
}

#[tokio::test]
async fn only_the_privacy_officer_may() {
    let server = Server::guarded().await;
    let other = register(&server, "officer", |it| it.scopes = "letters:read".to_owned()).await;
    for path in ["/find", "/copies", "/erasures", "/holds"] {
        let refused = post(&server, &other, path, about(json!({"reason": "r"}))).await;
        assert_eq!((refused.status, refused.problem().as_str()), (403, "ER0310"), "{path}");
    }
    assert!(recorded(&server).is_empty());
}
