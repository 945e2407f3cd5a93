//! Charts of a classifier: the confusion matrix, and precision over coverage beside the reliability diagram.

use anyhow::Result;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use super::score::Summary;
use crate::cards::canvas::{Canvas, Colour, Rect, solid, wash};
use crate::cards::pixel;
use crate::cards::typeface::{Face, Type, Typefaces};

const BLACK: Colour = [30, 32, 36];
const GREY: Colour = [205, 208, 212];
const BLUE: Colour = [42, 111, 151];
const RED: Colour = [196, 66, 54];

/// With more labels than this, rows are numbered as in the report's table, not named.
const MAX_NAMED: usize = 40;

/// A drawing with its fonts.
struct Drawing<'a> {
    canvas: Canvas,
    fonts: &'a Typefaces,
}

/// Rows are true labels, columns answers, both in the order of the report's table; right ones blue, wrong ones red,
/// darker the larger the share of the row.
///
/// # Errors
/// When the picture cannot be encoded.
pub fn confusion(fonts: &Typefaces, summary: &Summary) -> Result<Vec<u8>> {
    let names: Vec<&String> = summary.units.keys().collect();
    let is_named = names.len() <= MAX_NAMED;
    let (cell, left, top) = if is_named { (24.0, 330.0, 60.0) } else { (11.0, 60.0, 60.0) };
    let side = cell * names.len() as f32;
    let mut drawing = Drawing::new(fonts, left + side + 30.0, top + side + 30.0);
    drawing.text((left, 24.0), 17.0, Face::Kai, &format!("列為實際、欄為判定;n = {}", summary.n));
    for (row, truth) in names.iter().enumerate() {
        let y = top + cell * row as f32;
        let number = (row + 1).to_string();
        let label = if is_named { format!("{number} {truth}") } else { number.clone() };
        if is_named || row % 5 == 4 {
            drawing.text((8.0, y + cell * 0.8), cell.min(16.0), Face::Kai, &label);
            let at = (left + cell * row as f32 + 2.0, top - 8.0);
            drawing.text(at, cell.min(13.0), Face::Sans, &number);
        }
        let Some(answered) = summary.confusion.get(*truth) else { continue };
        let total: usize = answered.values().sum();
        for (column, name) in names.iter().enumerate() {
            let n = answered.get(*name).copied().unwrap_or(0);
            if 0 < n {
                let colour = if row == column { BLUE } else { RED };
                let share = n as f32 / total as f32;
                let x = left + cell * column as f32;
                let place = Rect::sized(x, y, cell - 1.0, cell - 1.0);
                drawing.canvas.rect(place, wash(colour, 0.15 + 0.85 * share));
                if is_named {
                    drawing.text((x + 3.0, y + 16.0), 11.0, Face::Sans, &n.to_string());
                }
            }
        }
    }
    drawing.frame(left, top, side);
    drawing.png()
}

/// Precision over coverage on the left, right answers over probability on the right.
///
/// # Errors
/// When the picture cannot be encoded.
pub fn confidence(fonts: &Typefaces, summary: &Summary) -> Result<Vec<u8>> {
    let mut drawing = Drawing::new(fonts, 960.0, 470.0);
    let lowest = summary.coverage.iter().map(|it| it.precision).fold(1.0, f64::min);
    let floor = (lowest * 10.0).floor().min(9.0) / 10.0;
    let curve = Plot { left: 60.0, top: 60.0, side: 360.0, floor };
    drawing.axes(&curve, "自動處理比例與其中正確的比例(%)");
    let points = summary.coverage.iter().map(|it| (it.coverage, it.precision)).collect::<Vec<_>>();
    drawing.path(&curve, &points);
    let bins = Plot { left: 540.0, top: 60.0, side: 360.0, floor: 0.0 };
    drawing.axes(&bins, "機率與實際正確的比例(%)");
    drawing.canvas.line(bins.at(0.0, 0.0), bins.at(1.0, 1.0), 1.0, solid(BLACK));
    let mut points = Vec::new();
    for bin in summary.bins.iter().filter(|it| 0 < it.right.n) {
        let mean = bin.probability / bin.right.n as f64;
        let (low, high) = bin.right.interval();
        drawing.canvas.line(bins.at(mean, low), bins.at(mean, high), 1.4, wash(BLUE, 0.6));
        points.push((mean, bin.right.share().unwrap_or(0.0)));
    }
    drawing.path(&bins, &points);
    drawing.png()
}

/// A square plot; x from 0 to 1, y from `floor` to 1.
struct Plot {
    left: f32,
    top: f32,
    side: f32,
    floor: f64,
}

