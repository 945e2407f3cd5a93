//! A card while it is being printed: canvas, fonts, and the truth that grows with every printed value.

use crate::cards::canvas::{Canvas, Colour, Ink, Rect, solid};
use crate::cards::chance::Chance;
use crate::cards::numbers::Number;
use crate::cards::pixel;
use crate::cards::typeface::{Face, Type, Typefaces};

/// Canvas pixels per unit of layout; a layout is 1000 units wide whatever the document.
pub const UNIT: f32 = 1.25;

/// Style of text on a sheet, in units of layout.
#[derive(Clone, Copy, Debug)]
pub struct Print {
    face: Face,
    size: f32,
    tracking: f32,
    pitch: Option<f32>,
    bold: bool,
    vertical: bool,
    ink: Ink,
}

impl Print {
    /// Text of the given face, size and colour.
    pub fn new(face: Face, size: f32, colour: Colour) -> Self {
        let ink = solid(colour);
        Self { face, size, tracking: 0.0, pitch: None, bold: false, vertical: false, ink }
    }

    /// With space after each character.
    pub fn spaced(self, tracking: f32) -> Self {
        Self { tracking, ..self }
    }

    /// With one width for all characters.
    pub fn pitched(self, pitch: f32) -> Self {
        Self { pitch: Some(pitch), ..self }
    }

    /// With thick strokes.
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// With the characters below one another.
    pub fn vertical(self) -> Self {
        Self { vertical: true, ..self }
    }

    /// With ink that lets the ground through.
    pub fn faint(self, alpha: f32) -> Self {
        Self { ink: Ink { alpha, ..self.ink }, ..self }
    }

    /// In another size.
    pub fn sized(self, size: f32) -> Self {
        Self { size, ..self }
    }

    fn on_canvas(self) -> Type {
        Type {
            face: self.face,
            size: self.size * UNIT,
            tracking: self.tracking * UNIT,
            pitch: self.pitch.map(|it| it * UNIT),
            bold: self.bold,
            vertical: self.vertical,
            ink: self.ink,
        }
    }
}

/// A printed value before it is photographed; `area` is in canvas pixels.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Wire name of the field.
    pub name: &'static str,
    /// Normalised value.
    pub value: String,
    /// Other right values.
    pub also: Vec<String>,
    /// As printed.
    pub raw: String,
    /// Where the ink is.
    pub area: Rect,
    /// Whether the check digit holds.
    pub valid: Option<bool>,
    /// Whether it has a rare character.
    pub rare: bool,
}

/// A printed machine-readable zone; areas are in canvas pixels.
#[derive(Clone, Debug)]
pub struct PrintedZone {
    /// `TD1`, `TD2`, `TD3`, `MRV-A` or `MRV-B`.
    pub format: &'static str,
    /// Lines.
    pub lines: Vec<String>,
    /// Where the ink of each line is.
    pub areas: Vec<Rect>,
}

/// A card being printed.
pub struct Sheet<'a> {
    /// What has been drawn so far.
    pub canvas: Canvas,
    /// Values printed so far, in order.
    pub printed: Vec<Printed>,
    /// Machine-readable zone printed so far.
    pub zone: Option<PrintedZone>,
    fonts: &'a Typefaces,
    /// How far the printer missed its place on this card, in units.
    shift: (f32, f32),
}

impl<'a> Sheet<'a> {
    /// An empty sheet, 1000 units wide and `height` units high.
    pub fn new(fonts: &'a Typefaces, chance: &mut Chance, height: f32, ground: Colour) -> Self {
        let canvas = Canvas::new(pixel::index(1000.0 * UNIT), pixel::index(height * UNIT), ground);
        let shift = (chance.jitter(5.0), chance.jitter(4.0));
        Self { canvas, printed: Vec::new(), zone: None, fonts, shift }
    }

    /// Height in units.
    pub fn height(&self) -> f32 {
        self.canvas.height as f32 / UNIT
    }

