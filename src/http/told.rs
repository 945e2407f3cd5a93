//! What the description tells of failures: texts that many routes share, once.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// A status, and what it means with its codes.
pub(super) type Told = (&'static str, &'static str);

pub(super) const BAD: Told = ("400", "ER0200、ER0210、ER0220:內容有誤");
pub(super) const SLOW: Told = ("408", "ER0521:內容傳送太慢");
pub(super) const BUSY: Told = ("429", "ER0429:系統忙碌,依 Retry-After 再試");

/// The responses of these failures, whose body is an `S` of this media type.
pub(super) fn told<S: ToSchema>(
    media_type: &str,
    failures: &[Told],
) -> BTreeMap<String, RefOr<Response>> {
    let schema = Ref::from_schema_name(S::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = |text: &str| {
        let response = ResponseBuilder::new().description(text);
        response.content(media_type, content.clone()).build()
    };
    failures.iter().map(|(status, text)| ((*status).to_owned(), RefOr::T(response(text)))).collect()
}
