//! Opens the models of speech and listens to recordings in this process: for `fenwen transcribe` and for evaluation.

use std::fs::File;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::config::{Config, SpeechRuntime};
use crate::engine::Placement;
use crate::engine::speech::{self, ShouldStop, SpeechEngine, SpeechOptions};
use crate::media::audio::{AudioLimits, Input, Survey};
use crate::pipeline::speech::{Observer, Resume};
use crate::registry::FileRole;
use crate::service::speech::{Listener, ListenerParts, Run, finish};
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;
use crate::task::speech::{SpeechOrder, Transcript};

use super::networks::Opener;

/// Tells speech from everything else.
const ACTIVITY: &str = "silero-vad";
/// Workers at most, whatever the cores: each holds working memory of its own.
const MAX_WORKERS: usize = 4;

/// Opens the models that the settings name.
pub(super) fn open(config: &Config) -> anyhow::Result<Listener> {
    let opener = Opener::new(config)?;
    let one = Placement { sessions: 1, threads: 1 };
    let activity = opener.copies(&opener.verified(ACTIVITY)?, one)?;
    let activity = activity.into_iter().next().context("no copy of a model was made")?;
    let settings = &config.speech;
    let model = opener.verified(&settings.model)?;
    let manifest = model.manifest();
    let weights = model
        .file(FileRole::Weights)
        .with_context(|| format!("model `{}` names no weights", manifest.id))?;
    let engine = match settings.engine {
        SpeechRuntime::Whisper => SpeechEngine::WhisperCpp,
        SpeechRuntime::Candle => SpeechEngine::Candle,
    };
    let options = SpeechOptions { engine, threads: settings.threads.max(1) };
    let speech = speech::open(weights, options, n_workers(config))
        .with_context(|| format!("failed to open model `{}`", manifest.id))?;
    let model = ModelInfo {
        name: manifest.id.to_string(),
        version: manifest.version.clone(),
        sha256: weights.sha256().to_owned(),
    };
    let limits = AudioLimits {
        max_bytes: settings.bytes,
        max_seconds: settings.seconds,
        ..AudioLimits::default()
    };
    Ok(Listener::new(ListenerParts { activity, speech, model, limits, beams: settings.beams }))
}

/// One worker for each core that its threads leave free.
fn n_workers(config: &Config) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    match config.speech.workers {
        0 => (cores / config.speech.threads.max(1)).clamp(1, MAX_WORKERS),
        workers => workers,
    }
}

/// The models of speech in this process.
pub struct LocalEars(Listener);

impl LocalEars {
    /// Opens the models that the settings name.
    pub fn open(config: &Config) -> anyhow::Result<LocalEars> {
        open(config).map(LocalEars)
    }

    /// Which model hears.
    pub fn model(&self) -> &ModelInfo {
        self.0.model()
    }

    /// Transcribes one file.
    pub fn transcribe_file(
        &self,
        path: &Path,
        order: &SpeechOrder,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Transcript> {
        let open = || File::open(path).context("failed to open the file");
        let survey = self.0.survey(open()?).map_err(told)?;
        self.transcribe(open()?, &survey, order, observer)
    }

    /// Transcribes a file in memory.
    pub fn transcribe_bytes(
        &self,
        bytes: &[u8],
        order: &SpeechOrder,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Transcript> {
        let survey = self.0.survey(Cursor::new(bytes)).map_err(told)?;
        self.transcribe(Cursor::new(bytes), &survey, order, observer)
    }

    fn transcribe<'a>(
        &self,
        input: impl Input + 'a,
        survey: &Survey,
        order: &SpeechOrder,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Transcript> {
        let should_stop: ShouldStop = Arc::new(|| false);
        let resume = Resume::default();
        let run = Run { survey, order, resume: &resume, should_stop: &should_stop };
        Ok(finish(survey, self.0.hear(input, &run, observer).map_err(told)?))
    }
}

/// The words of a refusal: its own text has only a number.
fn told(error: CallError) -> anyhow::Error {
    anyhow::anyhow!(error.message)
}
