//! Modes of services: off is refused, the shadow is kept and not shown, whoever calls and however.

use std::sync::Arc;
use std::time::Duration;

use fenwen::audit::{self, AuditEvent, Query};
use fenwen::bus::{Bus, BusError, Request, Subject};
use fenwen::service::jobs::Worker;
use serde_json::{Value, json};

use super::client::{Answer, RECOGNITIONS, WATCHDOG, form, get, post as picture, send};
use super::description::validate;
use super::fake::{Server, png};
use super::guard::{call, register};
use super::later::{self, JOBS, order};
use super::texts::{self, DOCUMENTS, LETTERS, letter, post, questions};

const MODES: &str = "/api/v1/modes";
const HOUSE: &str = "301000000A";
const OTHER: &str = "A01000000A";

async fn set(server: &Server, head: &str, (at, mode): (&str, &str)) -> Answer {
    let body = json!({"mode": mode, "reason": "試辦前比對", "by": "王承辦"}).to_string();
    call(server, ("PUT", &format!("{MODES}/{at}")), head, &body).await
}

/// Puts the house's service into a mode.
async fn be(server: &Server, service: &str, mode: &str) {
    let answer = set(server, "", (&format!("{HOUSE}/{service}"), mode)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let schema = "/paths/~1api~1v1~1modes~1{org}~1{service}/put/responses/200/content/application~1json/schema";
    validate(schema, &answer.json());
}

fn of(answer: &Answer) -> (u16, String) {
    (answer.status, if answer.status < 300 { String::new() } else { answer.problem() })
}

fn refused() -> (u16, String) {
    (403, "ER0312".to_owned())
}

#[tokio::test]
async fn what_is_off_is_refused_everywhere_until_it_is_on_again() {
    let server = texts::ready().await;
    questions::activate(server.data_dir.path(), &questions::ROWS);
    server.routing.refresh();
    for service in ["letters", "qa", "speech", "identity-documents"] {
        be(&server, service, "off").await;
    }
    let body = letter("戶籍遷入", "請問");
    let answer = post(server.addr, LETTERS, &body).await;
    assert_eq!(of(&answer), refused());
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("信件智能分類") && detail.contains("模型與評測"), "{detail}");
    assert_eq!(of(&later::post(server.addr, JOBS, "", &order("遷入")).await), refused());
    let asked = json!({"question": "身分證遺失怎麼補發?"});
    assert_eq!(of(&post(server.addr, questions::ANSWERS, &asked).await), refused());
    let image = send(server.addr, &picture("", &form(&[("image", &png(3))]))).await;
    assert_eq!(of(&image), refused());
    let recording = json!({"blob_id": "0".repeat(32)});
    assert_eq!(of(&post(server.addr, super::speech::TRANSCRIPTIONS, &recording).await), refused());
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let stream = later::call(server.addr, "GET /api/v1/speech/stream", upgrade, b"").await;
    assert_eq!(of(&stream), refused());
    // Another service, another agency, and what was answered before are as they were.
    let document = json!({"document": {"subject": "檢送資料", "body": ["請查照。"]}});
    assert_eq!(post(server.addr, DOCUMENTS, &document).await.status, 200);
    let other = format!("x-org-code: {OTHER}\r\n");
    assert_eq!(later::post(server.addr, LETTERS, &other, &body).await.status, 200);
    be(&server, "letters", "default").await;
    let answer = post(server.addr, LETTERS, &body).await.json();
    assert_eq!(answer["items"][0]["mode"], "pilot");
    be(&server, "letters", "live").await;
    let answer = post(server.addr, LETTERS, &body).await.json();
    assert_eq!(answer["items"][0]["mode"], "live");
}

