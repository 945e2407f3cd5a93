//! Fonts: from the bytes of a shown string to characters and how far each moves on.
//!
//! A character is what the font's ToUnicode map says; without one, what its encoding or its predefined CMap
//! (Adobe-CNS1 and its sisters) says. A code that neither knows is unknown, never guessed.

mod simple;
mod widths;

use std::collections::HashMap;
use std::ptr;
use std::rc::Rc;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, WritingMode, load_embedded};
use lopdf::{Dictionary, Object};

use super::source::Source;
use super::{PdfError, Quantity};
use widths::Widths;

/// A font, as far as text is concerned.
pub(super) struct Font {
    codes: Codes,
    to_unicode: ToUnicode,
    widths: Widths,
    /// Lines run from top to bottom.
    pub(super) is_vertical: bool,
}

/// From bytes to codes, and from codes to characters where there is no ToUnicode map.
enum Codes {
    /// One byte each.
    Simple(Box<simple::Table>),
    /// One to four bytes each, by a CMap.
    Composite {
        encoding: Rc<CMap>,
        /// The codes are UTF-16.
        is_unicode: bool,
        /// From character identifiers to Unicode.
        by_cid: Option<Rc<CMap>>,
    },
}

/// A font's ToUnicode map.
enum ToUnicode {
    None,
    /// Codes are Unicode.
    Identity,
    Map(Box<CMap>),
}

/// One shown glyph.
pub(super) struct Glyph {
    /// What it means; none when the font does not tell.
    pub(super) text: Option<BfString>,
    /// How far it moves on, 1 for the size of the font.
    pub(super) advance: f64,
    /// The one-byte code 32, which word spacing widens.
    pub(super) is_space: bool,
}

impl Font {
    /// A font that tells nothing.
    pub(super) fn unknown() -> Font {
        Font {
            codes: Codes::Simple(Box::new([None; 256])),
            to_unicode: ToUnicode::None,
            widths: Widths::default(),
            is_vertical: false,
        }
    }

    /// The first glyph of `bytes` and how many of them it takes, at least 1; none at the end.
    pub(super) fn next(&self, bytes: &[u8]) -> Option<(Glyph, usize)> {
        let first = *bytes.first()?;
        let (code, cid, n_bytes) = match &self.codes {
            Codes::Simple(_) => (u32::from(first), u32::from(first), 1),
            Codes::Composite { encoding, .. } => composite_code(encoding, bytes),
        };
        let text = self.to_unicode(code).or_else(|| self.encoded(code, cid)).filter(is_told);
        let is_space = n_bytes == 1 && first == b' ';
        Some((Glyph { text, advance: self.widths.of(cid), is_space }, n_bytes))
    }

    fn to_unicode(&self, code: u32) -> Option<BfString> {
        match &self.to_unicode {
            ToUnicode::None => None,
            ToUnicode::Identity => char::from_u32(code).map(BfString::Char),
            ToUnicode::Map(map) => map.lookup_bf_string(code),
        }
    }

    fn encoded(&self, code: u32, cid: u32) -> Option<BfString> {
        match &self.codes {
            Codes::Simple(table) => {
                let ch = table.get(usize::try_from(code).ok()?).copied().flatten()?;
                Some(BfString::Char(ch))
            }
            Codes::Composite { is_unicode: true, .. } => utf16(code),
            Codes::Composite { by_cid, .. } => by_cid.as_ref()?.lookup_bf_string(cid),
        }
    }
}

/// Whether a character says anything: no control character, no replacement.
fn is_told(text: &BfString) -> bool {
    let is_told = |ch: char| !ch.is_control() && ch != char::REPLACEMENT_CHARACTER;
    match text {
        BfString::Char(ch) => is_told(*ch),
        BfString::String(text) => text.chars().any(is_told),
    }
}

/// The code at the beginning of `bytes`, its character identifier, its length.
///
/// A code that the CMap does not know takes two bytes, as all codes of Chinese fonts do that are not ASCII.
fn composite_code(encoding: &CMap, bytes: &[u8]) -> (u32, u32, usize) {
    let mut code = 0_u32;
    for (byte, n_bytes) in bytes.iter().zip(1_u8..=4) {
        code = (code << 8) | u32::from(*byte);
        if let Some(cid) = encoding.lookup_cid_code(code, n_bytes) {
            return (code, cid, usize::from(n_bytes));
        }
    }
    let two = bytes.get(..2).unwrap_or(bytes);
    (two.iter().fold(0, |code, byte| (code << 8) | u32::from(*byte)), 0, two.len())
}

/// A code of two or four bytes as UTF-16.
fn utf16(code: u32) -> Option<BfString> {
    let halves = [u16::try_from(code >> 16).ok()?, u16::try_from(code & 0xFFFF).ok()?];
    let units = if halves[0] == 0 { &halves[1..] } else { &halves[..] };
    char::decode_utf16(units.iter().copied()).next()?.ok().map(BfString::Char)
}

