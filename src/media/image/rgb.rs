//! Whatever a decoder returns → upright 8-bit RGB, without a second copy where one can be saved.

use image::ColorType;
use image::metadata::Orientation;

use crate::media::Pixels;

/// Converts decoded samples (native endian) to RGB; `None` for a colour type no decoder of ours returns.
pub(super) fn from_raw(raw: Vec<u8>, color: ColorType) -> Option<Vec<u8>> {
    Some(match color {
        ColorType::Rgb8 => raw,
        ColorType::L8 => raw.iter().flat_map(|&level| [level; 3]).collect(),
        ColorType::La8 => raw
            .as_chunks::<2>()
            .0
            .iter()
            .flat_map(|&[level, alpha]| [over_white(level, alpha); 3])
            .collect(),
        ColorType::L16 => {
            raw.as_chunks::<2>().0.iter().flat_map(|&pair| [high_byte(pair); 3]).collect()
        }
        ColorType::La16 => raw
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[l0, l1, a0, a1]| [over_white(high_byte([l0, l1]), high_byte([a0, a1])); 3])
            .collect(),
        ColorType::Rgba8 => {
            in_place::<4>(raw, |[r, g, b, a]| [r, g, b].map(|it| over_white(it, a)))
        }
        ColorType::Rgb16 => in_place::<6>(raw, |[r0, r1, g0, g1, b0, b1]| {
            [[r0, r1], [g0, g1], [b0, b1]].map(high_byte)
        }),
        ColorType::Rgba16 => in_place::<8>(raw, |[r0, r1, g0, g1, b0, b1, a0, a1]| {
            let alpha = high_byte([a0, a1]);
            [[r0, r1], [g0, g1], [b0, b1]].map(|it| over_white(high_byte(it), alpha))
        }),
        ColorType::Rgb32F => in_place::<12>(raw, |samples| float_pixel(&samples)),
        ColorType::Rgba32F => in_place::<16>(raw, |samples| {
            let alpha = samples.as_chunks::<4>().0.get(3).map_or(255, |it| float_byte(*it));
            float_pixel(&samples).map(|it| over_white(it, alpha))
        }),
        _ => return None,
    })
}

/// Turns pixels as an EXIF orientation asks, so that the picture stands upright.
pub(super) fn turned(pixels: Pixels, orientation: Orientation) -> Pixels {
    let Pixels { width, height, mut rgb } = pixels;
    let (columns, rows) = (width as usize, height as usize);
    match orientation {
        Orientation::NoTransforms => return Pixels { width, height, rgb },
        Orientation::Rotate180 => rgb.as_chunks_mut::<3>().0.reverse(),
        Orientation::FlipHorizontal => {
            for row in rgb.chunks_exact_mut(columns * 3) {
                row.as_chunks_mut::<3>().0.reverse();
            }
        }
        Orientation::FlipVertical => {
            let (top, bottom) = rgb.split_at_mut(rows / 2 * columns * 3);
            for (upper, lower) in
                top.chunks_exact_mut(columns * 3).zip(bottom.rchunks_exact_mut(columns * 3))
            {
                upper.swap_with_slice(lower);
            }
        }
        Orientation::Rotate90 => return sideways(&rgb, columns, rows, |x, y| (rows - 1 - x, y)),
        Orientation::Rotate270 => {
            return sideways(&rgb, columns, rows, |x, y| (x, columns - 1 - y));
        }
        Orientation::Rotate90FlipH => return sideways(&rgb, columns, rows, |x, y| (x, y)),
        Orientation::Rotate270FlipH => {
            return sideways(&rgb, columns, rows, |x, y| (rows - 1 - x, columns - 1 - y));
        }
    }
    Pixels { width, height, rgb }
}

/// Exchanges rows and columns: the pixel at (x, y) of the result comes from the (row, column) that `source` names.
fn sideways(
    rgb: &[u8],
    columns: usize,
    rows: usize,
    source: impl Fn(usize, usize) -> (usize, usize),
) -> Pixels {
    /// Pixels a side of the tiles in which the copy goes, so that both pictures stay in the cache.
    const TILE: usize = 32;
    let mut turned = vec![0; rgb.len()];
    let (from, to) = (rgb.as_chunks::<3>().0, turned.as_chunks_mut::<3>().0);
    for top in (0..columns).step_by(TILE) {
        for left in (0..rows).step_by(TILE) {
            for y in top..(top + TILE).min(columns) {
                for x in left..(left + TILE).min(rows) {
                    let (row, column) = source(x, y);
                    to[y * rows + x] = from[row * columns + column];
                }
            }
        }
    }
    let [width, height] = [rows, columns].map(|it| u32::try_from(it).unwrap_or(0));
    Pixels { width, height, rgb: turned }
}

/// Rewrites pixels of `N` bytes as three bytes, in the same memory.
fn in_place<const N: usize>(mut raw: Vec<u8>, pixel: impl Fn([u8; N]) -> [u8; 3]) -> Vec<u8> {
    let n_pixels = raw.len() / N;
    for idx in 0..n_pixels {
        let mut samples = [0; N];
        samples.copy_from_slice(&raw[idx * N..(idx + 1) * N]);
        raw[idx * 3..(idx + 1) * 3].copy_from_slice(&pixel(samples));
    }
    raw.truncate(n_pixels * 3);
    raw.shrink_to_fit();
    raw
}

fn float_pixel(samples: &[u8]) -> [u8; 3] {
    let (samples, _) = samples.as_chunks::<4>();
    [0, 1, 2].map(|idx| samples.get(idx).map_or(0, |it| float_byte(*it)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255; `as` turns a NaN into 0"
)]
fn float_byte(sample: [u8; 4]) -> u8 {
    (f32::from_ne_bytes(sample).clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn high_byte(sample: [u8; 2]) -> u8 {
    (u16::from_ne_bytes(sample) >> 8).to_le_bytes()[0]
}

fn over_white(level: u8, alpha: u8) -> u8 {
    let blended = u32::from(level) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
    // Rounded division by 255; the quotient of two bytes fits a byte.
    u8::try_from((blended + 127) / 255).unwrap_or(255)
}
