//! 介接系統: applications that wait, who is offered to decide, and that an agency sees its own only.

use std::time::Duration;

use fenwen::policy::Surface;
use fenwen::store::clients::ClientRow;
use serde_json::{Value, json};

use crate::http::client::{Answer, get};
use crate::http::fake::Server;
use crate::http::guard;

use super::{ask, html, register, shown};

const CLIENTS: &str = "/console/clients";
const API: &str = "/api/v1/clients";

fn application(client: &str, org: &str) -> Value {
    json!({
        "application_no": "SO-2026-000123", "applied_by": "u-31", "client_id": client, "org": org,
        "scopes": ["letters:classify"], "purposes": ["petition-handling"], "networks": ["10.1.0.0/16"],
        "hours": "08:00-18:00", "valid_days": 365, "exchange_name": format!("TW/GOV/1/{client}"),
    })
}

async fn post(server: &Server, head: &str, path: &str, body: Value) -> Answer {
    let head = format!("{head}content-type: application/json\r\n");
    ask(server, "POST", &format!("{API}{path}"), &head, &body.to_string()).await
}

/// Hands an application over; its id.
async fn apply(server: &Server, head: &str, body: Value) -> String {
    let made = post(server, head, "/applications", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["application_id"].as_str().unwrap().to_owned()
}

/// Signs a client in; the header lines of its session with the token.
async fn sign_in(server: &Server, key: &str) -> String {
    // One that was made just now is known a second later.
    server.skip(Duration::from_secs(1));
    let answer = ask(server, "POST", "/console/login", "", &format!("key={key}")).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let cookie = format!("cookie: {cookie}\r\n");
    let page = html(&ask(server, "GET", "/console", &cookie, "").await);
    let (_, after) = page.split_once("name=\"token\" content=\"").unwrap();
    format!("{cookie}x-csrf-token: {}\r\n", after.split('"').next().unwrap())
}

#[tokio::test]
async fn applications_are_shown_with_what_they_ask_for_and_what_became_of_them() {
    let server = Server::open().await;
    let page = shown(&get(server.addr, CLIENTS).await);
    assert!(page.contains("沒有待核准的申請") && page.contains("尚未登記任何介接系統"));
    let id = apply(&server, "", application("mailbox", "301000000A")).await;
    let page = shown(&get(server.addr, CLIENTS).await);
    for asked in [
        "SO-2026-000123",
        "u-31",
        "letters:classify",
        "petition-handling",
        "10.1.0.0/16",
        "08:00-18:00",
        "365 日",
        "TW/GOV/1/mailbox",
    ] {
        assert!(page.contains(asked), "{asked}");
    }
    let home = html(&get(server.addr, "/console").await);
    assert!(home.contains("介接系統的申請</a><strong>1</strong>"), "it is told on the first page");
    let approve = format!("{API}/applications/{id}/approve");
    assert!(page.contains(&format!("data-do=\"approve\" data-path=\"{approve}\"")));
    assert!(page.contains("id=\"approve-by\"") && page.contains("id=\"reject-reason\""));
    let by = json!({"by": "u-2"});
    assert_eq!(post(&server, "", &format!("/applications/{id}/approve"), by).await.status, 204);
    assert!(!html(&get(server.addr, "/console").await).contains("介接系統的申請"));
    let page = shown(&get(server.addr, "/console/clients?did=approve&client=mailbox").await);
    assert!(
        page.contains("已核准並登記") && page.contains("href=\"#client-mailbox\">mailbox</a></p>")
    );
    assert!(page.contains("沒有待核准的申請") && page.contains("已核准</span>"));
    assert!(page.contains("data-issue=\"/api/v1/clients/mailbox/keys\""));
    assert!(page.contains("/mailbox/suspend\"") && !page.contains("/mailbox/enable\""));
    // A name that nobody has is not repeated.
    let page = html(&get(server.addr, "/console/clients?did=approve&client=other").await);
    assert!(!page.contains("#client-other"));

    let id = apply(&server, "", application("second", "301000000A")).await;
    let why = json!({"by": "u-2", "reason": "重複申請"});
    assert_eq!(post(&server, "", &format!("/applications/{id}/reject"), why).await.status, 204);
    let page = shown(&get(server.addr, CLIENTS).await);
    assert!(page.contains("已駁回") && page.contains("重複申請"));
    assert!(!page.contains("data-do=\"approve\""));
}

#[tokio::test]
async fn whoever_applied_or_handed_it_over_is_not_offered_to_approve() {
    let server = Server::guarded().await;
    let key = register(&server, "U-31", "clients:admin").await;
    let applicant = sign_in(&server, &key).await;
    let key = register(&server, "sender", "clients:admin").await;
    let sender = sign_in(&server, &key).await;
    let key = register(&server, "u-2", "clients:admin").await;
    let other = sign_in(&server, &key).await;
    let id = apply(&server, &sender, application("mailbox", "301000000A")).await;
    for (head, may) in [(&applicant, false), (&sender, false), (&other, true)] {
        let page = shown(&ask(&server, "GET", CLIENTS, head, "").await);
        assert_eq!(page.contains("data-do=\"approve\""), may);
        assert_eq!(page.contains("須由另一人核准"), !may);
        assert!(page.contains("data-do=\"reject\""), "whoever applied may take it back");
        assert!(!page.contains("id=\"approve-by\""), "a name that is proven is not asked for");
    }
    let approve = format!("/applications/{id}/approve");
    let without = other.split_inclusive('\n').next().unwrap();
    assert_eq!(post(&server, without, &approve, json!({})).await.status, 401, "no token");
    assert_eq!(post(&server, &sender, &approve, json!({"by": "u-2"})).await.status, 409);
    assert_eq!(post(&server, &other, &approve, json!({})).await.status, 204);
    let key = post(&server, &other, "/mailbox/keys", json!({})).await;
    let key = key.json()["key"].as_str().unwrap().to_owned();
    let page = html(&ask(&server, "GET", CLIENTS, &other, "").await);
    assert!(!page.contains(&key), "a key is shown once");
    assert!(page.contains("/mailbox/keys/"), "it can be revoked");
    assert!(page.contains("具有管理權限"), "administrators are looked after at the machine");
    assert!(!page.contains("data-issue=\"/api/v1/clients/u-2/keys\""));
}

#[tokio::test]
async fn an_agency_sees_its_own_applications_and_clients() {
    let server = Server::guarded().await;
    let of_agency = |it: &mut ClientRow| {
        (it.org, it.scopes) = ("379000000A".to_owned(), "clients:admin".to_owned());
    };
    let head = guard::register(&server, "u-9", of_agency).await;
    let key = head.trim().rsplit(' ').next().unwrap();
    let agency = sign_in(&server, key).await;
    let key = register(&server, "u-2", "clients:admin").await;
    let house = sign_in(&server, &key).await;
    apply(&server, &house, application("of-the-house", "301000000A")).await;
    apply(&server, &agency, application("of-the-agency", "379000000A")).await;
    let page = shown(&ask(&server, "GET", CLIENTS, &agency, "").await);
    assert!(page.contains("of-the-agency") && page.contains("client-u-9"));
    assert!(!page.contains("of-the-house") && !page.contains("client-u-2"));
    let page = shown(&ask(&server, "GET", CLIENTS, &house, "").await);
    for it in ["of-the-agency", "of-the-house", "client-u-9", "client-u-2"] {
        assert!(page.contains(it), "{it}");
    }
}

#[tokio::test]
async fn at_a_listener_of_clients_it_is_said_where_decisions_are_taken() {
    for (surface, may) in [(Surface::Public, false), (Surface::Admin, true)] {
        let server = Server::guarded_at(surface, None).await;
        let key = register(&server, "u-2", "clients:admin").await;
        register(&server, "mailbox", "letters:classify").await;
        let head = sign_in(&server, &key).await;
        let page = shown(&ask(&server, "GET", CLIENTS, &head, "").await);
        assert_eq!(page.contains("只在管理用的監聽位址"), !may, "{surface:?}");
        assert_eq!(page.contains("data-issue"), may, "{surface:?}");
        assert_eq!(page.contains("data-do=\"suspend\""), may, "{surface:?}");
    }
}
