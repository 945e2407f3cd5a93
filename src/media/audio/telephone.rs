//! What a telephone does to a voice: a band at 8 kHz, G.711, noise, lost packets. For whoever measures or trains.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sounds of seconds"
)]

use super::RATE;
use super::g711::{to_alaw, to_mulaw};

/// Samples a second of a telephone.
pub const TELEPHONE: u32 = 8_000;
/// Half the taps of the filter that a telephone line is.
const HALF: usize = 64;
/// The band that it passes, in hertz.
const BAND: (f32, f32) = (300.0, 3400.0);
/// Samples of a packet, 20 ms.
const PACKET: usize = TELEPHONE as usize / 50;

/// How samples of eight bits are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// A-law, of Europe and of calls between countries.
    A,
    /// µ-law, of Taiwan, Japan and North America.
    Mu,
}

/// Numbers from 0 to below 1, by chance.
pub type Draw<'a> = &'a mut dyn FnMut() -> f32;

/// The band of a telephone line, at [`TELEPHONE`], of samples at [`RATE`].
pub fn line(samples: &[f32]) -> Vec<f32> {
    let rate = RATE as f32;
    let tap = |idx: usize| {
        let at = idx as f32 - HALF as f32;
        let low_pass = |hertz: f32| {
            let edge = 2.0 * hertz / rate;
            if at == 0.0 {
                edge
            } else {
                (std::f32::consts::PI * edge * at).sin() / (std::f32::consts::PI * at)
            }
        };
        let window = 0.54 + 0.46 * (std::f32::consts::PI * at / HALF as f32).cos();
        window * (low_pass(BAND.1) - low_pass(BAND.0))
    };
    let taps: Vec<f32> = (0..=2 * HALF).map(tap).collect();
    let n_samples = samples.len() / 2;
    let filtered = (0..n_samples).map(|idx| {
        let first = (2 * idx) as isize - HALF as isize;
        taps.iter()
            .enumerate()
            .filter_map(|(at, tap)| {
                Some(tap * samples.get(usize::try_from(first + at as isize).ok()?)?)
            })
            .sum()
    });
    filtered.collect()
}

/// Adds noise that is so many decibels below the mean power of the samples.
pub fn with_noise(samples: &[f32], decibels: f32, draw: Draw<'_>) -> Vec<f32> {
    let power = samples.iter().map(|it| it * it).sum::<f32>() / samples.len().max(1) as f32;
    let level = (power / 10_f32.powf(decibels / 10.0)).sqrt();
    samples.iter().map(|it| it + level * gauss(draw)).collect()
}

/// Each packet of a line is lost with a chance of `share`; a receiver fills it with the one before, fading.
pub fn with_loss(samples: &[f32], share: f32, draw: Draw<'_>) -> Vec<f32> {
    let mut heard = samples.to_vec();
    for first in (PACKET..heard.len()).step_by(PACKET) {
        if draw() < share {
            for at in first..(first + PACKET).min(heard.len()) {
                heard[at] = 0.5 * heard[at - PACKET];
            }
        }
    }
    heard
}

/// A number of mean 0 and deviation 1: the sum of twelve even chances is normal enough for noise.
pub fn gauss(draw: Draw<'_>) -> f32 {
    (0..12).map(|_| draw() - 0.5).sum()
}

/// A WAV file of 16 bits, of samples at [`RATE`].
pub fn wav(samples: &[f32]) -> Vec<u8> {
    let level = |it: &f32| (it.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
    let data = samples.iter().flat_map(|it| level(it).to_le_bytes()).collect();
    file(1, RATE, 16, data)
}

/// A WAV file of G.711, of samples at [`TELEPHONE`].
pub fn g711(samples: &[f32], law: Law) -> Vec<u8> {
    let (tag, code): (_, fn(f32) -> u8) = match law {
        Law::A => (6, to_alaw),
        Law::Mu => (7, to_mulaw),
    };
    file(tag, TELEPHONE, 8, samples.iter().map(|it| code(*it)).collect())
}

fn file(tag: u16, rate: u32, bits: u16, data: Vec<u8>) -> Vec<u8> {
    let width = bits / 8;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend([tag.to_le_bytes(), 1_u16.to_le_bytes()].concat());
    bytes.extend([rate.to_le_bytes(), (rate * u32::from(width)).to_le_bytes()].concat());
    bytes.extend([width.to_le_bytes(), bits.to_le_bytes()].concat());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|it| it * it).sum::<f32>() / samples.len() as f32
    }

    /// Numbers by a seed.
    fn chance(seed: u32) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        }
    }

    #[test]
    fn a_line_passes_its_band_only() {
        let through = |hertz: f32| {
            let tone: Vec<f32> =
                (0..16_000).map(|idx| (TAU * hertz * idx as f32 / 16_000.0).sin()).collect();
            power(&line(&tone)[100..7_900])
        };
        assert!((0.45..0.55).contains(&through(1_000.0)), "{}", through(1_000.0));
        assert!(through(100.0) < 0.02 && through(5_000.0) < 0.001);
    }

    #[test]
    fn noise_is_as_loud_as_asked() {
        let tone: Vec<f32> = (0..8_000).map(|idx| (idx as f32 * 0.3).sin()).collect();
        let noisy = with_noise(&tone, 10.0, &mut chance(1));
        let noise: Vec<f32> = noisy.iter().zip(&tone).map(|(a, b)| a - b).collect();
        assert!((power(&noise) / power(&tone) - 0.1).abs() < 0.01);
    }

    #[test]
    fn as_many_packets_are_lost_as_asked() {
        let steps: Vec<f32> = (0..80_000).map(|idx| (idx / PACKET) as f32).collect();
        let heard = with_loss(&steps, 0.1, &mut chance(3));
        let n_lost =
            heard.chunks(PACKET).zip(steps.chunks(PACKET)).filter(|it| it.0 != it.1).count();
        assert!((35..65).contains(&n_lost), "{n_lost} of 500");
    }
}
