//! Lines read on a card, those of a machine-readable zone first of all: no page is too strange.
#![no_main]

use fenwen::base::Date;
use fenwen::media::{Point, Quad};
use fenwen::pipeline::idcard::interpret;
use fenwen::pipeline::idcard::line::{Glyph, Line, Page};
use libfuzzer_sys::fuzz_target;

/// Most lines and characters of a page.
const MAX_LINES: usize = 24;
const MAX_CHARS: usize = 96;

fuzz_target!(|text: &str| {
    let Some(today) = Date::parse_iso("2026-11-26") else { return };
    let lines = text.lines().take(MAX_LINES).enumerate().map(|(idx, it)| line(idx, it)).collect();
    let page = Page { width: 1000.0, height: 640.0, lines };
    let document = interpret(&page, today);
    drop(document);
});

/// A line of text; what follows `\u{7f}` is a second reading of the character before it.
fn line(idx: usize, text: &str) -> Line {
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut is_second = false;
    for ch in text.chars().take(MAX_CHARS) {
        let last = glyphs.last_mut();
        match last.filter(|it| is_second && it.options.len() < Glyph::MAX_OPTIONS) {
            Some(glyph) => glyph.options.push((ch, 0.2)),
            None if ch == '\u{7f}' => (),
            None => glyphs.push(Glyph { options: vec![(ch, 0.7)], start: 0.0, end: 0.0 }),
        }
        is_second = ch == '\u{7f}';
    }
    let n_glyphs = glyphs.len().max(1) as f32;
    for (at, glyph) in glyphs.iter_mut().enumerate() {
        (glyph.start, glyph.end) = (at as f32 / n_glyphs, (at + 1) as f32 / n_glyphs);
    }
    let top = 20.0 + 26.0 * idx as f32;
    let right = 20.0 + 18.0 * n_glyphs;
    let corners = [(20.0, top), (right, top), (right, top + 20.0), (20.0, top + 20.0)];
    Line { quad: Quad(corners.map(|(x, y)| Point { x, y })), glyphs }
}
