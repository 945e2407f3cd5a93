//! The Open Inference Protocol over gRPC: messages, statuses, and that nothing goes around the guard.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody};
use fenwen::policy::{Access, GRPC};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;

use super::client::WATCHDOG;
use super::fake::Server;
use super::guard;
use crate::audit::rows;

const SERVICE: &str = "/inference.GRPCInferenceService/";

/// Headers of a well-formed call.
const PLAIN: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

/// An answer.
#[derive(Debug)]
struct Told {
    status: String,
    code: String,
    message: String,
    frames: Vec<u8>,
}

/// A request over HTTP/2 as it is, and the answer.
async fn send(server: &Server, request: Request<Body>) -> Told {
    let talk = async {
        let stream = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await.unwrap();
        let (head, mut body) = answer.into_parts();
        let mut headers = head.headers;
        let mut frames = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match frame.unwrap().into_data() {
                Ok(data) => frames.extend_from_slice(&data),
                Err(trailers) => headers.extend(trailers.into_trailers().unwrap()),
            }
        }
        driver.abort();
        let text = |name: &str| headers.get(name).map_or("", |it| it.to_str().unwrap()).to_owned();
        let (status, code, message) =
            (text("grpc-status"), text("x-error-code"), text("grpc-message"));
        let message = message.replace('+', "%2B");
        let message = form_urlencoded::parse(message.as_bytes())
            .next()
            .map_or_else(String::new, |it| it.0.into_owned());
        Told { status, code, message, frames }
    };
    tokio::time::timeout(WATCHDOG, talk).await.unwrap()
}

/// A message behind its prefix.
fn framed(message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap();
    [&[0][..], &len.to_be_bytes(), message].concat()
}

