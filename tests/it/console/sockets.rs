//! A browser opens a WebSocket for a page of any site, and sends the session's cookie along: only our own page is heard.

use crate::http::client::Client;
use crate::http::fake::Server;

use super::{register, session::sign_in};

const STREAM: &str = "/api/v1/speech/stream";

/// The status of a WebSocket that is opened with these header lines.
async fn opened(server: &Server, path: &str, head: &str) -> u16 {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: t:8080\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{head}\r\n"
    );
    let mut client = Client::connect(server.addr).await;
    client.write(request.as_bytes()).await;
    client.read().await.unwrap().status
}

#[tokio::test]
async fn a_session_opens_a_stream_from_our_own_page_only() {
    let server = Server::guarded().await;
    let key = register(&server, "officer", "speech:transcribe").await;
    let cookie = sign_in(&server, &key).await;
    let from = async |origin: &str| opened(&server, STREAM, &format!("{cookie}{origin}")).await;
    assert_eq!(from("origin: http://t:8080\r\n").await, 101);
    for other in [
        "",
        "origin: http://t\r\n",
        "origin: http://evil.example\r\n",
        "origin: http://t:8080.evil.example\r\n",
        "origin: null\r\n",
        "origin: http://t:8080\r\norigin: http://evil.example\r\n",
    ] {
        assert_eq!(from(other).await, 403, "{other}");
    }
    // What may be opened is decided as for every other call.
    let answers = format!("{STREAM}?answers=true");
    let own = format!("{cookie}origin: http://t:8080\r\n");
    assert_eq!(opened(&server, &answers, &own).await, 403);
    assert_eq!(opened(&server, STREAM, "origin: http://t:8080\r\n").await, 401);
    // A program shows its key, and comes from no page.
    let bearer = format!("authorization: Bearer {key}\r\n");
    assert_eq!(opened(&server, STREAM, &bearer).await, 101);
}

#[tokio::test]
async fn a_demonstration_is_not_open_to_the_pages_of_others() {
    let server = Server::open().await;
    assert_eq!(opened(&server, STREAM, "").await, 101);
    assert_eq!(opened(&server, STREAM, "origin: http://t:8080\r\n").await, 101);
    assert_eq!(opened(&server, STREAM, "origin: http://evil.example\r\n").await, 403);
}