/// The fonts met so far.
#[derive(Default)]
pub(super) struct Fonts {
    /// By the place of the font's dictionary, which stays where it is while the file is open.
    fonts: HashMap<*const Dictionary, Rc<Font>>,
    predefined: HashMap<Vec<u8>, Option<Rc<CMap>>>,
}

impl Fonts {
    /// The font of a dictionary.
    pub(super) fn get(
        &mut self,
        source: &Source,
        dictionary: &Dictionary,
        max_fonts: usize,
    ) -> Result<Rc<Font>, PdfError> {
        let key = ptr::from_ref(dictionary);
        if let Some(font) = self.fonts.get(&key) {
            return Ok(Rc::clone(font));
        }
        if max_fonts <= self.fonts.len() {
            return Err(PdfError::TooLarge { what: Quantity::Fonts, limit: max_fonts });
        }
        let font = Rc::new(self.read(source, dictionary)?);
        self.fonts.insert(key, Rc::clone(&font));
        Ok(font)
    }

    fn read(&mut self, source: &Source, dictionary: &Dictionary) -> Result<Font, PdfError> {
        let to_unicode = to_unicode(source, dictionary)?;
        let descendant = source
            .array(dictionary, b"DescendantFonts")
            .and_then(|it| source.follow(it.first()?))
            .and_then(|it| it.as_dict().ok());
        let Some(descendant) = descendant else {
            let table = simple::table(source, dictionary);
            let widths = Widths::simple(source, dictionary);
            let codes = Codes::Simple(Box::new(table));
            return Ok(Font { codes, to_unicode, widths, is_vertical: false });
        };
        let encoding = self.encoding(source, dictionary)?;
        let name = encoding.metadata().name.clone().unwrap_or_default();
        let mut family = encoding.metadata().character_collection.as_ref().map(|it| &it.family);
        let own = family_of(source, descendant);
        if matches!(family, None | Some(CidFamily::AdobeIdentity)) {
            family = own.as_ref();
        }
        let by_cid = family.and_then(CidFamily::ucs2_cmap);
        let by_cid = by_cid.and_then(|it| self.predefined(it.to_bytes()));
        let is_vertical = encoding.metadata().writing_mode == Some(WritingMode::Vertical);
        let is_unicode = name.starts_with(b"Uni")
            && name.split(|it| *it == b'-').any(|it| it == b"UCS2" || it == b"UTF16");
        let widths = match is_vertical {
            true => Widths::vertical(source, descendant),
            false => Widths::composite(source, descendant),
        };
        let codes = Codes::Composite { encoding, is_unicode, by_cid };
        Ok(Font { codes, to_unicode, widths, is_vertical })
    }

    /// The CMap of a composite font; the identity where it names none that is known.
    fn encoding(&mut self, source: &Source, font: &Dictionary) -> Result<Rc<CMap>, PdfError> {
        let found = match source.get(font, b"Encoding") {
            Some(Object::Name(name)) => self.predefined(name),
            Some(Object::Stream(stream)) => {
                let content = source.decompress(stream)?;
                content.and_then(|it| CMap::parse(&it, load_embedded)).map(Rc::new)
            }
            _ => None,
        };
        Ok(found.unwrap_or_else(|| Rc::new(CMap::identity_h())))
    }

    fn predefined(&mut self, name: &[u8]) -> Option<Rc<CMap>> {
        let make = || {
            Some(Rc::new(match CMapName::from_bytes(name) {
                CMapName::IdentityH => CMap::identity_h(),
                CMapName::IdentityV => CMap::identity_v(),
                known => CMap::parse(load_embedded(known)?, load_embedded)?,
            }))
        };
        self.predefined.entry(name.to_vec()).or_insert_with(make).clone()
    }
}

fn to_unicode(source: &Source, font: &Dictionary) -> Result<ToUnicode, PdfError> {
    Ok(match source.get(font, b"ToUnicode") {
        Some(Object::Stream(stream)) => source
            .decompress(stream)?
            .and_then(|it| CMap::parse(&it, load_embedded))
            .map_or(ToUnicode::None, |it| ToUnicode::Map(Box::new(it))),
        Some(Object::Name(name)) if name.starts_with(b"Identity") => ToUnicode::Identity,
        _ => ToUnicode::None,
    })
}

/// The character collection that a descendant font names.
fn family_of(source: &Source, descendant: &Dictionary) -> Option<CidFamily> {
    let info = source.dictionary(descendant, b"CIDSystemInfo")?;
    let text = |key: &[u8]| source.get(info, key)?.as_str().ok();
    Some(CidFamily::from_registry_ordering(text(b"Registry")?, text(b"Ordering")?))
}
