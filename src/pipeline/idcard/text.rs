//! Recognised lines made ready for reading: one form per character, blanks turned into gaps, places by column.

use unicode_normalization::UnicodeNormalization;

use crate::media::text::is_han;
use crate::media::{Point, Quad};
use crate::pipeline::idcard::lexicon::{label_form, registered_form};
use crate::pipeline::idcard::line::{Line, Page};

/// An alternative this probable may complete a label.
const MIN_LABEL: f32 = 0.01;

/// One character that is not a blank.
#[derive(Clone)]
pub(crate) struct Cell {
    /// Alternatives, best first, never empty; width and variant forms folded.
    options: Vec<(char, f32)>,
    /// The likelier alternatives in the form of labels, lower case.
    labels: Vec<char>,
    /// The best character before folding.
    printed: char,
    /// Where along the line, 0 to 1.
    start: f32,
    end: f32,
    /// Whether a blank stands before it.
    pub(crate) gap: bool,
}

impl Cell {
    pub(crate) fn ch(&self) -> char {
        self.options.first().map_or('\u{fffd}', |option| option.0)
    }

    /// Probability of the best character.
    pub(crate) fn p(&self) -> f32 {
        self.options.first().map_or(0.0, |option| option.1)
    }

    /// Probability of `ch`; 0 when the recogniser did not think of it.
    pub(crate) fn p_of(&self, ch: char) -> f32 {
        self.options.iter().filter(|option| option.0 == ch).map(|option| option.1).sum()
    }

    /// What the character may be in a label, best first: usual form, lower case.
    pub(crate) fn labels(&self) -> &[char] {
        &self.labels
    }

    /// Alternatives, best first.
    pub(crate) fn options(&self) -> &[(char, f32)] {
        &self.options
    }

    /// Middle along the line, 0 to 1.
    pub(crate) fn centre(&self) -> f32 {
        (self.start + self.end) / 2.0
    }
}

/// An upright rectangle around something on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
}

impl Bounds {
    /// The rectangle around a quadrilateral.
    pub(crate) fn of(quad: &Quad) -> Bounds {
        let [first, rest @ ..] = quad.0;
        let mut bounds = Bounds { left: first.x, top: first.y, right: first.x, bottom: first.y };
        for point in rest {
            bounds.left = bounds.left.min(point.x);
            bounds.top = bounds.top.min(point.y);
            bounds.right = bounds.right.max(point.x);
            bounds.bottom = bounds.bottom.max(point.y);
        }
        bounds
    }

    /// The smallest rectangle around both.
    pub(crate) fn with(self, other: Bounds) -> Bounds {
        Bounds {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(crate) fn quad(self) -> Quad {
        let Bounds { left, top, right, bottom } = self;
        let corner = |x, y| Point { x, y };
        Quad([corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)])
    }

    pub(crate) fn height(self) -> f32 {
        self.bottom - self.top
    }

    pub(crate) fn middle_y(self) -> f32 {
        (self.top + self.bottom) / 2.0
    }

    /// Share of the lower of the two that lies beside the other, 0 to 1.
    pub(crate) fn beside(self, other: Bounds) -> f32 {
        share(self.top, self.bottom, other.top, other.bottom)
    }

    /// Share of the narrower of the two that lies above or below the other, 0 to 1.
    pub(crate) fn stacked(self, other: Bounds) -> f32 {
        share(self.left, self.right, other.left, other.right)
    }
}

fn share(a_from: f32, a_to: f32, b_from: f32, b_to: f32) -> f32 {
    let shorter = (a_to - a_from).min(b_to - b_from).max(1.0);
    ((a_to.min(b_to) - a_from.max(b_from)) / shorter).clamp(0.0, 1.0)
}

/// One recognised line without its blanks.
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    quad: Quad,
}

