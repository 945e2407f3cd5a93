//! What the description tells of failures: each of them once, and which routes have which.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::wire::v2::InferFailure;

type Told = (&'static str, &'static str);

const BAD: Told = ("400", "ER0200、ER0210、ER0220:內容有誤");
const UNKNOWN: Told = ("404", "ER0100:沒有這個模型或版本");
const SLOW: Told = ("408", "ER0521:內容傳送太慢");
const LARGE: Told = ("413", "ER0430:內容或輸出過大");
const MEDIA: Told = ("415", "ER0440:不支援的壓縮");
const REFUSED: Told = ("422", "ER0450:模型無法計算這個輸入,或輸出無法以 JSON 表示");
const BUSY: Told = ("429", "ER0429:系統忙碌,依 Retry-After 再試");
const BROKEN: Told = ("500", "ER0500:系統錯誤");
const AWAY: Told = ("503", "ER0510:模型尚未載入或下載,或即將停機");
const LATE: Told = ("504", "ER0520:逾時");

/// Failures of what asks about a model.
pub(super) struct OfModel;

/// Failures of what asks about all models.
pub(super) struct OfList;

/// Failures of what changes a model.
pub(super) struct OfChange;

/// Failures of what computes.
pub(super) struct OfInference;

impl IntoResponses for OfModel {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, UNKNOWN, BUSY, BROKEN, AWAY])
    }
}

impl IntoResponses for OfList {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, SLOW, LARGE, BUSY, BROKEN, AWAY])
    }
}

impl IntoResponses for OfChange {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, UNKNOWN, SLOW, LARGE, BUSY, BROKEN, AWAY, LATE])
    }
}

impl IntoResponses for OfInference {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, UNKNOWN, SLOW, LARGE, MEDIA, REFUSED, BUSY, BROKEN, AWAY, LATE])
    }
}

fn told(failures: &[Told]) -> BTreeMap<String, RefOr<Response>> {
    let schema = Ref::from_schema_name(InferFailure::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = |text: &str| {
        let response = ResponseBuilder::new().description(text);
        response.content("application/json", content.clone()).build()
    };
    failures.iter().map(|(status, text)| ((*status).to_owned(), RefOr::T(response(text)))).collect()
}