#[tokio::test]
async fn a_choice_is_listed_recorded_and_told() {
    let server = texts::ready().await;
    be(&server, "letters", "shadow").await;
    be(&server, "speech", "off").await;
    let list = get(server.addr, MODES).await.json();
    validate("/paths/~1api~1v1~1modes/get/responses/200/content/application~1json/schema", &list);
    let rows: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["service"].as_str().unwrap(),
                it["mode"].as_str().unwrap(),
                it["changed_by"].as_str(),
            )
        })
        .collect();
    assert_eq!(rows, [("letters", "shadow", Some("王承辦")), ("speech", "off", Some("王承辦"))]);
    assert_eq!(list["defaults"][0]["mode"], "pilot");
    assert_eq!(list["defaults"][2]["modes"], json!(["off", "pilot", "live"]));
    let time = Duration::ZERO..Duration::from_secs(1 << 40);
    let object = Some(format!("modes/{HOUSE}/letters/shadow"));
    let query = Query { time, object, ..Query::default() };
    let mut events = Vec::new();
    let folder = server.data_dir.path().join("audit");
    audit::search(&folder, &query, |row| events.push((row.event, row.person.unwrap()))).unwrap();
    assert_eq!(events, [(AuditEvent::ModeChanged, "王承辦".to_owned())]);
    let told = server.store.outbox_pending(99).await.unwrap();
    let subject = format!("moi.ai.v1.evt.{HOUSE}.models.mode.changed");
    let told: Vec<Value> = told
        .iter()
        .filter(|it| it.subject == subject)
        .map(|it| serde_json::from_str::<Value>(&it.body).unwrap()["data"].clone())
        .collect();
    let data = |service: &str, mode: &str| json!({"service": service, "mode": mode});
    assert_eq!(told, [data("letters", "shadow"), data("speech", "off")]);
    for (at, mode, status) in [
        (format!("{HOUSE}/speech"), "shadow", 400),
        (format!("{HOUSE}/letters"), "canary", 400),
        (format!("{HOUSE}/faces"), "off", 404),
        ("a%20b/letters".to_owned(), "off", 404),
    ] {
        assert_eq!(set(&server, "", (&at, mode)).await.status, status, "{at} {mode}");
    }
    let nobody = json!({"mode": "off", "reason": "試辦"}).to_string();
    let answer = call(&server, ("PUT", &format!("{MODES}/{HOUSE}/letters")), "", &nobody).await;
    assert_eq!(answer.status, 400, "one says who one is");
}

