//! What the description tells of failures: texts that many routes share, once.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::wire::problem::Problem;

/// A status, and what it means with its codes.
pub(super) type Told = (&'static str, &'static str);

pub(super) const BAD: Told = ("400", "ER0200、ER0210、ER0220:內容有誤");
pub(super) const SLOW: Told = ("408", "ER0521:內容傳送太慢");
pub(super) const BUSY: Told = ("429", "ER0429:系統忙碌,依 Retry-After 再試");

pub(super) const LARGE: Told = ("413", "ER0430:內容過大");
pub(super) const MEDIA: Told = ("415", "ER0440:不支援的媒體類型");

/// Failures of what has a JSON body.
pub(super) struct OfBody;

/// The failure of everything that may be asked too often.
pub(super) struct OfLoad;

impl IntoResponses for OfBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[SLOW, LARGE, MEDIA])
    }
}

impl IntoResponses for OfLoad {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[BUSY])
    }
}

/// The responses of these failures of a route with problem documents.
pub(super) fn problems(failures: &[Told]) -> BTreeMap<String, RefOr<Response>> {
    told::<Problem>("application/problem+json", failures)
}

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
