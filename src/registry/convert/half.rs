//! IEEE 754 half precision, both ways.

/// The value of a half.
pub(super) fn to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let exponent = u32::from(half >> 10 & 0x1f);
    let mantissa = u32::from(half & 0x3ff);
    match exponent {
        0 => {
            // Subnormal: a whole number of 2^-24.
            let magnitude = mantissa as f32 / 16_777_216.0;
            f32::from_bits(sign | magnitude.to_bits())
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | mantissa << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | mantissa << 13),
    }
}

/// The half nearest to a value, ties to even.
pub(super) fn from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let low = |it: u32| u16::try_from(it & 0xffff).unwrap_or_default();
    let sign = low(bits >> 16) & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if 0x7f80_0000 < magnitude {
        return sign | 0x7e00;
    }
    // Halfway between the greatest half and the next power of two, and everything beyond it.
    if 0x477f_f000 <= magnitude {
        return sign | 0x7c00;
    }
    let exponent = magnitude >> 23;
    if exponent < 113 {
        // Subnormal, or nothing: adding one half makes the processor round at 2^-24.
        let rounded = (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5_f32.to_bits();
        return sign | low(rounded);
    }
    let odd = magnitude >> 13 & 1;
    sign | low((magnitude - (112 << 23) + 0xfff + odd) >> 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_round_trip() {
        for half in 0..=u16::MAX {
            let value = to_f32(half);
            if !value.is_nan() {
                assert_eq!(from_f32(value), half, "{half:#x} {value}");
            }
        }
    }

    #[test]
    fn values_between_are_rounded_to_even() {
        let check = |value: f32, expected: u16| assert_eq!(from_f32(value), expected, "{value}");
        check(1.0, 0x3c00);
        check(1.0 + 1.0 / 2048.0, 0x3c00);
        check(1.0 + 3.0 / 2048.0, 0x3c02);
        check(65_519.0, 0x7bff);
        check(65_520.0, 0x7c00);
        check(-1e-9, 0x8000);
        check(1.5 / 16_777_216.0, 0x0002);
        check(2.5 / 16_777_216.0, 0x0002);
        check(f32::NEG_INFINITY, 0xfc00);
    }
}