impl Plot {
    fn at(&self, x: f64, y: f64) -> (f32, f32) {
        let height = (y.clamp(self.floor, 1.0) - self.floor) / (1.0 - self.floor);
        let side = f64::from(self.side);
        (self.left + narrow(x * side), self.top + narrow((1.0 - height) * side))
    }
}

impl<'a> Drawing<'a> {
    fn new(fonts: &'a Typefaces, width: f32, height: f32) -> Drawing<'a> {
        let canvas = Canvas::new(pixel::index(width), pixel::index(height), [255; 3]);
        Drawing { canvas, fonts }
    }

    fn text(&mut self, at: (f32, f32), size: f32, face: Face, text: &str) {
        let style = Type {
            face,
            size,
            tracking: 0.0,
            pitch: None,
            bold: false,
            vertical: false,
            ink: solid(BLACK),
        };
        self.fonts.draw(&mut self.canvas, at, &style, text);
    }

    fn frame(&mut self, left: f32, top: f32, side: f32) {
        self.canvas.frame(Rect::sized(left, top, side, side), 1.0, solid(BLACK));
    }

    fn axes(&mut self, plot: &Plot, title: &str) {
        self.text((plot.left, plot.top - 20.0), 18.0, Face::Kai, title);
        for tick in 0..=5_u8 {
            let share = f64::from(tick) / 5.0;
            let y = plot.floor + share * (1.0 - plot.floor);
            self.canvas.line(plot.at(share, plot.floor), plot.at(share, 1.0), 1.0, solid(GREY));
            self.canvas.line(plot.at(0.0, y), plot.at(1.0, y), 1.0, solid(GREY));
            let (x_at, y_at) = (plot.at(share, plot.floor), plot.at(0.0, y));
            self.text(
                (x_at.0 - 10.0, x_at.1 + 18.0),
                13.0,
                Face::Sans,
                &format!("{:.0}", 100.0 * share),
            );
            self.text(
                (y_at.0 - 36.0, y_at.1 + 5.0),
                13.0,
                Face::Sans,
                &format!("{:.0}", 100.0 * y),
            );
        }
    }

    fn path(&mut self, plot: &Plot, points: &[(f64, f64)]) {
        for pair in points.windows(2) {
            let (from, to) = (plot.at(pair[0].0, pair[0].1), plot.at(pair[1].0, pair[1].1));
            self.canvas.line(from, to, 2.0, solid(BLUE));
        }
        for (x, y) in points {
            let (x, y) = plot.at(*x, *y);
            self.canvas.ellipse(Rect::sized(x - 4.0, y - 4.0, 8.0, 8.0), solid(BLUE));
        }
    }

    fn png(self) -> Result<Vec<u8>> {
        let rgb: Vec<u8> = self.canvas.pixels.iter().flatten().copied().collect();
        let (width, height) = (pixel::side(self.canvas.width), pixel::side(self.canvas.height));
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes).write_image(&rgb, width, height, ExtendedColorType::Rgb8)?;
        Ok(bytes)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a place on a chart needs no more than seven digits"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::super::score::{Answer, summarise};
    use super::*;

    /// Pixels of a chart that are much redder than blue, and the other way round.
    fn colours(bytes: &[u8]) -> (usize, usize) {
        let picture = image::load_from_memory(bytes).unwrap().to_rgb8();
        let red = picture.pixels().filter(|it| 60 < it.0[0].saturating_sub(it.0[2])).count();
        (red, picture.pixels().filter(|it| 60 < it.0[2].saturating_sub(it.0[0])).count())
    }

    fn summary(n_wrong: usize) -> Summary {
        let labels = ["甲", "乙"].map(str::to_owned);
        let answers: Vec<Answer> = (0..20)
            .map(|idx| Answer {
                truth: labels[0].clone(),
                ranked: vec![(labels[usize::from(idx < n_wrong)].clone(), 0.8)],
                unit: None,
                requires_human: false,
            })
            .collect();
        summarise(&answers, &labels, 0)
    }

    #[test]
    fn errors_are_red() {
        let fonts = Typefaces::load().unwrap();
        let (none, all_right) = colours(&confusion(&fonts, &summary(0)).unwrap());
        let (many, fewer_right) = colours(&confusion(&fonts, &summary(18)).unwrap());
        assert_eq!(none, 0);
        assert!(0 < many && fewer_right < all_right);
    }

    #[test]
    fn curves_are_drawn() {
        let fonts = Typefaces::load().unwrap();
        assert!(500 < colours(&confidence(&fonts, &summary(5)).unwrap()).1);
    }
}
