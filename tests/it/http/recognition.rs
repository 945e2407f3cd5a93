//! Recognition requests: what a good one is answered, and what each bad one is told.

use serde_json::{Value, json};

use super::client::{Answer, BOUNDARY, Client, RECOGNITIONS, form, get, post, send};
use super::fake::{FakeRecogniser, PANIC_WIDTH, Server, options, png};
use fenwen::http::HttpOptions;
use fenwen::service::ServiceLimits;
use fenwen::wire::v1::meta::PurposeRule;

/// Named parts of a form.
type Parts<'a> = [(&'a str, &'a [u8])];

async fn recognise(server: &Server, parts: &Parts<'_>) -> Answer {
    send(server.addr, &post("", &form(parts))).await
}

#[tokio::test]
async fn one_picture_is_answered_at_the_top_level() {
    let server = Server::open().await;
    let meta = br#"{"purpose":{"code":"online-application"},
        "expected":{"id_number":"a12*****89","name":"x","address":"y"},"future":[1]}"#;
    let answer = recognise(&server, &[("image", &png(3)), ("meta", meta)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    let mut body = answer.json();
    let timings = body["timings_ms"].take();
    assert!(["queue", "decode", "infer"].iter().all(|key| timings[key].is_number()));
    assert_eq!(body["recognition_id"].as_str().unwrap().len(), 32);
    body["recognition_id"].take();
    let corners = json!([[1.0, 2.0], [9.0, 2.0], [9.0, 4.0], [1.0, 4.0]]);
    let field = |name: &str, value: Value, status: &str| {
        json!({
            "name": name, "value": value, "raw": "民國79年1月2日", "confidence": 0.1235,
            "status": status, "box": corners, "checks": [{"name": "calendar", "ok": true}],
            "repair": null,
        })
    };
    let expected = json!({
        "recognition_id": null,
        "document": {
            "type": "tw_national_id_front", "type_score": 0.98, "rotation": 90,
            "corners": corners, "image": {"width": 3, "height": 2},
        },
        "quality": {
            "sharpness": 0.7, "glare": 0.0, "cropped": false, "resolution_ok": true, "n_cards": 1,
            "recapture_suspected": false, "retake": true,
            "reasons": [{"code": "glare", "text": "證件反光,請避開光源後重新拍攝。"}],
        },
        "fields": [
            field("id_number", json!("A123456789"), "verified"),
            field("name", Value::Null, "review"),
        ],
        "mrz": {
            "type": "MRV-A", "lines": ["V<UTO"], "repaired": false,
            "check_digits": {
                "number": true, "birth": null, "expiry": null, "optional": null, "composite": null,
            },
        },
        "comparisons": [
            {"name": "address", "match": null},
            {"name": "id_number", "match": true},
            {"name": "name", "match": null},
        ],
        "face": corners, "redacted_image": "AQID",
        "needs_review": true, "requires_human": true, "decision_support": true,
        "disclosure": "本結果由人工智慧產生,僅供承辦人參考",
        "model": {"name": "fake", "version": "1", "sha256": "0".repeat(64)},
        "timings_ms": null, "truncated": false,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn two_pictures_and_options() {
    let server = Server::open().await;
    let meta = br#"{"options":{"boxes":false,"lines":true,"types":["passport"]}}"#;
    let parts: [(&str, &[u8]); 3] = [("image", &png(3)), ("meta", meta), ("image", &png(5))];
    let body = recognise(&server, &parts).await.json();
    let documents = body["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0]["document"], body["document"]);
    assert_eq!(documents[1]["document"]["image"]["width"], 5);
    assert!(body["fields"][0].get("box").is_none());
    assert_eq!(body["lines"][0]["text"], "中華民國國民身分證");
    assert_eq!(body["comparisons"], json!([]));
}

#[tokio::test]
async fn bad_forms_are_refused_with_a_problem() {
    let server = Server::open().await;
    let good = png(3);
    let cases: &[(&Parts<'_>, u16, &str)] = &[
        (&[], 400, "ER0210"),
        (&[("meta", b"{}")], 400, "ER0210"),
        (&[("image", b"")], 400, "ER0210"),
        (&[("image", &good), ("image", &good), ("image", &good)], 400, "ER0210"),
        (&[("meta", b"{}"), ("image", &good), ("meta", b"{}")], 400, "ER0210"),
        (&[("meta", b"{"), ("image", &good)], 400, "ER0210"),
        (&[("meta", b"\xff\xfe"), ("image", &good)], 400, "ER0210"),
        (&[("meta", br#"{"options":{"lines":1}}"#), ("image", &good)], 400, "ER0210"),
        (&[("meta", br#"{"options":{"boxes":1e999}}"#), ("image", &good)], 400, "ER0210"),
        (&[("meta", &[b'['; 60_000]), ("image", &good)], 400, "ER0210"),
        (&[("meta", &[b' '; 70_000]), ("image", &good)], 413, "ER0430"),
        (&[("image", &[0; (10 << 20) + 1])], 413, "ER0430"),
        (&[("x", &b""[..]); 17], 400, "ER0210"),
        (&[("image", b"hello")], 415, "ER0440"),
        (&[("image", b"%PDF-1.7")], 415, "ER0440"),
        (&[("image", &good[..40])], 422, "ER0450"),
    ];
    for (idx, (parts, status, code)) in cases.iter().enumerate() {
        let answer = recognise(&server, parts).await;
        assert_eq!((answer.status, answer.problem().as_str()), (*status, *code), "case {idx}");
    }
    for (name, status) in [("附件\u{202e}", 200), ("image\0", 400)] {
        let answer = recognise(&server, &[(name, b"x"), ("image", &good)]).await;
        assert_eq!(answer.status, status, "{name:?}");
    }
    assert_eq!(server.service.occupancy().calls, 0);
}

#[tokio::test]
async fn a_wrong_value_is_pointed_at_and_not_repeated() {
    let server = Server::open().await;
    let meta = br#"{"options":{"types":["A123456789"]}}"#;
    let problem = recognise(&server, &[("meta", meta), ("image", &png(3))]).await.json();
    assert_eq!(problem["errors"][0]["pointer"], "/meta/options/types/0");
    assert!(!problem.to_string().contains("A123456789"));
}

#[tokio::test]
async fn headers_that_do_not_fit_are_refused_before_the_body() {
    let server = Server::open().await;
    let request = |headers: &str| {
        format!("POST {RECOGNITIONS} HTTP/1.1\r\nhost: t\r\n{headers}\r\n").into_bytes()
    };
    let form = "content-type: multipart/form-data; boundary=x\r\n";
    let cases = [
        ("".to_owned(), 415, "ER0440"),
        ("content-type: application/json\r\ncontent-length: 2\r\n".to_owned(), 415, "ER0440"),
        ("content-type: multipart/form-data\r\n".to_owned(), 400, "ER0210"),
        ("content-type: multipart/mixed; boundary=x\r\n".to_owned(), 415, "ER0440"),
        (format!("{form}content-length: 1000000000\r\n"), 413, "ER0430"),
        (format!("{form}x-deadline-ms: soon\r\n"), 400, "ER0210"),
        (format!("{form}x-deadline-ms: 99999999999999999999\r\n"), 400, "ER0210"),
    ];
    for (headers, status, code) in cases {
        let answer = send(server.addr, &request(&headers)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{headers}");
    }
}

#[tokio::test]
async fn a_wrong_boundary_is_a_broken_form() {
    let server = Server::open().await;
    let body = form(&[("image", &png(3))]);
    let wrong = String::from_utf8_lossy(&post("", &[])).replace(BOUNDARY, "other");
    let wrong = wrong.replace("content-length: 0", &format!("content-length: {}", body.len()));
    let answer = send(server.addr, &[wrong.as_bytes(), &body].concat()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (400, "ER0210"));
    let cut = &body[..body.len() - 30];
    let answer = send(server.addr, &post("", cut)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (400, "ER0210"));
}

#[tokio::test]
async fn paths_methods_and_parameters() {
    let server = Server::open().await;
    let cases = [
        ("GET", "/nothing/A123456789", 404, "ER0100"),
        ("GET", RECOGNITIONS, 405, "ER0110"),
        ("DELETE", "/healthz/live", 405, "ER0110"),
        ("BREW", "/healthz/live", 405, "ER0110"),
        ("GET", "/healthz/live?x=1", 400, "ER0200"),
        ("POST", &format!("{RECOGNITIONS}?debug"), 400, "ER0200"),
        ("GET", "/docs/nothing.js", 404, "ER0100"),
    ];
    for (method, path, status, code) in cases {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: t\r\n\r\n");
        let answer = send(server.addr, request.as_bytes()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{method} {path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("A123456789"));
    }
    let answer = send(server.addr, b"PUT /healthz/live HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(answer.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn every_answer_carries_ids_and_security_headers() {
    let server = Server::open().await;
    for path in
        ["/", "/healthz/live", "/healthz/ready", "/metrics", "/openapi.json", "/docs/", "/x"]
    {
        let answer = get(server.addr, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
    }
    let request = b"GET /x HTTP/1.1\r\nhost: t\r\nx-request-id: my.id-1\r\n\
        traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
    let answer = send(server.addr, request).await;
    assert_eq!(answer.header("x-request-id"), "my.id-1");
    assert_eq!(answer.json()["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let answer =
        send(server.addr, b"GET /x HTTP/1.1\r\nhost: t\r\nx-request-id: a<b>\r\n\r\n").await;
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_panic_is_a_problem_without_detail_and_gives_its_place_back() {
    let server = Server::open().await;
    let answer = recognise(&server, &[("image", &png(PANIC_WIDTH))]).await;
    assert_eq!((answer.status, answer.problem().as_str()), (500, "ER0500"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("A123456789"));
    assert_eq!(server.service.occupancy().calls, 0);
    assert_eq!(recognise(&server, &[("image", &png(3))]).await.status, 200);
}

#[tokio::test]
async fn in_production_the_purpose_is_required() {
    let strict = HttpOptions { purpose: PurposeRule::Required, ..options() };
    let server = Server::start(FakeRecogniser::open(), ServiceLimits::default(), strict).await;
    let answer = recognise(&server, &[("image", &png(3))]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/meta/purpose");
}

#[tokio::test]
async fn the_caller_may_shorten_the_deadline() {
    let server = Server::start(FakeRecogniser::gated(), ServiceLimits::default(), options()).await;
    let body = form(&[("image", &png(3))]);
    let answer = send(server.addr, &post("x-deadline-ms: 300\r\n", &body)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (504, "ER0520"));
    assert_eq!(server.service.occupancy().calls, 0);
    assert_eq!(server.service.occupancy().pixels, 0);
}

#[tokio::test]
async fn a_connection_is_kept_and_requests_may_be_pipelined() {
    let server = Server::open().await;
    let mut client = Client::connect(server.addr).await;
    let request = post("", &form(&[("image", &png(3))]));
    client.write(&[request.clone(), request.clone(), request].concat()).await;
    for _ in 0..3 {
        assert_eq!(client.read().await.unwrap().status, 200);
    }
}
