//! Bytes of an exchange file → text: UTF-8 or CP950 as declared, and nothing guessed.

use super::ExchangeError;
use crate::media::big5;

/// Bytes in which an XML declaration must end.
const DECLARATION_WINDOW: usize = 256;
/// Most bytes of a declared encoding that an error repeats.
const MAX_LABEL: usize = 32;

/// In which characters a file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte-order mark.
    Utf8,
    /// Big5 as code page 950, with user-defined characters in the private-use area.
    Cp950,
}

/// The text of a file.
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) encoding: Encoding,
    /// Private-use characters: 自造字 that only the sender's fonts can draw.
    pub(super) n_private: usize,
}

/// Decodes a whole file by its byte-order mark and its declaration; the mark is not part of the text.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, ExchangeError> {
    if looks_utf16(bytes) {
        return Err(ExchangeError::Utf16);
    }
    let (bytes, marked) = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    match declared(bytes)? {
        Some(Encoding::Cp950) if marked => Err(ExchangeError::ContradictoryEncoding),
        Some(Encoding::Cp950) => from_cp950(bytes),
        Some(Encoding::Utf8) | None => from_utf8(bytes),
    }
}

fn from_utf8(bytes: &[u8]) -> Result<Decoded, ExchangeError> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Decoded {
            text: text.to_owned(),
            encoding: Encoding::Utf8,
            n_private: text.chars().filter(|ch| is_private(*ch)).count(),
        }),
        Err(err) => {
            let offset = err.valid_up_to();
            Err(match big5::decode(bytes) {
                Ok(_) => ExchangeError::UndeclaredBig5 { offset },
                Err(_) => ExchangeError::NotUtf8 { offset },
            })
        }
    }
}

fn from_cp950(bytes: &[u8]) -> Result<Decoded, ExchangeError> {
    // Chinese in Big5 is hardly ever valid UTF-8; the reverse happens, and reads as nonsense.
    if !bytes.is_ascii() && str::from_utf8(bytes).is_ok() {
        return Err(ExchangeError::ContradictoryEncoding);
    }
    let decoded = big5::decode(bytes).map_err(|offset| ExchangeError::NotBig5 { offset })?;
    Ok(Decoded { text: decoded.text, encoding: Encoding::Cp950, n_private: decoded.n_private })
}

fn looks_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE")
        || bytes.starts_with(b"\xFE\xFF")
        || bytes.starts_with(b"<\0")
        || bytes.starts_with(b"\0<")
}

/// What `encoding="…"` of the XML declaration says; none when there is no declaration or it does not say.
fn declared(bytes: &[u8]) -> Result<Option<Encoding>, ExchangeError> {
    let window = bytes.get(..DECLARATION_WINDOW).unwrap_or(bytes);
    if !window.starts_with(b"<?xml") {
        return Ok(None);
    }
    let end = window
        .windows(2)
        .position(|it| it == b"?>")
        .ok_or(ExchangeError::Malformed { offset: 0, what: "the XML declaration does not end" })?;
    let declaration = String::from_utf8_lossy(window.get(..end).unwrap_or_default()).into_owned();
    let Some((_, rest)) = declaration.split_once("encoding") else { return Ok(None) };
    let rest = rest.trim_start().strip_prefix('=').unwrap_or(rest).trim_start();
    let quote = rest.chars().next().filter(|it| matches!(it, '"' | '\''));
    let label = quote.and_then(|quote| rest.get(1..)?.split(quote).next()).unwrap_or_default();
    match label.trim().to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Ok(Some(Encoding::Utf8)),
        "big5" | "big-5" | "cp950" | "ms950" | "windows-950" | "x-windows-950" | "big5-eten" => {
            Ok(Some(Encoding::Cp950))
        }
        other if other.starts_with("utf-16") || other.starts_with("ucs-2") => {
            Err(ExchangeError::Utf16)
        }
        other => Err(ExchangeError::UnknownEncoding {
            label: other.chars().filter(char::is_ascii_graphic).take(MAX_LABEL).collect(),
        }),
    }
}

/// Whether a character lies in one of the three private-use areas.
fn is_private(ch: char) -> bool {
    matches!(ch, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(String, Encoding, usize), ExchangeError> {
        decode(bytes).map(|it| (it.text, it.encoding, it.n_private))
    }

    fn check(bytes: &[u8], text: &str, encoding: Encoding, n_private: usize) {
        assert_eq!(read(bytes), Ok((text.to_owned(), encoding, n_private)));
    }

    #[test]
    fn as_declared() {
        check("<函/>".as_bytes(), "<函/>", Encoding::Utf8, 0);
        check("\u{FEFF}<函/>".as_bytes(), "<函/>", Encoding::Utf8, 0);
        let utf8 = "<?xml version='1.0' encoding='UTF-8'?>\u{E001}";
        check(utf8.as_bytes(), utf8, Encoding::Utf8, 1);
        let big5 = b"<?xml version=\"1.0\" encoding=\"big5\"?>\xA8\xE7\xFA\x40";
        check(big5, "<?xml version=\"1.0\" encoding=\"big5\"?>函\u{E000}", Encoding::Cp950, 1);
    }

    #[test]
    fn contradictions_are_named() {
        let big5 = |body: &[u8]| [b"<?xml encoding=\"Big5\"?>", body].concat();
        let head = b"<?xml encoding=\"Big5\"?>".len();
        assert_eq!(read(&big5("函".as_bytes())), Err(ExchangeError::ContradictoryEncoding));
        assert_eq!(read("\u{FEFF}<?xml encoding='big5'?>".as_bytes()), {
            Err(ExchangeError::ContradictoryEncoding)
        });
        assert_eq!(read(&big5(b"\xFF\xFF")), Err(ExchangeError::NotBig5 { offset: head }));
        assert_eq!(read(b"<a>\xA8\xE7"), Err(ExchangeError::UndeclaredBig5 { offset: 3 }));
        assert_eq!(read(b"<a>\xED\xA0\x80\xFF"), Err(ExchangeError::NotUtf8 { offset: 3 }));
        for bytes in [&b"\xFF\xFE<\0"[..], b"\xFE\xFF\0<", b"<\0?\0", b"<?xml encoding='UTF-16'?>"]
        {
            assert_eq!(read(bytes), Err(ExchangeError::Utf16), "{bytes:02X?}");
        }
        let label = "gb18030".to_owned();
        assert_eq!(read(b"<?xml encoding='GB18030'?>"), {
            Err(ExchangeError::UnknownEncoding { label })
        });
    }
}
