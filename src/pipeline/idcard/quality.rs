//! Technical quality of a picture, measured on the card itself and relative to its width.
//!
//! Cheap measures with known limits: they tell a person to take a better picture, they decide nothing.

use std::f32::consts::TAU;

use crate::media::{Pixels, Point, Quad};
use crate::task::idcard::{Quality, RetakeReason};

use super::components;
use super::locate::Located;
use super::sample::{self, Region};

/// Card width, in pixels, below which characters are lost (0.975 of the fields at 400 px, 0.875 at 250 px).
const MIN_CARD_WIDTH: f32 = 400.0;
/// Blur (standard deviation over card width) up to which a picture is crisp, and from which it is unreadable.
const CRISP_BLUR: f32 = 0.0010;
const HOPELESS_BLUR: f32 = 0.0040;
/// Sharpness below which a better picture is asked for: a blur of 0.26 % of the card's width.
const MIN_SHARPNESS: f32 = 0.47;
/// Share of the card under reflections from which a better picture is asked for.
const MAX_GLARE: f32 = 0.03;
/// Width of the copy of the card that is measured.
const MEASURED_WIDTH: f32 = 600.0;

/// Most the copy may measure a side, however oblong.
const MAX_MEASURED_SIDE: u32 = 1200;

/// Measures the part of the picture that holds the card.
///
/// `lines` are the lines of text, in picture coordinates; the card is where `located` says, else around them.
pub fn assess(pixels: &Pixels, lines: &[Quad], located: &Located) -> Quality {
    let corners = located.corners.iter().chain(lines).flat_map(|it| it.0);
    let whole = Region::whole(pixels);
    let card = Region::around(corners).map_or(whole, |it| it.grown(0.0, pixels));
    let card_width = located.corners.as_ref().map_or(card.long_side(), Quad::width);
    let Some(measured) = Measured::new(pixels, card, card_width, located.corners.as_ref()) else {
        return no_document();
    };
    let blur = measured.blur();
    let sharpness = blur.map_or(0.0, |blur| {
        let share = (HOPELESS_BLUR - blur / measured.card_width) / (HOPELESS_BLUR - CRISP_BLUR);
        share.clamp(0.0, 1.0)
    });
    let glare = measured.glare();
    let resolution_ok = MIN_CARD_WIDTH <= card_width;
    let has_text = !lines.is_empty();
    let reasons = [
        (!has_text, RetakeReason::NoDocument),
        (has_text && sharpness < MIN_SHARPNESS, RetakeReason::Blurred),
        (MAX_GLARE < glare, RetakeReason::Glare),
        (located.is_cut_off, RetakeReason::CutOff),
        (has_text && !resolution_ok, RetakeReason::LowResolution),
        (measured.is_badly_exposed(), RetakeReason::BadExposure),
        (1 < located.n_cards, RetakeReason::SeveralCards),
    ];
    Quality {
        sharpness,
        glare,
        cropped: located.is_cut_off,
        resolution_ok,
        n_cards: located.n_cards,
        recapture_suspected: has_text && shows_a_grid(pixels, card),
        retake: reasons.into_iter().filter(|it| it.0).map(|it| it.1).collect(),
    }
}

fn no_document() -> Quality {
    Quality {
        sharpness: 0.0,
        glare: 0.0,
        cropped: false,
        resolution_ok: false,
        n_cards: 0,
        recapture_suspected: false,
        retake: vec![RetakeReason::NoDocument],
    }
}

/// The card at a fixed scale.
struct Measured {
    width: usize,
    height: usize,
    card_width: f32,
    /// Brightness, 0 to 255.
    luma: Vec<f32>,
    /// Whether every channel is at its limit, on the card itself.
    is_clipped: Vec<bool>,
}

