//! Whisper for whoever teaches it: the engine's own network, whose operations have gradients, with adapters beside the
//! matrices of its decoder.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::engine::speech::{DecodeOptions, Language, RATE, ShouldStop, SpeechError};
use crate::engine::{EngineError, read_file};
use crate::registry::{VerifiedFile, WhisperFile};

use super::decode::PER_SECOND;
use super::network::{Adapter, Sound};
use super::round::{self, Turn};
use super::{Shared, check, failed, load_error};

/// Whisper that can learn. Copies share the weights.
#[derive(Clone)]
pub struct WhisperPupil {
    shared: Arc<Shared>,
}

/// What is to be said for a window, as tokens: what is given, then what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Marks of the beginning, the text, the mark of the end.
    pub tokens: Vec<u32>,
    /// The first of them that are given; each later one is expected after those before it.
    pub n_given: usize,
}

impl WhisperPupil {
    /// Reads a whisper.cpp file.
    ///
    /// # Errors
    /// When it is none, or knows one language only.
    pub fn open(file: &VerifiedFile) -> std::result::Result<WhisperPupil, EngineError> {
        let bytes = read_file(file)?;
        let weights = WhisperFile::read(&bytes).map_err(load_error)?;
        Ok(WhisperPupil { shared: Arc::new(Shared::read(&weights, &Device::Cpu, DType::F32)?) })
    }

    /// The same with adapters beside matrices of its decoder, named as [`WhisperPupil::matrix`] names them.
    ///
    /// # Errors
    /// When there is no such matrix.
    pub fn with(
        &self,
        adapters: impl IntoIterator<Item = (String, Adapter)>,
    ) -> std::result::Result<WhisperPupil, EngineError> {
        let mut shared = Shared::clone(&self.shared);
        for (name, adapter) in adapters {
            if shared.network.adapt(&name, adapter).is_none() {
                return Err(EngineError::BadInput(format!("there is no matrix `{name}`")));
            }
        }
        Ok(WhisperPupil { shared: Arc::new(shared) })
    }

    /// Layers of the decoder.
    pub fn n_layers(&self) -> usize {
        self.shared.network.n_layers()
    }

    /// A matrix [out, in] of the decoder, by whisper.cpp's name without `.weight`: `decoder.blocks.0.attn.query`.
    pub fn matrix(&self, name: &str) -> Option<Tensor> {
        self.shared.network.matrix(name)
    }

    /// [positions, width]: what the encoder hears in a window of at most 30 s.
    ///
    /// # Errors
    /// When the window is empty or too long.
    pub fn listen(&self, window: &[f32]) -> std::result::Result<Tensor, SpeechError> {
        check(window)?;
        let Shared { mel, network, .. } = &*self.shared;
        mel.of(window).and_then(|it| network.encode(&[it])?.single()).map_err(failed)
    }

    /// The lesson of a text; with the seconds that it takes, it begins and ends with times.
    pub fn lesson(&self, language: Language, text: &str, seconds: Option<f64>) -> Lesson {
        let tokens = &self.shared.tokens;
        let mut all = vec![tokens.start, tokens.language(language), tokens.transcribe];
        if seconds.is_none() {
            all.push(tokens.no_times);
        }
        let n_given = all.len();
        all.extend(seconds.map(|_| tokens.time));
        all.extend(tokens.encode(text));
        all.extend(seconds.map(|it| tokens.time + mark(it)));
        all.push(tokens.end);
        Lesson { tokens: all, n_given }
    }

    /// Most tokens of a lesson.
    pub fn max_tokens(&self) -> usize {
        self.shared.network.max_tokens()
    }

    /// [tokens, width]: what becomes of tokens, each of which sees those before it and the sound. Its product with
    /// [`WhisperPupil::embedding`] are the logits of what comes next.
    ///
    /// # Errors
    /// When there are too many tokens.
    pub fn read(&self, tokens: &[u32], sound: &Tensor) -> Result<Tensor> {
        let network = &self.shared.network;
        network.read(tokens, &mut network.remember(&Sound::of(sound)?)?)?.squeeze(0)
    }

    /// [vocabulary, width]: what stands for each token.
    pub fn embedding(&self) -> &Tensor {
        self.shared.network.embedding()
    }

    /// What is said in a sound of so many samples, the likeliest token at a time.
    ///
    /// # Errors
    /// When the network fails.
    pub fn transcribe(
        &self,
        sound: &Tensor,
        n_samples: usize,
        language: Language,
    ) -> std::result::Result<String, SpeechError> {
        let Shared { tokens, network, .. } = &*self.shared;
        let options =
            DecodeOptions { language, temperature: 0.0, beams: 1, prompt: None, is_draft: false };
        let never: ShouldStop = Arc::new(|| false);
        let mut turns = [Turn::new(self.shared.decoding(&options, n_samples), never)];
        Sound::of(sound).and_then(|it| round::decode(network, &it, &mut turns)).map_err(failed)?;
        let (found, _) = turns[0].spans(tokens, n_samples)?;
        let bytes = found.into_iter().flat_map(|it| it.tokens).flat_map(|it| it.bytes);
        Ok(String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned())
    }
}

/// The mark of a time, which is at most the end of a window.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1500")]
fn mark(seconds: f64) -> u32 {
    let most = super::MAX_WINDOW / RATE as usize;
    (seconds.clamp(0.0, most as f64) * f64::from(PER_SECOND)).round() as u32
}
