//! The API's description: equal to the router, valid for real answers, and committed.

use serde_json::{Value, json};

use super::client::{form, get, post, send};
use super::fake::{Server, png};
use crate::generated;
use fenwen::base::ErrorCode;

fn description() -> Value {
    serde_json::to_value(fenwen::http::openapi()).unwrap()
}

#[test]
fn the_committed_description_is_current() {
    let text = fenwen::http::openapi().to_pretty_json().unwrap();
    generated::check("docs/reference/openapi.json", &format!("{text}\n"));
}

#[test]
fn the_committed_error_codes_are_current() {
    let mut text = String::from(
        "# Error codes\n\nGenerated from `ErrorCode::ALL`; `UPDATE_EXPECT=1 cargo test --test it` \
         rewrites it.\n\n| code | HTTP status | title |\n|---|---|---|\n",
    );
    let mut codes = ErrorCode::ALL;
    codes.sort_by_key(|it| it.number());
    for code in codes {
        let status = fenwen::http::status(code).as_u16();
        text.push_str(&format!("| {} | {status} | {} |\n", code.number(), code.title()));
    }
    generated::check("docs/reference/error-codes.md", &text);
}

#[tokio::test]
async fn every_described_operation_is_routed() {
    let server = Server::open().await;
    let description = description();
    let mut n_operations = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            let request = format!("{} {path} HTTP/1.1\r\nhost: t\r\n\r\n", method.to_uppercase());
            let answer = send(server.addr, request.as_bytes()).await;
            if item.get(method).is_some() {
                n_operations += 1;
                assert_ne!(answer.status, 405, "{method} {path}: {answer:?}");
                // A path with an id may know no such id; what is not routed says so.
                let text = String::from_utf8(answer.body).unwrap();
                assert!(!text.contains("沒有這個路徑"), "{method} {path}: {text}");
                let status = answer.status.to_string();
                let is_described = item[method]["responses"].get(&status).is_some();
                assert!(is_described, "{method} {path}: {status} is not described");
            } else {
                assert_eq!(answer.status, 405, "{method} {path} is not described");
                // That is said first, whatever else is wrong.
                let asking = request.replacen(" HTTP", "?limit=0 HTTP", 1);
                let answer = send(server.addr, asking.as_bytes()).await;
                assert_eq!(answer.status, 405, "{method} {path} with a query");
            }
        }
    }
    assert_eq!(n_operations, 110);
}

#[tokio::test]
async fn a_server_that_asks_nobody_who_calls_says_so() {
    let needs_proof = async |server: &Server| {
        let told = get(server.addr, "/openapi.json").await.json();
        told["paths"]["/api/v1/letters/classifications"]["post"]["security"] != json!([])
    };
    assert!(!needs_proof(&Server::open().await).await);
    assert!(needs_proof(&Server::guarded().await).await);
}

#[test]
fn every_operation_says_who_may_call_and_no_parameter_is_null() {
    let description = description();
    assert_eq!(description["servers"], json!([{"url": "/"}]));
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["security"].is_array(), "{method} {path}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = &parameter["name"];
                assert!(parameter["schema"]["type"].is_string(), "{method} {path}: {name}");
            }
        }
    }
}

