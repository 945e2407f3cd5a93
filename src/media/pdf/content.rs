//! Content streams → text: the operators that show text and those that place it. Everything else is passed over.

mod matrix;

use std::rc::Rc;

use hayro_cmap::BfString;
use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Object, ObjectId};

use crate::media::radicals;

use super::font::{Font, Fonts, Glyph};
use super::layout::{Layout, Placed};
use super::source::Source;
use super::{Pdf, PdfError, PdfLimits, Quantity};
use matrix::Matrix;

/// Forms inside forms, at most.
const MAX_FORMS: usize = 12;
/// Saved states, at most; more are passed over.
const MAX_SAVED: usize = 256;
/// Ancestors of a page that are asked for its resources.
const MAX_ANCESTORS: usize = 64;
/// A file of which more than one in so many characters is unknown is refused.
const UNKNOWN_SHARE: usize = 5;

/// Reads all pages.
pub(super) fn read(source: &Source, limits: &PdfLimits) -> Result<Pdf, PdfError> {
    let pages: Vec<ObjectId> = source.document.page_iter().take(limits.max_pages + 1).collect();
    if limits.max_pages < pages.len() {
        return Err(PdfError::TooLarge { what: Quantity::Pages, limit: limits.max_pages });
    }
    if pages.is_empty() {
        return Err(PdfError::Damaged);
    }
    let mut reader = Reader { source, limits, ..Reader::new(source, limits) };
    let mut pdf =
        Pdf { pages: Vec::new(), textless: Vec::new(), broken: Vec::new(), n_unmapped: 0 };
    for (page, number) in pages.into_iter().zip(1..) {
        reader.layout = Layout::default();
        reader.is_broken = false;
        reader.page(page)?;
        let text = radicals::fold(reader.layout.text());
        if text.trim().is_empty() {
            pdf.textless.push(number);
        }
        if reader.is_broken {
            pdf.broken.push(number);
        }
        pdf.pages.push(text);
    }
    pdf.n_unmapped = reader.n_unmapped;
    if pdf.textless.len() == pdf.pages.len() {
        // A page that could not be read says nothing about its text layer.
        return Err(if pdf.broken.is_empty() { PdfError::NoText } else { PdfError::Damaged });
    }
    if reader.n_glyphs < UNKNOWN_SHARE * reader.n_unmapped {
        let (n_unmapped, n_chars) = (reader.n_unmapped, reader.n_glyphs);
        return Err(PdfError::NoUnicode { n_unmapped, n_chars });
    }
    Ok(pdf)
}

/// Reads page after page.
struct Reader<'a> {
    source: &'a Source,
    limits: &'a PdfLimits,
    fonts: Fonts,
    layout: Layout,
    is_broken: bool,
    n_operators: usize,
    n_chars: usize,
    n_glyphs: usize,
    n_unmapped: usize,
}

/// What the operators before leave behind.
#[derive(Clone)]
struct State {
    /// To the page.
    base: Matrix,
    font: Rc<Font>,
    size: f64,
    char_space: f64,
    word_space: f64,
    /// Horizontal scale.
    scale: f64,
    leading: f64,
    rise: f64,
    /// Where the next glyph goes, and where its line began.
    text: Matrix,
    line: Matrix,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source, limits: &'a PdfLimits) -> Reader<'a> {
        Reader {
            source,
            limits,
            fonts: Fonts::default(),
            layout: Layout::default(),
            is_broken: false,
            n_operators: 0,
            n_chars: 0,
            n_glyphs: 0,
            n_unmapped: 0,
        }
    }

