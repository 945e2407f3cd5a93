//! From fractional to whole numbers, in one place: every picture needs it and every cast can lose something.

/// The whole number at or below `value`; saturates.
#[expect(clippy::cast_possible_truncation, reason = "saturates, which is what a picture wants")]
pub(crate) fn floor(value: f32) -> i32 {
    value.floor() as i32
}

/// `value` as an index; negative values become 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what a picture wants"
)]
pub(crate) fn index(value: f32) -> usize {
    value as usize
}

/// `value` rounded to a byte; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what a picture wants"
)]
pub(crate) fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// A side of a picture for the codecs, which count in `u32`.
pub(crate) fn side(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
