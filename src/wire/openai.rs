//! Transcription in the shapes that clients of OpenAI's interface expect. Only the shapes are theirs.

pub mod embeddings;
pub mod models;

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::{ErrorCode, RequestId};
use crate::task::call::CallError;
use crate::task::speech::{MAX_TERM, MAX_TERMS, Rendition, Transcript};

use super::problem;
use super::v1::transcript::Shown;

/// In which form a transcription is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudioForm {
    /// The text alone.
    #[default]
    Json,
    /// With segments and words.
    Verbose,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// Plain text.
    Text,
}

impl AudioForm {
    /// By its name in a request.
    pub fn of(name: &str) -> Option<AudioForm> {
        Some(match name {
            "json" => AudioForm::Json,
            "verbose_json" => AudioForm::Verbose,
            "srt" => AudioForm::Srt,
            "vtt" => AudioForm::Vtt,
            "text" => AudioForm::Text,
            _ => return None,
        })
    }
}

/// Whether a language may be announced: those that are transcribed.
pub fn is_language(tag: &str) -> bool {
    let main = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    matches!(main.as_str(), "zh" | "cmn" | "en" | "chinese" | "mandarin" | "english")
}

/// The terms of a prompt: what stands between its marks and spaces; longer pieces are sentences and are left out.
pub fn terms(prompt: &str) -> Vec<String> {
    let is_between = |ch: char| ch.is_whitespace() || ch.is_control() || ",、,;;。.::".contains(ch);
    let pieces = prompt.split(is_between).filter(|it| !it.is_empty());
    let short = pieces.filter(|it| it.chars().nth(MAX_TERM).is_none());
    short.take(MAX_TERMS).map(str::to_owned).collect()
}

/// The text alone.
#[derive(Serialize, ToSchema)]
pub struct AudioText {
    /// What was said.
    pub text: String,
}

/// With segments and words.
#[derive(Serialize, ToSchema)]
pub struct AudioVerbose {
    /// `transcribe`.
    pub task: &'static str,
    /// `chinese` or `english`: what most of it is spoken in.
    pub language: &'static str,
    /// Length in seconds.
    pub duration: f64,
    /// What was said.
    pub text: String,
    /// Utterances; when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<AudioSegment>>,
    /// Words; when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<AudioWord>>,
}

/// One utterance. Typed clients refuse one without `tokens`, `temperature` and `no_speech_prob`: they are there, and say nothing.
#[derive(Serialize, ToSchema)]
pub struct AudioSegment {
    /// From 0.
    pub id: usize,
    /// Hundredths of a second from the beginning.
    pub seek: u64,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
    /// What was said.
    pub text: String,
    /// Always empty.
    pub tokens: Vec<u32>,
    /// Always 0.
    pub temperature: f32,
    /// Logarithm of the mean probability of its characters.
    pub avg_logprob: f32,
    /// Bytes of the text over those that zlib makes of it: what repeats itself has more. Short texts have less than with
    /// Python's zlib, for which whisper's bound of 2.4 was chosen.
    pub compression_ratio: f64,
    /// Always 0: silence has no segments.
    pub no_speech_prob: f32,
}

/// One word.
#[derive(Serialize, ToSchema)]
pub struct AudioWord {
    /// As written.
    pub word: String,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
}

/// Which times are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granularities {
    /// Those of utterances.
    pub segments: bool,
    /// Those of words.
    pub words: bool,
}

/// A transcript in a form that clients of this interface read.
pub struct AudioAnswer<'a> {
    /// What was said.
    pub transcript: &'a Transcript,
    /// Which text is shown.
    pub rendition: Rendition,
}

impl AudioAnswer<'_> {
    fn shown(&self) -> Shown<'_> {
        Shown {
            transcript: self.transcript,
            rendition: self.rendition,
            speakers: &[],
            corrected: None,
        }
    }

    /// The text: a line each utterance.
    pub fn text(&self) -> String {
        self.shown().text().trim_end().to_owned()
    }

    /// SubRip subtitles.
    pub fn srt(&self) -> String {
        self.shown().srt()
    }

    /// WebVTT subtitles.
    pub fn vtt(&self) -> String {
        self.shown().vtt()
    }

    /// With segments and words.
    pub fn verbose(&self, wanted: Granularities) -> AudioVerbose {
        let segments = &self.transcript.segments;
        let n_english = segments.iter().filter(|it| it.language.as_str() == "en").count();
        let is_english = segments.len() < 2 * n_english;
        AudioVerbose {
            task: "transcribe",
            language: if is_english { "english" } else { "chinese" },
            duration: seconds(self.transcript.duration),
            text: self.text(),
            segments: wanted.segments.then(|| self.segments()),
            words: wanted.words.then(|| self.words()),
        }
    }

    fn segments(&self) -> Vec<AudioSegment> {
        let segments = self.transcript.segments.iter().enumerate();
        let segment = |(id, it): (usize, &crate::task::speech::Segment)| {
            let text = it.shown(self.rendition);
            AudioSegment {
                id,
                seek: it.start / 10,
                start: seconds(it.start),
                end: seconds(it.end),
                tokens: Vec::new(),
                temperature: 0.0,
                avg_logprob: it.confidence.max(1e-3).ln(),
                compression_ratio: compression_ratio(&text),
                no_speech_prob: 0.0,
                text,
            }
        };
        segments.map(segment).collect()
    }

    fn words(&self) -> Vec<AudioWord> {
        let segments = self.transcript.segments.iter();
        let words = segments.flat_map(|it| it.shown_words(self.rendition));
        words
            .map(|it| AudioWord {
                word: it.text.into_inner(),
                start: seconds(it.start),
                end: seconds(it.end),
            })
            .collect()
    }
}

