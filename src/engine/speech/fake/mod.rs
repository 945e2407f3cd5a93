//! A speech model without weights, for tests of everything above the engines.

pub mod tiny;

use super::{
    DecodeOptions, Heard, HeardSpan, HeardToken, RATE, ShouldStop, SpeechError, SpeechModel,
};

type Function = dyn FnMut(&[f32], &DecodeOptions) -> Result<Heard, SpeechError> + Send;

/// A model that hears what its test tells it to.
pub struct FakeSpeech {
    function: Box<Function>,
    languages: Vec<(String, f32)>,
}

impl FakeSpeech {
    /// Answers each window with `function`.
    pub fn computing(
        function: impl FnMut(&[f32], &DecodeOptions) -> Result<Heard, SpeechError> + Send + 'static,
    ) -> FakeSpeech {
        FakeSpeech { function: Box::new(function), languages: vec![("zh".to_owned(), 0.9)] }
    }

    /// Hears `text` in every window.
    pub fn saying(text: &'static str) -> FakeSpeech {
        FakeSpeech::computing(move |window, _| Ok(heard(text, 0.9, window.len())))
    }

    /// The same, but it takes the speech for this language.
    pub fn in_language(mut self, code: &str, probability: f32) -> FakeSpeech {
        self.languages = vec![(code.to_owned(), probability)];
        self
    }
}

/// One utterance over a window of `n_samples`, a token for each character, all equally sure.
pub fn heard(text: &str, probability: f32, n_samples: usize) -> Heard {
    let end = n_samples as f32 / RATE as f32;
    let step = end / text.chars().count().max(1) as f32;
    let tokens = text.chars().enumerate().map(|(idx, ch)| HeardToken {
        bytes: ch.to_string().into_bytes(),
        probability,
        start: idx as f32 * step,
        end: (idx + 1) as f32 * step,
    });
    Heard { spans: vec![HeardSpan { start: 0.0, end, no_speech: 0.0, tokens: tokens.collect() }] }
}

impl SpeechModel for FakeSpeech {
    fn hear(
        &mut self,
        window: &[f32],
        options: &DecodeOptions,
        should_stop: &ShouldStop,
    ) -> Result<Heard, SpeechError> {
        if should_stop() {
            return Err(SpeechError::Stopped);
        }
        (self.function)(window, options)
    }

    fn detect_languages(
        &mut self,
        _window: &[f32],
        _should_stop: &ShouldStop,
    ) -> Result<Vec<(String, f32)>, SpeechError> {
        Ok(self.languages.clone())
    }
}
