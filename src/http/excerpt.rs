//! The description of one service, as the exchange registers it: its own operations and what they refer to.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::base::ErrorCode;
use crate::wire::problem::Problem;

use super::App;
use super::failure::Failure;

/// Services that are registered, each with the tags of its operations: what is slow or large needs jobs and uploads.
const SERVICES: [(&str, &[&str]); 5] = [
    ("letters", &["letters", "predictions"]),
    ("documents", &["documents", "predictions"]),
    ("speech", &["speech", "jobs", "blobs"]),
    ("qa", &["qa"]),
    ("identity-documents", &["identity-documents"]),
];

/// Ends of paths whose answers go on: the exchange carries one request and one answer.
const STREAMED: [&str; 2] = ["/stream", "/events"];

/// 一項服務的描述檔,供登錄於資料交換平臺。
#[utoipa::path(
    get,
    path = "/openapi/{file}",
    operation_id = "openapi_of_service",
    tag = "operation",
    params(("file" = String, Path, description = "服務代碼加 .json:letters、documents、speech、qa、identity-documents")),
    responses(
        (status = 200, description = "OpenAPI 3.1", body = serde_json::Value),
        (status = 404, description = "ER0100:沒有這項服務", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn description(
    State(app): State<std::sync::Arc<App>>,
    Path(file): Path<String>,
) -> Result<([(HeaderName, &'static str); 1], String), Failure> {
    let unknown = || Failure::new(ErrorCode::NotFound, "沒有這項服務;代碼列於 /api/v1/services。");
    let service = file.strip_suffix(".json").ok_or_else(unknown)?;
    let whole = serde_json::from_str(app.openapi()?).unwrap_or(Value::Null);
    let excerpt = excerpt(whole, service).ok_or_else(unknown)?;
    Ok(([(CONTENT_TYPE, "application/json")], format!("{excerpt:#}\n")))
}

/// What of the whole description is about a service.
fn excerpt(mut whole: Value, service: &str) -> Option<Value> {
    let (_, tags) = SERVICES.iter().find(|it| it.0 == service)?;
    let is_own = |operation: &Value| {
        let own = operation.get("tags").and_then(Value::as_array);
        own.is_some_and(|it| it.iter().any(|tag| tag.as_str().is_some_and(|it| tags.contains(&it))))
    };
    let paths = whole.get_mut("paths").and_then(Value::as_object_mut)?;
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        item.retain(|_, it| is_own(it));
    }
    let is_carried = |path: &str| {
        let is_streamed = STREAMED.iter().any(|it| path.ends_with(it));
        path.starts_with("/api/v1/") && !is_streamed
    };
    paths.retain(|path, it| is_carried(path) && it.as_object().is_some_and(|it| !it.is_empty()));
    if let Some(told) = whole.get_mut("tags").and_then(Value::as_array_mut) {
        told.retain(|it| it["name"].as_str().is_some_and(|it| tags.contains(&it)));
    }
    let wanted = referred(&whole);
    if let Some(schemas) = whole.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.retain(|name, _| wanted.contains(name));
    }
    Some(whole)
}

/// Names of the schemas that the paths refer to, directly or through others.
fn referred(whole: &Value) -> BTreeSet<String> {
    let nothing = Map::new();
    let schemas = whole.pointer("/components/schemas").and_then(Value::as_object);
    let schemas = schemas.unwrap_or(&nothing);
    let mut wanted = BTreeSet::new();
    let mut waiting: Vec<&Value> = whole.get("paths").into_iter().collect();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => {
                let name = fields.get("$ref").and_then(Value::as_str);
                let name = name.and_then(|it| it.strip_prefix("#/components/schemas/"));
                if let Some(name) = name.filter(|it| wanted.insert((*it).to_owned())) {
                    waiting.extend(schemas.get(name));
                }
                waiting.extend(fields.values());
            }
            _ => (),
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: &str) -> Value {
        let whole = serde_json::to_value(crate::http::openapi()).unwrap();
        excerpt(whole, service).unwrap()
    }

    #[test]
    fn every_service_has_its_operations_and_every_schema_that_they_need() {
        for (service, _) in SERVICES {
            let excerpt = of(service);
            let paths = excerpt["paths"].as_object().unwrap();
            assert!(!paths.is_empty(), "{service}");
            assert!(paths.keys().any(|it| it.contains(service)), "{service} {:?}", paths.keys());
            let schemas = excerpt["components"]["schemas"].as_object().unwrap();
            let text = excerpt.to_string();
            for part in text.split("#/components/schemas/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(schemas.contains_key(name), "{service} lacks {name}");
            }
            for name in schemas.keys() {
                assert!(
                    text.contains(&format!("schemas/{name}\"")),
                    "{service}: nobody needs {name}"
                );
            }
        }
    }

    #[test]
    fn a_service_tells_nothing_of_others() {
        let letters = of("letters");
        assert!(letters["paths"].get("/api/v1/documents/dispatch-suggestions").is_none());
        let whole = serde_json::to_value(crate::http::openapi()).unwrap();
        assert_eq!(excerpt(whole, "webhooks"), None);
    }
}
