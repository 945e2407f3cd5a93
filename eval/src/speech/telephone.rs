//! The conditions that clips are heard in, and sounds in which nobody speaks.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sounds of seconds")]

use std::f32::consts::TAU;

use fenwen::media::audio::RATE;
use fenwen::media::audio::telephone::{Law, g711, gauss, line, wav, with_loss, with_noise};

use crate::cards::chance::Chance;

/// The clip in every condition: name and WAV file.
pub(super) fn conditions(samples: &[f32], seed: u64) -> Vec<(&'static str, Vec<u8>)> {
    let line = line(samples);
    let noisy = |decibels| with_noise(&line, decibels, &mut draw(seed, 2));
    vec![
        ("clean", wav(samples)),
        ("g711-alaw", g711(&line, Law::A)),
        ("g711-mulaw", g711(&line, Law::Mu)),
        ("noise-20db", g711(&noisy(20.0), Law::A)),
        ("noise-10db", g711(&noisy(10.0), Law::A)),
        ("loss-3pc", g711(&with_loss(&line, 0.03, &mut draw(seed, 3)), Law::A)),
    ]
}

/// Even chances of a seed; `stream` separates its uses.
fn draw(seed: u64, stream: u64) -> impl FnMut() -> f32 {
    let mut chance = Chance::new(seed, stream);
    move || chance.range(0.0, 1.0)
}

/// Half a minute each of what is on a line when nobody speaks.
pub(super) fn wordless() -> Vec<(&'static str, Vec<f32>)> {
    let n_samples = 30 * RATE as usize;
    let make = |level: &dyn Fn(f32) -> f32| -> Vec<f32> {
        (0..n_samples).map(|idx| level(idx as f32 / RATE as f32)).collect()
    };
    let sine = |hertz: f32, time: f32| (TAU * hertz * time).sin();
    let mut draw = draw(7, 1);
    let white: Vec<f32> = (0..n_samples).map(|_| 0.05 * gauss(&mut draw)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_is_the_same_each_time() {
        let tone: Vec<f32> = (0..16_000).map(|idx| (idx as f32 * 0.3).sin()).collect();
        assert!(conditions(&tone, 5) == conditions(&tone, 5));
        assert!(conditions(&tone, 5) != conditions(&tone, 6));
    }
}