impl Row {
    fn new(line: &Line) -> Row {
        let mut cells: Vec<Cell> = Vec::with_capacity(line.glyphs.len());
        let mut gap = false;
        for glyph in &line.glyphs {
            let printed = glyph.best();
            if printed.is_whitespace() || printed.is_control() || glyph.options.is_empty() {
                gap = true;
                continue;
            }
            let options: Vec<(char, f32)> = glyph
                .options
                .iter()
                .map(|&(ch, p)| (fold(ch), if p.is_finite() { p.clamp(0.0, 1.0) } else { 0.0 }))
                .collect();
            let (start, end) = (unit(glyph.start), unit(glyph.end));
            let likely =
                options.iter().enumerate().filter(|(idx, it)| *idx == 0 || MIN_LABEL <= it.1);
            let labels = likely.map(|(_, it)| label_form(it.0).to_ascii_lowercase()).collect();
            cells.push(Cell { options, labels, printed, start, end: end.max(start), gap });
            gap = false;
        }
        mark_wide_gaps(&mut cells);
        Row { cells, quad: finite(line.quad) }
    }

    /// All of it.
    pub(crate) fn span(&self) -> Span<'_> {
        Span { row: self, from: 0, to: self.cells.len() }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::of(&self.quad)
    }
}

/// A space as wide as two characters separates, whether or not the recogniser gave a blank for it.
fn mark_wide_gaps(cells: &mut [Cell]) {
    let mut steps: Vec<f32> = cells
        .windows(2)
        .filter_map(|pair| Some(pair.last()?.centre() - pair.first()?.centre()))
        .collect();
    steps.sort_by(f32::total_cmp);
    let Some(&typical) = steps.get(steps.len() / 2) else { return };
    let mut previous: Option<f32> = None;
    for cell in cells {
        let centre = cell.centre();
        let wide = previous.is_some_and(|it| typical > 0.0 && 2.4 * typical < centre - it);
        cell.gap |= wide;
        previous = Some(centre);
    }
}

fn unit(value: f32) -> f32 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

fn finite(quad: Quad) -> Quad {
    let fix = |value: f32| if value.is_finite() { value.clamp(-1e6, 1e6) } else { 0.0 };
    Quad(quad.0.map(|point| Point { x: fix(point.x), y: fix(point.y) }))
}

/// Full-width and compatibility forms to their usual ones, mainland variants of printed characters to ours.
fn fold(ch: char) -> char {
    let mut decomposed = std::iter::once(ch).nfkc();
    let folded = match (decomposed.next(), decomposed.next()) {
        (Some(only), None) => only,
        _ => ch,
    };
    registered_form(folded)
}

/// Rows of a page, top to bottom as given.
pub(crate) fn rows(page: &Page) -> Vec<Row> {
    page.lines.iter().map(Row::new).filter(|row| !row.cells.is_empty()).collect()
}

/// Neighbouring characters of one row.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    row: &'a Row,
    from: usize,
    to: usize,
}