fn request(method: &str, head: &[(&str, &str)], body: Vec<u8>) -> Request<Body> {
    let mut request = Request::post(format!("http://t{SERVICE}{method}"));
    for (name, value) in head {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

async fn call(server: &Server, method: &str, message: &[u8]) -> Told {
    send(server, request(method, PLAIN, framed(message))).await
}

/// A field of fewer than 128 bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()][..], content].concat()
}

/// Two rows of two floats for the model `same`, without their elements.
fn head(name: &[u8]) -> Vec<u8> {
    [field(1, b"x"), field(2, name), field(3, &[2, 2])].concat()
}

fn elements() -> Vec<u8> {
    [1.0_f32, -2.0, f32::NAN, 4.0].iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn infer() -> Vec<u8> {
    [field(1, b"same"), field(5, &head(b"FP32")), field(7, &elements())].concat()
}

/// A server with the model `same` loaded.
async fn loaded() -> Server {
    let server = Server::open().await;
    let told = call(&server, "RepositoryModelLoad", &field(2, b"same")).await;
    assert_eq!((told.status.as_str(), told.frames), ("0", framed(&[])));
    server
}

#[tokio::test]
async fn the_server_and_its_models_describe_themselves() {
    let server = loaded().await;
    let check = async |method: &str, message: &[u8], expected: &[u8]| {
        let told = call(&server, method, message).await;
        assert_eq!((told.status.as_str(), told.frames), ("0", framed(expected)), "{method}");
    };
    check("ServerLive", &[], &[8, 1]).await;
    check("ServerReady", &[], &[8, 1]).await;
    check("ModelReady", &field(1, b"same"), &[8, 1]).await;
    check("ModelReady", &field(1, b"broken"), &[8, 0]).await;
    let any = [0xff; 10];
    let any = [&any[..9], &[1]].concat();
    let port =
        |name: &[u8], shape: &[u8]| [field(1, name), field(2, b"FP32"), field(3, shape)].concat();
    let model = [
        field(1, b"same"),
        field(2, b"3"),
        field(3, b"onnx"),
        field(4, &port(b"x", &[&any[..], &[2]].concat())),
        field(5, &port(b"y", &any)),
    ];
    check("ModelMetadata", &field(1, b"same"), &model.concat()).await;
    let listed = [field(1, b"same"), field(2, b"3"), field(3, b"READY"), field(4, b"")].concat();
    check("RepositoryIndex", &[16, 1], &field(1, &listed)).await;
    check("RepositoryModelUnload", &field(2, b"same"), &[]).await;
    check("ModelReady", &field(1, b"same"), &[8, 0]).await;
}

#[tokio::test]
async fn tensors_go_in_and_come_out() {
    let server = loaded().await;
    let about = [field(1, b"y"), field(2, b"FP32"), field(3, &[2, 2])].concat();
    let expected =
        [field(1, b"same"), field(2, b"3"), field(5, &about), field(6, &elements())].concat();
    let contents = field(5, &field(6, &elements()));
    let typed = [field(1, b"same"), field(5, &[head(b"FP32"), contents].concat())].concat();
    for message in [infer(), typed] {
        let told = call(&server, "ModelInfer", &message).await;
        assert_eq!(
            (told.status.as_str(), told.frames),
            ("0", framed(&expected)),
            "{}",
            told.message
        );
    }
}

#[tokio::test]
async fn statistics_are_those_of_the_other_interface() {
    let server = loaded().await;
    call(&server, "ModelInfer", &infer()).await;
    let rest = super::client::get(server.addr, "/v2/models/same/stats").await.json();
    assert_eq!(rest["model_stats"][0]["inference_count"], 2);
    // A time of its own, which is over at once.
    let timeout = field(4, &[field(1, b"timeout"), field(2, &[16, 1])].concat());
    call(&server, "RepositoryModelLoad", &field(2, b"stuck")).await;
    let stuck = [field(1, b"stuck"), field(5, &head(b"FP32")), field(7, &elements()), timeout];
    assert_eq!(call(&server, "ModelInfer", &stuck.concat()).await.status, "4");
    let has = |told: &Told, name: &[u8]| {
        let name = field(1, name);
        told.frames.windows(name.len()).any(|it| it == name)
    };
    for (asked, has_other) in [(field(1, b"same"), false), (Vec::new(), true)] {
        let told = call(&server, "ModelStatistics", &asked).await;
        assert_eq!((has(&told, b"same"), has(&told, b"stuck")), (true, has_other), "{told:?}");
    }
}

#[tokio::test]
async fn failures_have_the_status_and_the_text_of_the_other_interface() {
    let server = loaded().await;
    let check = async |method: &str, message: &[u8], status: &str, code: &str| {
        let told = call(&server, method, message).await;
        assert_eq!((told.status.as_str(), told.code.as_str()), (status, code), "{}", told.message);
        assert!(told.frames.is_empty() && !told.message.is_empty());
        told.message
    };
    let unknown = check("ModelMetadata", &field(1, b"none"), "5", "ER0100").await;
    let rest = super::client::get(server.addr, "/v2/models/none").await.json();
    assert_eq!(rest["error"], json!(unknown));
    check("ModelInfer", &field(1, b"none"), "5", "ER0100").await;
    check("ModelInfer", &field(1, b"broken"), "9", "ER0410").await;
    check("RepositoryModelLoad", &field(2, b"missing"), "9", "ER0410").await;
    let half = [field(1, b"same"), field(5, &head(b"FP16")), field(7, &elements())].concat();
    let told = check("ModelInfer", &half, "3", "ER0210").await;
    assert!(told.starts_with("/inputs/0/datatype"), "{told}");
    check("ModelInfer", &[infer(), field(4, b"")].concat(), "3", "ER0220").await;
    check("ModelStatistics", &field(1, b"none"), "5", "ER0100").await;
    check("ModelStreamInfer", &[], "12", "ER0110").await;
    call(&server, "RepositoryModelLoad", &field(2, b"broken")).await;
    let broken = [field(1, b"broken"), field(5, &head(b"FP32")), field(7, &elements())].concat();
    check("ModelInfer", &broken, "3", "ER0450").await;
}

#[tokio::test]
async fn frames_media_types_and_deadlines_are_checked() {
    let server = Server::with_options(|it| it.max_json_bytes = 64).await;
    call(&server, "RepositoryModelLoad", &field(2, b"same")).await;
    let check = async |head: &[(&str, &str)], body: Vec<u8>, status: &str, code: &str| {
        let told = send(&server, request("ModelInfer", head, body)).await;
        assert_eq!((told.status.as_str(), told.code.as_str()), (status, code), "{}", told.message);
    };
    check(PLAIN, framed(&infer()), "0", "").await;
    check(PLAIN, Vec::new(), "3", "ER0210").await;
    check(PLAIN, [framed(&infer()), framed(&[])].concat(), "3", "ER0210").await;
    check(PLAIN, [&[1][..], &framed(&infer())[1..]].concat(), "12", "ER0440").await;
    check(PLAIN, framed(&[0; 65]), "3", "ER0430").await;
    check(&[("content-type", "application/json")], framed(&infer()), "12", "ER0440").await;
    let with = |timeout| [PLAIN, &[("grpc-timeout", timeout)]].concat();
    check(&with("10S"), framed(&infer()), "0", "").await;
    check(&with("soon"), framed(&infer()), "3", "ER0210").await;
    let late = send(&server, request("ModelInfer", &with("0n"), framed(&infer()))).await;
    assert_eq!(late.status, "4", "{late:?}");
}

#[tokio::test]
async fn every_method_refuses_whoever_may_not_call_it() {
    let server = Server::guarded().await;
    let key = async |id: &str, scopes: &str| {
        let head = guard::register(&server, id, |it| it.scopes = scopes.to_owned()).await;
        head.trim_start_matches("authorization: ").trim_end().to_owned()
    };
    let (poor, infers) = (key("poor", "qa:ask").await, key("infers", "models:infer").await);
    let manages = key("manages", "models:manage").await;
    let status = async |method: &str, key: &str| {
        let head = [PLAIN, &[("authorization", key)]].concat();
        let head = if key.is_empty() { PLAIN } else { &head };
        send(&server, request(method, head, framed(&[]))).await.status
    };
    for row in GRPC {
        let method = row.path.strip_prefix(SERVICE).unwrap();
        if row.access == Access::Open {
            assert_eq!(status(method, "").await, "0", "{method}");
            continue;
        }
        let method = method.replace("{method}", "TraceSetting");
        assert_eq!(status(&method, "").await, "16", "{method}");
        // A good call between bad ones, or the address is locked.
        assert_ne!(status("RepositoryIndex", &infers).await, "16");
        assert_eq!(status(&method, "Bearer x").await, "16", "{method}");
        assert_eq!(status(&method, &poor).await, "7", "{method}");
        let changes = ["RepositoryModelLoad", "RepositoryModelUnload"].contains(&method.as_str());
        assert_eq!(status(&method, &infers).await == "7", changes, "{method}");
        let computes = method == "ModelInfer";
        assert_eq!(status(&method, &manages).await == "7", computes, "{method}");
    }
}

#[tokio::test]
async fn calls_are_recorded_as_they_failed() {
    let server = Server::open().await;
    let n_before = rows(server.data_dir.path()).len();
    call(&server, "ServerLive", &[]).await;
    assert_eq!(rows(server.data_dir.path()).len(), n_before, "health is not recorded");
    call(&server, "ModelInfer", &field(1, b"none")).await;
    let last = rows(server.data_dir.path()).pop().unwrap();
    assert_eq!((last.status, last.reason.as_deref()), (Some(404), Some("ER0100")));
    assert_eq!(last.action, format!("POST {SERVICE}ModelInfer"));
    let metrics = super::client::get(server.addr, "/metrics").await;
    let line = format!("{{route=\"{SERVICE}ModelInfer\",method=\"POST\",status=\"404\"}}");
    assert!(String::from_utf8(metrics.body).unwrap().contains(&line));
}

#[tokio::test]
async fn other_routes_and_methods_are_as_over_the_older_version() {
    let server = Server::open().await;
    let get = |path: &str| Request::get(format!("http://t{path}")).body(Body::empty()).unwrap();
    let told = send(&server, get("/v2/health/live")).await;
    assert_eq!(told.frames, br#"{"live":true}"#);
    let answer = super::client::get(server.addr, &format!("{SERVICE}ModelInfer")).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, "12"));
}

#[tokio::test]
async fn a_connection_ends_with_its_server() {
    let mut server = Server::open().await;
    let stream = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let live = request("ServerLive", PLAIN, framed(&[]));
    assert_eq!(sender.send_request(live).await.unwrap().status(), 200);
    server.begin_shutdown();
    let ended = tokio::time::timeout(WATCHDOG, driver).await.unwrap();
    assert!(ended.unwrap().is_ok());
    assert_eq!(server.ended().await, fenwen::http::Ended::Drained);
}
