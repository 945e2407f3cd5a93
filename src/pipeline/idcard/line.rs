//! What recognition hands to interpretation: lines of glyphs, each glyph with its alternatives.

use crate::media::Quad;

/// One character position of a recognised line.
#[derive(Clone, Debug, PartialEq)]
pub struct Glyph {
    /// Alternatives with their probability, best first; never empty, at most [`Glyph::MAX_OPTIONS`].
    pub options: Vec<(char, f32)>,
    /// Where the glyph begins along the line, 0 (left end) to 1 (right end).
    pub start: f32,
    /// Where it ends.
    pub end: f32,
}

impl Glyph {
    /// Alternatives kept per glyph.
    pub const MAX_OPTIONS: usize = 6;

    /// The most probable character.
    pub fn best(&self) -> char {
        self.options.first().map_or('\u{fffd}', |option| option.0)
    }

    /// Probability of the most probable character.
    pub fn confidence(&self) -> f32 {
        self.options.first().map_or(0.0, |option| option.1)
    }
}

/// A recognised line. `Debug` is not derived: it would print somebody's name.
#[derive(Clone, PartialEq)]
pub struct Line {
    /// Where, in reading order (first edge = top of the text), in page coordinates.
    pub quad: Quad,
    /// Characters, left to right.
    pub glyphs: Vec<Glyph>,
}

impl Line {
    /// The most probable text.
    pub fn text(&self) -> String {
        self.glyphs.iter().map(Glyph::best).collect()
    }

    /// Mean probability of the glyphs; 0 for an empty line.
    pub fn confidence(&self) -> f32 {
        if self.glyphs.is_empty() {
            return 0.0;
        }
        self.glyphs.iter().map(Glyph::confidence).sum::<f32>() / self.glyphs.len() as f32
    }
}

/// Everything read on one card, turned so that its text runs left to right.
#[derive(Clone, Default)]
pub struct Page {
    /// Width in pixels.
    pub width: f32,
    /// Height in pixels.
    pub height: f32,
    /// Lines, top to bottom then left to right.
    pub lines: Vec<Line>,
}
