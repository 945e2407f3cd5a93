//! The messages of a live stream beside its sound: what its client says, and what it is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::answers::Answer;
use crate::task::assist::LiveQuestion;
use crate::task::call::CallError;
use crate::task::speech::{FrameCoding, Rendition, Segment, SpeechOrder};

use super::answers::AnswerResponse;
use super::body;
use super::meta::{self, Purpose, PurposeAsk};
use super::speech::{check_vocabulary, rendition_of};

/// Rates that are taken, in samples a second.
const RATES: [u32; 2] = [8_000, 16_000];
/// The same of Opus.
const OPUS_RATES: [u32; 3] = [8_000, 16_000, 48_000];

/// What a client says. Frames of sound are binary messages: mono samples of 16 bits, little end first, of 1 s at most; or
/// one packet of Opus each, of 20 to 60 ms, where an empty message stands for a packet that was lost.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum LiveRequest {
    /// The first message: begins a stream.
    Start {
        /// Samples a second: 8000 or 16000; with `opus` also 48000.
        #[schema(example = 16_000)]
        rate: u32,
        /// How frames are coded: `pcm` unless `opus` is said.
        #[schema(example = "pcm")]
        encoding: Option<String>,
        /// Which text is given: `redacted` unless `original` is asked for.
        rendition: Option<String>,
        /// Names and terms that are likely to be said.
        #[serde(default)]
        vocabulary: Vec<String>,
        /// Why.
        purpose: Option<Purpose>,
    },
    /// The first message: takes a stream up again whose connection broke.
    Resume {
        /// As `ready` told it.
        token: String,
        /// Number of the last `final` that arrived; all are told again without it.
        after: Option<u64>,
        /// Which text is given.
        rendition: Option<String>,
    },
    /// No sound follows.
    End,
}

/// A first message that has been checked.
pub enum Opening {
    /// Begins a stream.
    Start {
        /// Samples a second.
        rate: u32,
        /// How frames are coded.
        coding: FrameCoding,
        /// What is likely to be said.
        order: SpeechOrder,
        /// Which text is given.
        rendition: Rendition,
    },
    /// Takes one up again.
    Resume {
        /// Which.
        token: String,
        /// Number of the first `final` to tell again.
        from: u64,
        /// Which text is given.
        rendition: Rendition,
    },
}

/// Reads a message.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<LiveRequest, CallError> {
    body::parse(json, "", &["", "/purpose"])
}

/// Reads the first message.
///
/// # Errors
/// As [`parse`]; also when it is none that begins a stream.
pub fn parse_opening(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<Opening, CallError> {
    let rendition = |name: Option<String>| {
        name.map_or(Ok(Rendition::default()), |it| {
            rendition_of(&it).map_err(|_| {
                CallError::bad_value("/rendition", "應為 redacted(遮蔽個資)或 original(全文)。")
            })
        })
    };
    match parse(json)? {
        LiveRequest::Start { rate, encoding, rendition: name, vocabulary, purpose } => {
            let coding = match encoding.as_deref() {
                None | Some("pcm") => FrameCoding::Pcm,
                Some("opus") => FrameCoding::Opus,
                Some(_) => return Err(CallError::bad_value("/encoding", "應為 pcm 或 opus。")),
            };
            if coding == FrameCoding::Pcm && !RATES.contains(&rate) {
                return Err(CallError::bad_value("/rate", "應為 8000 或 16000。"));
            }
            if !OPUS_RATES.contains(&rate) {
                return Err(CallError::bad_value("/rate", "應為 8000、16000 或 48000。"));
            }
            check_vocabulary(&vocabulary, "/vocabulary")?;
            meta::check_purpose(purpose.as_ref(), &ask.into(), "")?;
            let order = SpeechOrder { vocabulary, ..SpeechOrder::default() };
            Ok(Opening::Start { rate, coding, order, rendition: rendition(name)? })
        }
        LiveRequest::Resume { token, after, rendition: name } => Ok(Opening::Resume {
            token,
            from: after.map_or(0, |it| it.saturating_add(1)),
            rendition: rendition(name)?,
        }),
        LiveRequest::End => Err(CallError::bad_value("/type", "第一則訊息應為 start 或 resume。")),
    }
}

/// What a client is told.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum LiveMessage {
    /// Sound may be sent.
    Ready {
        /// By which the stream is taken up again should the connection break.
        token: String,
        /// Seconds of sound that arrived before; go on there.
        received: f64,
        /// Bytes of a frame at most.
        frame_bytes: usize,
        /// Seconds after which a connection without a frame is closed.
        idle: f64,
        /// Seconds that a broken stream waits to be taken up again.
        resume: f64,
    },
    /// What was said so far since the last `final`. It may change; each replaces the one before.
    Partial {
        /// Seconds from the beginning of the stream.
        start: f64,
        /// Seconds from the beginning of the stream.
        end: f64,
        /// What was said.
        text: String,
    },
    /// A finished utterance.
    Final {
        /// From 0, without gaps.
        id: u64,
        /// Seconds from the beginning of the stream.
        start: f64,
        /// Seconds from the beginning of the stream.
        end: f64,
        /// `zh-TW`, `en`, or `und` for what is not transcribed.
        language: &'static str,
        /// What was said.
        text: String,
        /// 0 to 1.
        confidence: f32,
        /// A person should hear it again.
        low_confidence: bool,
    },
    /// What approved sources say to a question of the finished utterances; only with `answers=true`.
    Answer {
        /// Number of the `final` in which the question ends.
        id: u64,
        /// Seconds from the beginning of the stream.
        start: f64,
        /// Seconds from the beginning of the stream.
        end: f64,
        /// Its words, personal data masked, with those of the sentence before where it is short.
        question: String,
        /// As `POST /api/v1/qa/answers` answers; feedback is given under its `answer_id`.
        result: Box<AnswerResponse>,
    },
    /// A question could not be looked up; the stream goes on.
    Unasked {
        /// Number of the `final` in which the question ends.
        id: u64,
        /// Seconds from the beginning of the stream.
        start: f64,
        /// Seconds from the beginning of the stream.
        end: f64,
        /// Its words, as of `answer`.
        question: String,
        /// Code of the failure.
        code: &'static str,
        /// What to do, in Traditional Chinese.
        message: String,
    },
    /// Everything was heard; the connection is closed.
    Done {
        /// Seconds of sound that arrived.
        received: f64,
    },
    /// The stream cannot go on; the connection is closed.
    Error {
        /// Code of the failure.
        code: &'static str,
        /// What to do, in Traditional Chinese.
        message: String,
    },
}