    fn page(&mut self, id: ObjectId) -> Result<(), PdfError> {
        let source = self.source;
        let Ok(page) = source.document.get_dictionary(id) else {
            self.is_broken = true;
            return Ok(());
        };
        let mut content = Vec::new();
        for id in source.document.get_page_contents(id) {
            let stream = source.document.get_object(id).and_then(Object::as_stream);
            match stream.ok().map(|it| source.decompress(it)).transpose()?.flatten() {
                Some(part) => content.extend(part),
                None => self.is_broken = true,
            }
            content.push(b'\n');
        }
        let resources = resources(source, page);
        self.run(&content, resources, &mut State::new(), 0)
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        state: &mut State,
        depth: usize,
    ) -> Result<(), PdfError> {
        let mut saved = Vec::new();
        for operation in Content::decode_iter(content) {
            let Ok(operation) = operation else {
                self.is_broken = true;
                break;
            };
            self.n_operators += 1;
            if self.limits.max_operators < self.n_operators {
                let limit = self.limits.max_operators;
                return Err(PdfError::TooLarge { what: Quantity::Operators, limit });
            }
            match operation.operator.as_str() {
                "q" if saved.len() < MAX_SAVED => saved.push(state.clone()),
                "Q" => {
                    if let Some(before) = saved.pop() {
                        *state = before;
                    }
                }
                "Tf" => self.choose_font(&operation, resources, state)?,
                "Do" => self.form(&operation, resources, state, depth)?,
                "Tj" | "TJ" | "'" | "\"" => self.show_all(&operation, state)?,
                _ => state.place(&operation),
            }
        }
        Ok(())
    }

    fn choose_font(
        &mut self,
        operation: &Operation,
        resources: Option<&'a Dictionary>,
        state: &mut State,
    ) -> Result<(), PdfError> {
        let [name, size] = operation.operands.as_slice() else { return Ok(()) };
        let source = self.source;
        let font = resources.and_then(|it| source.dictionary(it, b"Font"));
        let font = font.and_then(|it| source.dictionary(it, name.as_name().ok()?));
        state.font = match font {
            Some(font) => self.fonts.get(source, font, self.limits.max_fonts)?,
            None => Rc::new(Font::unknown()),
        };
        state.size = number(size).unwrap_or(state.size);
        Ok(())
    }

    /// Draws a form: a content stream with resources and a place of its own.
    fn form(
        &mut self,
        operation: &Operation,
        resources: Option<&'a Dictionary>,
        state: &State,
        depth: usize,
    ) -> Result<(), PdfError> {
        let source = self.source;
        let name = operation.operands.first().and_then(|it| it.as_name().ok());
        let form = name.and_then(|name| {
            let forms = source.dictionary(resources?, b"XObject")?;
            source.get(forms, name)?.as_stream().ok()
        });
        let Some(form) = form else { return Ok(()) };
        let kind = source.get(&form.dict, b"Subtype").and_then(|it| it.as_name().ok());
        if kind != Some(b"Form") || MAX_FORMS <= depth {
            return Ok(());
        }
        let Some(content) = source.decompress(form)? else {
            self.is_broken = true;
            return Ok(());
        };
        let mut inner = state.clone();
        if let Some(matrix) = source.array(&form.dict, b"Matrix").and_then(Matrix::of) {
            inner.base = matrix.then(&state.base);
        }
        let own = source.dictionary(&form.dict, b"Resources");
        self.run(&content, own.or(resources), &mut inner, depth + 1)
    }

    fn show_all(&mut self, operation: &Operation, state: &mut State) -> Result<(), PdfError> {
        let operands = operation.operands.as_slice();
        match (operation.operator.as_str(), operands) {
            ("\"", [word, char, _]) => {
                state.word_space = number(word).unwrap_or(0.0);
                state.char_space = number(char).unwrap_or(0.0);
                state.next_line();
            }
            ("'", _) => state.next_line(),
            _ => (),
        }
        match operands.last() {
            Some(Object::Array(parts)) => {
                for part in parts {
                    match part {
                        Object::String(bytes, _) => self.show(bytes, state)?,
                        other => state.kern(number(other).unwrap_or(0.0)),
                    }
                }
                Ok(())
            }
            Some(Object::String(bytes, _)) => self.show(bytes, state),
            _ => Ok(()),
        }
    }

