//! Opens the models of speech and listens to recordings in this process: for `fenwen transcribe` and for evaluation.

use std::fs::File;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::base::Clock;
use crate::base::priority::yielding;
use crate::config::{Config, SpeechRuntime};
use crate::engine::speech::{self, ShouldStop, SpeechEngine, SpeechModel, SpeechOptions};
use crate::engine::{Device, Placement};
use crate::media::audio::ffmpeg::Ffmpeg;
use crate::media::audio::{AudioLimits, Input, Survey};
use crate::pipeline::speech::{Observer, Resume};
use crate::registry::{FileRole, RegistryError};
use crate::service::speech::{
    Listener, ListenerParts, Run, Speech, SpeechLimits, SpeechParts, finish,
};
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;
use crate::task::service::ServiceName;
use crate::task::speech::{SpeechOrder, Transcript};

use super::networks::Opener;

/// Tells speech from everything else.
const ACTIVITY: &str = "silero-vad";
/// Workers at most, whatever the cores: each holds working memory of its own.
const MAX_WORKERS: usize = 4;
/// Workers of a device: each only hands windows over, and waits.
const DEVICE_WORKERS: usize = 32;

/// Opens the models that the settings name.
pub(super) fn open(config: &Config) -> anyhow::Result<Listener> {
    let opened = listeners(config, |device| vec![n_workers(config, device)])?;
    opened.into_iter().next().context("未能建立模型副本")
}

/// Opens listeners with as many workers each as `workers` wants on a device; they share the weights.
fn listeners(
    config: &Config,
    workers: impl Fn(Device) -> Vec<usize>,
) -> anyhow::Result<Vec<Listener>> {
    let opener = Opener::new(config)?;
    let workers = workers(opener.device());
    let copies = Placement { sessions: workers.len(), threads: 1 };
    let activity = opener.copies(&opener.verified(ACTIVITY)?, copies)?;
    let settings = &config.speech;
    let (model, speech) = models(&opener, config, workers.iter().sum())?;
    let limits = audio_limits(config)?;
    let mut speech = speech.into_iter();
    let listener = |(activity, n_workers): (_, usize)| {
        let speech = speech.by_ref().take(n_workers).collect();
        let (model, beams) = (model.clone(), settings.beams);
        let limits = limits.clone();
        Listener::new(ListenerParts { activity, speech, model, limits, beams })
    };
    Ok(activity.into_iter().zip(workers).map(listener).collect())
}

/// What is heard.
fn audio_limits(config: &Config) -> anyhow::Result<AudioLimits> {
    let settings = &config.speech;
    Ok(AudioLimits {
        max_bytes: settings.bytes,
        max_seconds: settings.seconds,
        ffmpeg: settings.ffmpeg.as_deref().map(ffmpeg).transpose()?,
        ..AudioLimits::default()
    })
}

/// The model that the settings name, for so many workers, which share its weights.
pub(super) fn models(
    opener: &Opener,
    config: &Config,
    n_workers: usize,
) -> anyhow::Result<(ModelInfo, Vec<Box<dyn SpeechModel>>)> {
    let settings = &config.speech;
    let model = yielding(|| opener.verified(&settings.model))?;
    let manifest = model.manifest();
    let weights = model
        .file(FileRole::Weights)
        .with_context(|| format!("模型「{}」未指定權重", manifest.id))?;
    let device = opener.device();
    let engine = engine(settings.engine, device);
    let options = SpeechOptions { engine, device, threads: settings.threads.max(1) };
    let speech = yielding(|| speech::open(weights, options, n_workers))
        .with_context(|| format!("無法開啟模型「{}」", manifest.id))?;
    let model = ModelInfo {
        name: manifest.id.to_string(),
        version: manifest.version.clone(),
        sha256: weights.sha256().to_owned(),
    };
    Ok((model, speech))
}