/// Whoever holds an answer open is asked for again: the guard must know which answers stay open.
#[test]
fn every_answer_that_stays_open_is_known_to_the_guard() {
    let description = description();
    for route in fenwen::policy::ROUTES {
        let method = route.method.to_lowercase();
        let responses = &description["paths"][route.path][method]["responses"];
        let is_open = responses.as_object().into_iter().flatten().any(|(status, it)| {
            status == "101" || it["content"].get("text/event-stream").is_some()
        });
        assert_eq!(route.stays_open(), is_open, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn real_answers_fit_the_schemas() {
    let server = Server::open().await;
    let path = "/paths/~1api~1v1~1identity-documents~1recognitions/post";
    let meta = br#"{"expected":{"name":"x"},"options":{"lines":true}}"#;
    let two = form(&[("image", &png(3)), ("image", &png(3)), ("meta", meta)]);
    let one = form(&[("image", &png(3))]);
    for (body, status, media_type) in [
        (one, "200", "application~1json"),
        (two, "200", "application~1json"),
        (form(&[]), "400", "application~1problem+json"),
        (form(&[("image", b"x")]), "415", "application~1problem+json"),
    ] {
        let answer = send(server.addr, &post("", &body)).await;
        assert_eq!(answer.status.to_string(), status);
        let pointer = format!("{path}/responses/{status}/content/{media_type}/schema");
        validate(&pointer, &answer.json());
    }
    for (route, path) in [
        ("/api/v1/services", "~1api~1v1~1services"),
        ("/healthz/live", "~1healthz~1live"),
        ("/healthz/ready", "~1healthz~1ready"),
    ] {
        let answer = get(server.addr, route).await;
        let pointer = format!("/paths/{path}/get/responses/200/content/application~1json/schema");
        validate(&pointer, &answer.json());
    }
}

/// Every address of a document.
fn addresses(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| addresses(it, found)),
        Value::Object(fields) => {
            for (name, it) in fields {
                match it
                    .as_str()
                    .filter(|_| name.to_lowercase().ends_with("url") || name == "image")
                {
                    Some(address) => found.push(address.to_owned()),
                    None => addresses(it, found),
                }
            }
        }
        _ => (),
    }
}

#[tokio::test]
async fn descriptions_are_found_from_the_list_of_interfaces() {
    let server = Server::open().await;
    let list = get(server.addr, "/apis.json").await;
    let list = list.json();
    validate("/paths/~1apis.json/get/responses/200/content/application~1json/schema", &list);
    let mut found = Vec::new();
    addresses(&list, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for address in found {
        let answer = get(server.addr, &address).await;
        assert!([200, 303].contains(&answer.status), "{address}: {}", answer.status);
    }
    let services = get(server.addr, "/api/v1/services").await.json();
    for service in services["services"].as_array().unwrap() {
        let wanted = format!("/openapi/{}.json", service["name"].as_str().unwrap());
        assert!(list.to_string().contains(&wanted), "{wanted}");
    }
}

#[track_caller]
pub(crate) fn validate(pointer: &str, value: &Value) {
    let description = description();
    let schema = description.pointer(pointer).unwrap();
    let mut known = Vec::new();
    let found = fault(&description, schema, value, "", &mut known);
    assert_eq!(found, None);
    // At the top level nothing may be answered that is not described.
    for key in value.as_object().unwrap().keys() {
        assert!(known.contains(key), "`{key}` is not described");
    }
}

/// What of `value` does not fit `schema`; property names seen at the top level go to `known`.
fn fault(
    all: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
    known: &mut Vec<String>,
) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = all.pointer(reference.trim_start_matches('#')).unwrap();
        return fault(all, target, value, at, known);
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let n_fits = options.iter().filter(|it| fault(all, it, value, at, known).is_none()).count();
        return (n_fits != 1).then(|| format!("{at}: fits {n_fits} of oneOf"));
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().find_map(|it| fault(all, it, value, at, known));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => return None,
        one => vec![one.clone()],
    };
    if !types.iter().any(|it| has_type(value, it.as_str().unwrap())) {
        return Some(format!("{at}: {value} is not {types:?}"));
    }
    if let Some(names) = schema["enum"].as_array().filter(|it| !it.contains(value)) {
        return Some(format!("{at}: {value} is none of {names:?}"));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(key) = required.map(|it| it.as_str().unwrap()).find(|key| value.get(key).is_none())
    {
        return Some(format!("{at}: {key} is missing"));
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        if at.is_empty() {
            known.push(key.clone());
        }
        let found =
            value.get(key).and_then(|it| fault(all, property, it, &format!("{at}/{key}"), known));
        if found.is_some() {
            return found;
        }
    }
    let items = value.as_array().into_iter().flatten().enumerate();
    items
        .filter(|_| schema.get("items").is_some())
        .find_map(|(idx, it)| fault(all, &schema["items"], it, &format!("{at}/{idx}"), known))
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[test]
fn the_validator_sees_faults() {
    let schema = json!({
        "type": "object", "required": ["a"],
        "properties": {"a": {"type": ["string", "null"]}, "b": {"type": "array", "items": {"type": "integer"}}},
    });
    let check = |value: Value, fits: bool| {
        let found = fault(&Value::Null, &schema, &value, "", &mut Vec::new());
        assert_eq!(found.is_none(), fits, "{value}: {found:?}");
    };
    check(json!({"a": null}), true);
    check(json!({"a": "x", "b": [1]}), true);
    check(json!({"b": [1]}), false);
    check(json!({"a": 1}), false);
    check(json!({"a": "x", "b": [1.5]}), false);
}

#[tokio::test]
async fn pages_work_offline() {
    let server = Server::open().await;
    let start = get(server.addr, "/").await;
    if cfg!(feature = "console") {
        assert_eq!((start.status, start.header("location")), (303, "/console/try"));
    } else {
        let html = String::from_utf8(start.body.clone()).unwrap();
        assert!(html.contains("lang=\"zh-Hant-TW\"") && !html.contains("<script"));
        assert!(start.header("content-security-policy").contains("style-src 'sha256-"));
    }
    let docs = get(server.addr, "/docs/").await;
    let html = String::from_utf8(docs.body).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
    let mut n_files = 0;
    for link in html.split(['"', '\'']).filter(|it| it.starts_with("./") || it.ends_with(".js")) {
        let path = format!("/docs/{}", link.trim_start_matches("./"));
        let file = get(server.addr, &path).await;
        assert!(file.status == 200 && !file.body.is_empty(), "{path}");
        n_files += 1;
    }
    assert!(3 <= n_files, "{html}");
    let settings = get(server.addr, "/docs/swagger-initializer.js").await;
    assert!(String::from_utf8(settings.body).unwrap().contains("/openapi.json"));
}

#[tokio::test]
async fn metrics_have_bounded_labels() {
    let server = Server::open().await;
    get(server.addr, "/secret/A123456789").await;
    send(server.addr, &post("", &form(&[("image", &png(3))]))).await;
    let text = String::from_utf8(get(server.addr, "/metrics").await.body).unwrap();
    for name in [
        "fenwen_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"}",
        "fenwen_http_request_seconds_bucket",
        "fenwen_identity_documents_total{type=\"tw_national_id_front\"}",
        "fenwen_calls_in_flight ",
        "fenwen_ready ",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    assert!(!text.contains("A123456789"));
}
