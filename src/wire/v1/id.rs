//! Ids and other short words that callers name things by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;

/// What is told of a text that is none; [`super::body::refused`] passes it on.
pub(super) const NOT_VISIBLE: &str = "應為 1 到 64 個可見字元。";

/// 1 to 64 characters, none of which is a control character.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", min_length = 1, max_length = 64)]
pub struct VisibleId(String);

impl VisibleId {
    /// Reads one that came in no JSON; `at` is its place.
    pub(in crate::wire) fn read(text: String, at: &str) -> Result<VisibleId, CallError> {
        VisibleId::try_from(text).map_err(|detail| CallError::bad_value(at, detail))
    }
}

impl TryFrom<String> for VisibleId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<VisibleId, &'static str> {
        let is_length = (1..=64).contains(&text.chars().count());
        let is_visible = is_length && !text.chars().any(char::is_control);
        is_visible.then_some(VisibleId(text)).ok_or(NOT_VISIBLE)
    }
}

impl From<VisibleId> for String {
    fn from(id: VisibleId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_visible() {
        let is_id = |text: &str| VisibleId::try_from(text.to_owned()).is_ok();
        assert!(is_id("台內戶字第1140123456號") && is_id(" ") && is_id("\u{a0}"));
        assert!(is_id(&"戶".repeat(64)) && !is_id(&"戶".repeat(65)) && !is_id(""));
        // Every character that the pattern of the description leaves out, and no other.
        for ch in '\0'..='\u{200}' {
            let left_out = matches!(ch, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
            assert_eq!(is_id(&ch.to_string()), !left_out, "{ch:?}");
        }
    }
}