    fn show(&mut self, bytes: &[u8], state: &mut State) -> Result<(), PdfError> {
        let font = Rc::clone(&state.font);
        let mut rest = bytes;
        while let Some((glyph, n_bytes)) = font.next(rest) {
            rest = rest.get(n_bytes..).unwrap_or_default();
            let (start, direction, size) = state.position();
            state.advance(&glyph);
            let mut buffer = [0; 4];
            let text: &str = match &glyph.text {
                Some(BfString::Char(ch)) => ch.encode_utf8(&mut buffer),
                Some(BfString::String(text)) => text,
                None => "\u{FFFD}",
            };
            self.n_unmapped += usize::from(glyph.text.is_none());
            self.n_glyphs += usize::from(!text.trim().is_empty());
            let end = state.position().0;
            self.n_chars += self.layout.put(&Placed { text, start, end, direction, size });
            if self.limits.max_chars < self.n_chars {
                let limit = self.limits.max_chars;
                return Err(PdfError::TooLarge { what: Quantity::Chars, limit });
            }
        }
        Ok(())
    }
}

impl State {
    fn new() -> State {
        State {
            base: Matrix::IDENTITY,
            font: Rc::new(Font::unknown()),
            size: 1.0,
            char_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
            text: Matrix::IDENTITY,
            line: Matrix::IDENTITY,
        }
    }

    /// The operators that only change where and how text is shown.
    fn place(&mut self, operation: &Operation) {
        let numbers: Vec<f64> = operation.operands.iter().filter_map(number).take(6).collect();
        match (operation.operator.as_str(), numbers.as_slice()) {
            ("cm", &[a, b, c, d, e, f]) => self.base = Matrix([a, b, c, d, e, f]).then(&self.base),
            ("BT", _) => (self.text, self.line) = (Matrix::IDENTITY, Matrix::IDENTITY),
            ("Tm", &[a, b, c, d, e, f]) => {
                self.line = Matrix([a, b, c, d, e, f]);
                self.text = self.line;
            }
            ("Td", &[x, y]) => self.move_line(x, y),
            ("TD", &[x, y]) => {
                self.leading = -y;
                self.move_line(x, y);
            }
            ("T*", _) => self.next_line(),
            ("Tc", &[value]) => self.char_space = value,
            ("Tw", &[value]) => self.word_space = value,
            ("Tz", &[value]) => self.scale = value / 100.0,
            ("TL", &[value]) => self.leading = value,
            ("Ts", &[value]) => self.rise = value,
            _ => (),
        }
    }

    fn move_line(&mut self, x: f64, y: f64) {
        self.line = Matrix::shift(x, y).then(&self.line);
        self.text = self.line;
    }

    fn next_line(&mut self) {
        self.move_line(0.0, -self.leading);
    }

    /// Where the next glyph begins on the page, in which direction its line runs, and its size there.
    fn position(&self) -> ((f64, f64), (f64, f64), f64) {
        let full = self.text.then(&self.base);
        let (along, across) = match self.font.is_vertical {
            true => (full.turn(0.0, -1.0), full.turn(1.0, 0.0)),
            false => (full.turn(1.0, 0.0), full.turn(0.0, 1.0)),
        };
        let length = along.0.hypot(along.1).max(f64::MIN_POSITIVE);
        let size = (across.0.hypot(across.1) * self.size).abs();
        (full.apply(0.0, self.rise), (along.0 / length, along.1 / length), size)
    }

    fn advance(&mut self, glyph: &Glyph) {
        let word = if glyph.is_space { self.word_space } else { 0.0 };
        let by = glyph.advance * self.size + self.char_space + word;
        self.shift(by);
    }

    fn kern(&mut self, thousandths: f64) {
        self.shift(-thousandths / 1000.0 * self.size);
    }

    fn shift(&mut self, by: f64) {
        let (x, y) = if self.font.is_vertical { (0.0, by) } else { (by * self.scale, 0.0) };
        self.text = Matrix::shift(x, y).then(&self.text);
    }
}

/// The resources of a page, its own or the nearest inherited ones.
fn resources<'a>(source: &'a Source, page: &'a Dictionary) -> Option<&'a Dictionary> {
    let mut node = page;
    for _ in 0..MAX_ANCESTORS {
        if let Some(found) = source.dictionary(node, b"Resources") {
            return Some(found);
        }
        node = source.dictionary(node, b"Parent")?;
    }
    None
}

fn number(object: &Object) -> Option<f64> {
    object.as_float().ok().map(f64::from)
}
