//! CP950 with its user-defined characters: the four ranges of 自造字 become private-use code points.
//!
//! The WHATWG decoder reads those ranges as Hong Kong characters, which Taiwan's files never mean; so they are
//! mapped here by the published rule of code page 950, and only the rest goes to the decoder.

use encoding_rs::{BIG5, CoderResult};

/// Columns of one row: 0x40–0x7E and 0xA1–0xFE.
const COLUMNS: u32 = 157;
/// Columns below 0xA1.
const LOW_COLUMNS: u32 = 63;

/// Decoded text and how many of its characters are user-defined.
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) n_private: usize,
}

/// Decodes `bytes`; `Err` is the offset of the first pair that code page 950 does not have.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, usize> {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
    let mut n_private = 0;
    let mut at = 0;
    while let Some(&lead) = bytes.get(at) {
        if lead.is_ascii() {
            text.push(char::from(lead));
            at += 1;
            continue;
        }
        let pair = bytes.get(at..at + 2).ok_or(at)?;
        let ch = match private_use(lead, pair[1]) {
            Some(ch) => {
                n_private += 1;
                ch
            }
            None => standard([lead, pair[1]]).ok_or(at)?,
        };
        text.push(ch);
        at += 2;
    }
    Ok(Decoded { text, n_private })
}

/// The private-use character of a user-defined pair: FA40–FEFE, 8E40–A0FE, 8140–8DFE, C6A1–C8FE, in this order.
fn private_use(lead: u8, trail: u8) -> Option<char> {
    let column = match trail {
        0x40..=0x7E => u32::from(trail) - 0x40,
        0xA1..=0xFE => u32::from(trail) - 0xA1 + LOW_COLUMNS,
        _ => return None,
    };
    let row = u32::from(lead);
    let code = match lead {
        0xFA..=0xFE => 0xE000 + (row - 0xFA) * COLUMNS + column,
        0x8E..=0xA0 => 0xE311 + (row - 0x8E) * COLUMNS + column,
        0x81..=0x8D => 0xEEB8 + (row - 0x81) * COLUMNS + column,
        0xC6 if LOW_COLUMNS <= column => 0xF6B1 + column - LOW_COLUMNS,
        // The first half row is 94 characters long.
        0xC7 | 0xC8 => 0xF70F + (row - 0xC7) * COLUMNS + column,
        _ => return None,
    };
    char::from_u32(code)
}

/// One pair outside the user-defined ranges.
fn standard(pair: [u8; 2]) -> Option<char> {
    let mut decoder = BIG5.new_decoder_without_bom_handling();
    // Room for the longest answer: two characters of three bytes.
    let mut out = [0; 8];
    let (result, _, n_written, failed) = decoder.decode_to_utf8(&pair, &mut out, true);
    if failed || result != CoderResult::InputEmpty {
        return None;
    }
    let mut chars = str::from_utf8(out.get(..n_written)?).ok()?.chars();
    let ch = chars.next()?;
    chars.next().is_none().then_some(code_page(ch))
}

/// The one mark (F9FE) that the decoder names otherwise than code page 950 does.
fn code_page(ch: char) -> char {
    if ch == '\u{FFED}' { '\u{2593}' } else { ch }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str, n_private: usize) {
        let decoded = decode(bytes).unwrap_or_else(|at| panic!("{bytes:02X?} fails at {at}"));
        assert_eq!((decoded.text.as_str(), decoded.n_private), (expected, n_private));
    }

    #[test]
    fn standard_characters() {
        check(b"\xA4\xBA\xACF\xB3\xA1 ok", "內政部 ok", 0);
        check(b"\xF9\xD6\xF9\xDC", "碁嫺", 0);
        check(b"\xA3\xE1\xF9\xFE", "€▓", 0);
    }

    #[test]
    fn ends_of_the_user_defined_ranges() {
        check(b"\xFA\x40\xFE\xFE", "\u{E000}\u{E310}", 2);
        check(b"\x8E\x40\xA0\xFE", "\u{E311}\u{EEB7}", 2);
        check(b"\x81\x40\x8D\xFE", "\u{EEB8}\u{F6B0}", 2);
        check(b"\xC6\xA1\xC6\xFE\xC7\x40\xC8\xFE", "\u{F6B1}\u{F70E}\u{F70F}\u{F848}", 4);
    }

    #[test]
    fn what_the_code_page_lacks_is_refused_where_it_stands() {
        for (bytes, at) in [(&b"ab\xA4"[..], 2), (b"\xFF\x40", 0), (b"ab\xA4\x20", 2), (b"\x80", 0)]
        {
            assert_eq!(decode(bytes).err(), Some(at), "{bytes:02X?}");
        }
    }
}
