//! What the description tells of changes of an item that fail.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use crate::http::told::{BAD, BUSY, LARGE, MEDIA, SLOW, Told, problems};

const UNKNOWN: Told = ("404", "ER0100:沒有這筆複審,或不在權限範圍");
const CHANGED: Told = ("412", "ER0420:已由他人或另一個視窗變更");
const UNSEEN: Told = ("428", "ER0421:未附 If-Match");
const AWAY: Told = ("503", "ER0510:儲存區無法使用,或即將停機");

/// Of a change that names the version that was seen.
pub(super) struct OfChange;

/// The same of one with a body.
pub(super) struct OfJudgement;

impl IntoResponses for OfChange {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[BAD, UNKNOWN, CHANGED, UNSEEN, BUSY, AWAY])
    }
}

impl IntoResponses for OfJudgement {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[BAD, UNKNOWN, SLOW, CHANGED, LARGE, MEDIA, UNSEEN, BUSY, AWAY])
    }
}
