//! The exchange, through a small stand-in for its security server: what a message says, who may, how large it may be.
//!
//! The messages in `tests/data/xroad` are what a consumer sends to its security server, in the forms of the X-Road
//! message protocol for REST.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fenwen::audit::{Phase, RowBody};
use fenwen::http::HttpOptions;
use fenwen::policy::{Scope, Surface};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::fake::{Server, options};
use super::guard::register;
use super::texts::activate;
use super::tls::{BOTH, World};
use crate::audit::rows;

/// What is answered to the consumer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// Plays the provider's security server: maps the service to our listener, and shows its certificate there.
struct SecurityServer {
    world: World,
    server: Server,
    connector: TlsConnector,
}

/// Service codes that are registered at it.
const REGISTERED: [&str; 5] = ["letters", "documents", "speech", "qa", "identity-documents"];

/// Id that it gives to a request.
const REQUEST_ID: &str = "f92591a3-6bf0-49b1-987b-0dd78c034cc3";

impl SecurityServer {
    async fn start() -> SecurityServer {
        SecurityServer::before(options()).await
    }

    /// In front of a listener with these limits.
    async fn before(options: HttpOptions) -> SecurityServer {
        let world = World::new();
        world.issue("security-server");
        let server = world.exchange(options).await;
        activate(&server);
        let connector = world.connector(Some("security-server"), BOTH);
        for (id, partner) in [
            ("mailbox", "TW/GOV/301000000A/mailbox"),
            ("box-1", "TW/GOV/301000000A/%e4%bf%a1%e7%ae%b1%2f1"),
            ("taipei", "TW/GOV/379000000A"),
        ] {
            register(&server, id, |it| {
                it.partner = Some(partner.to_owned());
                it.scopes = Scope::LettersClassify.as_str().to_owned();
            })
            .await;
        }
        SecurityServer { world, server, connector }
    }

    /// Takes a message of a file, and gives what the consumer is answered.
    async fn play(&self, file: &str) -> Answer {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/xroad");
        let message = std::fs::read_to_string(folder.join(format!("{file}.http"))).unwrap();
        self.carry(&message).await
    }

    async fn carry(&self, message: &str) -> Answer {
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let [method, target, _] = lines.next().unwrap().split(' ').collect::<Vec<_>>()[..] else {
            unreachable!("{head}")
        };
        let mut headers: BTreeMap<String, String> = lines
            .filter_map(|it| it.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let Some(client) = headers.get("x-road-client").cloned() else {
            return refused(400, "Client.BadRequest");
        };
        let service = target.strip_prefix("/r1/").unwrap();
        let parts: Vec<&str> = service.splitn(6, '/').collect();
        let (code, path) = (parts[4], parts[5]);
        if !REGISTERED.contains(&code) {
            return refused(500, "Server.ServerProxy.UnknownService");
        }
        let id = headers.entry("x-road-id".to_owned());
        let id = id.or_insert("29f4d011-ef17-4f2f-9bb1-0452ce17d3f5".to_owned()).clone();
        headers.insert("x-road-request-id".to_owned(), REQUEST_ID.to_owned());
        headers.entry("accept".to_owned()).or_insert("application/json".to_owned());
        headers.insert("host".to_owned(), "localhost".to_owned());
        headers.insert("connection".to_owned(), "close".to_owned());
        if !headers.contains_key("transfer-encoding") {
            headers.insert("content-length".to_owned(), body.len().to_string());
        }
        let head: String = headers.iter().map(|(name, it)| format!("{name}: {it}\r\n")).collect();
        let request = format!("{method} /{path} HTTP/1.1\r\n{head}\r\n{body}");
        let answered = self.world.ask(&self.server, &self.connector, &request).await.unwrap();
        let mut answer = read(&answered);
        let own = answer.headers.keys().find(|it| it.starts_with("x-road-"));
        assert_eq!(own, None, "these are the security server's");
        for (name, value) in
            [("x-road-client", client), ("x-road-id", id), ("x-road-service", parts[..5].join("/"))]
        {
            answer.headers.insert(name.to_owned(), value);
        }
        answer
    }

    /// The last call on record.
    fn recorded(&self) -> RowBody {
        let row = rows(self.server.data_dir.path()).pop().unwrap();
        assert_eq!(row.phase, Some(Phase::Close));
        row
    }
}

/// What a security server says itself.
fn refused(status: u16, error: &str) -> Answer {
    let headers = [("x-road-error".to_owned(), error.to_owned())].into();
    Answer { status, headers, body: json!({"type": error, "message": "-", "detail": "-"}) }
}

fn read(answered: &str) -> Answer {
    let (head, body) = answered.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|it| it.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

#[tokio::test]
async fn a_message_is_answered_and_on_record_with_what_it_says() {
    let exchange = SecurityServer::start().await;
    let answer = exchange.play("letter").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body["items"][0]["prediction_id"].is_string(), "{answer:?}");
    assert_eq!(answer.headers["x-road-service"], "TW/GOV/301000000A/fenwen/letters");
    let row = exchange.recorded();
    assert_eq!((row.actor.id.as_str(), row.actor.asserted), ("mailbox", false));
    assert_eq!(row.xroad_id.as_deref(), Some("fa2e18a5-c2cb-4d09-b994-f57727f7c3fb"));
    assert_eq!(row.xroad_request_id.as_deref(), Some(REQUEST_ID));
    assert_eq!(row.case_no.as_deref(), Some("MB1140012345"), "the issue is the case");
    assert_eq!(row.person.as_deref(), Some("*********789"), "a number of a person stays out");
    let open = rows(exchange.server.data_dir.path()).into_iter().rev().nth(1).unwrap();
    let actor = (open.actor.id.as_str(), open.actor.asserted);
    assert_eq!((open.phase, actor), (Some(Phase::Open), ("TW/GOV/301000000A/mailbox", true)));
    let answer = exchange.play("represented").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(exchange.recorded().xroad_party.as_deref(), Some("GOV/379000000A"));
    let answer = exchange.play("without-id").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(exchange.recorded().xroad_id.as_deref(), Some(answer.headers["x-road-id"].as_str()));
}

#[tokio::test]
async fn a_message_has_less_time_than_its_security_server_waits() {
    let none = HttpOptions { exchange_timeout: Duration::ZERO, ..options() };
    let exchange = SecurityServer::before(none).await;
    let answer = exchange.play("letter").await;
    assert_eq!((answer.status, &answer.body["code"]), (504, &json!("ER0520")), "{answer:?}");
    assert_eq!(exchange.recorded().status, Some(504));
    assert!(HttpOptions::default().exchange_timeout < Duration::from_secs(120));
}

#[tokio::test]
async fn clients_are_told_apart_by_their_decoded_names() {
    let exchange = SecurityServer::start().await;
    for (file, id) in [("encoded", "box-1"), ("member", "taipei"), ("letter", "mailbox")] {
        let answer = exchange.play(file).await;
        assert_eq!((answer.status, exchange.recorded().actor.id.as_str()), (200, id), "{answer:?}");
    }
}

#[tokio::test]
async fn rights_are_those_of_the_client_and_no_user_adds_any() {
    let exchange = SecurityServer::start().await;
    let answer = exchange.play("stranger").await;
    assert_eq!((answer.status, &answer.body["code"]), (403, &json!("ER0311")), "{answer:?}");
    let row = exchange.recorded();
    assert_eq!((row.status, row.xroad_request_id.as_deref()), (Some(403), Some(REQUEST_ID)));
    let actor = (row.actor.id.as_str(), row.actor.org.as_deref(), row.actor.asserted);
    assert_eq!(actor, ("TW/COM/12345678/shop", None, true), "who it says it is, and no more");
    assert_eq!(row.client, None);
    let answer = exchange.play("no-right").await;
    assert_eq!((answer.status, &answer.body["code"]), (403, &json!("ER0310")), "{answer:?}");
    assert!(!answer.headers.contains_key("x-road-error"), "it is the provider's own answer");
}

#[tokio::test]
async fn what_the_security_server_refuses_does_not_reach_us() {
    let exchange = SecurityServer::start().await;
    let n_rows = || rows(exchange.server.data_dir.path()).len();
    let before = n_rows();
    for (file, error) in [
        ("without-client", "Client.BadRequest"),
        ("unknown-service", "Server.ServerProxy.UnknownService"),
    ] {
        let answer = exchange.play(file).await;
        assert_eq!(
            (answer.headers["x-road-error"].as_str(), &answer.body["type"]),
            (error, &json!(error))
        );
    }
    assert_eq!(n_rows(), before);
}

#[tokio::test]
async fn a_query_is_passed_on_as_it_is() {
    let exchange = SecurityServer::start().await;
    let answer = exchange.play("services").await;
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("ER0200")), "{answer:?}");
}

