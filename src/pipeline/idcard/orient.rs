//! Which way up a picture is, told by its text: first the direction of the lines, then which end is their start.

use std::f32::consts::{PI, TAU};

use crate::media::{Pixels, Quad};
use crate::tensor::{Tensor, View};

use super::crop::{self, Strip};
use super::detect::TextBox;
use super::sample;

/// From this ratio of length to thickness a box tells its direction.
const TELLING_RATIO: f32 = 1.8;
/// Directions within this angle of the most common one are averaged.
const SPREAD: f32 = PI / 9.0;
/// Directions that are counted together to find the most common one.
const N_BINS: usize = 36;
/// Width of the line classifier's input.
const CLASSIFIER_WIDTH: u32 = 192;

/// Direction of the lines of text, in radians, 0 to π: whether they run forwards or backwards stays open.
///
/// Long lines count more. 0 when no box tells a direction.
pub fn text_axis(boxes: &[TextBox]) -> f32 {
    let telling = || boxes.iter().filter(|it| it.thickness * TELLING_RATIO <= it.length);
    let bin_width = PI / N_BINS as f32;
    let votes = |angle: f32| -> f32 {
        telling()
            .filter(|it| half_turn_apart(it.angle, angle).abs() <= bin_width * 1.5)
            .map(|it| it.length * it.score)
            .sum()
    };
    let peak = (0..N_BINS)
        .map(|bin| (bin as f32 + 0.5) * bin_width)
        .map(|angle| (angle, votes(angle)))
        .reduce(|best, next| if best.1 < next.1 { next } else { best })
        .map_or(0.0, |(angle, _)| angle);
    let (sum, weight) = telling()
        .map(|it| (half_turn_apart(it.angle, peak), it.length * it.score))
        .filter(|(apart, _)| apart.abs() <= SPREAD)
        .fold((0.0, 0.0), |(sum, weight), (apart, vote)| (sum + apart * vote, weight + vote));
    if weight == 0.0 { 0.0 } else { (peak + sum / weight).rem_euclid(PI) }
}

/// The clockwise rotation, a multiple of 90°, that makes text along `direction` (radians) run left to right.
pub fn rotation_for(direction: f32) -> u16 {
    let n_quarters = (-direction / (PI / 2.0)).round().rem_euclid(4.0);
    [0, 90, 180, 270][sample::index(n_quarters).min(3)]
}

/// Input of the 0°/180° line classifier, [3, 48, 192]: the first four heights of the line.
pub fn prepare(pixels: &Pixels, quad: &Quad) -> Option<Tensor> {
    let natural = crop::natural_width(quad);
    let share = (CLASSIFIER_WIDTH as f32 / natural as f32).min(1.0);
    let [p0, p1, p2, p3] = quad.0;
    let start = Quad([p0, p0.towards(p1, share), p3.towards(p2, share), p3]);
    let width = natural.min(CLASSIFIER_WIDTH);
    Strip::cut_to(pixels, &start, width)?.tensor(CLASSIFIER_WIDTH)
}

/// Probability that a line is upside down, from the classifier's two outputs; one half for another shape.
pub fn reduce(scores: View<'_>) -> f32 {
    match scores.data() {
        [_, upside_down] => *upside_down,
        _ => 0.5,
    }
}

/// Whether the picture is upside down, from the probabilities of several of its lines.
pub fn is_upside_down(lines: &[f32]) -> bool {
    0.0 < lines.iter().map(|it| it.clamp(0.0, 1.0) - 0.5).sum::<f32>()
}

/// The smallest turn from `base` to `angle` when directions a half turn apart are the same: -π/2 to π/2.
fn half_turn_apart(angle: f32, base: f32) -> f32 {
    let doubled = (2.0 * (angle - base)).rem_euclid(TAU);
    (if PI < doubled { doubled - TAU } else { doubled }) / 2.0
}

#[cfg(test)]
mod tests {
    use crate::media::Point;

    use super::*;

    fn boxes(degrees: &[f32]) -> Vec<TextBox> {
        let a_box = |it: &f32| TextBox {
            center: Point::default(),
            length: 100.0,
            thickness: 12.0,
            angle: it.to_radians().rem_euclid(PI),
            score: 1.0,
        };
        degrees.iter().map(a_box).collect()
    }

    #[track_caller]
    fn check(degrees: &[f32], expected: f32) {
        let found = text_axis(&boxes(degrees));
        let apart = half_turn_apart(found, expected.to_radians()).to_degrees();
        assert!(apart.abs() < 0.5, "{} is not {expected}", found.to_degrees());
    }

    #[test]
    fn most_lines_tell_the_axis() {
        check(&[3.0, 4.0, 5.0], 4.0);
        check(&[-2.0, 2.0], 0.0);
        check(&[88.0, 92.0, 90.0, 10.0], 90.0);
        check(&[14.0, 15.0, 16.0, 100.0], 15.0);
        check(&[], 0.0);
    }

    #[test]
    fn rotations_undo_the_direction() {
        let cases = [(0.0, 0), (-10.0, 0), (40.0, 0), (90.0, 270), (-90.0, 90), (175.0, 180)];
        for (degrees, expected) in cases {
            assert_eq!(rotation_for(f32::to_radians(degrees)), expected, "{degrees}");
        }
    }

    #[test]
    fn the_sum_of_the_lines_decides() {
        assert!(is_upside_down(&[0.9, 0.2, 0.8]));
        assert!(!is_upside_down(&[0.9, 0.1, 0.1]));
        assert!(!is_upside_down(&[]));
        assert!(!is_upside_down(&[f32::NAN]));
    }
}
