//! The Open Inference Protocol (KServe v2): documents, tensors in JSON and as bytes, and what is refused.

use std::sync::Arc;

use fenwen::base::{Clock, ErrorCode, SystemClock};
use fenwen::service::infer::{Infer, InferSettings};
use fenwen::task::infer::Trial;
use futures_util::FutureExt;
use serde_json::{Value, json};

use super::client::{Answer, WATCHDOG, get, send};
use super::fake::{FakeNetworks, Server};
use super::guard;

const INFER: &str = "/v2/models/same/infer";

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    guard::call(server, ("POST", path), "", &body.to_string()).await
}

/// A server with the model `same` loaded.
async fn loaded() -> Server {
    let server = Server::open().await;
    let answer = post(&server, "/v2/repository/models/same/load", &json!({})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"name": "same"})));
    server
}

/// JSON with bytes after it.
async fn post_bytes(server: &Server, json: &Value, bytes: &[u8]) -> Answer {
    let json = json.to_string();
    let head = format!(
        "POST {INFER} HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\
         inference-header-content-length: {}\r\n\r\n{json}",
        json.len() + bytes.len(),
        json.len()
    );
    send(server.addr, &[head.as_bytes(), bytes].concat()).await
}

fn input(shape: Value, data: Value) -> Value {
    json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": shape, "data": data}]})
}

#[track_caller]
fn check_failure(answer: &Answer, status: u16, code: &str) -> String {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{body}");
    body["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_server_and_its_models_describe_themselves() {
    let server = loaded().await;
    let about = get(server.addr, "/v2").await.json();
    let extensions =
        ["binary_tensor_data", "model_configuration", "model_repository", "statistics"];
    assert_eq!(about["extensions"], json!(extensions));
    assert_eq!(get(server.addr, "/v2/health/live").await.json(), json!({"live": true}));
    assert_eq!(get(server.addr, "/v2/health/ready").await.json(), json!({"ready": true}));
    for path in ["/v2/models/same", "/v2/models/same/versions/3"] {
        let model = get(server.addr, path).await.json();
        let port =
            |name: &str, shape: Value| json!({"name": name, "datatype": "FP32", "shape": shape});
        let expected = json!({
            "name": "same", "versions": ["3"], "platform": "onnx",
            "inputs": [port("x", json!([-1, 2]))], "outputs": [port("y", json!([-1]))],
        });
        assert_eq!(model, expected);
        let ready = get(server.addr, &format!("{path}/ready")).await.json();
        assert_eq!(ready, json!({"name": "same", "ready": true}));
    }
    let only = post(&server, "/v2/repository/index", &json!({"ready": true})).await.json();
    assert_eq!(only, json!([{"name": "same", "version": "3", "state": "READY", "reason": ""}]));
    let all = guard::call(&server, ("POST", "/v2/repository/index"), "", "").await.json();
    let states: Vec<&str> =
        all.as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..7).map(|it| if it == 2 { "READY" } else { "UNAVAILABLE" }).collect();
    assert_eq!(states, expected);
}

#[tokio::test]
async fn a_model_is_configured_as_triton_words_it() {
    let server = loaded().await;
    let tensor =
        |name: &str, dims: Value| json!({"name": name, "data_type": "TYPE_FP32", "dims": dims});
    let expected = json!({
        "name": "same", "platform": "onnx", "max_batch_size": 1024,
        "input": [tensor("x", json!([2]))], // Its rank is open.
        "output": [tensor("y", json!([-1]))],
    });
    for path in ["/v2/models/same/config", "/v2/models/same/versions/3/config"] {
        assert_eq!(get(server.addr, path).await.json(), expected, "{path}");
    }
    check_failure(&get(server.addr, "/v2/models/same/versions/4/config").await, 404, "ER0100");
    check_failure(&get(server.addr, "/v2/models/broken/config").await, 409, "ER0410");
}

