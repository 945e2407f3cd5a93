//! Webhooks over real sockets: one request to the checked address, no redirect, a bounded wait.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use fenwen::base::{Clock, SystemClock};
use fenwen::bus::{Bus, Embedded, EmbeddedSettings};
use fenwen::service::relay::{Relay, StoreOutbox};
use fenwen::service::webhooks::{
    Deliverer, Failure, Guard, HttpSender, Post, Posted, Resolve, Sender, SystemResolver, Target,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::http::client::{WATCHDOG, get};
use crate::http::fake::{Server, loopback};
use crate::http::later::post as call;
use crate::http::texts::{LETTERS, letter, ready};

/// Takes one connection, answers it with `answer`, and gives what was asked.
pub(crate) async fn receiver(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !is_whole(&asked) {
            let mut chunk = [0; 1024];
            let n_bytes = stream.read(&mut chunk).await.unwrap();
            assert!(0 < n_bytes, "the request ended early");
            asked.extend_from_slice(&chunk[..n_bytes]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    (address, task)
}

/// Whether a request has come as long as it says.
fn is_whole(asked: &[u8]) -> bool {
    let text = std::str::from_utf8(asked).unwrap_or_default();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    header(head, "content-length").parse() == Ok(body.len())
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut fields = head.lines().filter_map(|it| it.split_once(": "));
    fields.find(|it| it.0 == name).map_or("", |it| it.1)
}

struct Loopback;

impl Resolve for Loopback {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Vec<IpAddr>> {
        std::future::ready(vec!["127.0.0.1".parse().unwrap()]).boxed()
    }
}

async fn target(port: u16, scheme: &str) -> Target {
    let guard = Guard { allowed: vec!["127.0.0.0/8".parse().unwrap()], allow_plain: true };
    let url = format!("{scheme}://mailbox.example:{port}/hook?x=1");
    guard.check(&url, &Loopback).await.unwrap()
}

async fn post(target: Target, timeout: Duration) -> Result<Posted, Failure> {
    let headers = vec![("webhook-id", "019a-wh-7".to_owned())];
    let sender: Arc<dyn Sender> = Arc::new(HttpSender::new(None).unwrap());
    sender.post(Post { target, headers, body: b"{}".to_vec(), timeout }).await
}

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_checked_address_gets_one_request_under_the_hosts_name() {
    let (address, asked) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let posted = post(target(address.port(), "http").await, PATIENCE).await;
    assert_eq!(posted, Ok(Posted { status: 204, retry_after: None }));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: mailbox.example:{}\r\n", address.port())), "{asked}");
    assert!(
        asked.contains("webhook-id: 019a-wh-7\r\n") && asked.ends_with("\r\n\r\n{}"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_a_busy_receiver_says_when() {
    let moved =
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let (address, _asked) = receiver(moved).await;
    let posted = post(target(address.port(), "http").await, PATIENCE).await;
    assert_eq!(posted, Ok(Posted { status: 302, retry_after: None }));
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 99999999\r\ncontent-length: 0\r\n\r\n";
    let (address, _asked) = receiver(busy).await;
    let posted = post(target(address.port(), "http").await, PATIENCE).await;
    let retry_after = Some(Duration::from_secs(24 * 60 * 60));
    assert_eq!(posted, Ok(Posted { status: 503, retry_after }));
}

#[tokio::test]
async fn what_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let posted = post(target(port, "http").await, Duration::from_millis(50)).await;
    assert_eq!(posted, Err(Failure::Timeout));
    drop(silent);
    let posted = post(target(port, "http").await, PATIENCE).await;
    assert_eq!(posted, Err(Failure::Connection));
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closing.local_addr().unwrap().port();
    let closed = tokio::spawn(async move { drop(closing.accept().await) });
    let posted = post(target(port, "https").await, PATIENCE).await;
    assert_eq!(posted, Err(Failure::Connection));
    closed.await.unwrap();
}

/// Checks a request as a receiver does, with what it was given when the webhook was made; its body.
#[track_caller]
fn verified(asked: &str, webhook: &Value) -> Value {
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let signed =
        format!("{}.{}.{body}", header(head, "webhook-id"), header(head, "webhook-timestamp"));
    let signatures: Vec<&str> = header(head, "webhook-signature").split(' ').collect();
    let [shared, private] = signatures[..] else { unreachable!("{signatures:?}") };
    let bytes = |text: &str, prefix: &str| STANDARD.decode(text.strip_prefix(prefix).unwrap());
    let secret = bytes(webhook["secret"].as_str().unwrap(), "whsec_").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(signed.as_bytes());
    mac.verify_slice(&bytes(shared, "v1,").unwrap()).unwrap();
    let key = bytes(webhook["public_key"].as_str().unwrap(), "whpk_").unwrap();
    let key = VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&bytes(private, "v1a,").unwrap()).unwrap();
    key.verify_strict(signed.as_bytes(), &signature).unwrap();
    serde_json::from_str(body).unwrap()
}

/// Tells the bus of everything that waits, until everybody has it.
async fn relay_all(server: &Server, bus: &Arc<dyn Bus>, clock: &Arc<dyn Clock>) {
    let outbox = StoreOutbox::alone(server.store.clone(), Arc::clone(clock));
    let mut relay = Relay::new(Arc::new(outbox), Arc::clone(bus));
    let all = async {
        while !server.store.outbox_pending(1).await.unwrap().is_empty() {
            relay.round().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WATCHDOG, all).await.unwrap();
}

#[tokio::test]
async fn a_letter_that_was_classified_reaches_its_receiver_signed() {
    let server = ready().await;
    let (address, asked) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("http://{address}/hook");
    let hook = json!({"url": url, "events": ["letters.classification.completed"]});
    let webhook = call(server.addr, "/api/v1/webhooks", "", &hook).await.json();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let deliverer = Arc::new(Deliverer {
        store: server.store.clone(),
        sender: Arc::new(HttpSender::new(None).unwrap()),
        resolver: Arc::new(SystemResolver),
        guard: loopback(),
        clock: Arc::clone(&clock),
    });
    let settings = EmbeddedSettings::default();
    let bus: Arc<dyn Bus> = Arc::new(Embedded::new(settings, Arc::clone(&clock)));
    let following = deliverer.follow(&*bus).await.unwrap();
    let classified = call(server.addr, LETTERS, "", &letter("遷入", "土地登記")).await.json();
    let id = &classified["items"][0]["prediction_id"];
    let feedback = format!("/api/v1/predictions/{}/feedback", id.as_str().unwrap());
    call(server.addr, &feedback, "", &json!({"decision": "accepted"})).await;
    relay_all(&server, &bus, &clock).await;
    following.stop().await;
    assert_eq!(deliverer.round().await.unwrap(), 1, "the feedback was not asked for");
    let body = verified(&asked.await.unwrap(), &webhook);
    assert_eq!(body["type"], "letters.classification.completed");
    assert_eq!(&body["data"]["prediction_id"], id);
    assert!(!body.to_string().contains("土地"), "{body}");
    let log = format!("/api/v1/webhooks/{}/deliveries", webhook["webhook_id"].as_str().unwrap());
    let log = get(server.addr, &log).await.json();
    assert_eq!(
        (&log["items"][0]["state"], &log["items"][0]["attempts"][0]["status"]),
        (&json!("delivered"), &json!(204))
    );
}