/// Which engine hears on a device: on a card candle, where this build has its kernels.
fn engine(settings: SpeechRuntime, device: Device) -> SpeechEngine {
    let has_kernels = cfg!(feature = "cuda") && device != Device::Cpu;
    match settings {
        SpeechRuntime::Candle => SpeechEngine::Candle,
        SpeechRuntime::Auto if has_kernels => SpeechEngine::Candle,
        SpeechRuntime::Auto | SpeechRuntime::Whisper => SpeechEngine::WhisperCpp,
    }
}

/// The system's ffmpeg, started by the server's own hidden command; evaluation is another program beside it.
fn ffmpeg(path: &Path) -> anyhow::Result<Arc<Ffmpeg>> {
    let program = super::sibling::beside("fenwen")?;
    Ok(Arc::new(Ffmpeg::by(program, &["ffmpeg-worker"], path.to_owned())))
}

/// Opens the ears of a server that has this service; without the models it serves all the same, and says what is missing.
pub(super) fn desk(
    config: &Config,
    services: &[ServiceName],
    clock: Arc<dyn Clock>,
) -> Arc<Speech> {
    let settings = &config.speech;
    let limits = SpeechLimits {
        direct_bytes: settings.direct_bytes,
        calls: settings.queue.max(1),
        streams: settings.streams,
        idle: Duration::from_secs(settings.idle_s.max(1)),
        resume: Duration::from_secs(settings.resume_s),
        stream: Duration::from_secs(settings.seconds),
    };
    let opened = if services.contains(&ServiceName::Speech) {
        parts(config).map(|it| Speech::new(it, limits, Arc::clone(&clock)))
    } else {
        audio_limits(config).map(|it| Speech::elsewhere(it, limits, Arc::clone(&clock)))
    };
    match opened {
        Ok(desk) => desk,
        Err(error) => {
            let remedy = remedy(&error, &settings.model);
            tracing::warn!(reason = format!("{error:#}"), remedy, "recordings are not transcribed");
            Speech::deaf(remedy, clock)
        }
    }
}

/// What callers read where nothing is heard: whether an operator is to fetch the models, to fetch them again, or to look further.
fn remedy(error: &anyhow::Error, model: &str) -> String {
    let pull = format!("fenwen models pull {model} {ACTIVITY}");
    match error.chain().find_map(|it| it.downcast_ref()) {
        Some(RegistryError::Missing { .. }) => {
            format!("語音模型尚未安裝,請管理者執行 {pull} 後重新啟動。")
        }
        Some(RegistryError::Broken { .. }) => format!(
            "語音模型的檔案毀損,請管理者執行 fenwen models verify {model} {ACTIVITY} 查看,以 {pull} 重新下載後重新啟動。"
        ),
        Some(RegistryError::Unknown { .. }) => {
            format!("設定的語音模型「{model}」不存在,請管理者更正 speech.model 後重新啟動。")
        }
        _ => "語音模型無法開啟,請管理者查看啟動時的紀錄,並執行 fenwen doctor。".to_owned(),
    }
}

/// One listener for jobs with every worker, and one with a worker of its own for those who wait.
fn parts(config: &Config) -> anyhow::Result<SpeechParts> {
    let mut listeners = listeners(config, |device| vec![n_workers(config, device), 1])?.into_iter();
    let mut next = || listeners.next().context("未能建立模型副本");
    Ok(SpeechParts { recordings: Arc::new(next()?), calls: Arc::new(next()?) })
}

/// One worker for each core that its threads leave free; where candle has another device, as many as it decodes together.
fn n_workers(config: &Config, device: Device) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    match (config.speech.workers, engine(config.speech.engine, device), device) {
        (0, SpeechEngine::Candle, Device::Cuda(_)) => DEVICE_WORKERS,
        (0, ..) => (cores / config.speech.threads.max(1)).clamp(1, MAX_WORKERS),
        (workers, ..) => workers,
    }
}

/// The models of speech in this process.
pub struct LocalEars {
    listener: Listener,
    engine: SpeechEngine,
}

