//! From placed glyphs to lines of text: where a line ends, where a blank belongs, which lines were only wrapped.

/// Sizes of the font that a glyph may stand beside the line and still belong to it (superscripts).
const MAX_ASIDE: f64 = 0.5;
/// Sizes that a glyph may stand before the end of the last one (kerning, overlapping marks).
const MAX_BACK: f64 = 1.0;
/// Sizes between two glyphs that make a blank.
const BLANK: f64 = 0.2;
/// The same between two Chinese characters, which are often spread out.
const WIDE_BLANK: f64 = 1.2;
/// Sizes that two prints of the same character are apart, at most, when they feign bold type.
const OVERPRINT: f64 = 0.15;
/// Sizes that are left at the end of a full line, at most.
const FULL: f64 = 1.6;
/// Characters of a line that can be a wrapped one, at least: shorter ones are headings, cells or signatures.
const MIN_WRAPPED: usize = 8;

/// A glyph on the page.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    /// What it says.
    pub(super) text: &'a str,
    /// Where it begins.
    pub(super) start: (f64, f64),
    /// Where the next one would begin.
    pub(super) end: (f64, f64),
    /// Unit vector of the line.
    pub(super) direction: (f64, f64),
    /// Size of the font.
    pub(super) size: f64,
}

/// The lines of a page.
#[derive(Default)]
pub(super) struct Layout {
    lines: Vec<Line>,
}

struct Line {
    text: String,
    /// Beginning of the last glyph.
    last: (f64, f64),
    end: (f64, f64),
    direction: (f64, f64),
    size: f64,
}

impl Layout {
    /// Adds a glyph. Returns the characters that the text has grown by.
    pub(super) fn put(&mut self, glyph: &Placed<'_>) -> usize {
        let Some(line) = self.lines.last_mut() else { return self.begin(glyph) };
        let (along, aside) = line.distance(line.end, glyph.start);
        let size = line.size.min(glyph.size).max(f64::EPSILON);
        let turned = line.direction.0 * glyph.direction.0 + line.direction.1 * glyph.direction.1;
        let is_again = line.text.ends_with(glyph.text)
            && distance(line.last, glyph.start) < OVERPRINT * size
            && !glyph.text.trim().is_empty();
        if is_again {
            return 0;
        }
        let is_new = MAX_ASIDE * line.size.max(glyph.size) < aside.abs()
            || along < -MAX_BACK * size
            || turned < 0.9
            || !(along.is_finite() && aside.is_finite());
        if is_new {
            return self.begin(glyph);
        }
        let before = line.text.chars().next_back();
        let is_wide = before.is_some_and(is_chinese) && glyph.text.chars().all(is_chinese);
        let blank = if is_wide { WIDE_BLANK } else { BLANK };
        let mut n_chars = glyph.text.chars().count();
        if blank * size < along && !line.text.ends_with(' ') && !glyph.text.starts_with(' ') {
            line.text.push(' ');
            n_chars += 1;
        }
        line.text.push_str(glyph.text);
        (line.last, line.end, line.size) = (glyph.start, glyph.end, glyph.size);
        n_chars
    }

    fn begin(&mut self, glyph: &Placed<'_>) -> usize {
        self.lines.push(Line {
            text: glyph.text.to_owned(),
            last: glyph.start,
            end: glyph.end,
            direction: glyph.direction,
            size: glyph.size,
        });
        glyph.text.chars().count() + 1
    }

    /// The text, a `\n` after each line that was not only wrapped.
    pub(super) fn text(&self) -> String {
        let margin = |line: &Line| {
            let same = self.lines.iter().filter(|it| it.direction == line.direction);
            same.map(Line::reach).fold(f64::NEG_INFINITY, f64::max)
        };
        // Nearly every page has one direction.
        let first = self.lines.first().map(|it| (it.direction, margin(it)));
        let mut text = String::new();
        for (idx, line) in self.lines.iter().enumerate() {
            text.push_str(line.text.trim());
            let Some(next) = self.lines.get(idx + 1) else { break };
            let margin = match first {
                Some((direction, margin)) if direction == line.direction => margin,
                _ => f64::INFINITY,
            };
            let is_full = margin - FULL * line.size < line.reach()
                && MIN_WRAPPED <= line.text.chars().count();
            if !(line.text.trim().is_empty() || is_full && line.goes_on_in(next)) {
                text.push('\n');
            }
        }
        text
    }
}

impl Line {
    /// How far `to` lies from `from` along the line and beside it.
    fn distance(&self, from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let (a, b) = self.direction;
        (x * a + y * b, x * b - y * a)
    }

    /// How far the line reaches in its own direction.
    fn reach(&self) -> f64 {
        self.end.0 * self.direction.0 + self.end.1 * self.direction.1
    }

    /// Whether the next line can be the rest of a Chinese sentence: of the same size, and no item of a list.
    fn goes_on_in(&self, next: &Line) -> bool {
        let (last, first) = (self.text.trim_end().chars().next_back(), next.text.trim_start());
        let is_item = first.starts_with(['(', '\u{FF08}', '\u{3014}', '•', '●', '-'])
            || first.starts_with(|ch: char| ch.is_ascii_digit())
            || first
                .char_indices()
                .nth(1)
                .is_some_and(|(_, ch)| matches!(ch, '、' | '.' | '\u{FF0E}'));
        let is_like = (self.size - next.size).abs() < 0.1 * self.size.max(next.size);
        last.is_some_and(is_chinese)
            && first.chars().next().is_some_and(is_chinese)
            && !is_item
            && is_like
    }
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// Chinese characters and their punctuation, which are written without blanks.
fn is_chinese(ch: char) -> bool {
    matches!(u32::from(ch), 0x2E80..=0x9FFF | 0xF900..=0xFAFF | 0xFF00..=0xFFEF | 0x20000..=0x3FFFF)
        && !matches!(ch, '\u{3002}' | '\u{FF01}' | '\u{FF1F}' | '\u{FF1A}')
        || ch == char::REPLACEMENT_CHARACTER
}
