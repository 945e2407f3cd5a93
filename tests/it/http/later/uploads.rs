//! Large inputs: by parts, in any order, checked, and used by a job.

use fenwen::wire::v1::jobs::MAX_PART_BYTES;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::client::{Answer, Client, get};
use super::super::description::validate;
use super::super::fake::Server;
use super::super::texts::ready;
use super::{BLOBS, JOBS, call, order, post, work};

fn hash(bytes: &[u8]) -> String {
    fenwen::base::hex(&Sha256::digest(bytes))
}

async fn open(server: &Server, size: usize) -> String {
    let asked = json!({"kind": "letters", "media_type": "application/json", "size": size});
    let opened = post(server.addr, BLOBS, "", &asked).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    validate(
        "/paths/~1api~1v1~1blobs/post/responses/201/content/application~1json/schema",
        &opened.json(),
    );
    opened.json()["blob_id"].as_str().unwrap().to_owned()
}

async fn put(server: &Server, id: &str, number: usize, bytes: &[u8]) -> Answer {
    call(server.addr, &format!("PUT {BLOBS}/{id}/parts/{number}"), "", bytes).await
}

async fn complete(server: &Server, id: &str, sha256: &str) -> Answer {
    post(server.addr, &format!("{BLOBS}/{id}/complete"), "", &json!({"sha256": sha256})).await
}

fn job(id: &str) -> Value {
    json!({"service": "letters", "operation": "classify", "blob_id": id})
}

#[tokio::test]
async fn parts_in_any_order_become_the_input_of_a_job() {
    let server = ready().await;
    // Two parts of which the last is short; the letter itself is small, the rest is white space.
    let mut whole = order("遷入")["input"].to_string().into_bytes();
    whole.resize(MAX_PART_BYTES + 1000, b' ');
    let id = open(&server, whole.len()).await;
    let parts: Vec<&[u8]> = whole.chunks(MAX_PART_BYTES).collect();
    for number in [2, 1, 2] {
        assert_eq!(put(&server, &id, number, parts[number - 1]).await.status, 204);
    }
    let early = post(server.addr, JOBS, "", &job(&id)).await;
    assert_eq!(early.problem(), "ER0210", "it is not complete yet");
    assert_eq!(complete(&server, &id, &"0".repeat(64)).await.problem(), "ER0410");
    let completed = complete(&server, &id, &hash(&whole)).await;
    assert_eq!(completed.status, 200, "{completed:?}");
    let schema = "/paths/~1api~1v1~1blobs~1{id}~1complete/post/responses/200/content/application~1json/schema";
    validate(schema, &completed.json());
    assert_eq!(put(&server, &id, 1, b"x").await.problem(), "ER0410");
    let worker = work(&server);
    let accepted = post(server.addr, JOBS, "", &job(&id)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let path = accepted.header("location");
    let id = path.rsplit('/').next().unwrap();
    server.jobs.ended(id, super::super::client::WATCHDOG).await.unwrap();
    assert_eq!(get(server.addr, path).await.json()["state"], "succeeded");
    worker.abort();
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_told() {
    let server = ready().await;
    let id = open(&server, 5 * MAX_PART_BYTES + 10).await;
    let check = async |expected: &str| {
        let missing = complete(&server, &id, &"0".repeat(64)).await;
        assert_eq!((missing.status, missing.problem().as_str()), (409, "ER0410"));
        let detail = missing.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(expected), "{detail}");
    };
    check("還少 20971530 位元組").await;
    put(&server, &id, 2, &vec![2; MAX_PART_BYTES]).await;
    put(&server, &id, 4, &[4; 10]).await;
    assert_eq!(put(&server, &id, 6, &[6; 10]).await.status, 204);
    check("第 1、3、5 段").await;
    let found = get(server.addr, &format!("{BLOBS}/{id}")).await.json();
    validate(
        "/paths/~1api~1v1~1blobs~1{id}/get/responses/200/content/application~1json/schema",
        &found,
    );
    let received = |number: u32, size: usize| json!({"number": number, "size": size});
    let expected = json!([received(2, MAX_PART_BYTES), received(4, 10), received(6, 10)]);
    assert_eq!((&found["received"], &found["parts"]), (&expected, &json!(6)));
    assert_eq!((&found["complete"], &found["sha256"]), (&json!(false), &json!(null)));
    for (number, bytes, code) in [(0, 5, "ER0210"), (257, 5, "ER0210"), (1, 0, "ER0210")] {
        let refused = put(&server, &id, number, &vec![1; bytes]).await;
        assert_eq!(refused.problem(), code, "{number}");
    }
    let large = put(&server, &id, 1, &vec![1; MAX_PART_BYTES + 1]).await;
    assert_eq!(large.problem(), "ER0430");
    let asked = json!({"kind": "audio", "media_type": "audio/wav", "size": 2_u64 << 30});
    assert_eq!(post(server.addr, BLOBS, "", &asked).await.problem(), "ER0430");
    assert_eq!(put(&server, &"0".repeat(32), 1, b"x").await.problem(), "ER0100");
    assert_eq!(put(&server, "..%2Fx", 1, b"x").await.problem(), "ER0100");
}

#[tokio::test]
async fn parts_are_no_more_together_than_was_announced() {
    let server = ready().await;
    let id = open(&server, 10).await;
    assert_eq!(put(&server, &id, 1, &[1; 8]).await.status, 204);
    assert_eq!(put(&server, &id, 2, &[2; 3]).await.problem(), "ER0430");
    // The same part again replaces it.
    assert_eq!(put(&server, &id, 1, &[1; 10]).await.status, 204);
    assert_eq!(put(&server, &id, 1, &[1; 4]).await.status, 204);
    assert_eq!(put(&server, &id, 2, &[2; 6]).await.status, 204);
    let whole = [[1; 4].as_slice(), &[2; 6]].concat();
    assert_eq!(complete(&server, &id, &hash(&whole)).await.status, 200);
}

#[tokio::test]
async fn an_upload_belongs_to_its_client_and_can_be_destroyed() {
    let server = ready().await;
    let id = open(&server, 2).await;
    let path = format!("{BLOBS}/{id}");
    let other = "x-client-id: other\r\n";
    let put_other = call(server.addr, &format!("PUT {path}/parts/1"), other, b"{}").await;
    assert_eq!(put_other.problem(), "ER0100");
    put(&server, &id, 1, b"{}").await;
    assert_eq!(complete(&server, &id, &hash(b"{}")).await.status, 200);
    assert_eq!(post(server.addr, JOBS, other, &job(&id)).await.problem(), "ER0210");
    let read = format!("GET {path}");
    assert_eq!(call(server.addr, &read, other, b"").await.problem(), "ER0100");
    let delete = format!("DELETE {path}");
    assert_eq!(call(server.addr, &delete, other, b"").await.problem(), "ER0100");
    assert_eq!(call(server.addr, &delete, "", b"").await.status, 204);
    assert_eq!(call(server.addr, &delete, "", b"").await.problem(), "ER0100");
    assert_eq!(post(server.addr, JOBS, "", &job(&id)).await.problem(), "ER0210");
}

#[tokio::test]
async fn a_repeated_end_is_answered_like_the_first() {
    let server = ready().await;
    let id = open(&server, 2).await;
    put(&server, &id, 1, b"{}").await;
    let hash = hash(b"{}");
    let at_once = (0..8).map(|_| complete(&server, &id, &hash));
    let answers = futures_util::future::join_all(at_once).await;
    for answer in answers.into_iter().chain([complete(&server, &id, &hash).await]) {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["sha256"], json!(hash));
    }
    assert_eq!(complete(&server, &id, &"0".repeat(64)).await.problem(), "ER0410");
    let state = get(server.addr, &format!("{BLOBS}/{id}")).await.json();
    assert_eq!((&state["complete"], &state["sha256"]), (&json!(true), &json!(hash)));
}

