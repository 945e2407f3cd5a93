//! The fonts of the documents: found on the machine, drawn by outline.

use std::fs;
use std::path::Path;

use ab_glyph::{Font as _, FontVec, GlyphId, PxScale, ScaleFont as _, point};
use anyhow::{Context as _, Result, bail};

use crate::cards::canvas::{Canvas, Ink, Rect};
use crate::cards::pixel;

/// A style of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// 正楷 (brush script), as on the national ID.
    Kai,
    /// 宋體 (serif).
    Sung,
    /// Latin without serifs.
    Sans,
    /// Latin without serifs, bold.
    SansBold,
    /// OCR-B, the machine-readable zone.
    OcrB,
}

/// Where each face is looked for, and the Debian package that brings it.
const WANTED: &[(Face, &str, &[&str])] = &[
    (Face::Kai, "fonts-cns11643-kai", &["/usr/share/fonts/truetype/cns11643/TW-Kai-98_1.ttf"]),
    (Face::Sung, "fonts-cns11643-sung", &["/usr/share/fonts/truetype/cns11643/TW-Sung-98_1.ttf"]),
    (
        Face::Sans,
        "fonts-dejavu-core",
        &[
            "/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed.ttf",
            "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        ],
    ),
    (
        Face::SansBold,
        "fonts-dejavu-core",
        &[
            "/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf",
            "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
        ],
    ),
    (Face::OcrB, "fonts-ocr-b", &["/usr/share/fonts/opentype/ocr-b/OCRB.otf"]),
];

/// How a piece of text is set. Lengths are in canvas pixels.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Style of letters.
    pub face: Face,
    /// Size of the em square.
    pub size: f32,
    /// Space added after each character.
    pub tracking: f32,
    /// Width of every character, where they all have one.
    pub pitch: Option<f32>,
    /// Whether the strokes are thickened.
    pub bold: bool,
    /// Whether the characters stand below one another.
    pub vertical: bool,
    /// Colour and cover.
    pub ink: Ink,
}

/// The loaded fonts, in the order of [`Face`].
pub struct Typefaces(Vec<FontVec>);

impl Typefaces {
    /// Loads every face.
    ///
    /// # Errors
    /// When a font is missing (the text names the Debian package to install) or not a font.
    pub fn load() -> Result<Self> {
        let mut fonts = Vec::new();
        for (_, package, places) in WANTED {
            let Some(path) = places.iter().find(|it| Path::new(it).is_file()) else {
                bail!("font missing: install Debian package {package} ({})", places.join(" or "));
            };
            let bytes = fs::read(path).with_context(|| format!("failed to read font {path}"))?;
            let font = FontVec::try_from_vec(bytes)
                .with_context(|| format!("failed to parse font {path}"))?;
            fonts.push(font);
        }
        Ok(Self(fonts))
    }

    /// Draws `text` with its baseline starting at `at` and returns the rectangle of its ink, if it has any.
    pub fn draw(
        &self,
        canvas: &mut Canvas,
        at: (f32, f32),
        style: &Type,
        text: &str,
    ) -> Option<Rect> {
        let (mut x, mut y) = at;
        let mut ink: Option<Rect> = None;
        for ch in text.chars() {
            let Some((font, glyph)) = self.glyph(style.face, ch) else { continue };
            let scale = em_scale(font, style.size);
            let advance = font.as_scaled(scale).h_advance(glyph);
            let inset = style.pitch.map_or(0.0, |pitch| (pitch - advance) / 2.0);
            let shape = glyph.with_scale_and_position(scale, point(x + inset, y));
            if let Some(outline) = font.outline_glyph(shape) {
                let bounds = outline.px_bounds();
                let (left, top) = (pixel::floor(bounds.min.x), pixel::floor(bounds.min.y));
                let thick = if style.bold { (style.size / 28.0).clamp(0.6, 2.0) } else { 0.0 };
                outline.draw(|dx, dy, cover| {
                    let (px, py) =
                        (left.saturating_add_unsigned(dx), top.saturating_add_unsigned(dy));
                    let alpha = cover * style.ink.alpha;
                    canvas.dot(px, py, Ink { alpha, ..style.ink });
                    if style.bold {
                        canvas.dot(px + 1, py, Ink { alpha: alpha * thick.min(1.0), ..style.ink });
                    }
                });
                let own = Rect {
                    left: bounds.min.x,
                    top: bounds.min.y,
                    right: bounds.max.x + thick,
                    bottom: bounds.max.y,
                };
                ink = Some(ink.map_or(own, |it| it.union(own)));
            }
            if style.vertical {
                y += style.size + style.tracking;
            } else {
                x += style.pitch.unwrap_or(advance) + style.tracking;
            }
        }
        ink
    }

    /// How wide `text` is when set in `style` on one line.
    pub fn width(&self, style: &Type, text: &str) -> f32 {
        text.chars()
            .filter_map(|ch| self.glyph(style.face, ch))
            .map(|(font, glyph)| {
                let advance = font.as_scaled(em_scale(font, style.size)).h_advance(glyph);
                style.pitch.unwrap_or(advance) + style.tracking
            })
            .sum()
    }

    /// The glyph of `ch` in `face`, or in the first other face that has it.
    fn glyph(&self, face: Face, ch: char) -> Option<(&FontVec, GlyphId)> {
        let own = WANTED.iter().position(|it| it.0 == face).and_then(|idx| self.0.get(idx));
        own.into_iter()
            .chain(&self.0)
            .map(|font| (font, font.glyph_id(ch)))
            .find(|(_, glyph)| glyph.0 != 0)
    }
}

/// `ab_glyph` measures a font by its line height; documents are set by the em.
fn em_scale(font: &FontVec, size: f32) -> PxScale {
    let units = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(size * font.height_unscaled() / units)
}

#[cfg(test)]
mod tests {
    use super::{Canvas, Face, Type, Typefaces};
    use crate::cards::canvas::solid;

    fn style(face: Face) -> Type {
        Type {
            face,
            size: 40.0,
            tracking: 0.0,
            pitch: None,
            bold: false,
            vertical: false,
            ink: solid([0; 3]),
        }
    }

    #[test]
    fn the_rectangle_holds_all_ink() {
        let fonts = Typefaces::load().unwrap();
        for face in [Face::Kai, Face::Sung, Face::Sans, Face::SansBold, Face::OcrB] {
            let mut canvas = Canvas::new(300, 80, [255; 3]);
            let ink = fonts.draw(&mut canvas, (20.0, 55.0), &style(face), "林A12").unwrap();
            let dark = |x: usize, y: usize| canvas.pixels[y * 300 + x][0] < 250;
            for y in 0..80 {
                for x in 0..300 {
                    let (fx, fy) = (x as f32, y as f32);
                    let inside = fx >= ink.left - 1.0
                        && fx < ink.right + 1.0
                        && fy >= ink.top - 1.0
                        && fy < ink.bottom + 1.0;
                    assert!(inside || !dark(x, y), "{face:?}: ink at {x},{y} outside {ink:?}");
                }
            }
            assert!(ink.right - ink.left > 60.0, "{face:?} {ink:?}");
        }
    }

    #[test]
    fn a_missing_glyph_comes_from_another_face() {
        let fonts = Typefaces::load().unwrap();
        assert!(fonts.width(&style(Face::OcrB), "樣本") > 70.0);
        assert!(fonts.width(&Type { pitch: Some(10.0), ..style(Face::OcrB) }, "P<TWN") == 50.0);
    }
}