#[tokio::test]
async fn an_agency_chooses_for_itself_and_the_house_for_all() {
    let server = Server::guarded().await;
    let manager = async |id: &str, org: &str, scopes: &str| {
        register(&server, id, |it| (it.org, it.scopes) = (org.to_owned(), scopes.to_owned())).await
    };
    let scopes = "models:read models:approve";
    let (house, own) = (manager("m-1", HOUSE, scopes).await, manager("m-2", OTHER, scopes).await);
    let reader = manager("m-3", HOUSE, "models:read").await;
    let at = |org: &str| format!("{org}/letters");
    assert_eq!(set(&server, &house, (&at(HOUSE), "off")).await.status, 200);
    assert_eq!(set(&server, &house, (&at(OTHER), "shadow")).await.status, 200);
    assert_eq!(set(&server, &own, (&at(HOUSE), "live")).await.status, 404);
    assert_eq!(set(&server, &own, (&at(OTHER), "off")).await.status, 200);
    assert_eq!(set(&server, &reader, (&at(HOUSE), "live")).await.status, 403);
    let list = async |head: &str| call(&server, ("GET", MODES), head, "").await.json();
    let items = list(&own).await["items"].clone();
    assert_eq!((items.as_array().unwrap().len(), &items[0]["org"]), (1, &json!(OTHER)));
    assert_eq!(items[0]["changed_by"], "m-2", "who is proven cannot say otherwise");
    assert_eq!(list(&house).await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_shadow_is_kept_and_shown_to_nobody_before_somebody_decides() {
    let server = texts::ready().await;
    be(&server, "letters", "shadow").await;
    let answer = post(server.addr, LETTERS, &letter("戶籍遷入", "我急著辦,電話0912345678")).await;
    let item = answer.json()["items"][0].clone();
    assert_eq!((&item["mode"], &item["labels"]), (&json!("shadow"), &json!([])));
    assert_eq!((&item["requires_human"], &item["automation"]), (&json!(true), &json!("suggest")));
    assert_eq!((&item["abstained"], &item["evidence"]), (&json!(true), &json!([])));
    assert_ne!(item["pii"], json!([]), "what a rule has found is answered");
    let reviews = get(server.addr, "/api/v1/reviews").await.json();
    assert_eq!(reviews["items"], json!([]), "no officer sees it");
    let told = server.store.outbox_pending(99).await.unwrap();
    let event = told.iter().find(|it| it.subject.ends_with("classification.completed")).unwrap();
    let event: Value = serde_json::from_str(&event.body).unwrap();
    assert_eq!((&event["data"]["mode"], &event["data"]["labels"]), (&json!("shadow"), &json!([])));
    let path = format!("/api/v1/predictions/{}", item["prediction_id"].as_str().unwrap());
    let kept = get(server.addr, &path).await.json();
    assert_eq!((&kept["mode"], &kept["labels"]), (&json!("shadow"), &json!([])));
    let decide = async |body: Value| {
        later::post(server.addr, &format!("{path}/feedback"), "", &body).await.status
    };
    assert_eq!(decide(json!({"decision": "accepted"})).await, 400, "nothing was seen to accept");
    let label = texts::classifier::UNITS[1];
    assert_eq!(decide(json!({"decision": "corrected", "label": label})).await, 204);
    let kept = get(server.addr, &path).await.json();
    assert_ne!(kept["labels"], json!([]), "now it can be compared");
    let found = get(server.addr, "/api/v1/statistics/comparisons").await.json();
    let schema = "/paths/~1api~1v1~1statistics~1comparisons/get/responses/200/content/application~1json/schema";
    validate(schema, &found);
    let of = &found["items"][0];
    assert_eq!(
        (&of["org"], &of["service"], &of["mode"]),
        (&json!(HOUSE), &json!("letters"), &json!("shadow"))
    );
    assert_eq!((&of["answered"], &of["agreement"]["decided"]), (&json!(1), &json!(1)));
    let is_equal = kept["labels"][0]["code"] == label;
    assert_eq!(of["agreement"]["equal"], json!(u8::from(is_equal)));
    assert_eq!(of["differences"].as_array().unwrap().len(), usize::from(!is_equal));
    assert_eq!(of["units"][0]["name"], label);
}

#[tokio::test]
async fn documents_and_questions_of_the_shadow_are_not_shown_either() {
    let server = texts::ready().await;
    questions::activate(server.data_dir.path(), &questions::ROWS);
    server.routing.refresh();
    be(&server, "documents", "shadow").await;
    be(&server, "qa", "shadow").await;
    let document = json!({"document": {"subject": "檢送資料", "body": ["請查照。"]}});
    let answer = post(server.addr, DOCUMENTS, &document).await.json();
    assert_eq!((&answer["mode"], &answer["units"]), (&json!("shadow"), &json!([])));
    assert_eq!((&answer["reasons"], &answer["ministry"]), (&json!([]), &Value::Null));
    assert!(answer["deadline"]["date"].is_string(), "the day is a rule");
    let asked = json!({"question": "身分證遺失怎麼補發?"});
    let answer = post(server.addr, questions::ANSWERS, &asked).await.json();
    assert_eq!((&answer["state"], &answer["answer"]), (&json!("no_answer"), &Value::Null));
    assert_eq!(
        (&answer["refusal_reason"], &answer["alternatives"]),
        (&json!("not_shown"), &json!([]))
    );
    let unanswered = get(server.addr, "/api/v1/qa/unanswered").await.json();
    assert_eq!(unanswered["unanswered"], 0, "a source was found, and kept");
    let call = json!({"utterances": [{"start": 0.0, "end": 1.0, "text": "身分證遺失怎麼補發?"}]});
    let answer = post(server.addr, questions::SUGGESTIONS, &call).await;
    assert_eq!((answer.status, answer.json()["items"].clone()), (200, json!([])));
    let reviews = get(server.addr, "/api/v1/reviews").await.json();
    assert_eq!(reviews["items"], json!([]));
}

#[tokio::test]
async fn a_job_that_waited_obeys_what_was_chosen_meanwhile() {
    let server = texts::ready().await;
    let accepted = later::post(server.addr, JOBS, "", &order("遷入")).await;
    assert_eq!(accepted.status, 202);
    be(&server, "letters", "off").await;
    let worker = Worker::new(Arc::clone(&server.jobs), "w-1".to_owned());
    let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
    let id = accepted.json()["job_id"].as_str().unwrap().to_owned();
    server.jobs.ended(&id, WATCHDOG).await.unwrap();
    let job = get(server.addr, &format!("{JOBS}/{id}")).await.json();
    assert_eq!((&job["state"], &job["error"]), (&json!("failed"), &json!("ER0312")));
    working.abort();
}

#[tokio::test]
async fn calls_over_the_bus_obey_too() {
    let server = texts::ready().await;
    let (bus, _serving) = server.on_a_bus().await;
    let ask = async |(service, operation): (&str, &str), mut body: Value| {
        let subject = Subject::rpc(service, operation).unwrap();
        let headers = [("x-client-id".to_owned(), "mailbox".to_owned())].into();
        body["purpose"] = json!({"code": "petition-handling", "case_no": "SO-7"});
        let body = body.to_string().into_bytes().into();
        bus.request(Request { subject, headers, body }, WATCHDOG).await
    };
    let classify = ("letters", "classify");
    let body = || letter("戶籍遷入", "請問");
    be(&server, "letters", "shadow").await;
    let answer = ask(classify, body()).await.unwrap();
    let answer: Value = serde_json::from_slice(answer.body.expose()).unwrap();
    assert_eq!(answer["items"][0]["labels"], json!([]));
    be(&server, "letters", "off").await;
    be(&server, "speech", "off").await;
    let recording = json!({"blob_id": "0".repeat(32)});
    for (at, body) in [(classify, body()), (("speech", "transcribe"), recording)] {
        match ask(at, body).await {
            Err(BusError::Remote { status, code, .. }) => {
                assert_eq!((status, code.as_str()), (403, "ER0312"), "{at:?}");
            }
            other => unreachable!("{at:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_had_an_image_read_may_read_the_record_of_it() {
    let server = Server::guarded().await;
    let officer = async |id: &str, scopes: &str| {
        register(&server, id, |it| it.scopes = scopes.to_owned()).await
    };
    let one = officer("o-1", "id:recognize").await;
    let (two, reader) = (officer("o-2", "id:recognize").await, officer("o-3", "id:read").await);
    let meta = br#"{"purpose":{"code":"petition-handling","case_no":"C-1"}}"#;
    let body = form(&[("meta", meta), ("image", &png(3))]);
    let read = send(server.addr, &picture(&one, &body)).await.json();
    let path = format!("{RECOGNITIONS}/{}", read["recognition_id"].as_str().unwrap());
    let found = async |head: &str| call(&server, ("GET", &path), head, "").await;
    let own = found(&one).await;
    assert_eq!(own.status, 200, "{own:?}");
    assert_eq!(own.json()["service"], "identity-documents");
    assert_eq!((found(&two).await.status, found(&reader).await.status), (404, 200));
    let other = register(&server, "o-4", |it| {
        (it.org, it.scopes) = (OTHER.to_owned(), "id:read".to_owned());
    });
    assert_eq!(found(&other.await).await.status, 404, "another agency's");
}