impl Measured {
    fn new(
        pixels: &Pixels,
        card: Region,
        card_width: f32,
        corners: Option<&Quad>,
    ) -> Option<Measured> {
        let scale = MEASURED_WIDTH / card_width.max(1.0);
        let size = [card.width(), card.height()]
            .map(|side| sample::round_to_u32(side * scale).clamp(8, MAX_MEASURED_SIDE));
        let copy = sample::reduced(pixels, card, size)?;
        let (texels, _) = copy.rgb.as_chunks::<3>();
        let width = size[0] as usize;
        let is_on_card = |idx: usize| {
            let (x, y) = ((idx % width) as f32 + 0.5, (idx / width) as f32 + 0.5);
            let at = Point {
                x: card.left + x * card.width() / size[0] as f32,
                y: card.top + y * card.height() / size[1] as f32,
            };
            corners.is_none_or(|it| it.contains(at))
        };
        let is_clipped = |(idx, texel): (usize, &[u8; 3])| {
            texel.iter().all(|&level| 252 <= level) && is_on_card(idx)
        };
        Some(Measured {
            width,
            height: size[1] as usize,
            card_width: MEASURED_WIDTH,
            luma: texels.iter().map(|it| luma(*it)).collect(),
            is_clipped: texels.iter().enumerate().map(is_clipped).collect(),
        })
    }

    /// Standard deviation of the blur of the strongest edges, in pixels; `None` without any edge.
    ///
    /// Blurring once more by a known amount weakens a sharp edge more than a soft one, and the ratio of both
    /// gradients tells the blur that was there (Zhuo and Sim 2011, section 3).
    fn blur(&self) -> Option<f32> {
        const SIGMA: f32 = 1.2;
        let again = blurred(&self.luma, self.width, self.height, SIGMA);
        let before = gradients(&self.luma, self.width, self.height);
        let after = gradients(&again, self.width, self.height);
        let mut order: Vec<usize> = (0..before.len()).collect();
        let n_edges = (before.len() / 50).max(1);
        let strongest = order.len().checked_sub(n_edges)?;
        order.select_nth_unstable_by(strongest, |&a, &b| before[a].total_cmp(&before[b]));
        let mut blurs: Vec<f32> = order[strongest..]
            .iter()
            .filter(|&&idx| 8.0 < before[idx] && after[idx] < before[idx])
            .map(|&idx| SIGMA / ((before[idx] / after[idx].max(0.01)).powi(2) - 1.0).sqrt())
            .collect();
        blurs.sort_by(f32::total_cmp);
        blurs.get(blurs.len() / 2).copied()
    }

    /// Share of the card under clipped highlights, counting only blobs too large to be paper between strokes.
    fn glare(&self) -> f32 {
        let n_pixels = self.is_clipped.len() as f32;
        let n_clipped = self.is_clipped.iter().filter(|&&it| it).count() as f32;
        // A flat scan of a white card is bright all over; a reflection is not.
        if n_pixels * 0.4 < n_clipped {
            return 0.0;
        }
        let blobs =
            components::hulls(self.width, self.height, |x, y| self.is_clipped[y * self.width + x]);
        let share = |hull: &Vec<Point>| {
            let blob = components::smallest_box(hull);
            blob.map_or(0.0, |it| it.length * it.thickness * 0.785 / n_pixels)
        };
        let sum =
            blobs.iter().map(share).filter(|&share| 0.004 <= share).fold(0.0, |sum, it| sum + it);
        sum.min(n_clipped / n_pixels)
    }

    /// Whether even the paper is dark, or even the ink is bright.
    fn is_badly_exposed(&self) -> bool {
        let mut counts = [0_usize; 256];
        for &level in &self.luma {
            counts[sample::index(level).min(255)] += 1;
        }
        let percentile = |share: f32| {
            let mut left = sample::index(self.luma.len() as f32 * share);
            let level = counts.iter().position(|&count| match left.checked_sub(count) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            });
            level.unwrap_or(255)
        };
        percentile(0.95) < 70 || 215 < percentile(0.02)
    }
}

fn luma([r, g, b]: [u8; 3]) -> f32 {
    0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)
}

