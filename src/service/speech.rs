//! Recordings: the one place where they are surveyed and heard, and where failures get the words that callers read.

mod assist;
mod change;
mod corrections;
mod desk;
mod ear;
mod job;
mod kept;
mod live;
mod sealed;

use std::sync::{Mutex, PoisonError};

use crate::base::ErrorCode;
use crate::engine::TensorModel;
use crate::engine::speech::{ShouldStop, SpeechModel};
use crate::media::audio::{self, AudioError, AudioLimits, AudioReader, Input, Survey};
use crate::pipeline::speech::hear::HearOptions;
use crate::pipeline::speech::{
    Ears, Listening, Observer, Resume, TranscribeError, transcribe, vocabulary,
};
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;
use crate::task::speech::{Segment, SpeechOrder};

pub use crate::pipeline::speech::transcribe::{finish, n_channels};
pub use assist::Assist;
pub use change::{Change, Changed, Heard, change, heard};
pub use corrections::{Corrected, Corrections, Editor};
pub use desk::{AdmittedCall, HeardRecording, Speech, SpeechLimits, SpeechParts, Told};
pub use ear::Ear;
pub use kept::KeptTranscript;
pub use live::{Live, LiveEvent, LiveOptions, LiveWork, Stream};
pub use sealed::SealedFile;

/// What a listener is made of.
pub struct ListenerParts {
    /// Tells speech from everything else.
    pub activity: Box<dyn TensorModel>,
    /// Hear windows side by side; at least one.
    pub speech: Vec<Box<dyn SpeechModel>>,
    /// Which model hears.
    pub model: ModelInfo,
    /// Limits of one recording.
    pub limits: AudioLimits,
    /// Sequences that the decoder follows.
    pub beams: usize,
}

struct Models {
    activity: Box<dyn TensorModel>,
    speech: Vec<Box<dyn SpeechModel>>,
}

/// Listens to recordings, one after another, each with every worker there is.
pub struct Listener {
    models: Mutex<Models>,
    model: ModelInfo,
    limits: AudioLimits,
    beams: usize,
}

/// One run over a recording: what is wanted, and from where on.
pub struct Run<'a> {
    /// What is known of the recording, from [`Listener::survey`].
    pub survey: &'a Survey,
    /// What is wanted.
    pub order: &'a SpeechOrder,
    /// Where to begin; the segments before it were finished by an earlier run.
    pub resume: &'a Resume,
    /// Whether nobody wants the transcript any more: cancelled, or past its deadline.
    pub should_stop: &'a ShouldStop,
}

impl Listener {
    /// A listener with these models.
    pub fn new(parts: ListenerParts) -> Listener {
        let ListenerParts { activity, speech, model, limits, beams } = parts;
        Listener { models: Mutex::new(Models { activity, speech }), model, limits, beams }
    }

    /// Which model hears.
    pub fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// Limits of one recording.
    pub fn limits(&self) -> &AudioLimits {
        &self.limits
    }

    /// Reads a recording to its end without hearing it. Blocks: seconds for an hour of sound.
    ///
    /// # Errors
    /// When it is no recording that is read, damaged, or over a limit; with the remedy.
    pub fn survey<'a>(&self, input: impl Input + 'a) -> Result<Survey, CallError> {
        audio::survey(input, &self.limits).map_err(|error| refused(&error))
    }

    /// Hears a recording. Blocks for as long as that takes, and until a recording before it is done.
    ///
    /// Segments are given to `observer` as they are finished, and all that were heard now in the end; [`finish`] makes
    /// the transcript of them and those of earlier runs.
    ///
    /// # Errors
    /// [`ErrorCode::Timeout`] soon after `should_stop` says so.
    pub fn hear<'a>(
        &self,
        input: impl Input + 'a,
        run: &Run<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Segment>, CallError> {
        let reader = AudioReader::open(input, &self.limits).map_err(|error| refused(&error))?;
        let prompt = vocabulary::prompt(&run.order.vocabulary);
        let options = HearOptions { beams: self.beams, prompt, is_draft: run.order.is_draft };
        let listening = Listening {
            survey: run.survey,
            options: &options,
            resume: run.resume,
            should_stop: run.should_stop,
        };
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let Models { activity, speech } = &mut *models;
        let speech = speech.iter_mut().map(|it| &mut **it as &mut dyn SpeechModel).collect();
        let ears = Ears { activity: &mut **activity, speech };
        transcribe(reader, ears, &listening, observer).map_err(|error| match error {
            TranscribeError::Audio(error) => refused(&error),
            TranscribeError::Stopped => CallError::timeout(),
            TranscribeError::Engine(error) => {
                tracing::error!(reason = %error, "a speech model failed");
                CallError::new(ErrorCode::Internal, "語音模型發生錯誤。")
            }
        })
    }
}