impl LiveMessage {
    /// What was said so far; none without a segment.
    pub fn partial(segments: &[Segment], rendition: Rendition) -> Option<LiveMessage> {
        let (first, last) = (segments.first()?, segments.last()?);
        let texts: Vec<String> = segments.iter().map(|it| it.shown(rendition)).collect();
        Some(LiveMessage::Partial {
            start: seconds(first.start),
            end: seconds(last.end),
            text: texts.join(" "),
        })
    }

    /// A finished utterance.
    pub fn finished(id: u64, segment: &Segment, rendition: Rendition) -> LiveMessage {
        LiveMessage::Final {
            id,
            start: seconds(segment.start),
            end: seconds(segment.end),
            language: segment.language.as_str(),
            text: segment.shown(rendition),
            confidence: segment.confidence,
            low_confidence: segment.confidence < Segment::LOW_CONFIDENCE,
        }
    }

    /// What became of a question.
    pub fn answered(question: LiveQuestion, found: Result<Answer, CallError>) -> LiveMessage {
        let LiveQuestion { id, start, end, text } = question;
        let (start, end, question) = (thousandths(start), thousandths(end), text.into_inner());
        match found {
            Ok(answer) => {
                LiveMessage::Answer { id, start, end, question, result: Box::new(answer.into()) }
            }
            Err(CallError { code, message, .. }) => {
                LiveMessage::Unasked { id, start, end, question, code: code.number(), message }
            }
        }
    }

    /// Why a stream cannot go on.
    pub fn failed(error: CallError) -> LiveMessage {
        LiveMessage::Error { code: error.code.number(), message: error.message }
    }
}

/// Thousandths of a second as seconds.
pub fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

/// To the thousandth of a second.
fn thousandths(moment: Duration) -> f64 {
    (moment.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    #[test]
    fn good_and_bad_openings() {
        let check = |json: &str, expected: Option<&str>| {
            let error = parse_opening(json.as_bytes(), PurposeRule::Required).err();
            let found = error.map(|it| it.errors.first().map_or("?", |it| &it.pointer).to_owned());
            assert_eq!(found.as_deref(), expected, "{json}");
        };
        let start = |rest: &str| format!(r#"{{"type":"start","purpose":{{"code":"a"}}{rest}}}"#);
        check(&start(r#","rate":8000,"vocabulary":["甲"],"rendition":"original""#), None);
        check(&start(r#","rate":44100"#), Some("/rate"));
        check(&start(r#","rate":48000"#), Some("/rate"));
        check(&start(r#","rate":48000,"encoding":"opus""#), None);
        check(&start(r#","rate":44100,"encoding":"opus""#), Some("/rate"));
        check(&start(r#","rate":8000,"encoding":"mp3""#), Some("/encoding"));
        check(&start(r#","rate":8000,"rendition":"all""#), Some("/rendition"));
        check(&start(r#","rate":8000,"vocabulary":[""]"#), Some("/vocabulary/0"));
        check(r#"{"type":"start","rate":8000}"#, Some("/purpose"));
        check(r#"{"type":"resume","token":"t","after":3}"#, None);
        check(r#"{"type":"end"}"#, Some("/type"));
        check("x", Some("?"));
    }
}
