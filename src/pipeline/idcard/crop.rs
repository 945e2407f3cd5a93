//! Cuts a line of text out of the full-size picture, straightened, at the height the recogniser reads.

use crate::media::{Homography, Pixels, Point, Quad};
use crate::tensor::Tensor;

use super::sample;

/// Height of a line as the networks take it.
pub const LINE_HEIGHT: u32 = 48;
/// Longest line: longer ones are squeezed.
pub const MAX_LINE_WIDTH: u32 = 1600;
/// Shortest line: the network divides the width by eight.
const MIN_LINE_WIDTH: u32 = 16;
/// Samples a side that are averaged for one pixel, at most.
const MAX_SAMPLES: u32 = 4;

/// Space added around a detected line, as shares of its height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// At the left and right end.
    pub ends: f32,
    /// Above and below.
    pub sides: f32,
}

impl Margin {
    /// `quad` grown by this margin.
    pub fn around(&self, quad: &Quad) -> Quad {
        let (width, height) = (quad.width().max(1.0), quad.height().max(1.0));
        let (u, v) = (self.ends * height / width, self.sides);
        let [p0, p1, p2, p3] = quad.0;
        let (left, right) =
            ((p0.towards(p1, -u), p3.towards(p2, -u)), (p1.towards(p0, -u), p2.towards(p3, -u)));
        Quad([
            left.0.towards(left.1, -v),
            right.0.towards(right.1, -v),
            right.1.towards(right.0, -v),
            left.1.towards(left.0, -v),
        ])
    }
}

/// An area cut out of a picture and straightened: for a line, 48 rows of RGB.
pub struct Strip {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

impl Strip {
    /// Cuts `quad` out; `None` when the quadrilateral is too thin or folded.
    pub fn cut(pixels: &Pixels, quad: &Quad) -> Option<Strip> {
        let width = natural_width(quad);
        Strip::cut_to(pixels, quad, width)
    }

    /// Cuts `quad` out and stretches it to `width` columns.
    pub fn cut_to(pixels: &Pixels, quad: &Quad, width: u32) -> Option<Strip> {
        Strip::cut_area(pixels, quad, [width, LINE_HEIGHT])
    }

    /// Cuts `quad` out and stretches it to `width` columns and `height` rows.
    pub fn cut_area(pixels: &Pixels, quad: &Quad, [width, height]: [u32; 2]) -> Option<Strip> {
        let map = Homography::onto(quad, width as f32, height as f32)?;
        let n_across = samples_for(quad.width() / width as f32);
        let n_down = samples_for(quad.height() / height as f32);
        let n_samples = (n_across * n_down) as f32;
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0; 3];
                for sub_y in 0..n_down {
                    for sub_x in 0..n_across {
                        let at = map.apply(Point {
                            x: x as f32 + (sub_x as f32 + 0.5) / n_across as f32,
                            y: y as f32 + (sub_y as f32 + 0.5) / n_down as f32,
                        });
                        let levels = bilinear(pixels, at);
                        sum = [0, 1, 2].map(|channel| sum[channel] + levels[channel]);
                    }
                }
                rgb.extend(sum.map(|it| level(it / n_samples)));
            }
        }
        Some(Strip { width, height, rgb })
    }

    /// Input of the recogniser or the line classifier, [3, 48, width], padded with zeros to `padded_width`.
    pub fn tensor(&self, padded_width: u32) -> Option<Tensor> {
        self.planes(padded_width, sample::normalised)
    }

    /// Levels as they are, 0 to 255, [3, height, width], blue first.
    pub fn levels(&self) -> Option<Tensor> {
        self.planes(self.width, f32::from)
    }

    fn planes(&self, padded_width: u32, value: impl Fn(u8) -> f32) -> Option<Tensor> {
        let (width, padded) = (self.width as usize, self.width.max(padded_width) as usize);
        let plane = padded * self.height as usize;
        let mut values = vec![0.0; plane * 3];
        for (row_idx, row) in self.rgb.chunks_exact(width * 3).enumerate() {
            for (column, &[r, g, b]) in row.as_chunks::<3>().0.iter().enumerate() {
                for (channel, level) in [b, g, r].into_iter().enumerate() {
                    values[channel * plane + row_idx * padded + column] = value(level);
                }
            }
        }
        Tensor::f32([3, self.height as usize, padded], values).ok()
    }
}

/// Width of a line that keeps its proportions at 48 pixels of height.
pub fn natural_width(quad: &Quad) -> u32 {
    let width = quad.width() / quad.height().max(1.0) * LINE_HEIGHT as f32;
    sample::round_to_u32(width).clamp(MIN_LINE_WIDTH, MAX_LINE_WIDTH)
}

