//! Vectors of texts for clients of OpenAI's interface: their shape, and failures as those clients read them.

use serde_json::{Value, json};

use super::client::{Answer, get, send};
use super::fake::{N_SOCIAL, SOCIAL, Server};
use super::guard;

const PATH: &str = "/v1/embeddings";
const MODEL: &str = "use-multilingual-v3";

async fn ask(server: &Server, body: &Value) -> Answer {
    guard::call(server, ("POST", PATH), "", &body.to_string()).await
}

#[tokio::test]
async fn each_text_gets_its_vector_in_either_encoding() {
    let server = Server::open().await;
    let answer = ask(&server, &json!({"model": MODEL, "input": ["戶籍", "地政"]})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let item = |index, embedding: Value| json!({"object": "embedding", "index": index, "embedding": embedding});
    let expected = json!({
        "object": "list", "model": MODEL,
        "data": [item(0, json!([1.0, 0.0])), item(1, json!([0.0, 1.0]))],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    });
    assert_eq!(answer.json(), expected);
    let one = json!({"model": MODEL, "input": "戶", "encoding_format": "base64", "user": "u-1"});
    let answer = ask(&server, &one).await.json();
    assert_eq!(answer["data"], json!([item(0, json!("AACAPwAAAAA="))]));
}

#[tokio::test]
async fn texts_of_many_calls_wait_for_the_encoder_together() {
    let server = Server::open().await;
    let body = json!({"model": MODEL, "input": SOCIAL});
    let calls = (0..N_SOCIAL).map(|_| ask(&server, &body));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.json()["data"][0]["embedding"], json!([1.0, 0.0]), "{answer:?}");
    }
}

#[tokio::test]
async fn more_texts_than_wait_at_one_time_keep_their_order() {
    let server = Server::open().await;
    let texts: Vec<&str> = (0..600).map(|it| if it % 7 == 0 { "戶" } else { "地" }).collect();
    let answer = ask(&server, &json!({"model": MODEL, "input": texts})).await.json();
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), 600);
    for (idx, item) in data.iter().enumerate() {
        let expected = if idx % 7 == 0 { json!([1.0, 0.0]) } else { json!([0.0, 1.0]) };
        assert_eq!((&item["index"], &item["embedding"]), (&json!(idx), &expected));
    }
}

#[tokio::test]
async fn failures_have_the_shape_that_the_client_reads() {
    let server = Server::open().await;
    let check = async |body: Value, status: u16, expected: (&str, &str, Value)| {
        let answer = ask(&server, &body).await;
        let error = &answer.json()["error"];
        let found = (error["type"].as_str().unwrap(), error["code"].as_str().unwrap());
        assert_eq!((answer.status, found), (status, (expected.0, expected.1)), "{body}");
        assert_eq!(error["param"], expected.2);
        assert!(!error["message"].as_str().unwrap().is_empty());
    };
    let wrong = |at: &str| ("invalid_request_error", "ER0210", json!(at));
    let missing = ("not_found_error", "ER0100", json!("model"));
    check(json!({"model": "text-embedding-3-small", "input": "甲"}), 404, missing).await;
    check(json!({"model": MODEL, "input": "甲", "dimensions": 64}), 400, wrong("dimensions")).await;
    check(json!({"model": MODEL, "input": []}), 400, wrong("input")).await;
    check(json!({"model": MODEL, "input": " \n"}), 400, wrong("input/0")).await;
    let tokens = ask(&server, &json!({"model": MODEL, "input": [[1, 2]]})).await.json();
    assert!(tokens["error"]["message"].as_str().unwrap().contains("token"), "{tokens}");
    // The encoder would not read its end.
    let long = "甲".repeat(1001);
    check(json!({"model": MODEL, "input": ["甲", long]}), 400, wrong("input/1")).await;
    let plain = format!("POST {PATH} HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n");
    let answer = send(server.addr, plain.as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (415, &json!("ER0440")));
}

#[tokio::test]
async fn the_models_that_are_served_are_listed() {
    let server = Server::open().await;
    let answer = get(server.addr, "/v1/models").await;
    // Whoever hears is also known by the name that clients use.
    let model = |id: &str| json!({"id": id, "object": "model", "created": 0, "owned_by": "fenwen"});
    let expected = [MODEL, "fake-ear", "whisper-1"].map(model);
    assert_eq!((answer.status, answer.json()), (200, json!({"object": "list", "data": expected})));
    let deaf = Server::deaf().await;
    let expected = [model(MODEL)];
    assert_eq!(get(deaf.addr, "/v1/models").await.json()["data"], json!(expected));
}

#[tokio::test]
async fn whoever_may_call_a_model_may_see_which_there_are() {
    let server = Server::guarded().await;
    for (scopes, status) in [("models:infer", 200), ("speech:transcribe", 200), ("qa:ask", 403)] {
        let id = scopes.replace(':', "-");
        let head = guard::register(&server, &id, |it| it.scopes = scopes.to_owned()).await;
        let answer = guard::call(&server, ("GET", "/v1/models"), &head, "").await;
        assert_eq!(answer.status, status, "{scopes}: {answer:?}");
    }
}

#[tokio::test]
async fn whoever_has_several_purposes_may_not_leave_them_open() {
    let server = Server::guarded().await;
    let two = guard::register(&server, "two", |it| it.purposes = "a b".to_owned()).await;
    let one = guard::register(&server, "one", |it| it.scopes = "models:infer".to_owned()).await;
    let body = json!({"model": MODEL, "input": "甲"}).to_string();
    let answer = guard::call(&server, ("POST", PATH), &two, &body).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (403, &json!("ER0320")));
    assert_eq!(guard::call(&server, ("POST", PATH), &one, &body).await.status, 200);
}