#[tokio::test]
async fn calls_are_counted_by_how_they_ended() {
    let server = loaded().await;
    let statistics = async |path: &str| {
        let found = get(server.addr, path).await.json();
        found["model_stats"].as_array().unwrap().clone()
    };
    let all = statistics("/v2/models/stats").await;
    let nothing = json!({"count": 0, "ns": 0});
    let expected = json!([{
        "name": "same", "version": "3", "last_inference": 0, "inference_count": 0,
        "execution_count": 0, "inference_stats": {"success": nothing, "fail": nothing},
    }]);
    assert_eq!(json!(all), expected);
    let three = input(json!([3, 2]), json!([1, 2, 3, 4, 5, 6]));
    assert_eq!(post(&server, INFER, &three).await.status, 200);
    assert_eq!(post(&server, INFER, &input(json!([1, 2]), json!([1, 2]))).await.status, 200);
    assert_eq!(post(&server, INFER, &input(json!([1, 9]), json!([1]))).await.status, 400);
    post(&server, "/v2/repository/models/broken/load", &json!({})).await;
    let broken = "/v2/models/broken/infer";
    assert_eq!(post(&server, broken, &input(json!([1, 2]), json!([1, 2]))).await.status, 422);
    for path in ["/v2/models/same/stats", "/v2/models/same/versions/3/stats"] {
        let [found] = &statistics(path).await[..] else { unreachable!() };
        let calls = &found["inference_stats"];
        assert_eq!((&calls["success"]["count"], &calls["fail"]["count"]), (&json!(2), &json!(1)));
        assert!(calls["success"]["ns"].as_u64() > Some(0), "{found}");
        assert_eq!(found["inference_count"], 4);
        let n_runs = found["execution_count"].as_u64().unwrap();
        assert!((1..=4).contains(&n_runs), "{found}");
        assert!(found["last_inference"].as_u64() > Some(1_700_000_000_000), "{found}");
    }
    let names: Vec<Value> =
        statistics("/v2/models/stats").await.iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["broken", "same"]);
    let [broken] = &statistics("/v2/models/broken/stats").await[..] else { unreachable!() };
    assert_eq!((&broken["inference_count"], &broken["execution_count"]), (&json!(0), &json!(0)));
    assert_eq!(broken["inference_stats"]["fail"]["count"], 1);
    check_failure(&get(server.addr, "/v2/models/none/stats").await, 404, "ER0100");
    check_failure(&get(server.addr, "/v2/models/slow/stats").await, 409, "ER0410");
}

