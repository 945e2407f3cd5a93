//! Blocks of 32 weights with a scale, as ggml lays them out.

use serde::{Deserialize, Serialize};

use super::half;

/// Weights of one block.
pub(super) const BLOCK: usize = 32;

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantisation {
    /// Half precision.
    #[serde(rename = "f16")]
    F16,
    /// Eight bits and a scale a block.
    #[serde(rename = "q8_0")]
    Q8_0,
    /// Five bits, a scale and a least value a block.
    #[serde(rename = "q5_1")]
    Q5_1,
}

impl Quantisation {
    /// The number of a tensor's type in a GGML file.
    pub(super) fn tensor_type(self) -> u32 {
        match self {
            Quantisation::F16 => 1,
            Quantisation::Q8_0 => 8,
            Quantisation::Q5_1 => 7,
        }
    }

    /// The number of the whole file's type, with the version of the layout in thousands, as in the published files.
    pub(super) fn file_type(self) -> u32 {
        match self {
            Quantisation::F16 => 1,
            Quantisation::Q8_0 => 2007,
            Quantisation::Q5_1 => 1009,
        }
    }

    /// Appends the stored form of `values`; their number must be a multiple of [`BLOCK`] unless stored as halves.
    pub(super) fn append(self, values: &[f32], to: &mut Vec<u8>) {
        match self {
            Quantisation::F16 => {
                to.extend(values.iter().flat_map(|it| half::from_f32(*it).to_le_bytes()));
            }
            Quantisation::Q8_0 => {
                values.chunks_exact(BLOCK).for_each(|block| append_q8_0(block, to));
            }
            Quantisation::Q5_1 => {
                values.chunks_exact(BLOCK).for_each(|block| append_q5_1(block, to));
            }
        }
    }

    /// The values of what [`Quantisation::append`] stored.
    pub(super) fn values(self, bytes: &[u8]) -> Vec<f32> {
        let number = |it: Option<&[u8]>| {
            let bytes = it.and_then(|it| <[u8; 2]>::try_from(it).ok()).unwrap_or_default();
            half::to_f32(u16::from_le_bytes(bytes))
        };
        let mut values = Vec::with_capacity(bytes.len());
        match self {
            Quantisation::F16 => values.extend(bytes.chunks_exact(2).map(|it| number(Some(it)))),
            Quantisation::Q8_0 => {
                for block in bytes.chunks_exact(2 + BLOCK) {
                    let scale = number(block.get(..2));
                    let levels = block.iter().skip(2).map(|it| f32::from(it.cast_signed()));
                    values.extend(levels.map(|it| it * scale));
                }
            }
            Quantisation::Q5_1 => {
                for block in bytes.chunks_exact(8 + BLOCK / 2) {
                    let (scale, least) = (number(block.get(..2)), number(block.get(2..4)));
                    let fifth = block.get(4..8).and_then(|it| <[u8; 4]>::try_from(it).ok());
                    let fifth = u32::from_le_bytes(fifth.unwrap_or_default());
                    let pairs = block.get(8..).unwrap_or_default();
                    let low = pairs.iter().map(|it| it & 0xf);
                    let levels = low.chain(pairs.iter().map(|it| it >> 4));
                    values.extend(levels.enumerate().map(|(idx, level)| {
                        let high = if fifth >> idx & 1 == 1 { 16.0 } else { 0.0 };
                        (f32::from(level) + high) * scale + least
                    }));
                }
            }
        }
        values
    }
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 127 by the choice of the scale")]
fn append_q8_0(block: &[f32], to: &mut Vec<u8>) {
    let greatest = block.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
    let scale = greatest / 127.0;
    let inverse = inverse(scale);
    to.extend(half::from_f32(scale).to_le_bytes());
    to.extend(block.iter().flat_map(|it| ((it * inverse).round() as i8).to_le_bytes()));
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 31")]
fn append_q5_1(block: &[f32], to: &mut Vec<u8>) {
    let least = block.iter().fold(f32::MAX, |least, it| least.min(*it));
    let greatest = block.iter().fold(f32::MIN, |most, it| most.max(*it));
    let scale = (greatest - least) / 31.0;
    let inverse = inverse(scale);
    let level = |value: &f32| ((value - least) * inverse + 0.5) as u8;
    let (low, high) = block.split_at(BLOCK / 2);
    let mut fifth_bits = 0_u32;
    let mut pairs = [0_u8; BLOCK / 2];
    for (idx, ((pair, a), b)) in pairs.iter_mut().zip(low).zip(high).enumerate() {
        let (a, b) = (level(a), level(b));
        *pair = a & 0xf | b << 4;
        fifth_bits |= u32::from(a >> 4 & 1) << idx | u32::from(b >> 4 & 1) << (idx + BLOCK / 2);
    }
    to.extend(half::from_f32(scale).to_le_bytes());
    to.extend(half::from_f32(least).to_le_bytes());
    to.extend(fifth_bits.to_le_bytes());
    to.extend(pairs);
}
