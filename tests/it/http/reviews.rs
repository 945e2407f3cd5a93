//! Reviews over HTTP: what waits, who holds it, what is decided.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, WATCHDOG, send};
use super::description::validate;
use super::fake::Server;
use super::guard::{call, register};
use super::later::working;
use super::texts::{DOCUMENTS, LETTERS, activate, letter, post, ready};

const REVIEWS: &str = "/api/v1/reviews";
const LEASE: Duration = Duration::from_secs(600);
const UNDO: Duration = Duration::from_secs(30);

/// A call of an officer; in a demonstration whoever calls says who it is.
async fn by(server: &Server, officer: &str, target: (&str, &str), body: Value) -> Answer {
    with(server, &format!("x-client-id: {officer}\r\n"), target, body).await
}

async fn with(server: &Server, head: &str, (method, path): (&str, &str), body: Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: t\r\n{head}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    send(server.addr, request.as_bytes()).await
}

/// What waits, as one officer sees it.
async fn list(server: &Server, query: &str) -> Vec<Value> {
    let answer = by(server, "u-1", ("GET", &format!("{REVIEWS}{query}")), Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    validate(
        "/paths/~1api~1v1~1reviews/get/responses/200/content/application~1json/schema",
        &answer.json(),
    );
    answer.json()["items"].as_array().unwrap().clone()
}

/// Claims an item; its path and tag.
async fn claim(server: &Server, officer: &str, item: &Value) -> (String, String) {
    let path = format!("{REVIEWS}/{}", item["review_id"].as_str().unwrap());
    let answer = by(server, officer, ("POST", &format!("{path}/claim")), Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (path, answer.header("etag").to_owned())
}

/// Does something with an item that was seen under a tag.
async fn act(
    server: &Server,
    officer: &str,
    (path, what, tag): (&str, &str, &str),
    body: Value,
) -> Answer {
    let head = format!("x-client-id: {officer}\r\nif-match: {tag}\r\n");
    with(server, &head, ("POST", &format!("{path}/{what}")), body).await
}

async fn decide(server: &Server, officer: &str, (path, tag): (&str, &str), body: Value) -> Answer {
    act(server, officer, (path, "decision", tag), body).await
}

fn accept() -> Value {
    json!({"action": "accept"})
}

#[tokio::test]
async fn a_letter_waits_is_decided_and_becomes_feedback_once_it_cannot_be_undone() {
    let server = ready().await;
    let body = "我的兵役申請,身分證A123456789,土地沒有關係";
    let sent = post(server.addr, LETTERS, &letter("兵役 緩徵", body)).await;
    let prediction = sent.json()["items"][0]["prediction_id"].clone();
    let items = list(&server, "").await;
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert_eq!((&item["prediction_id"], &item["state"]), (&prediction, &json!("open")));
    assert_eq!((&item["kind"], &item["reason"]), (&json!("letter"), &json!("requires_human")));
    assert_eq!((&item["title"], &item["unit"]), (&json!("兵役 緩徵"), &json!("301000000A/役政司")));
    let (path, tag) = claim(&server, "u-1", item).await;
    let seen = by(&server, "u-1", ("GET", &path), Value::Null).await;
    assert_eq!(seen.header("etag"), tag);
    validate(
        "/paths/~1api~1v1~1reviews~1{id}/get/responses/200/content/application~1json/schema",
        &seen.json(),
    );
    let seen = seen.json();
    assert_eq!(seen["lease"]["own"], true);
    let text = seen["content"].to_string();
    assert!(text.contains("〔身分證字號〕") && !text.contains("A123456789"), "{text}");
    let runs = seen["content"]["body"][0].as_array().unwrap();
    assert!(runs.iter().any(|it| it["mark"] == "evidence" && it["text"] == "兵役"), "{runs:?}");
    assert_eq!(seen["content"]["labels"][0]["code"], "役政司");
    let wrong = json!({"action": "correct", "label": "地政司", "note_code": "wrong_unit"});
    let decided = decide(&server, "u-1", (&path, &tag), wrong).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    assert_eq!(decided.json()["decision"]["label"], "地政司");
    assert_eq!(server.reviews.settle().await.unwrap(), 0, "it may be undone");
    let tag = decided.header("etag").to_owned();
    let undone = act(&server, "u-1", (&path, "undo", &tag), Value::Null).await;
    assert_eq!((undone.status, &undone.json()["decision"]), (200, &Value::Null));
    let decided = decide(&server, "u-1", (&path, undone.header("etag")), accept()).await;
    assert_eq!(decided.status, 200, "{decided:?}");
    server.skip(UNDO);
    let late = act(&server, "u-1", (&path, "undo", decided.header("etag")), Value::Null).await;
    assert_eq!((late.status, late.problem().as_str()), (409, "ER0410"));
    assert_eq!(server.reviews.settle().await.unwrap(), 1);
    assert_eq!(server.reviews.settle().await.unwrap(), 0);
    let kept = format!("/api/v1/predictions/{}", prediction.as_str().unwrap());
    let kept = by(&server, "u-1", ("GET", &kept), Value::Null).await.json();
    assert_eq!(kept["feedback"].as_array().unwrap().len(), 1);
    assert_eq!(kept["feedback"][0]["decision"], "accepted");
    let told = server.store.outbox_pending(99).await.unwrap();
    let told = told.iter().filter(|it| it.subject.ends_with("predictions.feedback.received"));
    assert_eq!(told.count(), 1);
    assert!(list(&server, "").await.is_empty());
    assert_eq!(list(&server, "?state=decided").await.len(), 1);
}

#[tokio::test]
async fn two_officers_cannot_decide_the_same_item() {
    let server = ready().await;
    post(server.addr, LETTERS, &letter("戶籍", "遷入")).await;
    let item = list(&server, "").await.remove(0);
    let (path, first) = claim(&server, "u-1", &item).await;
    let detail = |answer: &Answer| answer.json()["detail"].as_str().unwrap().to_owned();
    let refused = by(&server, "u-2", ("POST", &format!("{path}/claim")), Value::Null).await;
    assert_eq!(refused.status, 409);
    assert!(detail(&refused).starts_with("這筆由他人處理中,保留至 "), "{}", detail(&refused));
    let refused = decide(&server, "u-2", (&path, &first), accept()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "ER0410"));
    assert!(detail(&refused).starts_with("這筆由他人處理中,"), "{}", detail(&refused));
    server.skip(LEASE);
    let lost = decide(&server, "u-1", (&path, &first), accept()).await;
    assert_eq!(lost.status, 409);
    assert_eq!(detail(&lost), "保留時間已過,請重新取得這筆後再處理。");
    let (_, second) = claim(&server, "u-2", &item).await;
    let stale = decide(&server, "u-1", (&path, &first), accept()).await;
    assert_eq!((stale.status, stale.problem().as_str()), (412, "ER0420"));
    assert!(detail(&stale).ends_with("請重新載入。"));
    let extended = act(&server, "u-2", (&path, "extend", &second), Value::Null).await;
    assert_eq!(extended.status, 200);
    assert_ne!(extended.header("etag"), second);
    let decided = decide(&server, "u-2", (&path, extended.header("etag")), accept()).await;
    assert_eq!(decided.status, 200);
    let late = decide(&server, "u-1", (&path, &first), accept()).await;
    assert_eq!((late.status, detail(&late).as_str()), (412, "這筆已由他人決定,請重新載入。"));
    let late = by(&server, "u-1", ("POST", &format!("{path}/claim")), Value::Null).await;
    assert_eq!((late.status, detail(&late).as_str()), (409, "這筆已由他人決定,請改做下一筆。"));
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let server = ready().await;
    post(server.addr, LETTERS, &letter("戶籍", "遷入")).await;
    let item = list(&server, "").await.remove(0);
    let (path, tag) = claim(&server, "u-1", &item).await;
    let none = format!("{REVIEWS}/{}", "0".repeat(32));
    let unknown = json!({"action": "correct", "label": "沒有這個單位"});
    for (path, tag, body, status, code) in [
        (&path, "", accept(), 428, "ER0421"),
        (&path, "7", accept(), 400, "ER0210"),
        (&path, "\"99\"", accept(), 412, "ER0420"),
        (&path, &tag, json!({"action": "escalate"}), 400, "ER0210"),
        (&path, &tag, json!({"action": "correct"}), 400, "ER0210"),
        (&path, &tag, unknown, 400, "ER0210"),
        (&path, &tag, json!({"action": "accept", "by": "u-9"}), 400, "ER0220"),
        (&none, &tag, accept(), 404, "ER0100"),
    ] {
        let if_match = if tag.is_empty() { String::new() } else { format!("if-match: {tag}\r\n") };
        let head = format!("x-client-id: u-1\r\n{if_match}");
        let target = format!("{path}/decision");
        let answer = with(&server, &head, ("POST", &target), body.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{tag} {body}");
    }
    for (target, status) in [
        (format!("{REVIEWS}?state=any"), 400),
        (format!("{REVIEWS}?q=1"), 400),
        (format!("{path}?q=1"), 400),
        (format!("{REVIEWS}/A123456789"), 404),
    ] {
        assert_eq!(by(&server, "u-1", ("GET", &target), Value::Null).await.status, status);
    }
    let released = act(&server, "u-1", (&path, "release", &tag), Value::Null).await;
    assert_eq!((released.status, &released.json()["state"]), (200, &json!("open")));
    let late = decide(&server, "u-1", (&path, released.header("etag")), accept()).await;
    assert_eq!(late.status, 409, "nobody holds it");
}

#[tokio::test]
async fn the_next_item_comes_by_itself_until_nothing_waits() {
    let server = ready().await;
    post(server.addr, LETTERS, &letter("戶籍", "戶籍遷入")).await;
    post(server.addr, LETTERS, &letter("", "不知道該問誰")).await;
    let next = async |officer: &str, kind: &str| {
        let target = format!("{REVIEWS}/claim-next");
        let answer = by(&server, officer, ("POST", &target), json!({"kind": kind})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        validate(
            "/paths/~1api~1v1~1reviews~1claim-next/post/responses/200/content/application~1json/schema",
            &answer.json(),
        );
        answer.json()["review"]["title"].clone()
    };
    assert_eq!(next("u-1", "document").await, Value::Null);
    assert_eq!(next("u-1", "letter").await, "不知道該問誰", "the least sure first");
    assert_eq!(next("u-2", "letter").await, "戶籍");
    assert_eq!(next("u-2", "letter").await, Value::Null);
    assert_eq!(list(&server, "?own=true").await.len(), 1);
    assert_eq!(list(&server, "?state=claimed&limit=1").await.len(), 1);
    let target = format!("{REVIEWS}/claim-next");
    let wrong = by(&server, "u-1", ("POST", &target), json!({"kind": "fax"})).await;
    assert_eq!(wrong.problem(), "ER0210");
}

#[tokio::test]
async fn documents_wait_with_units_and_officers_and_sure_ones_are_accepted_at_once() {
    let server = ready().await;
    let document = |subject: &str| {
        json!({"document": {"doc_type": "函", "priority": "速件", "secrecy": "普通",
            "subject": subject, "body": ["說明:一、聯絡電話0912345678"], "external_id": "1140067890"},
            "options": {"level": "officer"},
            "officers": [{"officer_id": "u-1023", "unit": "301000000A/役政司", "duties": ["兵役"], "open_cases": 4}]})
    };
    for subject in ["復貴部台內戶字第1140123456號函", "關於兵役", "不詳"] {
        let sent = post(server.addr, DOCUMENTS, &document(subject)).await;
        assert_eq!(sent.status, 200, "{sent:?}");
    }
    let items = list(&server, "?kind=document&sort=confidence").await;
    let (unsure, sure) = (&items[0], &items[2]);
    assert_eq!((&sure["confidence"], &sure["unit"]), (&json!(1.0), &json!("301000000A/戶政司")));
    let (path, tag) = claim(&server, "u-1", &items[1]).await;
    let content = by(&server, "u-1", ("GET", &path), Value::Null).await.json()["content"].clone();
    assert!(!content.to_string().contains("0912345678"));
    assert_eq!(
        (&content["units"][0]["role"], &content["external_id"]),
        (&json!("main"), &json!("1140067890"))
    );
    assert_eq!(content["officers"][0]["open_cases"], 4, "{content}");
    let body = json!({"items": [
        {"review_id": sure["review_id"], "version": 1},
        {"review_id": unsure["review_id"], "version": 1},
        {"review_id": items[1]["review_id"], "version": 1},
    ]});
    let target = format!("{REVIEWS}/accept");
    let answer = by(&server, "u-2", ("POST", &target), body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let outcomes = answer.json()["items"].clone();
    assert_eq!((&outcomes[0]["version"], &outcomes[0]["code"]), (&json!(3), &Value::Null));
    assert_eq!((&outcomes[1]["code"], &outcomes[2]["code"]), (&json!("ER0410"), &json!("ER0410")));
    assert_eq!(list(&server, "?state=decided").await.len(), 1);
    let unit =
        json!({"action": "correct", "label": "301000000A/役政司", "unit": "301000000A/役政司"});
    assert_eq!(decide(&server, "u-1", (&path, &tag), unit).await.status, 200);
}

#[tokio::test]
async fn what_a_job_answers_waits_too_and_feedback_from_elsewhere_closes_it() {
    let (server, _worker) = working().await;
    let input = letter("兵役", "緩徵");
    let order = json!({"service": "letters", "operation": "classify", "input": input});
    let made = post(server.addr, "/api/v1/jobs", &order).await.json();
    let ended = server.jobs.ended(made["job_id"].as_str().unwrap(), WATCHDOG).await.unwrap();
    assert_eq!(ended.state.as_str(), "succeeded");
    let items = list(&server, "").await;
    assert_eq!(items.len(), 1);
    let prediction = items[0]["prediction_id"].as_str().unwrap();
    let path = format!("/api/v1/predictions/{prediction}/feedback");
    let said = post(server.addr, &path, &json!({"decision": "accepted"})).await;
    assert_eq!(said.status, 204);
    assert!(list(&server, "").await.is_empty());
    let closed = list(&server, "?state=decided").await;
    assert_eq!(closed[0]["decision"]["undo_until"], Value::Null);
}

#[tokio::test]
async fn officers_see_their_units_and_what_their_scopes_allow() {
    let server = Server::guarded().await;
    activate(&server);
    let head = register(&server, "mailbox", |_| ()).await;
    let send_letter = async |subject: &str, body: &str| {
        let letters = json!({"purpose": {"code": "petition-handling", "case_no": "MB-1"},
            "letters": [{"subject": subject, "body": body}]});
        let target = ("POST", LETTERS);
        assert_eq!(call(&server, target, &head, &letters.to_string()).await.status, 200);
    };
    send_letter("兵役", "緩徵").await;
    send_letter("戶籍", "戶籍遷入").await;
    send_letter("戶籍檢舉", "我要檢舉戶籍不實,請保密").await;
    let titles = async |id: &str, units: &str, scopes: &str| {
        let head = register(&server, id, |it| {
            (it.units, it.scopes) = (units.to_owned(), scopes.to_owned());
        })
        .await;
        let found = call(&server, ("GET", REVIEWS), &head, "").await.json();
        let items = found["items"].as_array().unwrap().clone();
        let mut titles: Vec<String> =
            items.iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        (titles, head)
    };
    let household = "301000000A/戶政司";
    let (found, _) = titles("all", "", "reviews:work letters:review letters:confidential").await;
    assert_eq!(found, ["兵役", "戶籍", "戶籍檢舉"]);
    let (found, officer) = titles("officer", household, "reviews:work letters:review").await;
    assert_eq!(found, ["戶籍"]);
    let (found, _) = titles("dispatcher", household, "reviews:work documents:review").await;
    assert!(found.is_empty());
    let all = call(&server, ("GET", REVIEWS), &head, "").await.json();
    for item in all["items"].as_array().unwrap() {
        let path = format!("{REVIEWS}/{}", item["review_id"].as_str().unwrap());
        let is_seen = item["title"] == "戶籍";
        let status = call(&server, ("GET", path.as_str()), &officer, "").await.status;
        assert_eq!(status, if is_seen { 200 } else { 404 }, "{item}");
        let second = format!("{path}/second-opinion");
        assert_eq!(call(&server, ("POST", second.as_str()), &officer, "").await.status, 403);
        if is_seen {
            let content = call(&server, ("GET", path.as_str()), &officer, "").await.json();
            assert_eq!(content["content"]["case_no"], "MB-1");
        }
    }
}

#[tokio::test]
async fn a_second_officer_decides_unawares_and_agreement_is_counted() {
    let server = ready().await;
    for subject in ["戶籍", "兵役"] {
        post(server.addr, LETTERS, &letter(subject, subject)).await;
    }
    for item in list(&server, "").await {
        let (path, tag) = claim(&server, "u-1", &item).await;
        assert_eq!(decide(&server, "u-1", (&path, &tag), accept()).await.status, 200);
        let early =
            by(&server, "u-1", ("POST", &format!("{path}/second-opinion")), Value::Null).await;
        assert_eq!(early.status, 409, "it may be undone");
        server.skip(UNDO);
        server.reviews.settle().await.unwrap();
        let ask = async || {
            by(&server, "u-1", ("POST", &format!("{path}/second-opinion")), Value::Null).await
        };
        let made = ask().await;
        assert_eq!((made.status, &made.json()["decision"]), (201, &Value::Null), "{made:?}");
        assert_eq!(ask().await.status, 409, "once");
        let own = format!("{}/claim", made.header("location"));
        let own = by(&server, "u-1", ("POST", &own), Value::Null).await;
        assert_eq!(own.json()["detail"], "第二意見須由另一位承辦人提出。");
        let (path, tag) = claim(&server, "u-2", &made.json()).await;
        let body = match item["title"] == "戶籍" {
            true => accept(),
            false => json!({"action": "correct", "label": "地政司"}),
        };
        assert_eq!(decide(&server, "u-2", (&path, &tag), body).await.status, 200);
        server.skip(UNDO);
        assert_eq!(server.reviews.settle().await.unwrap(), 1);
    }
    let read = by(&server, "u-1", ("GET", "/api/v1/statistics"), Value::Null).await;
    validate(
        "/paths/~1api~1v1~1statistics/get/responses/200/content/application~1json/schema",
        &read.json(),
    );
    let agreement = read.json()["agreement"][0].clone();
    assert_eq!((&agreement["kind"], &agreement["pairs"]), (&json!("letter"), &json!(2)));
    // Expected by chance: one of two times 戶政司 by either.
    assert_eq!((&agreement["observed"], &agreement["kappa"]), (&json!(0.5), &json!(0.3333)));
    let reviewed = read.json()["services"][1]["reviewed"].clone();
    assert_eq!(reviewed, 2, "second opinions are no feedback");
    #[cfg(feature = "console")]
    {
        let page = super::client::get(server.addr, "/console/models").await;
        let page = String::from_utf8(page.body).unwrap();
        let row = page.split("id=\"agreement\"").nth(1).unwrap();
        let row = row.split("</section>").next().unwrap();
        for text in [">0.33<", "偏低", "件數少於 30", "50.0", "信件"] {
            assert!(row.contains(text), "{text}: {row}");
        }
    }
}

#[tokio::test]
async fn what_is_unclear_goes_to_somebody_who_may_assign() {
    let server = Server::guarded().await;
    activate(&server);
    let head = register(&server, "mailbox", |_| ()).await;
    let letters = json!({"purpose": {"code": "petition-handling"},
        "letters": [{"subject": "戶籍", "body": "遷入"}]});
    call(&server, ("POST", LETTERS), &head, &letters.to_string()).await;
    let officer = register(&server, "u-1", |it| {
        it.scopes = "reviews:work letters:review".to_owned();
    })
    .await;
    let next = format!("{REVIEWS}/claim-next");
    let taken = call(&server, ("POST", next.as_str()), &officer, "{}").await;
    let path = taken.header("location").to_owned();
    let head_with = |head: &str, tag: &str| format!("{head}if-match: {tag}\r\n");
    let escalate = format!("{path}/escalate");
    let target = ("POST", escalate.as_str());
    let tagged = head_with(&officer, taken.header("etag"));
    let given_up = call(&server, target, &tagged, r#"{"note_code":"unclear"}"#).await;
    assert_eq!((given_up.status, &given_up.json()["state"]), (200, &json!("escalated")));
    let taken = call(&server, ("POST", next.as_str()), &officer, "{}").await.json();
    assert_eq!(taken["review"], Value::Null);
    let claim = format!("{path}/claim");
    let refused = call(&server, ("POST", claim.as_str()), &officer, "").await;
    assert_eq!(refused.json()["detail"], "這筆已陳核,須由具指派權限者處理。");
    let taken = call(&server, ("POST", claim.as_str()), &head, "").await;
    assert_eq!((taken.status, &taken.json()["reason"]), (200, &json!("escalated")));
}