#[tokio::test]
async fn a_request_may_ask_for_less_time_and_a_priority() {
    let server = loaded().await;
    let mut request = input(json!([1, 2]), json!([1, 2]));
    request["parameters"] = json!({"timeout": 30_000_000, "priority": 1});
    assert_eq!(post(&server, INFER, &request).await.status, 200);
    request["parameters"] = json!({"timeout": 0});
    assert_eq!(post(&server, INFER, &request).await.status, 200);
    // It computes nothing.
    post(&server, "/v2/repository/models/stuck/load", &json!({})).await;
    request["parameters"] = json!({"timeout": 1000});
    check_failure(&post(&server, "/v2/models/stuck/infer", &request).await, 504, "ER0520");
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_words_of_the_protocol() {
    let server = Server::open().await;
    for path in ["/v2/nothing", "/v2/models/same/trace/setting", "/v2/systemsharedmemory/status"] {
        let told = check_failure(&get(server.addr, path).await, 404, "ER0100");
        assert!(!told.is_empty(), "{path}");
    }
    let other = get(server.addr, "/v2nothing").await;
    assert_eq!(other.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn tensors_go_in_and_come_out_in_json() {
    let server = loaded().await;
    let mut request = input(json!([3, 2]), json!([[1, 2], [3, 4], [5, 6.5]]));
    request["id"] = json!("r-1");
    let answer = post(&server, INFER, &request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!({
        "model_name": "same", "model_version": "3", "id": "r-1",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [3, 2], "data": [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]}],
    });
    assert_eq!(answer.json(), expected);
    let version = "/v2/models/same/versions/3/infer";
    assert_eq!(post(&server, version, &request).await.json(), expected);
}

#[tokio::test]
async fn more_rows_than_wait_at_one_time_keep_their_order() {
    let server = loaded().await;
    let values: Vec<f64> = (0..200).map(f64::from).collect();
    let answer = post(&server, INFER, &input(json!([100, 2]), json!(values))).await.json();
    assert_eq!(answer["outputs"][0]["data"], json!(values));
}

#[tokio::test]
async fn tensors_are_bytes_where_they_are_said_to_be() {
    let server = loaded().await;
    let bytes: Vec<u8> =
        [1.0_f32, -2.0, f32::NAN, 4.0].iter().flat_map(|it| it.to_le_bytes()).collect();
    let mut request = json!({
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": true}}],
    });
    let check = |answer: &Answer| {
        let length: usize = answer.header("inference-header-content-length").parse().unwrap();
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        let (json, data) = answer.body.split_at(length);
        let json: Value = serde_json::from_slice(json).unwrap();
        let expected = json!({"name": "y", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}});
        assert_eq!((&json["outputs"][0], data), (&expected, bytes.as_slice()));
    };
    check(&post_bytes(&server, &request, &bytes).await);
    request.as_object_mut().unwrap().remove("outputs");
    // JSON has no word for NaN.
    check_failure(&post_bytes(&server, &request, &bytes).await, 422, "ER0450");
    request["parameters"] = json!({"binary_data_output": true});
    check(&post_bytes(&server, &request, &bytes).await);
    for wrong in [&bytes[..12], &[&bytes[..], &[0]].concat()] {
        check_failure(&post_bytes(&server, &request, wrong).await, 400, "ER0210");
    }
    request["inputs"][0]["parameters"]["binary_data_size"] = json!(12);
    check_failure(&post_bytes(&server, &request, &bytes[..12]).await, 400, "ER0210");
}

#[tokio::test]
async fn what_does_not_fit_the_model_is_refused_by_its_place() {
    let server = loaded().await;
    let check = async |pointer: &str, value: Value, expected: &str| {
        let mut request = input(json!([1, 2]), json!([1, 2]));
        request["outputs"] = json!([{"name": "y", "parameters": {}}]);
        request["parameters"] = json!({});
        request["inputs"][0]["parameters"] = json!({});
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[key] = value;
        let answer = post(&server, INFER, &request).await;
        let told = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, 400, "{pointer}");
        assert!(told.starts_with(expected), "{pointer}: {told}");
    };
    check("/inputs/0/name", json!("z"), "/inputs/0/name").await;
    check("/inputs/0/datatype", json!("FP16"), "/inputs/0/datatype").await;
    check("/inputs/0/datatype", json!("INT64"), "/inputs/0/datatype").await;
    check("/inputs/0/shape", json!([1, 3]), "/inputs/0/shape").await;
    check("/inputs/0/shape", json!([0, 2]), "/inputs/0/shape").await;
    check("/inputs/0/shape", json!([2]), "/inputs/0/shape").await;
    check("/inputs/0/shape", json!([-1, 2]), "/inputs/0/shape").await;
    check("/inputs/0/shape", json!([4611686018427387904_u64, 2]), "/inputs/0/shape").await;
    check("/inputs/0/shape", json!([1000000, 2]), "/inputs/0/shape").await;
    check("/inputs/0/shape", json!([1000, 2]), "/inputs/0/data").await;
    check("/inputs/0/data", json!([1]), "/inputs/0/data").await;
    check("/inputs/0/data", json!(["1", "2"]), "/inputs/0/data").await;
    check("/inputs/0/parameters/binary_data_size", json!(0), "/inputs/0/data").await;
    check("/inputs/0/parameters/shared_memory_region", json!("a"), "/inputs/0/parameters").await;
    check("/outputs/0/name", json!("z"), "/outputs/0/name").await;
    check("/outputs/0/parameters/classification", json!(1), "/outputs/0/parameters").await;
    check("/parameters/sequence_id", json!(1), "/parameters/sequence_id").await;
    check("/parameters/timeout", json!(-1), "/parameters/timeout").await;
    check("/parameters/priority", json!("high"), "/parameters/priority").await;
    check("/inputs", json!([]), "/inputs").await;
}

#[tokio::test]
async fn models_are_known_loaded_and_unloaded() {
    let server = Server::open().await;
    let request = input(json!([1, 2]), json!([1, 2]));
    let unknown = post(&server, "/v2/models/none/infer", &request).await;
    check_failure(&unknown, 404, "ER0100");
    let told = check_failure(&post(&server, INFER, &request).await, 409, "ER0410");
    assert!(told.contains("POST /v2/repository/models/same/load"), "{told}");
    check_failure(&get(server.addr, "/v2/models/same/ready").await, 409, "ER0410");
    let change = async |name: &str, verb: &str| {
        post(&server, &format!("/v2/repository/models/{name}/{verb}"), &json!({})).await
    };
    check_failure(&change("none", "load").await, 404, "ER0100");
    check_failure(&change("same", "unload").await, 409, "ER0410");
    let told = check_failure(&change("missing", "load").await, 409, "ER0410");
    assert!(told.contains("fenwen models pull missing"), "{told}");
    for _ in 0..2 {
        assert_eq!(change("same", "load").await.status, 200);
    }
    check_failure(&get(server.addr, "/v2/models/same/versions/4").await, 404, "ER0100");
    assert_eq!(post(&server, INFER, &request).await.status, 200);
    let parameters = json!({"parameters": {"unload_dependents": false}});
    let path = "/v2/repository/models/same/unload";
    assert_eq!(post(&server, path, &parameters).await.status, 200);
    check_failure(&post(&server, INFER, &request).await, 409, "ER0410");
    let settings = json!({"parameters": {"config": "{}"}});
    let answer = post(&server, "/v2/repository/models/same/load", &settings).await;
    check_failure(&answer, 400, "ER0220");
}

