//! What the description tells of decisions about applications, and of changes of a client, that fail.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use crate::http::told::{BUSY, LARGE, MEDIA, SLOW, Told, problems};

const BAD: Told = ("400", "ER0210、ER0220:內容有誤");
const NO_APPLICATION: Told = ("404", "ER0100:沒有這件待核准的申請,或屬其他機關");
const NO_CLIENT: Told = ("404", "ER0100:沒有這個介接系統,或屬其他機關");
const BROKEN: Told = ("500", "ER0500:系統錯誤");
const AWAY: Told = ("503", "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄");

/// Of a decision about an application.
pub(super) struct OfDecision;

/// Of a change of a client.
pub(super) struct OfClient;

impl IntoResponses for OfDecision {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[BAD, NO_APPLICATION, SLOW, LARGE, MEDIA, BUSY, BROKEN, AWAY])
    }
}

impl IntoResponses for OfClient {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[NO_CLIENT, BUSY, AWAY])
    }
}
