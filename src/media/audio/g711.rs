//! ITU-T G.711: telephone samples of eight bits, and back.

/// The sample of an A-law byte, from -1 to 1.
pub fn from_alaw(byte: u8) -> f32 {
    let byte = byte ^ 0x55;
    let exponent = u32::from(byte >> 4 & 7);
    let mantissa = i32::from(byte & 0xf) << 4;
    let magnitude = if exponent == 0 { mantissa + 8 } else { (mantissa + 0x108) << (exponent - 1) };
    scaled(if byte & 0x80 == 0 { -magnitude } else { magnitude })
}

/// The sample of a µ-law byte, from -1 to 1.
pub fn from_mulaw(byte: u8) -> f32 {
    let byte = !byte;
    let exponent = u32::from(byte >> 4 & 7);
    let magnitude = (((i32::from(byte & 0xf) << 3) + BIAS) << exponent) - BIAS;
    scaled(if byte & 0x80 == 0 { magnitude } else { -magnitude })
}

/// The A-law byte nearest to a sample.
pub fn to_alaw(sample: f32) -> u8 {
    nearest(sample, from_alaw, 0x55 | 0x80)
}

/// The µ-law byte nearest to a sample.
pub fn to_mulaw(sample: f32) -> u8 {
    nearest(sample, from_mulaw, 0xff)
}

/// What µ-law adds to a magnitude before it takes the logarithm.
const BIAS: i32 = 0x84;

fn scaled(value: i32) -> f32 {
    f32::from(i16::try_from(value).unwrap_or(i16::MAX)) / 32_768.0
}

/// Both laws rise with the byte once the bits that they turn over are turned back: seven halvings find the nearest.
fn nearest(sample: f32, decode: fn(u8) -> f32, mask: u8) -> u8 {
    let is_negative = sample < 0.0;
    let sign = if is_negative { 0x80 } else { 0 };
    let code = |level: u8| (level ^ mask) ^ sign;
    let magnitude = |level: u8| decode(code(level)).abs();
    let wanted = sample.abs();
    let (mut low, mut high) = (0_u8, 127_u8);
    while low < high {
        let middle = low + (high - low) / 2;
        if magnitude(middle) < wanted { low = middle + 1 } else { high = middle }
    }
    if 0 < low && wanted - magnitude(low - 1) < magnitude(low) - wanted {
        low -= 1;
    }
    code(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f32, expected: i16) {
        assert_eq!(found * 32_768.0, f32::from(expected));
    }

    #[test]
    fn values_of_the_recommendation() {
        check(from_alaw(0xd5), 8);
        check(from_alaw(0x55), -8);
        check(from_alaw(0xaa), 32_256);
        check(from_alaw(0x2a), -32_256);
        check(from_mulaw(0xff), 0);
        check(from_mulaw(0x80), 32_124);
        check(from_mulaw(0x00), -32_124);
        check(from_mulaw(0x7f), 0);
    }

    #[test]
    fn every_byte_survives_the_round_trip() {
        for byte in 0..=u8::MAX {
            assert_eq!(from_alaw(to_alaw(from_alaw(byte))), from_alaw(byte), "{byte:#x}");
            assert_eq!(from_mulaw(to_mulaw(from_mulaw(byte))), from_mulaw(byte), "{byte:#x}");
        }
        assert_eq!(to_alaw(2.0), 0xaa);
        assert_eq!(to_mulaw(-2.0), 0x00);
    }
}
