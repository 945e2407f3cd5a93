//! Text detection: a picture in, rotated boxes around lines of text out.
//!
//! The network paints a probability map (DBNet, arXiv 1911.08947); [`reduce`] cuts it into boxes. It runs on the
//! inference thread over the engine's own buffer, so that a map never crosses a thread.

use crate::media::{Pixels, Point, Quad};
use crate::tensor::{Tensor, View};

use super::components;
use super::sample::{self, Region};

/// A pixel of the map belongs to text from here on.
const TEXT_PROBABILITY: f32 = 0.3;
/// Mean probability from which a box counts.
const BOX_PROBABILITY: f32 = 0.5;
/// How far a box grows: the network was trained on shrunken text (area / perimeter times this).
const UNCLIP_RATIO: f32 = 1.6;
/// Thinnest box before growing, in pixels of the map.
const MIN_THICKNESS: f32 = 3.0;
/// Boxes kept of one picture, the best first.
const MAX_BOXES: usize = 300;
/// Sides of the network's input are multiples of this.
pub const STRIDE: u32 = 32;

/// A rotated rectangle around a line of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextBox {
    /// Middle.
    pub center: Point,
    /// Longer side.
    pub length: f32,
    /// Shorter side.
    pub thickness: f32,
    /// Direction of the longer side, clockwise from the x axis, in radians, 0 to π.
    pub angle: f32,
    /// Mean probability of text inside, 0 to 1.
    pub score: f32,
}

impl TextBox {
    /// The same box in a coordinate system scaled by `scale` and then shifted by `offset`.
    pub fn placed(&self, scale: f32, offset: Point) -> TextBox {
        TextBox {
            center: Point {
                x: self.center.x * scale + offset.x,
                y: self.center.y * scale + offset.y,
            },
            length: self.length * scale,
            thickness: self.thickness * scale,
            ..*self
        }
    }

    /// Corners, when the text runs along `direction` (radians): the side nearest to it is the top.
    pub fn quad(&self, direction: f32) -> Quad {
        let quarter = std::f32::consts::FRAC_PI_2;
        let n_turns = ((direction - self.angle) / quarter).round();
        let along = self.angle + n_turns * quarter;
        let is_across = n_turns.rem_euclid(2.0) > 0.5;
        let (width, height) =
            if is_across { (self.thickness, self.length) } else { (self.length, self.thickness) };
        let (sin, cos) = along.sin_cos();
        let corner = |u: f32, v: f32| Point {
            x: self.center.x + u * width / 2.0 * cos - v * height / 2.0 * sin,
            y: self.center.y + u * width / 2.0 * sin + v * height / 2.0 * cos,
        };
        Quad([corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)])
    }
}

/// Input of the detector for a part of a picture, and how its pixels map back.
pub struct DetectorInput {
    /// Normalised picture, [3, height, width].
    pub tensor: Tensor,
    /// Picture pixels per input pixel.
    pub scale: f32,
    /// Where the part begins in the picture.
    pub offset: Point,
}

impl DetectorInput {
    /// A box of the map in picture coordinates.
    pub fn to_picture(&self, found: &TextBox) -> TextBox {
        found.placed(self.scale, self.offset)
    }
}

/// Scales `region` of the picture so that its longer side is `long_side`, and pads it to the network's stride.
pub fn prepare(pixels: &Pixels, region: Region, long_side: u32) -> Option<DetectorInput> {
    let (width, height) = (region.width(), region.height());
    let scale = width.max(height) / long_side as f32;
    let size = [width, height].map(|side| sample::round_to_u32(side / scale).max(1));
    let padded = size.map(|side| side.next_multiple_of(STRIDE));
    let reduced = sample::reduced(pixels, region, size)?;
    let plane = padded[0] as usize * padded[1] as usize;
    let mut values = vec![0.0; plane * 3];
    let row_len = size[0] as usize * 3;
    for (row_idx, row) in reduced.rgb.chunks_exact(row_len).enumerate() {
        let start = row_idx * padded[0] as usize;
        for (column, &[r, g, b]) in row.as_chunks::<3>().0.iter().enumerate() {
            for (channel, level) in [b, g, r].into_iter().enumerate() {
                values[channel * plane + start + column] = sample::normalised(level);
            }
        }
    }
    let tensor = Tensor::f32([3, padded[1] as usize, padded[0] as usize], values).ok()?;
    let offset = Point { x: region.left, y: region.top };
    Some(DetectorInput { tensor, scale, offset })
}

/// Cuts a probability map, [1, height, width], into boxes in its own pixels, the best first.
///
/// A map of another shape holds no boxes.
pub fn reduce(map: View<'_>) -> Vec<TextBox> {
    let &[1, height, width] = map.shape() else { return Vec::new() };
    let map = Map { width, height, values: map.data() };
    let mut boxes: Vec<TextBox> = components::hulls(width, height, |x, y| map.is_text(x, y))
        .iter()
        .filter_map(|hull| map.text_box(hull))
        .collect();
    boxes.sort_by(|a, b| b.score.total_cmp(&a.score));
    boxes.truncate(MAX_BOXES);
    boxes
}

struct Map<'a> {
    width: usize,
    height: usize,
    values: &'a [f32],
}

