//! Utterances that a speech model invents where nobody speaks.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    #[expect(dead_code, reason = "tells readers of the file what they read")]
    version: u32,
    always: BTreeSet<String>,
    when_unsure: BTreeSet<String>,
}

#[expect(clippy::expect_used, reason = "a constant file; a test reads it")]
static LISTS: LazyLock<Lists> =
    LazyLock::new(|| toml::from_str(include_str!("phrases.toml")).expect("phrases.toml is valid"));

/// Whether nobody said this; `is_sure` when the model does not doubt that somebody spoke.
pub fn is_invented(text: &str, is_sure: bool) -> bool {
    let plain: String =
        text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if plain.is_empty() || LISTS.always.iter().any(|it| plain.contains(it.as_str())) {
        return true;
    }
    // In brackets stands what is heard besides speech: (音樂), [Music].
    let text = text.trim();
    let is_note = text.starts_with(['(', '[', '\u{ff08}', '【', '*', '♪'])
        && text.ends_with([')', ']', '\u{ff09}', '】', '*', '♪']);
    is_note || !is_sure && LISTS.when_unsure.contains(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, when_sure: bool, when_unsure: bool) {
        assert_eq!(
            (is_invented(text, true), is_invented(text, false)),
            (when_sure, when_unsure),
            "{text}"
        );
    }

    #[test]
    fn captions_are_no_speech() {
        check("請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目", true, true);
        check("字幕由 Amara.org 社群提供", true, true);
        check("謝謝觀看。", false, true);
        check("謝謝", false, true);
        check("謝謝你幫我查", false, false);
        check("(音樂)", true, true);
        check("[Music]", true, true);
        check("。", true, true);
        check("", true, true);
        check("我要訂閱電子報", false, false);
    }
}
