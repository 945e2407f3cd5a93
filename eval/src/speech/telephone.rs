//! What a telephone does to a voice: 8 kHz, G.711, noise, lost packets; and sounds in which nobody speaks.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "sounds of seconds"
)]

use std::f32::consts::TAU;

use fenwen::media::audio::g711::{to_alaw, to_mulaw};

use crate::cards::chance::Chance;

/// Samples a second of a clip.
pub(super) const RATE: u32 = 16_000;
/// Samples a second of a telephone.
const TELEPHONE: u32 = 8_000;
/// Half the taps of the filter that a telephone line is.
const HALF: usize = 64;
/// The band that it passes, in hertz.
const BAND: (f32, f32) = (300.0, 3400.0);
/// Samples of a packet, 20 ms.
const PACKET: usize = TELEPHONE as usize / 50;

/// The clip in every condition: name and WAV file.
pub(super) fn conditions(samples: &[f32], seed: u64) -> Vec<(&'static str, Vec<u8>)> {
    let line = telephone(samples);
    let noisy = |decibels| with_noise(&line, decibels, seed);
    vec![
        ("clean", wav(samples)),
        ("g711-alaw", g711(&line, 6)),
        ("g711-mulaw", g711(&line, 7)),
        ("noise-20db", g711(&noisy(20.0), 6)),
        ("noise-10db", g711(&noisy(10.0), 6)),
        ("loss-3pc", g711(&with_loss(&line, 0.03, seed), 6)),
    ]
}

/// Half a minute each of what is on a line when nobody speaks.
pub(super) fn wordless() -> Vec<(&'static str, Vec<f32>)> {
    let n_samples = 30 * RATE as usize;
    let make = |level: &dyn Fn(f32) -> f32| -> Vec<f32> {
        (0..n_samples).map(|idx| level(idx as f32 / RATE as f32)).collect()
    };
    let sine = |hertz: f32, time: f32| (TAU * hertz * time).sin();
    let mut chance = Chance::new(7, 1);
    let white: Vec<f32> = (0..n_samples).map(|_| 0.05 * gauss(&mut chance)).collect();
    let mut brown = 0.0;
    let hum = white.iter().map(|it| {
        brown = 0.98 * brown + 0.2 * it;
        brown
    });
    let hum = hum.collect();
    // Taiwan's tones: dial 350 + 440 Hz; ring-back 440 + 480 Hz, 1 s on and 2 s off; busy 480 + 620 Hz, 0.5 s each.
    let pair = |a: f32, b: f32, time: f32| 0.2 * (sine(a, time) + sine(b, time));
    let gated = move |a, b, on: f32, off: f32, time: f32| {
        if time % (on + off) < on { pair(a, b, time) } else { 0.0 }
    };
    // A waiting melody: chords that fade.
    let notes = [261.6, 329.6, 392.0, 523.3, 440.0, 349.2, 293.7, 392.0];
    let melody = |time: f32| {
        let root = notes[(time * 2.0) as usize % notes.len()];
        let fade = (-3.0 * (time * 2.0).fract()).exp();
        0.2 * fade * (sine(root, time) + sine(root * 1.25, time) + sine(root * 1.5, time))
    };
    vec![
        ("silence", vec![0.0; n_samples]),
        ("white-noise", white),
        ("hum", hum),
        ("tone-1000hz", make(&|time| 0.3 * sine(1000.0, time))),
        ("dial-tone", make(&|time| pair(350.0, 440.0, time))),
        ("ring-back", make(&|time| gated(440.0, 480.0, 1.0, 2.0, time))),
        ("busy", make(&|time| gated(480.0, 620.0, 0.5, 0.5, time))),
        ("melody", make(&melody)),
    ]
}

/// The band of a telephone line, at 8 kHz.
fn telephone(samples: &[f32]) -> Vec<f32> {
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

fn with_noise(samples: &[f32], decibels: f32, seed: u64) -> Vec<f32> {
    let power = samples.iter().map(|it| it * it).sum::<f32>() / samples.len().max(1) as f32;
    let level = (power / 10_f32.powf(decibels / 10.0)).sqrt();
    let mut chance = Chance::new(seed, 2);
    samples.iter().map(|it| it + level * gauss(&mut chance)).collect()
}

/// Each packet is lost with a chance of `share`; a receiver fills it with the one before, fading.
fn with_loss(samples: &[f32], share: f32, seed: u64) -> Vec<f32> {
    let mut chance = Chance::new(seed, 3);
    let mut heard = samples.to_vec();
    for first in (PACKET..heard.len()).step_by(PACKET) {
        if chance.odds(share) {
            for at in first..(first + PACKET).min(heard.len()) {
                heard[at] = 0.5 * heard[at - PACKET];
            }
        }
    }
    heard
}

/// The sum of twelve even chances is normal enough for noise.
fn gauss(chance: &mut Chance) -> f32 {
    (0..12).map(|_| chance.range(-0.5, 0.5)).sum()
}

/// A WAV file of 16 bits at 16 kHz.
pub(super) fn wav(samples: &[f32]) -> Vec<u8> {
    let level = |it: &f32| (it.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
    let data = samples.iter().flat_map(|it| level(it).to_le_bytes()).collect();
    file(1, RATE, 16, data)
}

/// A WAV file of A-law (6) or µ-law (7) at 8 kHz.
fn g711(samples: &[f32], tag: u16) -> Vec<u8> {
    let code = if tag == 6 { to_alaw } else { to_mulaw };
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
    use super::*;

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|it| it * it).sum::<f32>() / samples.len() as f32
    }

    #[test]
    fn a_line_passes_its_band_only() {
        let through = |hertz: f32| {
            let tone: Vec<f32> =
                (0..16_000).map(|idx| (TAU * hertz * idx as f32 / 16_000.0).sin()).collect();
            power(&telephone(&tone)[100..7_900])
        };
        assert!((0.45..0.55).contains(&through(1_000.0)), "{}", through(1_000.0));
        assert!(through(100.0) < 0.02 && through(5_000.0) < 0.001);
    }

    #[test]
    fn noise_is_as_loud_as_asked() {
        let tone: Vec<f32> = (0..8_000).map(|idx| (idx as f32 * 0.3).sin()).collect();
        let noise: Vec<f32> =
            with_noise(&tone, 10.0, 1).iter().zip(&tone).map(|(a, b)| a - b).collect();
        assert!((power(&noise) / power(&tone) - 0.1).abs() < 0.01);
    }

    #[test]
    fn every_copy_is_the_same_each_time() {
        let tone: Vec<f32> = (0..16_000).map(|idx| (idx as f32 * 0.3).sin()).collect();
        assert!(conditions(&tone, 5) == conditions(&tone, 5));
        assert!(with_loss(&tone, 0.5, 1) != with_loss(&tone, 0.5, 2));
    }
}
