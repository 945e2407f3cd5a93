//! A form: an exchange file, and what is known of it beside.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::task::call::CallError;
use crate::task::documents::{DispatchDocument, DispatchOrder};
use crate::wire::v1::body;
use crate::wire::v1::meta::{PurposeAsk, check_purpose};
use crate::wire::v1::text::CasePurpose;

use super::{DispatchOptions, Officer, PriorCase, order, parse_exchange};

/// What the sender's system knows of an exchange file beside it. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": {"code": "official-document", "case_no": "1140067890"}, "received_at": "2026-11-23",
    "officers": [{"officer_id": "u-1023", "unit": "301000000A/戶政司/第二科", "duties": ["遷入登記"], "open_cases": 12}],
}))]
pub struct ExchangeMeta {
    /// Why the document is read. May be left out where the client has one purpose.
    pub purpose: Option<CasePurpose>,
    /// When it was received: a day, or RFC 3339; today when absent.
    pub received_at: Option<String>,
    /// The day that a 限期公文 states.
    pub due_on: Option<String>,
    /// What to answer.
    #[serde(default)]
    pub options: DispatchOptions,
    /// Officers to choose from; ids, never names.
    #[serde(default)]
    pub officers: Vec<Officer>,
    /// Earlier cases, newest first.
    #[serde(default)]
    pub prior_cases: Vec<PriorCase>,
}

/// Reads a form: a DI file, and an [`ExchangeMeta`] where one was sent with it.
///
/// # Errors
/// As [`super::parse`] and [`parse_exchange`]; what is wrong of the second part stands below `/meta`.
pub fn parse_form(
    file: &[u8],
    meta: Option<&[u8]>,
    ask: impl Into<PurposeAsk>,
) -> Result<DispatchOrder, CallError> {
    let ask = ask.into();
    let read = parse_exchange(file)?;
    let Some(meta) = meta else {
        ask.check_implied()?;
        return Ok(read);
    };
    let objects = ["", "/purpose", "/options", "/officers/*", "/prior_cases/*"];
    let meta: ExchangeMeta = body::parse(meta, "/meta", &objects)?;
    check_purpose(meta.purpose.map(Into::into).as_ref(), &ask, "/meta")?;
    let document = DispatchDocument {
        received: body::require_day(meta.received_at.as_ref(), "/meta/received_at")?,
        due: body::require_day(meta.due_on.as_ref(), "/meta/due_on")?,
        ..read.document
    };
    let choices = (meta.options, meta.officers, meta.prior_cases);
    order(document, choices).map_err(|it| it.within("/meta"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    #[test]
    fn a_file_comes_with_what_is_known_of_it() {
        let file = r#"<?xml version="1.0" encoding="utf-8"?><函><主旨><文字>甲</文字></主旨></函>"#;
        let read =
            |meta: &str| parse_form(file.as_bytes(), Some(meta.as_bytes()), PurposeRule::Optional);
        let order = read(
            r#"{"received_at":"2026-11-23","due_on":"2026-12-01","options":{"top_k":2},
            "officers":[{"officer_id":"u-1","unit":"戶政司"}]}"#,
        );
        let order = order.unwrap();
        assert_eq!((order.top_k, order.with_officers, order.officers.len()), (Some(2), true, 1));
        assert!(order.document.received < order.document.due);
        let at = |meta: &str| {
            let error = read(meta).unwrap_err();
            error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
        };
        assert_eq!(at(r#"{"received_at":"SECRET"}"#), "/meta/received_at");
        assert_eq!(at(r#"{"options":{"level":"SECRET"}}"#), "/meta/options/level");
        assert_eq!(at(r#"{"document":{}}"#), "/meta/document");
        assert_eq!(at("[]"), "/meta");
    }
}
