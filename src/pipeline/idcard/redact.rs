//! Pictures for people: numbers masked for sharing, or boxes drawn to show what was found where.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::media::{Pixels, Point, Quad};

use super::sample::{self, Region};

/// Colour of a mask.
const MASK: [u8; 3] = [32, 32, 32];
/// Colours of drawn boxes, in turn.
const COLOURS: [[u8; 3]; 4] = [[214, 39, 40], [31, 119, 180], [44, 160, 44], [148, 103, 189]];
/// Digits 0 to 9, three columns by five rows, a bit a pixel, the top left one highest.
const DIGITS: [u16; 10] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
];

/// A picture could not be written as PNG.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the picture as PNG")]
pub struct WriteError(#[source] image::ImageError);

/// The picture as PNG with every quadrilateral, grown by a tenth of its height, painted over.
pub fn redacted(pixels: &Pixels, secrets: &[Quad]) -> Result<Vec<u8>, WriteError> {
    let mut copy = pixels.clone();
    for secret in secrets {
        let margin = super::crop::Margin { ends: 0.1, sides: 0.1 };
        fill(&mut copy, &margin.around(secret), MASK);
    }
    png(&copy)
}

/// The picture as PNG with each quadrilateral outlined and numbered from 1.
pub fn drawn(pixels: &Pixels, quads: &[Quad]) -> Result<Vec<u8>, WriteError> {
    let mut copy = pixels.clone();
    let whole = Region::whole(pixels);
    let thickness = (whole.long_side() / 600.0).max(1.0);
    for (idx, quad) in quads.iter().enumerate() {
        let colour = COLOURS[idx % COLOURS.len()];
        for side in 0..4 {
            stroke(&mut copy, (quad.0[side], quad.0[(side + 1) % 4]), thickness, colour);
        }
        number(&mut copy, idx + 1, quad.0[0], thickness * 2.0, colour);
    }
    png(&copy)
}

fn png(pixels: &Pixels) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&pixels.rgb, pixels.width, pixels.height, ExtendedColorType::Rgb8)
        .map_err(WriteError)?;
    Ok(bytes)
}

/// Paints every pixel whose centre lies inside a convex quadrilateral, or within half a pixel of it.
fn fill(pixels: &mut Pixels, quad: &Quad, colour: [u8; 3]) {
    let Some(bounds) = Region::around(quad.0) else { return };
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let sign = quad.area().signum();
    let (texels, _) = pixels.rgb.as_chunks_mut::<3>();
    for y in sample::pixel_span(bounds.top - 0.5, bounds.bottom + 0.5, height) {
        for x in sample::pixel_span(bounds.left - 0.5, bounds.right + 0.5, width) {
            let at = Point { x: x as f32 + 0.5, y: y as f32 + 0.5 };
            let is_inside = (0..4).all(|side| {
                let (a, b) = (quad.0[side], quad.0[(side + 1) % 4]);
                let cross = (b.x - a.x) * (at.y - a.y) - (b.y - a.y) * (at.x - a.x);
                -0.5 * a.distance(b) <= cross * sign
            });
            if is_inside {
                texels[y * width + x] = colour;
            }
        }
    }
}

fn stroke(pixels: &mut Pixels, (from, to): (Point, Point), thickness: f32, colour: [u8; 3]) {
    let length = from.distance(to);
    if length < 1e-3 {
        return;
    }
    let (u, v) = ((to.x - from.x) / length, (to.y - from.y) / length);
    let half = thickness / 2.0;
    let aside =
        |at: Point, side: f32| Point { x: at.x - v * half * side, y: at.y + u * half * side };
    let quad = Quad([aside(from, -1.0), aside(to, -1.0), aside(to, 1.0), aside(from, 1.0)]);
    fill(pixels, &quad, colour);
}

/// Writes a number whose dots are `dot` pixels wide, its lower left corner at `place`.
fn number(pixels: &mut Pixels, number: usize, place: Point, dot: f32, colour: [u8; 3]) {
    for (idx, digit) in number.to_string().bytes().enumerate() {
        let pattern = DIGITS[usize::from(digit - b'0')];
        let left = place.x + idx as f32 * dot * 4.0;
        for cell in 0..15 {
            if pattern >> (14 - cell) & 1 == 0 {
                continue;
            }
            let x = left + (cell % 3) as f32 * dot;
            let y = place.y + ((cell / 3) as f32 - 5.5) * dot;
            let corners = [(0.0, 0.0), (dot, 0.0), (dot, dot), (0.0, dot)];
            fill(pixels, &Quad(corners.map(|(dx, dy)| Point { x: x + dx, y: y + dy })), colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white() -> Pixels {
        Pixels { width: 60, height: 40, rgb: vec![255; 60 * 40 * 3] }
    }

    fn quad(corners: [(f32, f32); 4]) -> Quad {
        Quad(corners.map(|(x, y)| Point { x, y }))
    }

    fn decoded(png: &[u8]) -> image::RgbImage {
        image::load_from_memory(png).unwrap().to_rgb8()
    }

    #[test]
    fn masked_pixels_are_gone_and_others_stay() {
        let secret = quad([(10.0, 10.0), (30.0, 12.0), (30.0, 20.0), (10.0, 18.0)]);
        for secret in [
            secret,
            secret.starting_at(2),
            Quad({
                let [a, b, c, d] = secret.0;
                [a, d, c, b]
            }),
        ] {
            let image = decoded(&redacted(&white(), &[secret]).unwrap());
            for (x, y) in [(10, 10), (29, 12), (29, 19), (10, 17), (20, 15)] {
                assert_eq!(image.get_pixel(x, y).0, MASK, "{x} {y}");
            }
            assert_eq!(image.get_pixel(40, 30).0, [255; 3]);
        }
    }

    #[test]
    fn boxes_are_outlined_and_numbered() {
        let line = quad([(20.0, 20.0), (50.0, 20.0), (50.0, 30.0), (20.0, 30.0)]);
        let image = decoded(&drawn(&white(), &[line]).unwrap());
        assert_eq!(image.get_pixel(35, 20).0, COLOURS[0]);
        assert_eq!(image.get_pixel(35, 25).0, [255; 3]);
        assert!((18..30).any(|x| (5..18).any(|y| image.get_pixel(x, y).0 == COLOURS[0])));
        assert!(drawn(&white(), &[quad([(-500.0, -500.0); 4])]).is_ok());
    }
}