/// What a caller is told about a recording that is not heard.
fn refused(error: &AudioError) -> CallError {
    let message = match error {
        AudioError::Empty => "錄音檔是空的。".to_owned(),
        AudioError::Unsupported { format } => {
            format!("不支援 {format} 格式:{}", format.remedy_zh())
        }
        AudioError::UnsupportedCodec { codec } => {
            format!("不支援錄音檔的編碼({}):{}", codec.name_zh(), codec.remedy_zh())
        }
        AudioError::Unknown => {
            "不是可辨識的錄音檔,請改送 WAV、MP3、FLAC、OGG、M4A 或 WebM。".to_owned()
        }
        AudioError::TooLarge { what, value, limit } => {
            let (what, remedy) = match *what {
                "seconds" => ("長度(秒)", "請分段送件"),
                "channels" => ("聲道數", "請改為單聲道或雙聲道"),
                "rate" => ("取樣率", "請降低取樣率"),
                _ => ("檔案大小(位元組)", "請改用 Opus 或 MP3 壓縮,或分段送件"),
            };
            format!("錄音的{what} {value} 超過上限 {limit},{remedy}。")
        }
        AudioError::Broken { format, .. } => {
            format!("{format} 錄音檔毀損或不完整,請重新匯出後再送件。")
        }
        AudioError::Ffmpeg => {
            tracing::error!(reason = %error, "a recording cannot be decoded");
            "無法啟動 ffmpeg,請管理者檢查 speech.ffmpeg,或請先轉為 WAV。".to_owned()
        }
        AudioError::Read(_) => "無法讀取錄音檔。".to_owned(),
    };
    CallError::new(error.code(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::{Codec, Format};

    #[test]
    fn every_refusal_has_its_code_and_a_remedy() {
        #[track_caller]
        fn check(error: AudioError, code: ErrorCode, expected: &str) {
            let found = refused(&error);
            assert_eq!(found.code, code);
            assert!(found.message.contains(expected), "{}", found.message);
        }
        let large = |what| AudioError::TooLarge { what, value: 9, limit: 8 };
        check(AudioError::Empty, ErrorCode::BadValue, "空的");
        check(AudioError::Unknown, ErrorCode::UnsupportedMedia, "請改送 WAV");
        check(
            AudioError::Unsupported { format: Format::Amr },
            ErrorCode::UnsupportedMedia,
            "AMR 格式:請先以 ffmpeg",
        );
        check(
            AudioError::UnsupportedCodec { codec: Codec::Gsm },
            ErrorCode::UnsupportedMedia,
            "(gsm):請先",
        );
        for error in [
            AudioError::Unsupported { format: Format::AmrWb },
            AudioError::UnsupportedCodec { codec: Codec::Gsm },
        ] {
            check(error, ErrorCode::UnsupportedMedia, "speech.ffmpeg");
        }
        check(
            AudioError::UnsupportedCodec { codec: Codec::Other },
            ErrorCode::UnsupportedMedia,
            "(不明編碼):請先",
        );
        check(AudioError::Ffmpeg, ErrorCode::Internal, "speech.ffmpeg");
        check(large("seconds"), ErrorCode::TooLarge, "長度(秒) 9 超過上限 8,請分段送件");
        check(large("channels"), ErrorCode::TooLarge, "單聲道或雙聲道");
        check(large("bytes"), ErrorCode::TooLarge, "請改用 Opus");
        let broken = AudioError::Broken { format: Format::Mp3, reason: "x" };
        check(broken, ErrorCode::ContentRefused, "MP3 錄音檔毀損");
    }
}
