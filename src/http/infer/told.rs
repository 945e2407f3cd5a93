//! What the description tells of failures, and which routes have which.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use crate::http::told::{self, BAD, BUSY, SLOW, Told};
use crate::wire::v2::InferFailure;

const UNKNOWN: Told = ("404", "ER0100:沒有這個模型或版本");
/// What is not loaded stays so until somebody loads it: to ask again does not help, so it is none of 5xx.
const NOT_LOADED: Told = ("409", "ER0410:模型尚未載入或下載");
const LARGE: Told = ("413", "ER0430:內容或輸出過大");
const MEDIA: Told = ("415", "ER0440:不支援的壓縮");
const REFUSED: Told = ("422", "ER0450:模型無法計算這個輸入,或輸出無法以 JSON 表示");
const BROKEN: Told = ("500", "ER0500:系統錯誤");
const AWAY: Told = ("503", "ER0510:尚未就緒或即將停機");
const LATE: Told = ("504", "ER0520:逾時");

/// Failures of what asks about a model.
pub(super) struct OfModel;

/// Failures of what asks about all models.
pub(super) struct OfModels;

/// Failures of what asks about all models in a body.
pub(super) struct OfList;

/// Failures of what changes a model.
pub(super) struct OfChange;

/// Failures of what computes.
pub(super) struct OfInference;

impl IntoResponses for OfModel {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, UNKNOWN, NOT_LOADED, BUSY, BROKEN, AWAY])
    }
}

impl IntoResponses for OfModels {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, BUSY, BROKEN, AWAY])
    }
}

impl IntoResponses for OfList {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, SLOW, LARGE, BUSY, BROKEN, AWAY])
    }
}

impl IntoResponses for OfChange {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, UNKNOWN, SLOW, NOT_LOADED, LARGE, BUSY, BROKEN, AWAY, LATE])
    }
}

impl IntoResponses for OfInference {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        told(&[BAD, UNKNOWN, SLOW, NOT_LOADED, LARGE, MEDIA, REFUSED, BUSY, BROKEN, AWAY, LATE])
    }
}

fn told(failures: &[Told]) -> BTreeMap<String, RefOr<Response>> {
    told::told::<InferFailure>("application/json", failures)
}
