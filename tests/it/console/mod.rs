//! The console as a browser gets it: pages, their headers, sessions, and what may not be seen.

mod clients;
mod hostile;
mod models;
mod privacy;
mod session;
mod sockets;
mod taxonomy;
mod words;

use std::collections::BTreeSet;

use fenwen::policy::{Access, PAGES};
use fenwen::store::clients::{ClientKey, ClientRow};
use std::time::Duration;

use crate::http::client::{Answer, get, send};
use crate::http::fake::Server;

/// Every page but those of signing in and out and the files.
fn screens() -> Vec<&'static str> {
    let is_screen = |path: &str| path.starts_with("/console") && !path.contains('{');
    PAGES
        .iter()
        .filter(|it| it.method == "GET" && it.access != Access::Open && is_screen(it.path))
        .map(|it| it.path)
        .collect()
}

fn html(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The page without the words that only its script shows: what is there, is seen.
fn shown(answer: &Answer) -> String {
    let page = html(answer);
    let (before, after) = page.split_once("<div id=\"words\"").unwrap();
    let (_, after) = after.split_once("</div>").unwrap();
    format!("{before}{after}")
}

/// A registered client with these scopes, and its key.
async fn register(server: &Server, id: &str, scopes: &str) -> String {
    let row = ClientRow {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        units: String::new(),
        scopes: scopes.to_owned(),
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
    assert!(server.store.add_client(row).await.unwrap());
    let key = fenwen::identity::NewKey::generate(false).unwrap();
    let kept = ClientKey {
        id: key.id,
        client: id.to_owned(),
        hash: key.hash,
        is_demo: false,
        created: Duration::ZERO,
    };
    assert!(server.store.add_client_key(kept).await.unwrap());
    key.text.expose().clone()
}

/// Sends a request with header lines.
async fn ask(server: &Server, method: &str, path: &str, head: &str, body: &str) -> Answer {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: t\r\n{head}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    send(server.addr, request.as_bytes()).await
}

#[tokio::test]
async fn every_screen_is_served_with_its_headers() {
    let server = Server::open().await;
    assert_eq!(screens().len(), 15, "{:?}", screens());
    for path in screens() {
        let answer = get(server.addr, path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        let hears = ["/console/try", "/console/calls"].contains(&path);
        let permissions = answer.header("permissions-policy");
        let microphone = if hears { "microphone=(self), " } else { "microphone=(), " };
        assert!(permissions.starts_with(microphone), "{path}: {permissions}");
        assert!(permissions.contains("camera=()"), "{path}: {permissions}");
        let page = html(&answer);
        assert!(page.contains("<html lang=\"zh-Hant-TW\">"), "{path}");
        assert!(page.contains("本系統僅提供建議"), "{path}");
        for forbidden in ["<style", " style=", " onclick=", "javascript:", "=\"http"] {
            assert!(!page.contains(forbidden), "{path}: {forbidden}");
        }
        // Each script is a file.
        assert_eq!(page.matches("<script").count(), page.matches("<script src=").count(), "{path}");
    }
}

#[tokio::test]
async fn files_of_pages_are_kept_by_browsers() {
    let server = Server::open().await;
    let mut links = BTreeSet::new();
    for path in screens() {
        let page = html(&get(server.addr, path).await);
        let found = page.split('"').filter(|it| it.starts_with("/console/assets/"));
        links.extend(found.map(str::to_owned));
    }
    assert!(8 <= links.len(), "{links:?}");
    for link in links {
        let file = get(server.addr, &link).await;
        assert!(file.status == 200 && !file.body.is_empty(), "{link}");
        assert!(file.header("cache-control").contains("max-age=31536000"), "{link}");
        let head = format!("if-none-match: {}\r\n", file.header("etag"));
        assert_eq!(ask(&server, "GET", &link, &head, "").await.status, 304, "{link}");
    }
    assert_eq!(get(server.addr, "/console/assets/other.js").await.status, 404);
    for (name, kind) in [
        ("card.jpg", "image/jpeg"),
        ("document.di", "application/xml"),
        ("recording.mp3", "audio/mpeg"),
    ] {
        let sample = get(server.addr, &format!("/console/samples/{name}")).await;
        assert_eq!((sample.status, sample.header("content-type")), (200, kind), "{name}");
        assert!(sample.body.len() <= 60 << 10, "{name} has {} bytes", sample.body.len());
    }
    assert_eq!(get(server.addr, "/console/samples/other").await.status, 404);
}

#[tokio::test]
async fn the_language_is_chosen_and_remembered() {
    let server = Server::open().await;
    let english = get(server.addr, "/console?lang=en").await;
    assert!(html(&english).contains("<html lang=\"en\">"));
    let cookie = english.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(cookie, "lang=en");
    let head = format!("cookie: {cookie}\r\n");
    for path in screens() {
        let page = html(&ask(&server, "GET", path, &head, "").await);
        assert!(page.contains("<html lang=\"en\">") && page.contains("This system only suggests"));
    }
    let back = ask(&server, "GET", "/console?lang=zh", &head, "").await;
    assert!(html(&back).contains("zh-Hant-TW") && back.header("set-cookie").starts_with("lang=zh"));
    let odd = ask(&server, "GET", "/console?lang=xx", "cookie: lang=yy\r\n", "").await;
    assert!(html(&odd).contains("<html lang=\"zh-Hant-TW\">"));
}

#[tokio::test]
async fn the_root_of_a_demonstration_leads_to_the_trial() {
    let server = Server::open().await;
    let root = get(server.addr, "/").await;
    assert_eq!((root.status, root.header("location")), (303, "/console/try"));
    let guarded = Server::guarded().await;
    assert_eq!(get(guarded.addr, "/").await.header("location"), "/console");
}

#[tokio::test]
async fn every_row_of_a_page_has_its_page() {
    let server = Server::open().await;
    for row in PAGES {
        let path = row.path.replace("{file}", "console.css").replace("{id}", &"0".repeat(32));
        let status = ask(&server, row.method, &path, "", "").await.status;
        // A record or a file that is not there is told from a page that is not.
        let is_there = ![404, 405].contains(&status) || row.path.contains('{');
        assert!(is_there, "{} {path}: {status}", row.method);
    }
    let record = format!("/console/recordings/{}", "0".repeat(32));
    for path in [&record, "/console/mistyped", "/console/audit/more"] {
        let missing = get(server.addr, path).await;
        let kind = missing.header("content-type");
        assert_eq!((missing.status, kind), (404, "text/html; charset=utf-8"), "{path}");
        assert!(html(&missing).contains("找不到資料"), "{path}");
    }
}