impl Map<'_> {
    /// Dilated by one pixel to the right and down, which closes the gaps inside a line.
    fn is_text(&self, x: usize, y: usize) -> bool {
        let (left, above) = (x.saturating_sub(1), y.saturating_sub(1));
        [(x, y), (left, y), (x, above), (left, above)]
            .into_iter()
            .any(|(x, y)| TEXT_PROBABILITY < self.values[y * self.width + x])
    }

    fn text_box(&self, hull: &[Point]) -> Option<TextBox> {
        // Dilation has moved the middle by half a pixel.
        let tight = components::smallest_box(hull)?.placed(1.0, Point { x: -0.5, y: -0.5 });
        // On a bare wall the network may take the whole picture for one line.
        let thickest = self.width.min(self.height) as f32 / 3.0;
        if !(MIN_THICKNESS..=thickest).contains(&tight.thickness) {
            return None;
        }
        let score = self.mean_inside(&tight.quad(tight.angle));
        if score < BOX_PROBABILITY {
            return None;
        }
        let perimeter = 2.0 * (tight.length + tight.thickness);
        let growth = 2.0 * tight.length * tight.thickness / perimeter * UNCLIP_RATIO;
        Some(TextBox {
            length: tight.length + growth,
            thickness: tight.thickness + growth,
            score,
            ..tight
        })
    }

    /// Mean of the map over the pixels whose centre lies in a convex quadrilateral.
    fn mean_inside(&self, quad: &Quad) -> f32 {
        let ys = quad.0.map(|it| it.y);
        let (top, bottom) =
            ys.iter().fold((f32::MAX, f32::MIN), |(low, high), &y| (low.min(y), high.max(y)));
        let (mut sum, mut count) = (0.0_f64, 0_usize);
        let rows = sample::pixel_span(top, bottom, self.height);
        for y in rows {
            let middle = y as f32 + 0.5;
            let (mut left, mut right) = (f32::MAX, f32::MIN);
            for idx in 0..4 {
                let (a, b) = (quad.0[idx], quad.0[(idx + 1) % 4]);
                if (a.y <= middle) == (b.y <= middle) {
                    continue;
                }
                let x = a.x + (middle - a.y) / (b.y - a.y) * (b.x - a.x);
                left = left.min(x);
                right = right.max(x);
            }
            let columns = sample::pixel_span(left, right, self.width);
            count += columns.len();
            let row = &self.values[y * self.width..(y + 1) * self.width];
            sum += row[columns].iter().map(|&it| f64::from(it)).sum::<f64>();
        }
        #[expect(clippy::cast_possible_truncation, reason = "a mean of probabilities")]
        let mean = if count == 0 { 0.0 } else { (sum / count as f64) as f32 };
        mean
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::PI;

    use super::*;

    /// A map with one bar of text.
    fn map(bar: &TextBox, width: usize, height: usize) -> Vec<f32> {
        let (sin, cos) = bar.angle.sin_cos();
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels
            .map(|(x, y)| {
                let (dx, dy) = (x as f32 + 0.5 - bar.center.x, y as f32 + 0.5 - bar.center.y);
                let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
                let is_inside = u.abs() <= bar.length / 2.0 && v.abs() <= bar.thickness / 2.0;
                if is_inside { 0.9 } else { 0.02 }
            })
            .collect()
    }

    #[track_caller]
    fn check(degrees: f32) {
        let angle = degrees.to_radians();
        let center = Point { x: 80.0, y: 64.0 };
        let bar = TextBox { center, length: 70.0, thickness: 10.0, angle, score: 1.0 };
        let boxes = reduce(View::new(&[1, 128, 160], &map(&bar, 160, 128)).unwrap());
        let [found] = boxes[..] else { panic!("{boxes:?}") };
        assert!(found.center.distance(center) < 1.5, "{found:?}");
        let apart = (found.angle - angle + PI / 2.0).rem_euclid(PI) - PI / 2.0;
        assert!(apart.abs() < 0.06, "{found:?}");
        // 70 × 10 grows by 1.6 × 700 / 160 = 7 on each side.
        assert!((found.length - 84.0).abs() < 5.0, "{found:?}");
        assert!((found.thickness - 24.0).abs() < 5.0, "{found:?}");
        assert!(0.7 < found.score, "{found:?}");
    }

    #[test]
    fn a_bar_of_any_direction_becomes_one_box() {
        for degrees in [0.0, 7.0, 45.0, 90.0, 135.0, 173.0] {
            check(degrees);
        }
    }

    #[test]
    fn neighbours_stay_apart_and_specks_are_dropped() {
        let mut values = vec![0.0; 100 * 60];
        for y in 0..60 {
            for x in 10..90 {
                if (8..18).contains(&y) || (30..40).contains(&y) || (y == 50 && x == 20) {
                    values[y * 100 + x] = 0.8;
                }
            }
        }
        assert_eq!(reduce(View::new(&[1, 60, 100], &values).unwrap()).len(), 2);
        assert!(reduce(View::new(&[60, 100], &values).unwrap()).is_empty());
    }

    #[test]
    fn the_side_nearest_to_the_direction_is_the_top() {
        let center = Point { x: 50.0, y: 50.0 };
        let bar = TextBox { center, length: 40.0, thickness: 10.0, angle: PI - 0.05, score: 1.0 };
        let upright = bar.quad(0.0);
        assert!(upright.0[0].x < upright.0[1].x && upright.0[0].y < upright.0[3].y);
        let turned = bar.quad(PI);
        assert!(turned.0[1].x < turned.0[0].x && turned.0[3].y < turned.0[0].y);
        let tall = TextBox { angle: PI / 2.0, ..bar }.quad(0.0);
        assert!(tall.width() < tall.height());
    }
}
