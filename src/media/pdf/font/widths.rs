//! How far each glyph moves on.

use lopdf::{Dictionary, Object};

use crate::media::pdf::source::Source;

/// Units of a glyph's width in one size of the font.
const UNITS: f64 = 0.001;
/// Most widths kept of a font: all characters of a two-byte font.
const MAX_WIDTHS: usize = 65_536;

/// Widths by code or character identifier, 1 for the size of the font.
#[derive(Default)]
pub(super) struct Widths {
    /// First, last, width of each; ascending.
    ranges: Vec<(u32, u32, f64)>,
    default: f64,
}

impl Widths {
    /// Of a font with one-byte codes.
    pub(super) fn simple(source: &Source, font: &Dictionary) -> Widths {
        let scale = source
            .array(font, b"FontMatrix")
            .and_then(|it| number(source, it.first()?))
            .filter(|it| it.is_finite() && *it != 0.0)
            .unwrap_or(UNITS);
        let first = source.get(font, b"FirstChar").and_then(|it| it.as_i64().ok());
        let first = first.and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
        let widths = source.array(font, b"Widths").unwrap_or_default();
        let missing = source.dictionary(font, b"FontDescriptor");
        let missing = missing.and_then(|it| number(source, source.get(it, b"MissingWidth")?));
        // Half the size is a usual letter, for the fonts that every reader has and that state nothing.
        let default = missing.unwrap_or(if widths.is_empty() { 500.0 } else { 0.0 }) * scale;
        let ranges = (first..).zip(widths.iter().take(256)).filter_map(|(code, width)| {
            number(source, width).map(|width| (code, code, width * scale))
        });
        Widths { ranges: ranges.collect(), default }
    }

    /// Of a font with codes of several bytes.
    pub(super) fn composite(source: &Source, descendant: &Dictionary) -> Widths {
        let default = source.get(descendant, b"DW").and_then(|it| number(source, it));
        let mut ranges = Vec::new();
        let mut rest = source.array(descendant, b"W").unwrap_or_default();
        while let [first, second, after @ ..] = rest
            && ranges.len() < MAX_WIDTHS
        {
            let Some(first) = integer(source, first) else { break };
            if let Some(Object::Array(widths)) = source.follow(second) {
                let widths = (first..).zip(widths.iter().take(MAX_WIDTHS));
                let each = |(cid, width)| Some((cid, cid, number(source, width)? * UNITS));
                ranges.extend(widths.filter_map(each));
                rest = after;
                continue;
            }
            let [width, after @ ..] = after else { break };
            let (Some(last), Some(width)) = (integer(source, second), number(source, width)) else {
                break;
            };
            ranges.push((first, last, width * UNITS));
            rest = after;
        }
        ranges.sort_by_key(|it| it.0);
        Widths { ranges, default: default.unwrap_or(1000.0) * UNITS }
    }

    /// Of a font whose lines run from top to bottom: always one size.
    pub(super) fn vertical(source: &Source, descendant: &Dictionary) -> Widths {
        let default = source
            .array(descendant, b"DW2")
            .and_then(|it| number(source, it.get(1)?))
            .unwrap_or(-1000.0);
        Widths { ranges: Vec::new(), default: default * UNITS }
    }

    /// How far a glyph moves on.
    pub(super) fn of(&self, code: u32) -> f64 {
        let after = self.ranges.partition_point(|it| it.0 <= code);
        let range = after.checked_sub(1).and_then(|it| self.ranges.get(it));
        range.filter(|it| code <= it.1).map_or(self.default, |it| it.2)
    }
}

fn number(source: &Source, object: &Object) -> Option<f64> {
    source.follow(object)?.as_float().ok().map(f64::from)
}

fn integer(source: &Source, object: &Object) -> Option<u32> {
    source.follow(object)?.as_i64().ok().and_then(|it| u32::try_from(it).ok())
}
