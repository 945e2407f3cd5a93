//! The chart of a run: exact match by field and level with intervals, and precision over coverage.

use anyhow::Result;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::cards::canvas::{Canvas, Colour, Rect, solid, wash};
use crate::cards::pixel;
use crate::cards::typeface::{Face, Type, Typefaces};
use crate::idcard::report::LEVELS;
use crate::idcard::tally::{Rate, Summary};

const WIDTH: usize = 1400;
const ROW: f32 = 44.0;
const TOP: f32 = 110.0;
const COLOURS: [Colour; 3] = [[42, 111, 151], [82, 158, 100], [214, 122, 56]];
const BLACK: Colour = [30, 32, 36];
const GREY: Colour = [205, 208, 212];

/// Where the axis of the bars begins and ends.
const BARS: (f32, f32) = (230.0, 820.0);

/// A drawing with its fonts.
struct Drawing<'a> {
    canvas: Canvas,
    fonts: &'a Typefaces,
}

/// Draws a summary as PNG.
///
/// # Errors
/// When the picture cannot be encoded.
pub fn png(fonts: &Typefaces, title: &str, summary: &Summary) -> Result<Vec<u8>> {
    let rows = summary.fields.len() + 1;
    let height = (TOP + ROW * rows as f32 + 60.0).max(620.0);
    let canvas = Canvas::new(WIDTH, pixel::index(height), [255; 3]);
    let mut drawing = Drawing { canvas, fonts };
    drawing.text((30.0, 44.0), 24.0, BLACK, title);
    drawing.legend();
    drawing.bars(summary);
    drawing.curve(summary);
    let rgb: Vec<u8> = drawing.canvas.pixels.iter().flatten().copied().collect();
    let (width, height) = (pixel::side(drawing.canvas.width), pixel::side(drawing.canvas.height));
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(&rgb, width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

impl Drawing<'_> {
    fn text(&mut self, at: (f32, f32), size: f32, colour: Colour, text: &str) {
        let style = Type {
            face: Face::Sans,
            size,
            tracking: 0.0,
            pitch: None,
            bold: false,
            vertical: false,
            ink: solid(colour),
        };
        self.fonts.draw(&mut self.canvas, at, &style, text);
    }

    fn legend(&mut self) {
        for (idx, (level, colour)) in LEVELS.iter().zip(COLOURS).enumerate() {
            let x = BARS.0 + 110.0 * idx as f32;
            self.canvas.rect(Rect::sized(x, 64.0, 16.0, 16.0), solid(colour));
            self.text((x + 24.0, 78.0), 17.0, BLACK, level);
        }
    }

    /// One row of bars per field, all fields first; whiskers are Wilson 95 % intervals.
    fn bars(&mut self, summary: &Summary) {
        let n_rows = summary.fields.len() + 1;
        for tenth in [0, 2, 4, 6, 8, 10_u8] {
            let x = bar_end(f64::from(tenth) / 10.0);
            self.canvas.line((x, TOP - 8.0), (x, TOP + ROW * n_rows as f32), 1.0, solid(GREY));
            self.text((x - 12.0, TOP - 12.0), 13.0, BLACK, &format!("{}", u32::from(tenth) * 10));
        }
        let all = std::iter::once(("all fields", &summary.levels));
        let named = summary.fields.iter().map(|(name, levels)| (name.as_str(), levels));
        for (row, (name, levels)) in all.chain(named).enumerate() {
            let y = TOP + ROW * row as f32;
            self.text((30.0, y + 26.0), 17.0, BLACK, name);
            for (idx, (level, colour)) in LEVELS.iter().zip(COLOURS).enumerate() {
                if let Some(group) = levels.get(*level) {
                    self.bar(y + 3.0 + 13.0 * idx as f32, colour, group.exact);
                }
            }
        }
    }

    fn bar(&mut self, y: f32, colour: Colour, rate: Rate) {
        let Some(share) = rate.share() else { return };
        let bar = Rect { left: BARS.0, top: y, right: bar_end(share), bottom: y + 10.0 };
        self.canvas.rect(bar, wash(colour, 0.8));
        let (low, high) = rate.interval();
        let middle = y + 5.0;
        self.canvas.line((bar_end(low), middle), (bar_end(high), middle), 1.4, solid(BLACK));
        let label = format!("{:.1}  n={}", 100.0 * share, rate.n);
        self.text((BARS.1 + 8.0, y + 10.0), 12.0, BLACK, &label);
    }

    /// Precision (from 90 %) over coverage, one point per threshold of confidence.
    fn curve(&mut self, summary: &Summary) {
        let (left, right, top, bottom) = (1010.0, 1350.0, 150.0, 490.0);
        self.text((left, top - 20.0), 17.0, BLACK, "right among accepted (%) over accepted (%)");
        let place = |covered: f64, right_share: f64| {
            let x = f64::from(left) + covered * f64::from(right - left);
            let y =
                f64::from(bottom) - (right_share.max(0.9) - 0.9) * 10.0 * f64::from(bottom - top);
            (narrow(x), narrow(y))
        };
        for tick in 0..=5_u8 {
            let share = f64::from(tick) / 5.0;
            let (x, _) = place(share, 1.0);
            let (_, y) = place(0.0, 0.9 + share / 10.0);
            self.canvas.line((x, top), (x, bottom), 1.0, solid(GREY));
            self.canvas.line((left, y), (right, y), 1.0, solid(GREY));
            self.text((x - 10.0, bottom + 20.0), 13.0, BLACK, &format!("{:.0}", 100.0 * share));
            self.text((left - 34.0, y + 5.0), 13.0, BLACK, &format!("{:.0}", 90.0 + 10.0 * share));
        }
        let mut before = None;
        for row in &summary.coverage {
            let (Some(covered), Some(share)) = (row.covered.share(), row.right.share()) else {
                continue;
            };
            let (x, y) = place(covered, share);
            if let Some(from) = before {
                self.canvas.line(from, (x, y), 2.0, solid(COLOURS[0]));
            }
            self.canvas.ellipse(Rect::sized(x - 4.0, y - 4.0, 8.0, 8.0), solid(COLOURS[0]));
            self.text((x - 14.0, y - 9.0), 11.0, BLACK, &format!("{}", row.threshold));
            before = Some((x, y));
        }
    }
}

fn bar_end(share: f64) -> f32 {
    narrow(f64::from(BARS.0) + share * f64::from(BARS.1 - BARS.0))
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
    use super::{Rate, Summary, Typefaces, png};
    use crate::idcard::tally::{Coverage, Group};

    #[test]
    fn longer_bars_are_better() {
        let draw = |k: usize| {
            let mut summary = Summary::default();
            let exact = Rate { k, n: 1000 };
            summary.levels.insert("flat".into(), Group { exact, ..Group::default() });
            let covered = Rate { k: 900, n: 1000 };
            summary.coverage = vec![Coverage { threshold: 0.5, covered, right: exact }; 2];
            let bytes = png(&Typefaces::load().unwrap(), "t", &summary).unwrap();
            let picture = image::load_from_memory(&bytes).unwrap().to_rgb8();
            picture.pixels().filter(|it| it.0[2] > 140 && it.0[0] < 110).count()
        };
        assert!(draw(900) > draw(500) + 1000, "{} {}", draw(900), draw(500));
    }
}
