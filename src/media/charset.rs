//! Bytes of a text whose encoding nobody states → characters.

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::big5;

/// The text by its byte-order mark (UTF-8 or UTF-16), else as UTF-8, else as CP950; none when it is none of them whole.
///
/// Chinese in Big5 is hardly ever valid UTF-8, so that the order decides nothing but those.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    for (mark, encoding) in [(b"\xFF\xFE", UTF_16LE), (b"\xFE\xFF", UTF_16BE)] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return encoding.decode_without_bom_handling_and_without_replacement(rest);
        }
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match str::from_utf8(text) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) => big5::decode(bytes).ok().map(|it| Cow::Owned(it.text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Option<&str>) {
        assert_eq!(decode(bytes).as_deref(), expected, "{bytes:02X?}");
    }

    #[test]
    fn marks_then_utf8_then_cp950() {
        check("內政部".as_bytes(), Some("內政部"));
        check("\u{FEFF}內政部".as_bytes(), Some("內政部"));
        check(b"\xA4\xBA\xACF\xB3\xA1,1", Some("內政部,1"));
        check(b"\xFF\xFE\x67\x51\x3F\x65", Some("內政"));
        check(b"\xFE\xFF\x51\x67\x65\x3F", Some("內政"));
        check(b"\xFF\xFE\x67", None);
        check(b"\xA4\xBA\xFF", None);
        check(b"", Some(""));
    }
}
