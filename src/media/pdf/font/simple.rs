//! One-byte encodings: a base encoding and the glyph names that differ from it.

use lopdf::{Dictionary, Encoding, Object};

use crate::media::pdf::source::Source;

/// What each byte means; none where that is unknown.
pub(super) type Table = [Option<char>; 256];

/// Fonts of pictures, whose own encoding is no text.
const PICTURES: [&[u8]; 4] = [b"Symbol", b"ZapfDingbats", b"Wingdings", b"Webdings"];

/// The table of a font by its `Encoding`.
pub(super) fn table(source: &Source, font: &Dictionary) -> Table {
    let encoding = source.get(font, b"Encoding");
    let base = match encoding {
        Some(Object::Name(name)) => Some(name.as_slice()),
        Some(Object::Dictionary(it)) => {
            source.get(it, b"BaseEncoding").and_then(|it| it.as_name().ok())
        }
        _ => None,
    };
    let mut table = match base {
        Some(name) => known(source, Object::Name(name.to_vec())),
        None if is_pictures(source, font) => [None; 256],
        None => known(source, Object::Name(b"StandardEncoding".to_vec())),
    };
    let Some(Object::Dictionary(encoding)) = encoding else { return table };
    let mut code = 0_usize;
    for object in source.array(encoding, b"Differences").unwrap_or_default() {
        match source.follow(object) {
            Some(Object::Integer(number)) => code = usize::try_from(*number).unwrap_or(256),
            Some(Object::Name(name)) => {
                if let Some(place) = table.get_mut(code) {
                    *place = glyph(source, name);
                }
                code = code.saturating_add(1);
            }
            _ => (),
        }
    }
    table
}

fn is_pictures(source: &Source, font: &Dictionary) -> bool {
    let name = source.get(font, b"BaseFont").and_then(|it| it.as_name().ok()).unwrap_or_default();
    PICTURES.iter().any(|it| name.windows(it.len()).any(|part| part == *it))
}

/// The table of a named encoding.
fn known(source: &Source, encoding: Object) -> Table {
    let mut table = [None; 256];
    for (byte, place) in (0_u8..=255).zip(&mut table) {
        *place = decode(source, encoding.clone(), byte);
    }
    table
}

/// The character of a glyph's name: of the Adobe Glyph List, or spelt `uniXXXX`, `uXXXX`.
fn glyph(source: &Source, name: &[u8]) -> Option<char> {
    let base = name.split(|it| *it == b'.').next()?;
    let hex = base.strip_prefix(b"uni").or_else(|| base.strip_prefix(b"u"));
    let hex = hex.filter(|it| (4..=6).contains(&it.len())).and_then(|it| str::from_utf8(it).ok());
    if let Some(code) = hex.and_then(|it| u32::from_str_radix(it, 16).ok()) {
        return char::from_u32(code);
    }
    // The library knows the list; an unknown name leaves code 0, which has no character.
    let mut encoding = Dictionary::new();
    encoding.set("Differences", vec![Object::Integer(0), Object::Name(base.to_vec())]);
    decode(source, Object::Dictionary(encoding), 0)
}

/// What a byte means under an encoding.
fn decode(source: &Source, encoding: Object, byte: u8) -> Option<char> {
    let mut font = Dictionary::new();
    font.set("Type", Object::Name(b"Font".to_vec()));
    font.set("Encoding", encoding);
    let encoding: Encoding<'_> = font.get_font_encoding(&source.document).ok()?;
    encoding.bytes_to_string(&[byte]).ok()?.chars().next()
}
