//! Gives a voice from a telephone the depth that the line took: speech models have learned whole voices.
//!
//! A line passes 300 to 3400 Hz. What lies above is gone; what lies below is faint, not gone, and a model that hears the
//! shape of a spectrum hears better when it is raised again. Only where it is missing: a whole voice is left as it is.

use std::borrow::Cow;
use std::f64::consts::{SQRT_2, TAU};

use crate::media::audio::RATE;

/// Depth of a voice in decibels below which a line took some of it. Whole voices have -13 to 7, most of them over -9; from a
/// telephone -24 to -13.
const FAINT: f64 = -12.0;
/// Decibels that are given back for each that is missing: a voice is whole, or it is not.
const STEEP: f64 = 3.0;
/// Most that is given back: what 300 Hz of a line take, measured.
const MOST: f64 = 14.0;
/// Where the line begins, in hertz.
const CORNER: f64 = 300.0;
/// 100 to 250 and 350 to 1000 Hz: centre, and centre over width.
const LOW: (f64, f64) = (158.0, 1.05);
const MIDDLE: (f64, f64) = (592.0, 0.91);
/// Times that a band is cut out, so that its neighbours do not count.
const PASSES: usize = 3;

/// The samples (16 kHz, one channel) with their depth, changed only where a line took it.
pub fn restored(samples: &[f32]) -> Cow<'_, [f32]> {
    let gain = (STEEP * (FAINT - depth(samples))).clamp(0.0, MOST);
    if gain == 0.0 {
        return Cow::Borrowed(samples);
    }
    let mut raised = samples.to_vec();
    Section::low_shelf(CORNER, gain).run(&mut raised);
    Cow::Owned(raised)
}

/// Power of the low band over that of the middle, in decibels; 0 of silence.
fn depth(samples: &[f32]) -> f64 {
    let power = |(hertz, quality)| {
        let mut band = samples.to_vec();
        for _ in 0..PASSES {
            Section::band_pass(hertz, quality).run(&mut band);
        }
        // What nobody hears does not count.
        band.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() + 1e-9
    };
    10.0 * (power(LOW) / power(MIDDLE)).log10()
}

/// A filter of second order. Coefficients: Bristow-Johnson, *Audio EQ Cookbook* (W3C Working Group Note, 2021).
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    fn new(b: [f64; 3], a: [f64; 3]) -> Section {
        let [first, rest @ ..] = a;
        Section { b: b.map(|it| it / first), a: rest.map(|it| it / first) }
    }

    /// 0 dB at its centre.
    fn band_pass(hertz: f64, quality: f64) -> Section {
        let (sin, cos) = (TAU * hertz / f64::from(RATE)).sin_cos();
        let alpha = sin / (2.0 * quality);
        Section::new([alpha, 0.0, -alpha], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
    }

    /// `gain` decibels below the corner, half of them there, as steep as it can be without an overshoot.
    fn low_shelf(hertz: f64, gain: f64) -> Section {
        let a = 10_f64.powf(gain / 40.0);
        let (sin, cos) = (TAU * hertz / f64::from(RATE)).sin_cos();
        let (up, down) = (a + 1.0, a - 1.0);
        let slope = a.sqrt() * sin * SQRT_2;
        let b = [up - down * cos + slope, 2.0 * (down - up * cos), up - down * cos - slope];
        Section::new(
            b.map(|it| a * it),
            [up + down * cos + slope, -2.0 * (down + up * cos), up + down * cos - slope],
        )
    }

    #[expect(clippy::cast_possible_truncation, reason = "samples are 32-bit numbers")]
    fn run(&self, samples: &mut [f32]) {
        let ([b0, b1, b2], [a1, a2]) = (self.b, self.a);
        let (mut first, mut second) = (0.0, 0.0);
        for sample in samples {
            let x = f64::from(*sample);
            let y = b0 * x + first;
            first = b1 * x - a1 * y + second;
            second = b2 * x - a2 * y;
            *sample = y as f32;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::media::audio::telephone::line;

    /// A voice of 130 Hz with overtones that fade by half each octave.
    fn voice() -> Vec<f32> {
        let sample = |at: usize| {
            let time = at as f32 / RATE as f32;
            let tone = |n: usize| (TAU * 130.0 * n as f32 * time).sin() / n as f32;
            0.1 * (1..=40).map(tone).sum::<f32>()
        };
        (0..RATE as usize).map(sample).collect()
    }

    /// The same from a telephone.
    pub(in crate::pipeline::speech) fn telephoned() -> Vec<f32> {
        let narrow = line(&voice());
        let middles = narrow.windows(2).map(|it| 0.5 * (it[0] + it[1]));
        narrow.iter().zip(middles).flat_map(|(one, middle)| [*one, middle]).collect()
    }

    #[test]
    fn a_whole_voice_is_left_as_it_is() {
        for whole in [voice(), vec![0.0; 8000], vec![]] {
            assert!(matches!(restored(&whole), Cow::Borrowed(_)), "{:.1} dB", depth(&whole));
        }
    }

    #[test]
    fn the_depth_that_a_line_took_is_given_back() {
        let narrow = telephoned();
        let found = restored(&narrow);
        assert!(depth(&narrow) < FAINT - 3.0, "{:.1} dB", depth(&narrow));
        let given = depth(&found) - depth(&narrow);
        assert!((4.0..MOST).contains(&given), "{given:.1} dB");
        assert_eq!(found.len(), narrow.len());
        // Once is enough: nothing is left to give back.
        assert!(FAINT - 1.0 < depth(&found), "{:.1} dB", depth(&found));
    }

    #[test]
    fn a_shelf_raises_what_is_below_it_only() {
        let gain = |hertz: f32| {
            let tone = |at| (TAU * hertz * at as f32 / RATE as f32).sin();
            let mut samples: Vec<f32> = (0..RATE).map(tone).collect();
            Section::low_shelf(CORNER, MOST).run(&mut samples);
            // Past the beginning, when the filter has settled.
            let loudest = samples.iter().skip(8000).fold(0.0_f32, |most, it| most.max(it.abs()));
            20.0 * loudest.log10()
        };
        for (hertz, expected) in [(50.0, 14.0), (300.0, 7.0), (2000.0, 0.0)] {
            assert!((gain(hertz) - expected).abs() < 0.3, "{hertz} Hz: {:.1} dB", gain(hertz));
        }
    }
}
