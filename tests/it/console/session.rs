//! Signing in, what a session may do, and how it ends.

use std::time::Duration;

use crate::audit::rows;
use crate::http::client::get;
use crate::http::fake::Server;

use super::{ask, html, register, screens};

const LOGIN: &str = "/console/login";

/// Signs in; the cookie as a header line.
pub(super) async fn sign_in(server: &Server, key: &str) -> String {
    let answer = ask(server, "POST", LOGIN, "", &format!("key={key}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/console"), "{answer:?}");
    let cookie = answer.header("set-cookie");
    for rule in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(rule), "{cookie}");
    }
    format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
}

/// The session's token, from a page.
pub(super) async fn token(server: &Server, cookie: &str) -> String {
    let page = html(&ask(server, "GET", "/console", cookie, "").await);
    let (_, after) = page.split_once("name=\"token\" content=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_sees_a_screen_without_signing_in() {
    let server = Server::guarded().await;
    for path in screens() {
        let answer = get(server.addr, path).await;
        assert_eq!((answer.status, answer.header("location")), (303, LOGIN), "{path}");
        let forged = ask(&server, "GET", path, "cookie: fenwen=AAAA\r\n", "").await;
        assert_eq!(forged.status, 303, "{path}");
    }
    let page = get(server.addr, LOGIN).await;
    assert!(page.status == 200 && html(&page).contains("介接金鑰"));
    // The API is not opened by it.
    assert_eq!(get(server.addr, "/api/v1/jobs").await.problem(), "ER0300");
}

#[tokio::test]
async fn who_comes_back_from_the_provider_is_on_record() {
    let server = Server::guarded().await;
    get(server.addr, LOGIN).await;
    let path = "/console/login/callback";
    assert_eq!(get(server.addr, &format!("{path}?state=a&code=b")).await.status, 303);
    let rows = rows(server.data_dir.path());
    let actions: Vec<&str> = rows.iter().map(|it| it.action.as_str()).collect();
    let row = format!("GET {path}");
    assert_eq!(actions.iter().filter(|it| **it == row).count(), 2, "{actions:?}");
    assert!(!actions.contains(&"GET /console/login"), "{actions:?}");
}

#[tokio::test]
async fn a_session_opens_what_the_scopes_open() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "letters:classify jobs:read").await;
    let cookie = sign_in(&server, &key).await;
    let home = html(&ask(&server, "GET", "/console", &cookie, "").await);
    assert!(home.contains("officer (301000000A)") && home.contains("/console/try"));
    assert!(!home.contains("href=\"/console/audit\"") && !home.contains(&key));
    let denied = ask(&server, "GET", "/console/audit", &cookie, "").await;
    assert_eq!((denied.status, denied.header("content-type")), (403, "text/html; charset=utf-8"));
    assert!(html(&denied).contains("沒有這個畫面的權限"));
    assert_eq!(ask(&server, "GET", "/api/v1/jobs", &cookie, "").await.status, 200);
    assert_eq!(ask(&server, "GET", "/api/v1/statistics", &cookie, "").await.status, 403);
}

#[tokio::test]
async fn what_changes_something_needs_the_token_of_the_session() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "letters:classify jobs:read").await;
    let cookie = sign_in(&server, &key).await;
    let token = token(&server, &cookie).await;
    let post = async |head: &str| {
        let head = format!("{cookie}{head}content-type: application/json\r\n");
        ask(&server, "POST", "/api/v1/jobs", &head, "{}").await.status
    };
    assert_eq!(post("").await, 401);
    assert_eq!(post("x-csrf-token: other\r\n").await, 401);
    assert_eq!(post(&format!("x-csrf-token: {token}\r\n")).await, 400);
    // A credential of its own goes before the session.
    let bad = format!("authorization: Bearer x\r\nx-csrf-token: {token}\r\n");
    assert_eq!(post(&bad).await, 401);
}

#[tokio::test]
async fn a_session_ends() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "letters:classify").await;
    let is_open = async |cookie: &str| {
        let status = ask(&server, "GET", "/console", cookie, "").await.status;
        assert!([200, 303].contains(&status), "{status}");
        status == 200
    };
    let minutes = |it: u64| Duration::from_secs(60 * it);

    let idle = sign_in(&server, &key).await;
    server.skip(minutes(14));
    assert!(is_open(&idle).await);
    server.skip(minutes(14));
    assert!(is_open(&idle).await, "each request counts");
    server.skip(minutes(15));
    assert!(!is_open(&idle).await, "idle");

    let long = sign_in(&server, &key).await;
    for _ in 0..8 * 60 / 10 - 1 {
        server.skip(minutes(10));
        assert!(is_open(&long).await);
    }
    server.skip(minutes(10));
    assert!(!is_open(&long).await, "eight hours");

    let left = sign_in(&server, &key).await;
    let token = token(&server, &left).await;
    ask(&server, "POST", "/console/logout", &left, "token=other").await;
    assert!(is_open(&left).await, "signed out by another site");
    let out = ask(&server, "POST", "/console/logout", &left, &format!("token={token}")).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(!is_open(&left).await, "signed out");

    let suspended = sign_in(&server, &key).await;
    server.store.set_client_active("officer", false, Duration::ZERO).await.unwrap();
    server.skip(minutes(1));
    let denied = ask(&server, "GET", "/console", &suspended, "").await;
    assert_eq!(denied.status, 403, "suspended");
}

#[tokio::test]
async fn bad_keys_are_refused_and_counted() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "letters:classify").await;
    let body = format!("key={key}");
    let foreign = ask(&server, "POST", LOGIN, "sec-fetch-site: cross-site\r\n", &body).await;
    assert_eq!((foreign.status, foreign.header("set-cookie")), (403, ""));
    for bad in ["", "key=", "key=fwk_0000000000000000_x", "key=%3Cscript%3E", "other=1"] {
        let answer = ask(&server, "POST", LOGIN, "", bad).await;
        let page = html(&answer);
        assert_eq!((answer.status, answer.header("set-cookie")), (401, ""), "{bad}");
        assert!(page.contains("金鑰無效") && !page.contains("<script>"), "{bad}");
    }
    let locked = ask(&server, "POST", LOGIN, "", &body).await;
    assert!(locked.status == 429 && html(&locked).contains("暫停登入 15 分鐘"));
    server.skip(Duration::from_secs(15 * 60));
    sign_in(&server, &key).await;
}