#[tokio::test]
async fn a_model_that_cannot_compute_says_so() {
    let server = Server::open().await;
    post(&server, "/v2/repository/models/broken/load", &json!({})).await;
    let request = input(json!([1, 2]), json!([1, 2]));
    check_failure(&post(&server, "/v2/models/broken/infer", &request).await, 422, "ER0450");
}

#[tokio::test]
async fn a_model_with_a_state_takes_each_call_whole() {
    let server = Server::open().await;
    post(&server, "/v2/repository/models/stateful/load", &json!({})).await;
    let mut request = input(json!([1, 3]), json!([1, 2, 3]));
    let state = json!({"name": "state", "datatype": "FP32", "shape": [], "data": [7]});
    request["inputs"].as_array_mut().unwrap().push(state);
    let answer = post(&server, "/v2/models/stateful/infer", &request).await;
    let output = |name: &str, shape: Value, data: Value| json!({"name": name, "datatype": "FP32", "shape": shape, "data": data});
    let expected = json!([
        output("y", json!([1, 3]), json!([1.0, 2.0, 3.0])),
        output("next", json!([]), json!([7.0])),
    ]);
    assert_eq!(answer.json()["outputs"], expected, "{answer:?}");
    let without = input(json!([1, 3]), json!([1, 2, 3]));
    let told =
        check_failure(&post(&server, "/v2/models/stateful/infer", &without).await, 400, "ER0210");
    assert!(told.starts_with("/inputs"), "{told}");
    assert_eq!(
        post(&server, "/v2/repository/models/stateful/unload", &json!({})).await.status,
        200
    );
}

#[tokio::test]
async fn loading_needs_its_own_scope() {
    let server = Server::guarded().await;
    let infers =
        guard::register(&server, "infers", |it| it.scopes = "models:infer".to_owned()).await;
    let manages =
        guard::register(&server, "manages", |it| it.scopes = "models:manage".to_owned()).await;
    let request = input(json!([1, 2]), json!([1, 2])).to_string();
    let load = ("POST", "/v2/repository/models/same/load");
    assert_eq!(guard::call(&server, load, &infers, "").await.status, 403);
    assert_eq!(guard::call(&server, load, &manages, "").await.status, 200);
    assert_eq!(guard::call(&server, ("POST", INFER), &manages, &request).await.status, 403);
    assert_eq!(guard::call(&server, ("POST", INFER), &infers, &request).await.status, 200);
}

#[tokio::test]
async fn unloading_waits_for_calls_in_flight_and_takes_no_more() {
    let deadline = SystemClock.now() + WATCHDOG;
    let infer = Infer::new(FakeNetworks::new());
    infer.load("same", deadline).await.unwrap();
    let place = infer.admit("same").ok();
    let mut unloading = Box::pin(infer.unload("same", deadline));
    assert!(place.is_some() && (&mut unloading).now_or_never().is_none());
    let refused = infer.admit("same").err().map(|it| it.code);
    assert_eq!(refused, Some(ErrorCode::Conflict));
    drop(place);
    unloading.await.unwrap();
}

/// Models of the networks have 1 MiB each.
fn with_room_for(n_models: u64, trials: Vec<Trial>) -> Arc<Infer> {
    let max_bytes = Some(n_models << 20);
    Infer::with(FakeNetworks::new(), InferSettings { trials, max_bytes })
}

fn names_loaded(infer: &Infer) -> Vec<String> {
    let listed = infer.list().into_iter().filter(|it| it.is_loaded);
    listed.map(|it| it.model.name).collect()
}