/// Gaussian blur; the border goes on as its outermost pixel.
fn blurred(plane: &[f32], width: usize, height: usize, sigma: f32) -> Vec<f32> {
    const REACH: usize = 4;
    let weights: Vec<f32> = (0..=2 * REACH)
        .map(|idx| (-(idx as f32 - REACH as f32).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let total: f32 = weights.iter().sum();
    let mut level = vec![0.0; plane.len()];
    let mut wide = vec![0.0; width + 2 * REACH];
    for (row, target) in plane.chunks_exact(width).zip(level.chunks_exact_mut(width)) {
        wide[..REACH].fill(row[0]);
        wide[REACH..REACH + width].copy_from_slice(row);
        wide[REACH + width..].fill(row[width - 1]);
        for (idx, weight) in weights.iter().enumerate() {
            add(target, &wide[idx..], weight / total);
        }
    }
    let mut both = vec![0.0; plane.len()];
    for (y, target) in both.chunks_exact_mut(width).enumerate() {
        for (idx, weight) in weights.iter().enumerate() {
            let row = (y + idx).saturating_sub(REACH).min(height - 1);
            add(target, &level[row * width..], weight / total);
        }
    }
    both
}

/// Adds a row of weighted values; what `source` has beyond it stays out.
fn add(target: &mut [f32], source: &[f32], weight: f32) {
    for (target, source) in target.iter_mut().zip(source) {
        *target += source * weight;
    }
}

/// Length of the gradient by central differences; zero along the border.
fn gradients(plane: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut lengths = vec![0.0; plane.len()];
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let at = y * width + x;
            let (across, down) =
                (plane[at + 1] - plane[at - 1], plane[at + width] - plane[at - width]);
            lengths[at] = across.hypot(down) / 2.0;
        }
    }
    lengths
}

/// Whether the card shows the fine regular grid of a screen or of print: a narrow peak among high frequencies.
///
/// A hint only: it misses good screens, and a fine guilloche may look the same.
fn shows_a_grid(pixels: &Pixels, card: Region) -> bool {
    const LEN: usize = 256;
    const N_STRIPS: usize = 48;
    let waves: Vec<(f32, f32)> =
        (0..LEN).map(|idx| (TAU * idx as f32 / LEN as f32).sin_cos()).collect();
    let (left, top) = (sample::index(card.left), sample::index(card.top));
    let (right, bottom) = (sample::index(card.right), sample::index(card.bottom));
    if right < left + LEN || bottom < top + LEN {
        return false;
    }
    let (texels, _) = pixels.rgb.as_chunks::<3>();
    let row_len = pixels.width as usize;
    [true, false].into_iter().any(|is_level| {
        let mut power = vec![0.0_f32; LEN / 2];
        for strip in 0..N_STRIPS {
            let along = if is_level { right - left } else { bottom - top } - LEN;
            let across = if is_level { bottom - top } else { right - left };
            let start = along * (strip * 7 % N_STRIPS) / N_STRIPS;
            let place = across * strip / N_STRIPS;
            let levels: Vec<f32> = (start..start + LEN)
                .map(
                    |at| if is_level { (left + at, top + place) } else { (left + place, top + at) },
                )
                .filter_map(|(x, y)| texels.get(y * row_len + x).map(|it| luma(*it)))
                .collect();
            add_power(&levels, &waves, &mut power);
        }
        has_narrow_peak(&power)
    })
}

/// Adds the power spectrum of a windowed signal.
fn add_power(levels: &[f32], waves: &[(f32, f32)], power: &mut [f32]) {
    let len = waves.len();
    let mean = levels.iter().sum::<f32>() / levels.len().max(1) as f32;
    let windowed: Vec<f32> = levels
        .iter()
        .zip(waves)
        .map(|(level, (_, cos))| (level - mean) * (0.5 - 0.5 * cos))
        .collect();
    for (frequency, power) in power.iter_mut().enumerate() {
        let (mut re, mut im) = (0.0, 0.0);
        for (idx, level) in windowed.iter().enumerate() {
            let (sin, cos) = waves[idx * frequency % len];
            re += level * cos;
            im += level * sin;
        }
        *power += re * re + im * im;
    }
}

/// A bin far above its neighbourhood, in the upper half of the spectrum, that is not the 8-pixel grid of JPEG.
fn has_narrow_peak(power: &[f32]) -> bool {
    const REACH: usize = 8;
    let n_bins = power.len();
    (n_bins / 3..n_bins.saturating_sub(REACH)).any(|bin| {
        let off_jpeg_grid = 2 < bin % 32 && bin % 32 < 30;
        let mut around: Vec<f32> = power[bin - REACH..=bin + REACH].to_vec();
        around.sort_by(f32::total_cmp);
        off_jpeg_grid && around[REACH] * 30.0 < power[bin]
    })
}