    /// Prints text that is part of the form: labels, titles.
    pub fn label(&mut self, at: (f32, f32), print: Print, text: &str) -> Option<Rect> {
        let at = (at.0 * UNIT, at.1 * UNIT);
        self.fonts.draw(&mut self.canvas, at, &print.on_canvas(), text)
    }

    /// Prints a label centred on `x`.
    pub fn centred(&mut self, x: f32, y: f32, print: Print, text: &str) {
        let width = self.width(print, text);
        self.label((x - width / 2.0, y), print, text);
    }

    /// How wide `text` would be, in units.
    pub fn width(&self, print: Print, text: &str) -> f32 {
        self.fonts.width(&print.on_canvas(), text) / UNIT
    }

    /// Prints text that a machine filled in: it may sit a little off its place.
    pub fn fill(&mut self, at: (f32, f32), print: Print, text: &str) -> Option<Rect> {
        self.label((at.0 + self.shift.0, at.1 + self.shift.1), print, text)
    }

    /// Prints a value whose normalised form is the printed text without blanks.
    pub fn value(&mut self, name: &'static str, at: (f32, f32), print: Print, raw: &str) {
        let value = raw.split_whitespace().collect();
        self.value_as(name, at, print, (raw, value));
    }

    /// Prints a value; `text` is what is printed and its normalised form.
    pub fn value_as(
        &mut self,
        name: &'static str,
        at: (f32, f32),
        print: Print,
        text: (&str, String),
    ) {
        if let Some(area) = self.fill(at, print, text.0) {
            self.note(name, text.0.to_owned(), text.1, area);
        }
    }

    /// Prints a number with a check digit.
    pub fn number(&mut self, name: &'static str, at: (f32, f32), print: Print, number: &Number) {
        self.value(name, at, print, &number.text);
        self.edit_last(|it| it.valid = Some(number.valid));
    }

    /// Prints a value on several lines, `leading` units apart.
    pub fn lines(
        &mut self,
        name: &'static str,
        at: (f32, f32),
        print: Print,
        lines: (&[String], f32),
    ) {
        let mut area: Option<Rect> = None;
        let mut y = at.1;
        for line in lines.0 {
            if let Some(own) = self.fill((at.0, y), print, line) {
                area = Some(area.map_or(own, |it| it.union(own)));
            }
            y += lines.1;
        }
        if let Some(area) = area {
            let raw = lines.0.concat();
            self.note(name, raw.clone(), raw.split_whitespace().collect(), area);
        }
    }

    /// Records a value that was printed by other means.
    pub fn note(&mut self, name: &'static str, raw: String, value: String, area: Rect) {
        let area = area.grown(1.5);
        self.printed.push(Printed {
            name,
            value,
            also: Vec::new(),
            raw,
            area,
            valid: None,
            rare: false,
        });
    }

    /// Records the value printed last under a second name as well.
    pub fn alias(&mut self, name: &'static str) {
        let twin = self.printed.last().cloned();
        self.printed.extend(twin.map(|it| Printed { name, ..it }));
    }

    /// Completes what is known about the value printed last.
    pub fn edit_last(&mut self, edit: impl FnOnce(&mut Printed)) {
        if let Some(last) = self.printed.last_mut() {
            edit(last);
        }
    }

    /// Prints a machine-readable zone from `(left, baseline)` on, over `width` units.
    pub fn machine_zone(
        &mut self,
        format: &'static str,
        at: (f32, f32),
        width: f32,
        lines: Vec<String>,
    ) {
        let n_chars = lines.iter().map(String::len).max().unwrap_or(1);
        let pitch = width / n_chars as f32;
        // OCR-B at 10 characters an inch: the em is 1.4 times the pitch, lines are 6 to the inch.
        let print = Print::new(Face::OcrB, pitch * 1.42, [22, 22, 26]).pitched(pitch);
        let mut areas = Vec::new();
        for (idx, line) in lines.iter().enumerate() {
            let y = at.1 + idx as f32 * pitch * 1.67;
            areas.extend(self.label((at.0, y), print, line).map(|it| it.grown(1.5)));
        }
        self.zone = Some(PrintedZone { format, lines, areas });
    }
}
