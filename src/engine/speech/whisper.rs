//! whisper.cpp through whisper-rs: one set of weights, one state for each worker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError,
    WhisperSegment, WhisperState, WhisperTokenId,
};

use crate::engine::{Device, EngineError};
use crate::registry::VerifiedFile;

use super::{
    DecodeOptions, Heard, HeardSpan, HeardToken, MAX_WINDOW, ShouldStop, SpeechError, SpeechModel,
    most_tokens,
};

/// Samples that one position of the encoder covers.
const SAMPLES_PER_POSITION: usize = 320;
/// Positions that the encoder gets beyond the window: without silence at the end it hears things.
const MARGIN: usize = 96;
/// The same of a draft, which is to be there soon.
const DRAFT_MARGIN: usize = 64;
/// The encoder's positions are cut to a multiple of this, which its matrix products like.
const STEP: usize = 64;
/// Positions that the encoder gets at least, ten seconds: it learnt on windows of thirty, in which a short utterance
/// lies before a long silence, and without that it takes one sound for another (`eval/reports/speech`). A draft does without:
/// it is there in a third of the time.
const FEWEST: usize = 512;
/// Shortest window that whisper.cpp decodes, in samples; shorter ones get silence at their end.
const MIN_WINDOW: usize = 17_600;
/// Tokens of a multilingual vocabulary that are no languages: 51,865 with 99 languages, 51,866 with 100.
const OTHER_TOKENS: i32 = 51_766;
/// Different settings that are remembered: whisper-rs never frees the texts of one.
const MAX_REMEMBERED: usize = 32;

/// Opens the file once and makes a state for each worker.
///
/// A build with feature `whisper-cuda` computes on the card that is asked for, every other one on the processor.
pub(super) fn open(
    file: &VerifiedFile,
    device: Device,
    threads: usize,
    n_workers: usize,
) -> Result<Vec<Box<dyn SpeechModel>>, EngineError> {
    // What whisper.cpp prints is for its developers; errors come as return values.
    whisper_rs::install_logging_hooks();
    let failed = |error: WhisperError| EngineError::Load(error.to_string());
    let mut parameters = WhisperContextParameters::default();
    parameters.use_gpu(false);
    if let (true, Device::Cuda(number)) = (cfg!(feature = "whisper-cuda"), device) {
        parameters.use_gpu(true).gpu_device(i32::from(number));
    }
    let context = WhisperContext::new_with_params(file.path(), parameters).map_err(failed)?;
    let context = Arc::new(context);
    let threads = i32::try_from(threads.max(1)).unwrap_or(1);
    (0..n_workers)
        .map(|_| {
            let state = context.create_state().map_err(failed)?;
            let should_stop: Shared = Arc::new(Mutex::new(Arc::new(|| false)));
            let model = WhisperModel {
                context: Arc::clone(&context),
                state,
                threads,
                should_stop,
                remembered: HashMap::new(),
            };
            Ok(Box::new(model) as Box<dyn SpeechModel>)
        })
        .collect()
}

type Shared = Arc<Mutex<ShouldStop>>;

/// Settings that differ in a text: each is made once, because whisper-rs never frees it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Texts {
    language: &'static str,
    prompt: Option<Arc<str>>,
    beams: usize,
}

struct WhisperModel {
    context: Arc<WhisperContext>,
    state: WhisperState,
    threads: i32,
    /// What the running decode asks; whisper-rs keeps the closure that reads it for good.
    should_stop: Shared,
    remembered: HashMap<Texts, FullParams<'static, 'static>>,
}

/// Settings of every decode. Retries, languages and guards are the pipeline's, the same for every engine.
fn template(should_stop: &Shared, threads: i32, beams: usize) -> FullParams<'static, 'static> {
    let mut params = FullParams::new(match i32::try_from(beams) {
        Ok(beam_size @ 2..) => SamplingStrategy::BeamSearch { beam_size, patience: -1.0 },
        _ => SamplingStrategy::Greedy { best_of: 1 },
    });
    params.set_n_threads(threads);
    params.set_no_context(true);
    params.set_suppress_blank(true);
    params.set_suppress_nst(true);
    params.set_token_timestamps(true);
    params.set_temperature_inc(0.0);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    let shared = Arc::clone(should_stop);
    let asked = move || {
        let should_stop = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        should_stop()
    };
    // The type is part of the contract: whisper-rs reads the closure back as a boxed one, whatever it was given.
    let boxed: Box<dyn FnMut() -> bool> = Box::new(asked);
    params.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(boxed);
    params
}

impl WhisperModel {
    fn params(&mut self, options: &DecodeOptions) -> FullParams<'static, 'static> {
        let texts = Texts {
            language: options.language.code(),
            prompt: options.prompt.clone(),
            beams: options.beams.max(1),
        };
        if !self.remembered.contains_key(&texts) && MAX_REMEMBERED <= self.remembered.len() {
            self.remembered.clear();
        }
        let params = self.remembered.entry(texts.clone()).or_insert_with(|| {
            let mut params = template(&self.should_stop, self.threads, texts.beams);
            params.set_language(Some(texts.language));
            if let Some(prompt) = &texts.prompt {
                // A text with a zero in it would end there, or worse.
                params.set_initial_prompt(&prompt.replace('\0', ""));
            }
            params
        });
        let mut params = params.clone();
        params.set_temperature(options.temperature);
        params
    }

