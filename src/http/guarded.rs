//! The description of the surface, with what the guard needs and answers.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Response, Schema, Server, Type};

use crate::policy::{Access, ROUTES};

/// Name of the scheme in the description.
const SCHEME: &str = "bearer";

/// What the guard answers.
const REFUSALS: [(&str, &str); 2] = [
    ("401", "ER0300:未附憑證,或憑證無效、逾期"),
    ("403", "ER0310、ER0311:沒有權限;ER0312:此服務未對貴機關開放;ER0320:特定目的未經核准"),
];

/// The description with the scopes of each operation, and the refusals of the guard.
pub(super) fn described(mut description: OpenApi) -> OpenApi {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("存取權杖或 API 金鑰;示範模式不需要。".to_owned());
    description.servers = Some(vec![Server::new("/")]);
    let components = description.components.get_or_insert_default();
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(scheme).into());
    for route in ROUTES {
        let item = description.paths.paths.get_mut(route.path);
        let Some(operation) = item.and_then(|it| operation(it, route.method)) else { continue };
        present(operation);
        let scopes: Vec<&str> = match route.access {
            Access::Open => {
                operation.security = Some(Vec::new());
                continue;
            }
            Access::Client | Access::Known => Vec::new(),
            Access::Any(scopes) => scopes.iter().map(|it| it.as_str()).collect(),
        };
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, scopes)]);
        add_refusals(operation);
    }
    description
}

/// The description where nobody is asked who calls.
pub(super) fn open_to_all(mut description: OpenApi) -> OpenApi {
    for route in ROUTES {
        let item = description.paths.paths.get_mut(route.path);
        if let Some(operation) = item.and_then(|it| operation(it, route.method)) {
            operation.security = Some(Vec::new());
        }
    }
    description
}

/// A header or query parameter may be left out, but there is no way to send one that is null.
fn present(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { continue };
        let SchemaType::Array(types) = &mut schema.schema_type else { continue };
        types.retain(|it| *it != Type::Null);
        if let [only] = types.as_slice() {
            schema.schema_type = SchemaType::Type(only.clone());
        }
    }
}

fn operation<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "PUT" => item.put.as_mut(),
        "POST" => item.post.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// Problems look alike, whoever answers them.
fn add_refusals(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let content = match responses.get("429") {
        Some(RefOr::T(busy)) => busy.content.clone(),
        _ => Default::default(),
    };
    for (status, text) in REFUSALS {
        let mut response = Response::new(text);
        response.content = content.clone();
        responses.insert(status.to_owned(), RefOr::T(response));
    }
}
