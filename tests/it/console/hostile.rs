//! What others wrote is shown as text, wherever it comes from.

use std::time::Duration;

use fenwen::media::sources::SourceDraft;
use fenwen::service::sources::{Change, Library, Provenance};
use fenwen::store::clients::ClientRow;

use crate::http::client::get;
use crate::http::fake::Server;

use super::{ask, html};

/// Pieces that a browser would run or obey if they were not escaped.
const CORPUS: [&str; 8] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "</textarea><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)//<a href=x>",
    "<!--<iframe srcdoc='<script>alert(1)</script>'>",
];

/// Nothing of the corpus stands in a page as markup.
fn check(page: &str, at: &str) {
    for markup in ["<script>", "<img src=x", "<svg onload", "<iframe", "<a href=x>", "' autofocus"]
    {
        assert!(!page.contains(markup), "{at}: {markup}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|it| format!("%{it:02X}")).collect()
}

#[tokio::test]
async fn names_of_clients_are_text() {
    let server = Server::open().await;
    for (n, text) in CORPUS.iter().enumerate() {
        let row = ClientRow {
            id: format!("c-{n}{text}"),
            org: (*text).to_owned(),
            units: (*text).to_owned(),
            scopes: (*text).to_owned(),
            purposes: (*text).to_owned(),
            hours: Some((*text).to_owned()),
            networks: (*text).to_owned(),
            expires: None,
            certificate: None,
            partner: Some(format!("{n}{text}")),
            is_active: true,
            approver: (*text).to_owned(),
            created: Duration::ZERO,
            used: Duration::ZERO,
        };
        assert!(server.store.add_client(row).await.unwrap());
    }
    let page = html(&get(server.addr, "/console/clients").await);
    assert!(page.contains("c-0&#60;script&#62;"), "{page}");
    check(&page, "clients");
}

#[tokio::test]
async fn sources_are_text() {
    let server = Server::open().await;
    let library = Library::at(&server.data_dir.path().join("answers").join("sources"));
    let sources = CORPUS.iter().enumerate().map(|(n, text)| SourceDraft {
        id: Some(format!("s-{n}")),
        title: Some((*text).to_owned()),
        unit: Some((*text).to_owned()),
        answer: (*text).to_owned(),
        ..SourceDraft::default()
    });
    let drafts: Vec<SourceDraft> = sources.collect();
    let from = Provenance { file: "a".to_owned(), format: "csv", sha256: "0".repeat(64) };
    let change = Change { by: CORPUS[0].to_owned(), at: 1 };
    library.import(&drafts, &from, &change).unwrap();
    let page = html(&get(server.addr, "/console/answers").await);
    assert!(page.contains("s-0") && page.contains("&#60;script&#62;"), "{page}");
    check(&page, "answers");
}

#[tokio::test]
async fn what_is_asked_is_text() {
    let server = Server::open().await;
    for text in CORPUS {
        let asked = percent(text);
        for query in ["actor", "object", "case", "from", "month"] {
            for what in ["search", "report"] {
                let path = format!("/console/audit?do={what}&{query}={asked}");
                let page = html(&get(server.addr, &path).await);
                assert!(page.contains("稽核"), "{path}");
                check(&page, &path);
            }
        }
        let path = format!("/console/answers?state={asked}&lang={asked}");
        check(&html(&get(server.addr, &path).await), &path);
    }
}

#[tokio::test]
async fn addresses_of_webhooks_are_text() {
    let server = Server::open().await;
    let new = fenwen::store::webhooks::NewWebhook {
        id: "0".repeat(32),
        org: "301000000A".to_owned(),
        client: "local".to_owned(),
        url: format!("https://receiver.example/{}", CORPUS[0]),
        names: Vec::new(),
        created: Duration::ZERO,
    };
    assert!(server.store.add_webhook(new, 3).unwrap().await.unwrap().is_some());
    let page = html(&get(server.addr, "/console/clients").await);
    assert!(page.contains("receiver.example/&#60;script&#62;"), "{page}");
    check(&page, "webhooks");
}

#[tokio::test]
async fn what_applications_say_is_text() {
    let server = Server::open().await;
    for (idx, text) in CORPUS.iter().enumerate() {
        let application = serde_json::json!({
            "application_no": text, "applied_by": text, "client_id": format!("c-{idx}"),
            "org": "301000000A", "scopes": ["jobs:read"], "purposes": ["petition-handling"],
        });
        let head = "content-type: application/json\r\n";
        let path = "/api/v1/clients/applications";
        let made = ask(&server, "POST", path, head, &application.to_string()).await;
        assert_eq!(made.status, 201, "{text}: {made:?}");
    }
    let page = html(&get(server.addr, "/console/clients").await);
    assert!(page.contains("<dd>&#60;script&#62;"), "{page}");
    check(&page, "applications");
}
