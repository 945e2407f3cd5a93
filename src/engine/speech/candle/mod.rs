//! Whisper on candle, in pure Rust: the same file as whisper.cpp reads.
//!
//! On the processor each worker decodes its own window, in single precision. On another device the workers hand their
//! windows to one desk, which decodes together what waits there, in half precision.

mod decode;
mod desk;
mod mel;
mod network;
mod pupil;
mod round;
mod tokens;

use std::sync::Arc;

use candle_core::{DType, Device as CandleDevice};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::engine::candle::Tether;
use crate::engine::{Device, EngineError, read_file};
use crate::registry::{VerifiedFile, WhisperFile};

use super::{
    DecodeOptions, Heard, HeardSpan, MAX_WINDOW, RATE, ShouldStop, SpeechError, SpeechModel,
};
use decode::{Decoding, spans};
use desk::Desk;
use mel::Mel;
use network::Network;
use round::Turn;
use tokens::Tokens;

pub use network::Adapter;
pub use pupil::{Lesson, WhisperPupil};

/// Sound shorter than this at the end of a window is not decoded by itself, in samples.
const REST: usize = RATE as usize / 2;

/// What the workers share.
#[derive(Clone)]
struct Shared {
    /// First, so that the rest is given back by a thread that may.
    _tether: Tether,
    mel: Mel,
    tokens: Arc<Tokens>,
    network: Network,
}

impl Shared {
    fn read(
        weights: &WhisperFile<'_>,
        device: &CandleDevice,
        dtype: DType,
    ) -> Result<Shared, EngineError> {
        let tokens = Tokens::new(weights)
            .ok_or_else(|| EngineError::Load("the vocabulary is not multilingual".to_owned()))?;
        Ok(Shared {
            _tether: Tether::to(device),
            mel: Mel::new(&weights.mel_filters(), device).map_err(load_error)?,
            tokens: Arc::new(tokens),
            network: Network::new(weights, device, dtype).map_err(load_error)?,
        })
    }

    /// Decodes these sounds together; their decodes have as many tokens given as each other.
    fn decode(&self, sounds: &[&[f32]], turns: &mut [Turn<'_>]) -> candle_core::Result<()> {
        let mels = sounds.iter().map(|it| self.mel.of(it));
        let mels = mels.collect::<candle_core::Result<Vec<_>>>()?;
        round::decode(&self.network, &self.network.encode(&mels)?, turns)
    }

    fn decoding(&self, options: &DecodeOptions, n_samples: usize) -> Decoding<'_> {
        Decoding::new(&self.tokens, options, n_samples, self.network.max_tokens())
    }

    /// The languages that may be spoken in a window, likeliest first.
    fn languages(&self, window: &[f32]) -> candle_core::Result<Vec<(String, f32)>> {
        let sound = self.network.encode(&[self.mel.of(window)?])?;
        let mut memory = self.network.remember(&sound)?;
        let rows = self.network.read(&[self.tokens.start], &mut memory)?.squeeze(1)?;
        let logits = self.network.logits(&rows)?;
        Ok(self.tokens.languages(logits.last().map(Vec::as_slice).unwrap_or_default()))
    }
}

/// Reads the file once for all workers; each gets a pool of threads, or a place at the device's desk.
pub(super) fn open(
    file: &VerifiedFile,
    device: Device,
    threads: usize,
    n_workers: usize,
) -> Result<Vec<Box<dyn SpeechModel>>, EngineError> {
    let bytes = read_file(file)?;
    let weights = WhisperFile::read(&bytes).map_err(load_error)?;
    let candle_device = crate::engine::candle::open_device(device)?;
    if device != Device::Cpu {
        let shared = Arc::new(Shared::read(&weights, &candle_device, DType::F16)?);
        let desk = Arc::new(Desk::start(shared).map_err(load_error)?);
        let worker = || Box::new(DeskWhisper(Arc::clone(&desk))) as Box<dyn SpeechModel>;
        return Ok((0..n_workers).map(|_| worker()).collect());
    }
    let shared = Arc::new(Shared::read(&weights, &candle_device, DType::F32)?);
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

/// A worker on the processor.
struct CandleWhisper {
    shared: Arc<Shared>,
    pool: ThreadPool,
}

/// A worker whose windows are decoded together with those of the others.
struct DeskWhisper(Arc<Desk>);

impl SpeechModel for CandleWhisper {
    fn hear(
        &mut self,
        window: &[f32],
        options: &DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Heard, SpeechError> {
        self.pool.install(|| {
            hear(window, options, |rest| {
                let decoding = self.shared.decoding(options, rest.len());
                let mut turns = [Turn::new(decoding, Arc::clone(should_stop))];
                self.shared.decode(&[rest], &mut turns).map_err(failed)?;
                turns[0].spans(&self.shared.tokens, rest.len())
            })
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
        self.pool.install(|| self.shared.languages(window).map_err(failed))
    }
}

impl SpeechModel for DeskWhisper {
    fn hear(
        &mut self,
        window: &[f32],
        options: &DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Heard, SpeechError> {
        hear(window, options, |rest| self.0.hear(rest.to_vec(), options.clone(), should_stop))
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
        self.0.shared().languages(window).map_err(failed)
    }
}

/// The utterances of a sound, and how many of its samples they cover.
type Part = (Vec<HeardSpan>, usize);

/// Hears a window part by part: a decode may end before the window does.
fn hear(
    window: &[f32],
    options: &DecodeOptions,
    mut decode: impl FnMut(&[f32]) -> Result<Part, SpeechError>,
) -> Result<Heard, SpeechError> {
    check(window)?;
    if 1 < options.beams {
        let reason = "engine `candle` follows one sequence: set speech.beams to 1";
        return Err(EngineError::Unsupported(reason.to_owned()).into());
    }
    let mut heard = Heard::default();
    let mut at = 0;
    while at == 0 || at + REST < window.len() {
        let (found, used) = decode(window.get(at..).unwrap_or_default())?;
        heard.spans.extend(found.into_iter().map(|it| later(it, at)));
        at += used.max(REST);
    }
    Ok(heard)
}

impl Turn<'_> {
    /// What was heard of a sound of so many samples.
    fn spans(&self, tokens: &Tokens, n_samples: usize) -> Result<Part, SpeechError> {
        if self.is_stopped {
            return Err(SpeechError::Stopped);
        }
        Ok(spans(&self.decoding, tokens, n_samples))
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

#[cfg(test)]
mod tests;