    fn watch(&self, should_stop: &ShouldStop) {
        *self.should_stop.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(should_stop);
    }

    fn error(&self, error: WhisperError) -> SpeechError {
        let should_stop = self.should_stop.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if should_stop() {
            return SpeechError::Stopped;
        }
        SpeechError::Engine(EngineError::Failed(error.to_string()))
    }
}

impl SpeechModel for WhisperModel {
    fn hear(
        &mut self,
        window: &[f32],
        options: &DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Heard, SpeechError> {
        let samples = checked(window)?;
        if should_stop() {
            return Err(SpeechError::Stopped);
        }
        self.watch(should_stop);
        let mut params = self.params(options);
        let most = self.context.n_audio_ctx();
        params.set_audio_ctx(
            i32::try_from(positions(samples.len(), options.is_draft)).unwrap_or(most).min(most),
        );
        params.set_max_tokens(i32::try_from(most_tokens(samples.len())).unwrap_or(i32::MAX));
        let decoded = self.state.full(params, &samples);
        decoded.map_err(|error| self.error(error))?;
        let end_of_text = self.context.token_eot();
        let spans = self.state.as_iter().map(|it| span(&it, end_of_text)).collect();
        Ok(Heard { spans })
    }

    fn detect_languages(
        &mut self,
        window: &[f32],
        should_stop: &ShouldStop,
    ) -> Result<Vec<(String, f32)>, SpeechError> {
        let samples = checked(window)?;
        if should_stop() {
            return Err(SpeechError::Stopped);
        }
        self.watch(should_stop);
        let threads = usize::try_from(self.threads).unwrap_or(1);
        self.state.pcm_to_mel(&samples, threads).map_err(|error| self.error(error))?;
        let (_, probabilities) =
            self.state.lang_detect(0, threads).map_err(|error| self.error(error))?;
        let code = |idx: usize| whisper_rs::get_lang_str(i32::try_from(idx).ok()?);
        // whisper.cpp lists one language more than older models know, and reads its probability off another token.
        let n_languages = self.context.n_vocab() - OTHER_TOKENS;
        let mut found: Vec<(String, f32)> = probabilities
            .iter()
            .enumerate()
            .take(usize::try_from(n_languages).unwrap_or(0))
            .filter_map(|(idx, probability)| Some((code(idx)?.to_owned(), *probability)))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(found)
    }
}

/// Positions of the encoder for a window of so many samples.
fn positions(n_samples: usize, is_draft: bool) -> usize {
    let (margin, fewest) = if is_draft { (DRAFT_MARGIN, 0) } else { (MARGIN, FEWEST) };
    let positions = n_samples.div_ceil(SAMPLES_PER_POSITION) + margin;
    positions.next_multiple_of(STEP).max(fewest)
}

/// The window, not too long and not too short.
fn checked(window: &[f32]) -> Result<std::borrow::Cow<'_, [f32]>, SpeechError> {
    if MAX_WINDOW < window.len() {
        return Err(EngineError::BadInput("the window is longer than 30 s".to_owned()).into());
    }
    if MIN_WINDOW <= window.len() {
        return Ok(window.into());
    }
    let mut padded = window.to_vec();
    padded.resize(MIN_WINDOW, 0.0);
    Ok(padded.into())
}

/// Hundredths of a second, as whisper.cpp counts.
fn seconds(hundredths: i64) -> f32 {
    hundredths.max(0) as f32 / 100.0
}

fn span(segment: &WhisperSegment<'_>, end_of_text: WhisperTokenId) -> HeardSpan {
    let tokens = (0..segment.n_tokens()).filter_map(|idx| {
        let token = segment.get_token(idx)?;
        // Ids from the end of text on are marks of time and of the task.
        if end_of_text <= token.token_id() {
            return None;
        }
        let data = token.token_data();
        Some(HeardToken {
            bytes: token.to_bytes().ok()?.to_vec(),
            probability: data.p,
            start: seconds(data.t0),
            end: seconds(data.t1),
        })
    });
    HeardSpan {
        start: seconds(segment.start_timestamp()),
        end: seconds(segment.end_timestamp()),
        no_speech: segment.no_speech_probability(),
        tokens: tokens.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_windows_are_heard_in_ten_seconds_and_long_ones_with_a_margin() {
        let check = |seconds: usize, expected: usize| {
            assert_eq!(positions(seconds * 16_000, false), expected, "{seconds} s");
        };
        assert_eq!(positions(MIN_WINDOW, true), 128, "a draft");
        check(1, 512);
        check(3, 512);
        check(8, 512);
        check(9, 576);
        check(12, 704);
        check(28, 1536);
    }
}