#[tokio::test]
async fn the_model_that_was_not_called_for_longest_leaves_for_another() {
    let deadline = SystemClock.now() + WATCHDOG;
    let infer = with_room_for(2, Vec::new());
    for name in ["same", "slow"] {
        infer.load(name, deadline).await.unwrap();
    }
    drop(infer.admit("same").ok());
    infer.load("twice", deadline).await.unwrap();
    assert_eq!(names_loaded(&infer), ["same", "twice"]);
    assert_eq!(infer.admit("slow").err().map(|it| it.code), Some(ErrorCode::Conflict));
    // What is never called is as old as its loading.
    infer.load("slow", deadline).await.unwrap();
    assert_eq!(names_loaded(&infer), ["slow", "twice"]);
}

#[tokio::test]
async fn a_model_leaves_after_its_calls_and_not_for_one_that_has_no_room_at_all() {
    let deadline = SystemClock.now() + WATCHDOG;
    let trial = Trial {
        model: "same".to_owned(),
        candidate: "twice".to_owned(),
        percent: 0,
        is_shadow: true,
    };
    let infer = with_room_for(1, vec![trial]);
    infer.load("slow", deadline).await.unwrap();
    let refused = infer.load("same", deadline).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict, "two versions need twice the room");
    assert!(refused.message.contains("models.max_mib"), "{}", refused.message);
    let place = infer.admit("slow").ok();
    let mut loading = Box::pin(infer.load("stateful", deadline));
    assert!(place.is_some() && (&mut loading).now_or_never().is_none());
    drop(place);
    loading.await.unwrap();
    assert_eq!(names_loaded(&infer), ["stateful"]);
}

#[tokio::test]
async fn no_model_leaves_for_one_whose_files_are_not_here() {
    let deadline = SystemClock.now() + WATCHDOG;
    let infer = with_room_for(1, Vec::new());
    infer.load("slow", deadline).await.unwrap();
    let refused = infer.load("missing", deadline).await.unwrap_err();
    assert!(refused.message.contains("fenwen models pull missing"), "{}", refused.message);
    assert_eq!(names_loaded(&infer), ["slow"]);
}

#[tokio::test]
async fn calls_beyond_the_places_are_refused_at_once() {
    let infer = Infer::new(FakeNetworks::new());
    infer.load("same", SystemClock.now() + WATCHDOG).await.unwrap();
    let places: Vec<_> = (0..8).map(|_| infer.admit("same").ok()).collect();
    let refused = infer.admit("same").err().map(|it| it.code);
    assert_eq!(refused, Some(ErrorCode::Overloaded));
    drop(places);
    assert!(infer.admit("same").is_ok());
}

#[tokio::test]
async fn what_cannot_be_answered_in_time_is_refused_at_once() {
    let server = Server::open().await;
    post(&server, "/v2/repository/models/slow/load", &json!({})).await;
    let infer =
        async || post(&server, "/v2/models/slow/infer", &input(json!([1, 2]), json!([1, 2]))).await;
    // Nothing is known of the model before its first run.
    assert_eq!(infer().await.status, 200);
    let refused = infer().await;
    check_failure(&refused, 429, "ER0429");
    let later: u64 = refused.header("retry-after").parse().unwrap();
    assert!((3000..=3600).contains(&later), "{later}");
}

#[tokio::test]
async fn small_calls_leave_room_for_many() {
    let infer = Infer::new(FakeNetworks::new());
    infer.load("same", SystemClock.now() + WATCHDOG).await.unwrap();
    let admit = |n_bytes: u64| infer.admit_announced("same", n_bytes);
    let small: Vec<_> = (0..1024).map(|_| admit(64 << 10).ok()).collect();
    assert!(small.iter().all(Option::is_some));
    // 64 MiB are left: four of the largest.
    let large: Vec<_> = (0..4).map(|_| admit(16 << 20).ok()).collect();
    assert!(large.iter().all(Option::is_some));
    assert_eq!(admit(0).err().map(|it| it.code), Some(ErrorCode::Overloaded));
    drop(large);
    assert!(admit(u64::MAX).is_ok());
}

#[tokio::test]
async fn a_call_that_turns_out_small_gives_its_places_back() {
    let infer = Infer::new(FakeNetworks::new());
    infer.load("same", SystemClock.now() + WATCHDOG).await.unwrap();
    // Eight of the largest are 128 MiB.
    let calls: Vec<_> = (0..64)
        .filter_map(|_| {
            let mut entry = infer.enter(u64::MAX).ok()?;
            entry.shrink(100);
            infer.admit_to(entry, "same").ok()
        })
        .collect();
    assert_eq!(calls.len(), 64);
}