impl<'a> Span<'a> {
    pub(crate) fn cells(&self) -> &'a [Cell] {
        self.row.cells.get(self.from..self.to).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.cells().len()
    }

    /// Characters `from..to` of this span, cut to what there is.
    pub(crate) fn slice(&self, from: usize, to: usize) -> Span<'a> {
        let to = (self.from + to).min(self.to);
        Span { row: self.row, from: (self.from + from).min(to), to }
    }

    /// Without leading and trailing characters for which `noise` holds.
    pub(crate) fn trim(&self, noise: impl Fn(char) -> bool) -> Span<'a> {
        let cells = self.cells();
        let from = cells.iter().take_while(|cell| noise(cell.ch())).count();
        let tail = cells.iter().rev().take_while(|cell| noise(cell.ch())).count();
        self.slice(from, cells.len().saturating_sub(tail).max(from))
    }

    /// Folded text without blanks.
    pub(crate) fn compact(&self) -> String {
        self.cells().iter().map(Cell::ch).collect()
    }

    /// Folded text, a blank for each gap.
    pub(crate) fn spaced(&self) -> String {
        self.join(Cell::ch)
    }

    /// Text as printed, a blank for each gap.
    pub(crate) fn printed(&self) -> String {
        self.join(|cell| cell.printed)
    }

    fn join(&self, pick: impl Fn(&Cell) -> char) -> String {
        let mut text = String::new();
        for (idx, cell) in self.cells().iter().enumerate() {
            if cell.gap && idx != 0 {
                text.push(' ');
            }
            text.push(pick(cell));
        }
        text
    }

    /// Lowest probability of its characters; 0 when empty.
    pub(crate) fn p(&self) -> f32 {
        self.cells().iter().map(Cell::p).reduce(f32::min).unwrap_or(0.0)
    }

    /// The part of the line's quadrilateral under these characters.
    pub(crate) fn quad(&self) -> Quad {
        let cells = self.cells();
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else {
            return self.row.quad;
        };
        let (start, end) = (first.start, last.end);
        if end <= start {
            return self.row.quad;
        }
        let [top_left, top_right, bottom_right, bottom_left] = self.row.quad.0;
        Quad([
            between(top_left, top_right, start),
            between(top_left, top_right, end),
            between(bottom_left, bottom_right, end),
            between(bottom_left, bottom_right, start),
        ])
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::of(&self.quad())
    }

    /// Whether at least one character is Chinese.
    pub(crate) fn has_han(&self) -> bool {
        self.cells().iter().any(|cell| is_han(cell.ch()))
    }
}

fn between(from: Point, to: Point, share: f32) -> Point {
    Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}

/// Pages built from text, for the tests of this pipeline.
#[cfg(test)]
pub(crate) mod fixture {
    use super::*;
    use crate::pipeline::idcard::line::Glyph;

    /// Height of a character on a card of 1000 × 630.
    pub(crate) const HEIGHT: f32 = 30.0;

    /// A line at `(x, y)`; Chinese characters are square, the rest half as wide.
    pub(crate) fn line(x: f32, y: f32, text: &str) -> Line {
        let wide = |ch: char| if is_han(ch) || !ch.is_ascii() { HEIGHT } else { HEIGHT / 2.0 };
        let width: f32 = text.chars().map(wide).sum();
        let mut at = 0.0;
        let mut glyphs = Vec::new();
        for ch in text.chars() {
            let end = at + wide(ch);
            glyphs.push(Glyph { options: vec![(ch, 0.99)], start: at / width, end: end / width });
            at = end;
        }
        let bounds = Bounds { left: x, top: y, right: x + width, bottom: y + HEIGHT };
        Line { quad: bounds.quad(), glyphs }
    }

    /// A page of lines.
    pub(crate) fn page(lines: &[(f32, f32, &str)]) -> Page {
        let lines = lines.iter().map(|(x, y, text)| line(*x, *y, text)).collect();
        Page { width: 1000.0, height: 630.0, lines }
    }

    /// Gives character `idx` of a line other alternatives.
    pub(crate) fn unsure(mut line: Line, idx: usize, options: &[(char, f32)]) -> Line {
        if let Some(glyph) = line.glyphs.get_mut(idx) {
            glyph.options = options.to_vec();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::page;
    use super::*;

    fn check(text: &str, compact: &str, spaced: &str) {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        let span = rows[0].span();
        assert_eq!((span.compact().as_str(), span.spaced().as_str()), (compact, spaced));
    }

    #[test]
    fn forms_and_blanks() {
        check("姓 名", "姓名", "姓 名");
        check("\u{ff21}\u{ff11}\u{ff1a}", "A1:", "A1:");
        check("黄 強", "黃強", "黃 強");
        check("CHEN, HSIAO-LING", "CHEN,HSIAO-LING", "CHEN, HSIAO-LING");
    }

    #[test]
    fn a_part_of_a_line_has_a_part_of_its_box() {
        let rows = rows(&page(&[(100.0, 50.0, "姓名陳筱玲")]));
        let bounds = rows[0].span().slice(2, 5).bounds();
        assert!((bounds.left - 160.0).abs() < 0.1 && (bounds.right - 250.0).abs() < 0.1);
    }
}
