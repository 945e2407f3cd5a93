//! Resampling: parts of a picture at another size, and the numbers that networks take.

use std::ops::Range;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::media::{Pixels, Point};

/// An upright part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

impl Region {
    /// The whole picture.
    pub fn whole(pixels: &Pixels) -> Region {
        Region { left: 0.0, top: 0.0, right: pixels.width as f32, bottom: pixels.height as f32 }
    }

    /// The smallest region around points; `None` when there are none.
    pub fn around(points: impl IntoIterator<Item = Point>) -> Option<Region> {
        points.into_iter().fold(None, |region, Point { x, y }| {
            let Region { left, top, right, bottom } =
                region.unwrap_or(Region { left: x, top: y, right: x, bottom: y });
            Some(Region {
                left: left.min(x),
                top: top.min(y),
                right: right.max(x),
                bottom: bottom.max(y),
            })
        })
    }

    /// The region grown by `margin` pixels on every side, as far as the picture goes.
    pub fn grown(&self, margin: f32, pixels: &Pixels) -> Region {
        let whole = Region::whole(pixels);
        Region {
            left: (self.left - margin).clamp(0.0, whole.right),
            top: (self.top - margin).clamp(0.0, whole.bottom),
            right: (self.right + margin).clamp(0.0, whole.right),
            bottom: (self.bottom + margin).clamp(0.0, whole.bottom),
        }
    }

    /// Width.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Height.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Longer side.
    pub fn long_side(&self) -> f32 {
        self.width().max(self.height())
    }
}

/// `region` of a picture resampled to `size` (width, height), smoothed where it shrinks.
///
/// `None` for an empty region or one that leaves the picture.
pub fn reduced(pixels: &Pixels, region: Region, [width, height]: [u32; 2]) -> Option<Pixels> {
    // Typed: the untyped call would bring the code of every kind of pixel into this crate, a minute of each build.
    let source =
        TypedImageRef::<U8x3>::from_buffer(pixels.width, pixels.height, &pixels.rgb).ok()?;
    let mut rgb = vec![0; width as usize * height as usize * 3];
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut rgb).ok()?;
    let options = ResizeOptions::new()
        .crop(region.left.into(), region.top.into(), region.width().into(), region.height().into())
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&source, &mut target, &options).ok()?;
    Some(Pixels { width, height, rgb })
}

/// A level as the networks take it: 0..=255 → -1..=1.
pub fn normalised(level: u8) -> f32 {
    f32::from(level) / 127.5 - 1.0
}

/// Rounds a length; negative or unmeasurable lengths are zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` clamps, and turns a NaN into 0"
)]
pub fn round_to_u32(length: f32) -> u32 {
    length.round() as u32
}

/// Rounds a position down to an index; negative or unmeasurable positions are zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` clamps, and turns a NaN into 0"
)]
pub fn index(position: f32) -> usize {
    position as usize
}

/// Indices of the pixels whose centre lies between two coordinates, of `len` pixels.
pub fn pixel_span(start: f32, end: f32, len: usize) -> Range<usize> {
    let start = index((start - 0.5).ceil()).min(len);
    let end = index((end + 0.5).floor()).min(len);
    start..end.max(start)
}