/// As OpenAI's whisper computes it (utils.py); of short texts this deflate makes more bytes than Python's.
fn compression_ratio(text: &str) -> f64 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Nothing fails to be written to memory.
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    compressed.map_or(0.0, |it| text.len() as f64 / it.len().max(1) as f64)
}

fn seconds(moment: u64) -> f64 {
    moment as f64 / 1000.0
}

/// A part of a streamed transcription.
#[derive(Serialize, ToSchema)]
pub struct AudioDelta {
    /// `transcript.text.delta`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What was said next.
    pub delta: String,
}

/// The end of a streamed transcription.
#[derive(Serialize, ToSchema)]
pub struct AudioDone {
    /// `transcript.text.done`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// All that was said.
    pub text: String,
}

/// A message of a streamed transcription, as Server-Sent Events have it.
#[derive(ToSchema)]
pub struct AudioMessage {
    /// An `AudioDelta`, the `AudioDone`, an `AudioFailure`, or `[DONE]` at the end.
    pub data: String,
}

/// A failure as clients of this interface read it.
#[derive(Serialize, ToSchema)]
pub struct AudioFailure {
    /// It.
    pub error: AudioError,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub struct AudioError {
    /// What to do, in Traditional Chinese.
    pub message: String,
    /// Its kind, by its status.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    pub kind: &'static str,
    /// The field that is wrong.
    #[schema(required = true)]
    pub param: Option<String>,
    /// Our code of the failure.
    #[schema(example = "ER0440")]
    pub code: &'static str,
    /// Identifies the call in our logs.
    pub request_id: String,
}

impl AudioFailure {
    /// A failed call in this shape.
    pub fn of(error: CallError, request_id: RequestId) -> AudioFailure {
        let kind = match problem::status(error.code) {
            429 => "rate_limit_error",
            404 => "not_found_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let field = error.errors.first().map(|it| it.pointer.trim_start_matches('/').to_owned());
        let message = match error.errors.first() {
            Some(field) => field.detail.clone(),
            None => error.message,
        };
        let name = field.as_deref().unwrap_or_default();
        let message = if name.is_empty() { message } else { format!("{name}:{message}") };
        let code = ErrorCode::number(error.code);
        let request_id = request_id.to_string();
        AudioFailure { error: AudioError { message, kind, param: field, code, request_id } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Private, SystemClock};
    use crate::task::speech::{Segment, SpokenLanguage, SpokenPii, Word};

    #[test]
    fn prompts_become_terms() {
        let check = |prompt: &str, expected: &[&str]| assert_eq!(terms(prompt), expected);
        check("", &[]);
        check("國土管理署、戶政司。New Taipei", &["國土管理署", "戶政司", "New", "Taipei"]);
        check(&format!("{},甲", "乙".repeat(41)), &["甲"]);
    }

    #[test]
    fn languages() {
        let check = |tag: &str, expected| assert_eq!(is_language(tag), expected, "{tag}");
        check("zh", true);
        check("zh-TW", true);
        check("EN", true);
        check("ja", false);
        check("", false);
    }

    #[test]
    fn verbose_answers_are_redacted_unless_asked_otherwise() {
        let said = Segment {
            channel: 0,
            start: 1500,
            end: 2500,
            language: SpokenLanguage::Mandarin,
            text: Private::new("打0912345678".to_owned()),
            words: vec![Word {
                text: Private::new("打0912345678".to_owned()),
                offset: 0,
                start: 1500,
                end: 2500,
                confidence: 0.5,
            }],
            pii: vec![SpokenPii {
                kind: "mobile_phone", mask: "〔行動電話〕", start: 1, end: 11
            }],
            confidence: 0.5,
        };
        let transcript = Transcript {
            duration: 3000,
            channels: 1,
            segments: vec![said],
            ..Transcript::default()
        };
        let answer = AudioAnswer { transcript: &transcript, rendition: Rendition::Redacted };
        let found = answer.verbose(Granularities { segments: true, words: true });
        let json = serde_json::to_value(&found).unwrap();
        assert!(!json.to_string().contains("0912345678"), "{json}");
        let segment = &json["segments"][0];
        assert_eq!(segment["start"], 1.5);
        assert!((segment["avg_logprob"].as_f64().unwrap() - 0.5_f64.ln()).abs() < 1e-6);
        assert!(segment["compression_ratio"].as_f64().unwrap() < 1.0, "a short text only grows");
        for needed in ["tokens", "temperature", "no_speech_prob"] {
            assert!(segment.get(needed).is_some(), "typed clients need {needed}");
        }
        assert_eq!((&json["language"], &json["duration"]), (&"chinese".into(), &3.0.into()));
        let found = answer.verbose(Granularities { segments: false, words: false });
        let json = serde_json::to_value(&found).unwrap();
        assert!(json.get("segments").is_none() && json.get("words").is_none());
    }

    #[test]
    fn what_repeats_itself_is_compressed_more() {
        assert_eq!(compression_ratio(""), 0.0);
        let (plain, repeated) = ("請問戶籍遷入要帶哪些證件", "謝謝".repeat(10));
        assert!(compression_ratio(plain) < 1.0);
        assert!(2.0 < compression_ratio(&repeated), "{}", compression_ratio(&repeated));
    }

    #[test]
    fn failures_name_their_field_and_remedy() {
        let check = |error: CallError, kind: &str, param: Option<&str>| {
            let found = AudioFailure::of(error, RequestId::fresh(&SystemClock)).error;
            assert_eq!((found.kind, found.param.as_deref()), (kind, param));
        };
        check(CallError::bad_value("/file", "必填。"), "invalid_request_error", Some("file"));
        check(CallError::new(ErrorCode::Overloaded, "忙"), "rate_limit_error", None);
        check(CallError::timeout(), "server_error", None);
    }
}
