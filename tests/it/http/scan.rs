//! Files are scanned before anything reads them; the scanner here speaks clamd's protocol and knows one signature.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fenwen::service::scan::{Clamd, Scanner, WhenAway};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use super::client::{Answer, WATCHDOG, form, get, post, send};
use super::fake::{Server, png};
use super::later::{self, BLOBS, call};

/// The test file that every scanner knows, put together here: whole, it would have this repository quarantined.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into()
}

/// One call of clamd: a command, chunks behind their lengths, an answer.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await.unwrap();
    assert_eq!(&command, b"zINSTREAM\0");
    let mut file = Vec::new();
    loop {
        let length = stream.read_u32().await.unwrap() as usize;
        if length == 0 {
            break;
        }
        let begun = file.len();
        file.resize(begun + length, 0);
        stream.read_exact(&mut file[begun..]).await.unwrap();
    }
    let pattern = eicar();
    let is_infected = file.windows(pattern.len()).any(|it| it == pattern);
    let text: &[u8] =
        if is_infected { b"stream: Eicar-Test-Signature FOUND\0" } else { b"stream: OK\0" };
    stream.write_all(text).await.unwrap();
}

/// A scanner on a port; it ends with the test.
async fn clamd() -> Clamd {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Clamd::Tcp(address)
}

fn scanner(clamd: Clamd, when_away: WhenAway) -> Scanner {
    Scanner { clamd: Some(clamd), when_away, time: WATCHDOG }
}

/// A picture with something behind its end, where decoders do not look.
fn picture(behind: &[u8]) -> Vec<u8> {
    let bytes = [png(3), behind.to_vec()].concat();
    post("", &form(&[("image", &bytes)]))
}

#[tokio::test]
async fn an_infected_picture_is_refused_unread() {
    let server = Server::scanned_by(scanner(clamd().await, WhenAway::Refuse)).await;
    assert_eq!(send(server.addr, &picture(b"")).await.status, 200);
    let begun = server.recogniser.begun.load(Ordering::SeqCst);
    let refused = send(server.addr, &picture(&eicar())).await;
    assert_eq!((refused.status, refused.problem().as_str()), (422, "ER0451"));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("防毒軟體"), "{detail}");
    assert_eq!(server.recogniser.begun.load(Ordering::SeqCst), begun);
}

#[tokio::test]
async fn a_scanner_behind_a_socket_of_the_machine_is_asked_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clamd.ctl");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { answer(listener.accept().await.unwrap().0).await });
    let server = Server::scanned_by(scanner(Clamd::Unix(path), WhenAway::Refuse)).await;
    assert_eq!(send(server.addr, &picture(&eicar())).await.problem(), "ER0451");
}

/// An upload of one part; its path, and what completing it is answered.
async fn upload(server: &Server, content: &[u8]) -> (String, Answer) {
    let asked = json!({"kind": "letters", "media_type": "application/json", "size": content.len()});
    let opened = later::post(server.addr, BLOBS, "", &asked).await.json();
    let path = format!("{BLOBS}/{}", opened["blob_id"].as_str().unwrap());
    let part = format!("PUT {path}/parts/1");
    assert_eq!(call(server.addr, &part, "", content).await.status, 204);
    let completed = complete(server, &path, content).await;
    (path, completed)
}

async fn complete(server: &Server, path: &str, content: &[u8]) -> Answer {
    let sha256 = json!({"sha256": fenwen::base::hex(&Sha256::digest(content))});
    later::post(server.addr, &format!("{path}/complete"), "", &sha256).await
}

#[tokio::test]
async fn an_infected_upload_is_destroyed_when_it_is_whole() {
    let server = Server::scanned_by(scanner(clamd().await, WhenAway::Refuse)).await;
    let delete = async |path: &str| call(server.addr, &format!("DELETE {path}"), "", b"").await;
    let (path, completed) = upload(&server, b"{}").await;
    assert_eq!((completed.status, delete(&path).await.status), (200, 204));
    let (path, completed) = upload(&server, &eicar()).await;
    assert_eq!((completed.status, completed.problem().as_str()), (422, "ER0451"));
    assert_eq!(delete(&path).await.status, 404, "it is gone already");
}

#[tokio::test]
async fn what_was_scanned_outlives_a_scanner_that_went_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clamd = Clamd::Tcp(listener.local_addr().unwrap().to_string());
    tokio::spawn(async move { answer(listener.accept().await.unwrap().0).await });
    let server = Server::scanned_by(scanner(clamd, WhenAway::Refuse)).await;
    let (path, completed) = upload(&server, b"{}").await;
    assert_eq!(completed.status, 200);
    assert_eq!(complete(&server, &path, b"{}").await.problem(), "ER0510");
    assert_eq!(call(server.addr, &format!("DELETE {path}"), "", b"").await.status, 204);
    let (path, refused) = upload(&server, b"{}").await;
    assert_eq!(refused.problem(), "ER0510", "it was never scanned");
    assert_eq!(call(server.addr, &format!("DELETE {path}"), "", b"").await.status, 404);
}

#[tokio::test]
async fn without_its_scanner_production_refuses_and_a_demonstration_goes_on() {
    // Nobody listens at a port that was given back.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    for (when_away, status) in [(WhenAway::Refuse, 503), (WhenAway::Pass, 200)] {
        let server = Server::scanned_by(scanner(Clamd::Tcp(free.clone()), when_away)).await;
        let answered = send(server.addr, &picture(b"")).await;
        assert_eq!(answered.status, status);
        if status == 503 {
            assert_eq!(answered.problem(), "ER0510");
            assert_eq!(answered.header("retry-after"), "30");
        }
    }
}

#[tokio::test]
async fn a_scanner_that_says_nothing_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clamd = Clamd::Tcp(listener.local_addr().unwrap().to_string());
    let scanner = Scanner { time: Duration::ZERO, ..scanner(clamd, WhenAway::Refuse) };
    let server = Server::scanned_by(scanner).await;
    assert_eq!(send(server.addr, &picture(b"")).await.problem(), "ER0510");
}

#[tokio::test]
async fn whoever_is_refused_again_and_again_is_noticed() {
    let server = Server::guarded().await;
    assert!(server.service.notices().open().is_empty());
    for _ in 0..20 {
        get(server.addr, "/api/v1/jobs").await;
    }
    let [notice] = &server.service.notices().open()[..] else { unreachable!("one") };
    assert_eq!(notice.object, "addresses/127.0.0.1");
    assert!(server.service.notices().messages()[0].contains("停用該介接系統"));
    let ready = get(server.addr, "/healthz/ready").await;
    assert!(
        !String::from_utf8_lossy(&ready.body).contains("介接系統"),
        "it is not told to everybody"
    );
}
