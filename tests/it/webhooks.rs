//! Webhooks over real sockets: one request to the checked address, no redirect, a bounded wait.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fenwen::service::webhooks::{
    Failure, Guard, HttpSender, Post, Posted, Resolve, Sender, Target,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Takes one connection, answers it with `answer`, and gives what was asked.
async fn receiver(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"{}") {
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