#[tokio::test]
async fn a_digest_that_comes_with_a_part_is_checked() {
    let server = ready().await;
    let id = open(&server, 2).await;
    // Of `{}`, as `printf '{}' | openssl dgst -sha256 -binary | base64` has it.
    let right = "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:";
    for (digest, status) in [
        (right.to_owned(), 204),
        (format!("sha-512=:AAAA:, {right}"), 204),
        ("sha-512=:AAAA:".to_owned(), 204),
        (right.replace("RBN", "RBO"), 400),
        (right.replace("4o=:", "4o="), 400),
    ] {
        let header = format!("content-digest: {digest}\r\n");
        let line = format!("PUT {BLOBS}/{id}/parts/1");
        let answer = call(server.addr, &line, &header, b"{}").await;
        assert_eq!(answer.status, status, "{digest}");
        if status == 400 {
            assert_eq!(answer.problem(), "ER0210");
        }
    }
}

/// A part whose sender has its place and says no more.
async fn slow_part(server: &Server, id: &str) -> Client {
    let mut client = Client::connect(server.addr).await;
    let head = format!(
        "PUT {BLOBS}/{id}/parts/1 HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    );
    client.write(head.as_bytes()).await;
    client.read_until("100 Continue\r\n").await;
    client
}

#[tokio::test]
async fn a_slow_client_leaves_places_for_others() {
    let server = Server::with_options(|it| it.max_uploads = 4).await;
    let id = open(&server, 2).await;
    let slow = [slow_part(&server, &id).await, slow_part(&server, &id).await];
    let refused = put(&server, &id, 1, b"{}").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    let asked = json!({"kind": "letters", "media_type": "application/json", "size": 2});
    let other = "x-client-id: other\r\n";
    let opened = post(server.addr, BLOBS, other, &asked).await.json();
    let line = format!("PUT {BLOBS}/{}/parts/1", opened["blob_id"].as_str().unwrap());
    assert_eq!(call(server.addr, &line, other, b"{}").await.status, 204);
    for mut client in slow {
        client.write(b"{}").await;
        client.read_until("204 No Content\r\n").await;
    }
    assert_eq!(put(&server, &id, 1, b"{}").await.status, 204, "places are given back");
}
