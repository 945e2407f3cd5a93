//! Models that hear speech: a window of sound in, tokens with times out. No tensors, so a trait of its own.

#[cfg(feature = "candle")]
mod candle;
pub mod fake;
#[cfg(feature = "whisper")]
mod whisper;

use std::str::FromStr;
use std::sync::Arc;

use crate::engine::{Device, EngineError};
use crate::registry::VerifiedFile;

#[cfg(feature = "candle")]
pub use candle::{Adapter, Lesson, WhisperPupil};

/// Samples a second that speech models hear.
pub const RATE: u32 = 16_000;
/// Longest window, in samples: thirty seconds.
pub const MAX_WINDOW: usize = 30 * RATE as usize;

/// A language that speech is decoded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Mandarin.
    Mandarin,
    /// English.
    English,
}

impl Language {
    /// Whisper's code.
    pub fn code(self) -> &'static str {
        match self {
            Language::Mandarin => "zh",
            Language::English => "en",
        }
    }
}

/// How a window is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeOptions {
    /// In which language.
    pub language: Language,
    /// 0 takes the likeliest tokens; above it they are drawn by chance, seeded.
    pub temperature: f32,
    /// Sequences that are followed at a time when the temperature is 0; 1 is the greedy decode.
    pub beams: usize,
    /// A text that the decode continues: names and terms that are likely to be said.
    pub prompt: Option<Arc<str>>,
    /// Whether it will be heard again: an engine that is quicker with less care takes less.
    pub is_draft: bool,
}

/// What was heard in a window. No `Debug`: it is somebody's words.
#[derive(Clone, Default)]
pub struct Heard {
    /// Utterances, in order.
    pub spans: Vec<HeardSpan>,
}

/// One utterance.
#[derive(Clone, Default)]
pub struct HeardSpan {
    /// Seconds from the beginning of the window.
    pub start: f32,
    /// Seconds from the beginning of the window.
    pub end: f32,
    /// Probability that nobody speaks here, 0 to 1.
    pub no_speech: f32,
    /// Its tokens.
    pub tokens: Vec<HeardToken>,
}

/// One token: a few bytes of UTF-8, not always whole characters.
#[derive(Clone, Default)]
pub struct HeardToken {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The model's own probability, 0 to 1.
    pub probability: f32,
    /// Seconds from the beginning of the window.
    pub start: f32,
    /// Seconds from the beginning of the window.
    pub end: f32,
}

/// Asked again and again while a window is decoded: whether nobody wants the result any more.
pub type ShouldStop = Arc<dyn Fn() -> bool + Send + Sync>;

/// A model that turns sound into text.
///
/// Blocking; owned by one thread, hence `&mut self` and no lock.
pub trait SpeechModel: Send {
    /// Decodes one window of at most [`MAX_WINDOW`] samples at [`RATE`].
    ///
    /// # Errors
    /// [`SpeechError::Stopped`] soon after `should_stop` says so.
    fn hear(
        &mut self,
        window: &[f32],
        options: &DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Heard, SpeechError>;

    /// Codes of the languages that may be spoken in the window, likeliest first, with their probabilities.
    ///
    /// # Errors
    /// As [`SpeechModel::hear`].
    fn detect_languages(
        &mut self,
        window: &[f32],
        should_stop: &ShouldStop,
    ) -> Result<Vec<(String, f32)>, SpeechError>;
}

/// Why a window was not decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// Nobody wants the result any more.
    #[error("the decode was stopped")]
    Stopped,
    /// The model failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Which runtime hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpeechEngine {
    /// whisper.cpp, native code built into the program: the fastest on a processor.
    #[default]
    WhisperCpp,
    /// Whisper on candle, pure Rust.
    Candle,
}

impl SpeechEngine {
    /// The name used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            SpeechEngine::WhisperCpp => "whisper",
            SpeechEngine::Candle => "candle",
        }
    }
}

impl FromStr for SpeechEngine {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<SpeechEngine, EngineError> {
        match text {
            "whisper" => Ok(SpeechEngine::WhisperCpp),
            "candle" => Ok(SpeechEngine::Candle),
            _ => Err(EngineError::Unsupported(format!("there is no speech engine `{text}`"))),
        }
    }
}

/// How to open a speech model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechOptions {
    /// Runtime.
    pub engine: SpeechEngine,
    /// Where it computes; whisper.cpp has a card in builds with feature `whisper-cuda` only.
    pub device: Device,
    /// Threads of one worker, at least 1. whisper.cpp's threads spin while they wait: never more than free cores.
    pub threads: usize,
}

/// Opens the whisper.cpp file for `n_workers` (at least one) workers, which share the weights.
///
/// # Errors
/// When this build lacks the engine, or the file is not for it.
pub fn open(
    file: &VerifiedFile,
    options: SpeechOptions,
    n_workers: usize,
) -> Result<Vec<Box<dyn SpeechModel>>, EngineError> {
    let n_workers = n_workers.max(1);
    match options.engine {
        #[cfg(feature = "whisper")]
        SpeechEngine::WhisperCpp => whisper::open(file, options.device, options.threads, n_workers),
        #[cfg(feature = "candle")]
        SpeechEngine::Candle => candle::open(file, options.device, options.threads, n_workers),
        #[cfg(not(all(feature = "whisper", feature = "candle")))]
        other => {
            let (engine, path, _) = (other.as_str(), file.path().display(), n_workers);
            Err(EngineError::Unsupported(format!(
                "this program was built without speech engine `{engine}`, which reads {path}"
            )))
        }
    }
}

/// Tokens of a window of so many samples that somebody can have said: fast Mandarin has eight characters a second, of one
/// to three tokens each. A decode that goes on is a loop, which costs a short window many times what it is worth.
#[cfg(any(feature = "whisper", feature = "candle", test))]
fn most_tokens(n_samples: usize) -> usize {
    // Marks of time, and a word that was cut off.
    const SPARE: usize = 24;
    SPARE + n_samples * 30 / RATE as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_window_has_few_tokens() {
        let second = RATE as usize;
        assert_eq!([0, second, 30 * second].map(most_tokens), [24, 54, 924]);
    }
}
