//! Clients that are slow, odd or hostile below the level of documents.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::client::{BOUNDARY, Client, RECOGNITIONS, form, get, post, send};
use super::fake::{FakeRecogniser, Server, options, png, until};
use fenwen::http::HttpOptions;
use fenwen::service::ServiceLimits;

/// Short enough to wait for in a test.
const SHORT: Duration = Duration::from_millis(500);

async fn impatient() -> Server {
    let impatient = HttpOptions { header_timeout: SHORT, body_timeout: SHORT, ..options() };
    Server::start(FakeRecogniser::open(), ServiceLimits::default(), impatient).await
}

#[tokio::test]
async fn a_header_that_never_ends_is_closed() {
    let server = impatient().await;
    for start in ["", "P", "GET /healthz/live HTTP/1.1\r\nhost: t\r\nx-slow: "] {
        let mut client = Client::connect(server.addr).await;
        client.write(start.as_bytes()).await;
        let answer = client.read().await;
        assert!(answer.is_none_or(|it| it.status == 408), "{start}");
    }
    let mut idle = Client::connect(server.addr).await;
    idle.write(b"GET /healthz/live HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(idle.read().await.unwrap().status, 200);
    assert!(idle.read().await.is_none(), "an idle connection is closed");
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_slow_client() {
    let server = impatient().await;
    let body = form(&[("image", &png(3))]);
    let request = post("", &body);
    let answer = send(server.addr, &request[..request.len() - 40]).await;
    assert_eq!((answer.status, answer.problem().as_str()), (408, "ER0521"));
    assert_eq!(server.service.occupancy().calls, 0);
}

#[tokio::test]
async fn chunks_of_one_byte_are_a_body_too() {
    let server = Server::open().await;
    let mut request = format!(
        "POST {RECOGNITIONS} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    .into_bytes();
    for byte in form(&[("image", &png(3))]) {
        request.extend_from_slice(b"1\r\n");
        request.extend_from_slice(&[byte, b'\r', b'\n']);
    }
    request.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(send(server.addr, &request).await.status, 200);
}

#[tokio::test]
async fn a_chunked_body_without_end_is_cut_at_the_limit() {
    let small = HttpOptions { max_image_bytes: 100_000, ..options() };
    let server = Server::start(FakeRecogniser::open(), ServiceLimits::default(), small).await;
    let mut request = format!(
        "POST {RECOGNITIONS} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..100 {
        request.extend_from_slice(b"2710\r\n");
        request.resize(request.len() + 10_000, b'x');
        request.extend_from_slice(b"\r\n");
    }
    let answer = send(server.addr, &request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "ER0430"));
}

#[tokio::test]
async fn floods_of_headers_and_broken_requests_are_closed_or_refused() {
    let server = impatient().await;
    let many = "x: y\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(200_000));
    let cases = [
        format!("GET / HTTP/1.1\r\nhost: t\r\n{many}\r\n"),
        format!("GET / HTTP/1.1\r\nhost: t\r\n{long}\r\n"),
        format!("GET /{} HTTP/1.1\r\nhost: t\r\n\r\n", "a".repeat(200_000)),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost: t\r\ncontent-length: -1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx".to_owned(),
        "POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"
            .to_owned(),
        "GET / HTTP/1.1\r\nhost: t\r\nx\0y: z\r\n\r\n".to_owned(),
    ];
    for (idx, request) in cases.iter().enumerate() {
        let mut client = Client::connect(server.addr).await;
        client.write(request.as_bytes()).await;
        let status = client.read().await.map(|it| it.status);
        assert!(status.is_none_or(|it| (400..500).contains(&it)), "case {idx}: {status:?}");
    }
    assert_eq!(get(server.addr, "/healthz/live").await.status, 200);
}

#[tokio::test]
async fn a_client_that_leaves_is_not_computed_for() {
    let server = Server::start(FakeRecogniser::gated(), ServiceLimits::default(), options()).await;
    let mut client = Client::connect(server.addr).await;
    client.write(&post("", &form(&[("image", &png(3))]))).await;
    until(|| server.recogniser.begun.load(Ordering::SeqCst) == 1).await;
    drop(client);
    until(|| server.recogniser.dropped.load(Ordering::SeqCst) == 1).await;
    until(|| server.service.occupancy().calls == 0).await;
}

/// A client that sends everything before it reads, like most, sees the refusal and may go on.
#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let server = Server::open().await;
    let mut client = Client::connect(server.addr).await;
    let body = vec![b'x'; 8 << 20];
    let head = format!(
        "POST {RECOGNITIONS} HTTP/1.1\r\nhost: t\r\ncontent-type: text/plain\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    client.write(head.as_bytes()).await;
    client.write(&body).await;
    assert_eq!(client.read().await.unwrap().problem(), "ER0440");
    client.write(b"GET /healthz/live HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.read().await.unwrap().status, 200);
}

/// A client that asks before it sends is refused without having sent anything.
#[tokio::test]
async fn an_unwanted_body_is_not_asked_for() {
    let server = Server::open().await;
    let mut client = Client::connect(server.addr).await;
    let head = format!(
        "POST {RECOGNITIONS} HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\n\
         content-type: text/plain\r\ncontent-length: 1000\r\n\r\n"
    );
    client.write(head.as_bytes()).await;
    assert_eq!(client.read().await.unwrap().status, 415);
}
