//! Whisper on candle, in pure Rust: the same file as whisper.cpp reads, weights turned to single precision.

mod decode;
mod mel;
mod network;
mod pupil;
mod tokens;

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::engine::{EngineError, read_file};
use crate::registry::{VerifiedFile, WhisperFile};

use super::{
    DecodeOptions, Heard, HeardSpan, MAX_WINDOW, RATE, ShouldStop, SpeechError, SpeechModel,
};
use decode::{Decoding, spans};
use mel::Mel;
use network::Network;
use tokens::Tokens;

pub use network::Adapter;
pub use pupil::{Lesson, WhisperPupil};

/// Sound shorter than this at the end of a window is not decoded by itself, in samples.
const REST: usize = RATE as usize / 2;

/// What the workers share.
#[derive(Clone)]
struct Shared {
    mel: Mel,
    tokens: Arc<Tokens>,
    network: Network,
}

impl Shared {
    fn read(weights: &WhisperFile<'_>) -> Result<Shared, EngineError> {
        let tokens = Tokens::new(weights)
            .ok_or_else(|| EngineError::Load("the vocabulary is not multilingual".to_owned()))?;
        Ok(Shared {
            mel: Mel::new(&weights.mel_filters()).map_err(load_error)?,
            tokens: Arc::new(tokens),
            network: Network::new(weights).map_err(load_error)?,
        })
    }
}

/// Reads the file once; each worker gets a pool of threads.
pub(super) fn open(
    file: &VerifiedFile,
    threads: usize,
    n_workers: usize,
) -> Result<Vec<Box<dyn SpeechModel>>, EngineError> {
    let bytes = read_file(file)?;
    let weights = WhisperFile::read(&bytes).map_err(load_error)?;
    let shared = Arc::new(Shared::read(&weights)?);
    (0..n_workers)
        .map(|_| {
            let pool = ThreadPoolBuilder::new()
                .num_threads(threads.max(1))
                .thread_name(|idx| format!("whisper-{idx}"))
                .build()
                .map_err(load_error)?;
            let model = CandleWhisper { shared: Arc::clone(&shared), pool };
            Ok(Box::new(model) as Box<dyn SpeechModel>)
        })
        .collect()
}

fn load_error(error: impl std::fmt::Display) -> EngineError {
    EngineError::Load(error.to_string())
}

struct CandleWhisper {
    shared: Arc<Shared>,
    pool: ThreadPool,
}

impl SpeechModel for CandleWhisper {
    fn hear(
        &mut self,
        window: &[f32],
        options: &DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Heard, SpeechError> {
        check(window)?;
        if 1 < options.beams {
            let reason = "engine `candle` follows one sequence: set speech.beams to 1";
            return Err(EngineError::Unsupported(reason.to_owned()).into());
        }
        let Shared { mel, tokens, network } = &*self.shared;
        self.pool.install(|| {
            let mut heard = Heard::default();
            let mut at = 0;
            while at == 0 || at + REST < window.len() {
                let rest = window.get(at..).unwrap_or_default();
                let sound = mel.of(rest).and_then(|it| network.encode(&it)).map_err(failed)?;
                let mut decoding = Decoding::new(tokens, options, rest.len());
                decoding.run(network, &sound, should_stop)?;
                let (found, used) = spans(&decoding, tokens, rest.len());
                heard.spans.extend(found.into_iter().map(|it| later(it, at)));
                at += used.max(REST);
            }
            Ok(heard)
        })
    }

    fn detect_languages(
        &mut self,
        window: &[f32],
        should_stop: &ShouldStop,
    ) -> Result<Vec<(String, f32)>, SpeechError> {
        check(window)?;
        if should_stop() {
            return Err(SpeechError::Stopped);
        }
        let Shared { mel, tokens, network } = &*self.shared;
        self.pool.install(|| {
            let sound = mel.of(window).and_then(|it| network.encode(&it)).map_err(failed)?;
            let mut memory = network.remember(&sound).map_err(failed)?;
            let logits = network.step(&[tokens.start], &mut memory).map_err(failed)?;
            Ok(tokens.languages(logits.last().map(Vec::as_slice).unwrap_or_default()))
        })
    }
}

fn check(window: &[f32]) -> Result<(), SpeechError> {
    if window.is_empty() || MAX_WINDOW < window.len() {
        return Err(
            EngineError::BadInput("the window is empty or longer than 30 s".to_owned()).into()
        );
    }
    Ok(())
}

fn failed(error: candle_core::Error) -> SpeechError {
    SpeechError::Engine(EngineError::Failed(error.to_string()))
}

/// The same utterance, so many samples later.
fn later(mut span: HeardSpan, samples: usize) -> HeardSpan {
    let seconds = samples as f32 / RATE as f32;
    span.start += seconds;
    span.end += seconds;
    for token in &mut span.tokens {
        token.start += seconds;
        token.end += seconds;
    }
    span
}