fn samples_for(shrinkage: f32) -> u32 {
    sample::round_to_u32(shrinkage).clamp(1, MAX_SAMPLES)
}

/// Colour at a point, interpolated between four pixels; beyond the edge the edge goes on.
fn bilinear(pixels: &Pixels, at: Point) -> [f32; 3] {
    let (last_x, last_y) = (pixels.width as usize - 1, pixels.height as usize - 1);
    let x = (at.x - 0.5).clamp(0.0, last_x as f32);
    let y = (at.y - 0.5).clamp(0.0, last_y as f32);
    let (left, top) = (sample::index(x).min(last_x), sample::index(y).min(last_y));
    let (right, bottom) = ((left + 1).min(last_x), (top + 1).min(last_y));
    let (u, v) = (x - left as f32, y - top as f32);
    let (texels, _) = pixels.rgb.as_chunks::<3>();
    let row_len = pixels.width as usize;
    let (a, b) = (texels[top * row_len + left], texels[top * row_len + right]);
    let (c, d) = (texels[bottom * row_len + left], texels[bottom * row_len + right]);
    [0, 1, 2].map(|channel| {
        let [a, b, c, d] = [a, b, c, d].map(|it| f32::from(it[channel]));
        let (upper, lower) = (a + (b - a) * u, c + (d - c) * u);
        upper + (lower - upper) * v
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of bytes is a byte"
)]
fn level(mean: f32) -> u8 {
    (mean + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red grows to the right, green grows downwards.
    fn ramps(side: u32) -> Pixels {
        let level = |at: u32| u8::try_from(at * 255 / side).unwrap();
        let rgb = (0..side).flat_map(|y| (0..side).flat_map(move |x| [level(x), level(y), 0]));
        Pixels { width: side, height: side, rgb: rgb.collect() }
    }

    fn quad(corners: [(f32, f32); 4]) -> Quad {
        Quad(corners.map(|(x, y)| Point { x, y }))
    }

    #[test]
    fn a_strip_follows_the_reading_order_of_its_quad() {
        let pixels = ramps(255);
        let upright = quad([(20.0, 100.0), (220.0, 100.0), (220.0, 148.0), (20.0, 148.0)]);
        let strip = Strip::cut(&pixels, &upright).unwrap();
        assert_eq!(strip.width, 200);
        assert_eq!(strip.rgb[..3], [20, 100, 0]);
        let turned = Strip::cut(&pixels, &upright.starting_at(2)).unwrap();
        assert_eq!(turned.rgb[..3], [219, 147, 0]);
        let sideways = Strip::cut(&pixels, &upright.starting_at(1)).unwrap();
        assert_eq!(sideways.width, MIN_LINE_WIDTH);
    }

    #[test]
    fn a_quad_beyond_the_edge_repeats_the_edge() {
        let outside = quad([(-90.0, -90.0), (-10.0, -90.0), (-10.0, -50.0), (-90.0, -50.0)]);
        let strip = Strip::cut(&ramps(64), &outside).unwrap();
        assert!(strip.rgb.as_chunks::<3>().0.iter().all(|it| *it == [0, 0, 0]));
        assert!(Strip::cut(&ramps(64), &quad([(5.0, 5.0); 4])).is_none());
    }

    #[test]
    fn tensors_are_blue_first_and_padded_with_zeros() {
        let whole = quad([(0.0, 0.0), (48.0, 0.0), (48.0, 48.0), (0.0, 48.0)]);
        let tensor = Strip::cut(&ramps(48), &whole).unwrap().tensor(64).unwrap();
        assert_eq!(tensor.shape(), [3, 48, 64]);
        let values = tensor.as_f32().unwrap();
        assert_eq!((values[0], values[63]), (-1.0, 0.0));
        assert!(0.9 < values[2 * 48 * 64 + 47]);
    }

    #[test]
    fn margins_grow_along_both_axes() {
        let line = quad([(10.0, 10.0), (110.0, 10.0), (110.0, 30.0), (10.0, 30.0)]);
        let grown = Margin { ends: 0.5, sides: 0.1 }.around(&line);
        let expected = quad([(0.0, 8.0), (120.0, 8.0), (120.0, 32.0), (0.0, 32.0)]);
        for (found, expected) in grown.0.iter().zip(expected.0) {
            assert!(found.distance(expected) < 1e-3, "{grown:?}");
        }
    }
}
