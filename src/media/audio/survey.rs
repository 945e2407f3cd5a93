//! What is learned by reading a recording once: its length, its damage, how loud it is, whether its channels say the same.

use super::{AudioError, AudioInfo, AudioLimits, AudioReader, Chunk, Damage, Input, RATE};

/// Below this no recording of a voice stays all the time (-50 dB of full scale), and what is said may go unheard.
const QUIET: f32 = 0.0032;
/// Share of a second's power that may be in one channel only (-17 dB), where both are the same call.
const APART: f64 = 0.02;
/// How much louder or quieter the same call may be on the other channel (12 dB); beyond that it is an echo.
const GAIN: std::ops::RangeInclusive<f64> = 0.25..=4.0;
/// Power, beside the mean of the recording, that counts as nothing (-30 dB): a line's own noise.
const NOTHING: f64 = 0.001;
/// Power of one step of 8-bit G.711 near silence.
const STEP: f64 = 1.0 / (4096.0 * 4096.0);

/// What was learned by reading a recording once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survey {
    /// What it is.
    pub info: AudioInfo,
    /// Samples of each channel at [`RATE`].
    pub n_samples: u64,
    /// The channels say the same: one of them is enough.
    pub is_dual_mono: bool,
    /// What it lacks.
    pub damage: Damage,
    /// Root of the mean power of its loudest second, 0 to 1.
    pub loudest: f32,
}

impl Survey {
    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        let n_samples = self.n_samples as f64;
        n_samples / f64::from(RATE)
    }

    /// Whether it is so quiet that what is said may go unheard.
    pub fn is_quiet(&self) -> bool {
        self.loudest < QUIET
    }
}

/// Decodes a recording once to its end, keeping nothing: its true length, and that all of it can be read.
///
/// # Errors
/// As [`AudioReader::read`]; a recording without a sample is broken.
pub fn survey<'a>(input: impl Input + 'a, limits: &AudioLimits) -> Result<Survey, AudioError> {
    let mut reader = AudioReader::open(input, limits)?;
    let info = reader.info();
    let mut chunk = Chunk::default();
    let (mut n_samples, mut powers) = (0, Vec::new());
    while reader.read(&mut chunk)? {
        n_samples += chunk.len() as u64;
        powers.push(Powers::of(&chunk));
    }
    if n_samples == 0 {
        return Err(AudioError::Broken { format: info.format, reason: "it holds no sound" });
    }
    let loudest = powers.iter().fold(0.0_f64, |most, it| most.max(it.first).max(it.second));
    #[expect(clippy::cast_possible_truncation, reason = "to f32")]
    let loudest = loudest.sqrt() as f32;
    let is_dual_mono = info.channels == 1 || is_same(&powers);
    Ok(Survey { info, n_samples, is_dual_mono, damage: reader.damage(), loudest })
}

/// Mean powers of a second of two channels, and what they share.
#[derive(Clone, Copy)]
struct Powers {
    first: f64,
    second: f64,
    both: f64,
}

impl Powers {
    fn of(chunk: &Chunk) -> Powers {
        let [first, rest @ ..] = chunk.channels.as_slice() else {
            return Powers { first: 0.0, second: 0.0, both: 0.0 };
        };
        let second = rest.first().map_or(&[][..], Vec::as_slice);
        let mean = |a: &[f32], b: &[f32]| {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            sum / a.len().max(1) as f64
        };
        Powers {
            first: mean(first, first),
            second: mean(second, second),
            both: mean(first, second),
        }
    }
}

/// Whether the second channel is the first, louder or quieter by as much in every second: one call that was stored twice.
/// Where two people speak and each is faintly on the other's channel, what is faint differs.
fn is_same(powers: &[Powers]) -> bool {
    let mean = |of: fn(&Powers) -> f64| powers.iter().map(of).sum::<f64>() / powers.len() as f64;
    let (first, both) = (mean(|it| it.first), mean(|it| it.both));
    let nothing = STEP.max(NOTHING * mean(|it| it.second));
    let gain = if first <= STEP { 1.0 } else { both / first };
    let is_near = |it: &Powers| {
        let apart = it.second - 2.0 * gain * it.both + gain * gain * it.first;
        apart <= nothing + APART * it.second
    };
    GAIN.contains(&gain.abs()) && powers.iter().all(is_near)
}