#[tokio::test]
async fn a_message_is_smaller_than_five_megabytes() {
    let exchange = SecurityServer::start().await;
    let head = "POST /r1/TW/GOV/301000000A/fenwen/letters/api/v1/letters/classifications HTTP/1.1\r\n\
                Content-Type: application/json\r\nX-Road-Client: TW/GOV/301000000A/mailbox\r\n";
    let large = "x".repeat(5_000_000);
    let answer = exchange.carry(&format!("{head}\r\n{large}")).await;
    assert_eq!((answer.status, &answer.body["code"]), (413, &json!("ER0430")), "{answer:?}");
    // Also one that does not say how large it is.
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let answer = exchange.carry(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}")).await;
    assert_eq!((answer.status, &answer.body["code"]), (413, &json!("ER0430")), "{answer:?}");
    let fitting = json!({"letters": [{"subject": "a", "body": "x".repeat(1000)}],
        "purpose": {"code": "petition-handling"}});
    assert_eq!(exchange.carry(&format!("{head}\r\n{fitting}")).await.status, 200);
}

#[tokio::test]
async fn anywhere_else_its_headers_are_as_if_they_were_not_there() {
    let world = World::new();
    let open = world.server(Surface::Public, false, false).await;
    let key = register(&open, "mailbox", |it| it.partner = Some("TW/GOV/1/a".to_owned())).await;
    let request = format!(
        "GET /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{key}x-road-id: x-1\r\n\
         x-road-client: TW/GOV/1/a\r\nx-road-issue: case\r\nx-road-userid: u-1\r\n\r\n"
    );
    let answer = world.ask(&open, &world.connector(None, BOTH), &request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let row = rows(open.data_dir.path()).pop().unwrap();
    assert_eq!(
        (row.actor.id.as_str(), row.xroad_id, row.case_no, row.person),
        ("mailbox", None, None, None)
    );
}

#[tokio::test]
async fn each_service_code_has_a_description_of_its_own() {
    let exchange = SecurityServer::start().await;
    for code in REGISTERED {
        let message = format!(
            "GET /r1/TW/GOV/301000000A/fenwen/{code}/openapi/{code}.json HTTP/1.1\r\n\
             X-Road-Client: TW/GOV/301000000A/mailbox\r\n\r\n"
        );
        let answer = exchange.carry(&message).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let paths = answer.body["paths"].as_object().unwrap();
        assert!(paths.keys().all(|it| it.starts_with("/api/v1/")), "{:?}", paths.keys());
    }
}