impl LocalEars {
    /// Opens the models that the settings name.
    pub fn open(config: &Config) -> anyhow::Result<LocalEars> {
        let engine = engine(config.speech.engine, Opener::new(config)?.device());
        Ok(LocalEars { listener: open(config)?, engine })
    }

    /// Which engine hears, by its name in the settings; never `auto`.
    pub fn engine(&self) -> &'static str {
        self.engine.as_str()
    }

    /// Which model hears.
    pub fn model(&self) -> &ModelInfo {
        self.listener.model()
    }

    /// Transcribes one file.
    pub fn transcribe_file(
        &self,
        path: &Path,
        order: &SpeechOrder,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Transcript> {
        let open = || File::open(path).context("無法開啟檔案");
        let survey = self.listener.survey(open()?).map_err(told)?;
        self.transcribe(open()?, &survey, order, observer)
    }

    /// Transcribes a file in memory.
    pub fn transcribe_bytes(
        &self,
        bytes: &[u8],
        order: &SpeechOrder,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<Transcript> {
        let survey = self.listener.survey(Cursor::new(bytes)).map_err(told)?;
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
        Ok(finish(survey, self.listener.hear(input, &run, observer).map_err(told)?))
    }
}

/// The words of a refusal: its own text has only a number.
fn told(error: CallError) -> anyhow::Error {
    anyhow::anyhow!(error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{ModelId, VerifyError};

    #[test]
    fn a_card_that_candle_has_no_kernels_for_is_not_waited_for() {
        let card = Device::Cuda(0);
        #[track_caller]
        fn check(settings: SpeechRuntime, device: Device, expected: SpeechEngine) {
            assert_eq!(engine(settings, device), expected);
        }
        check(SpeechRuntime::Auto, Device::Cpu, SpeechEngine::WhisperCpp);
        check(SpeechRuntime::Whisper, card, SpeechEngine::WhisperCpp);
        check(SpeechRuntime::Candle, card, SpeechEngine::Candle);
        let has_kernels = cfg!(feature = "cuda");
        let automatic = if has_kernels { SpeechEngine::Candle } else { SpeechEngine::WhisperCpp };
        check(SpeechRuntime::Auto, card, automatic);

        let mut config = Config::default();
        let expected = if has_kernels { DEVICE_WORKERS } else { n_workers(&config, Device::Cpu) };
        assert_eq!(n_workers(&config, card), expected);
        config.speech.engine = SpeechRuntime::Whisper;
        assert_eq!(n_workers(&config, card), n_workers(&config, Device::Cpu));
        config.speech.workers = 7;
        assert_eq!(n_workers(&config, card), 7);
    }

    /// What callers are told of a failure.
    #[track_caller]
    fn check_remedy(error: RegistryError, words: &[&str]) {
        let told = remedy(&anyhow::Error::new(error).context("外層"), "whisper-base");
        assert!(words.iter().all(|it| told.contains(it)), "{told}");
    }

    #[test]
    fn models_that_are_missing_broken_and_unknown_have_remedies_of_their_own() {
        let id = ModelId::try_from("whisper-base".to_owned()).unwrap();
        let file = || "w".to_owned();
        let missing = RegistryError::Missing { id: id.clone(), file: file() };
        check_remedy(missing, &["尚未安裝", "models pull whisper-base silero-vad"]);
        let source = VerifyError::Mismatch { path: "w".into(), expected: file(), found: file() };
        check_remedy(
            RegistryError::Broken { id, file: file(), source },
            &["毀損", "models verify"],
        );
        let unknown = RegistryError::Unknown { id: "whisper-base".to_owned(), known: file() };
        check_remedy(unknown, &["不存在", "speech.model"]);
        let other = remedy(&anyhow::anyhow!("other"), "whisper-base");
        assert!(other.contains("無法開啟") && !other.contains("尚未安裝"), "{other}");
    }
}
