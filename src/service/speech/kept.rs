//! Transcripts as they are kept: once, whole, so that each rendition can be made of them; and halves of them, from which
//! an interrupted job goes on.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use crate::base::{ErrorCode, Private};
use crate::pipeline::speech::{Resume, redact};
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;
use crate::task::speech::{Millis, Segment, SpeechNotice, SpokenLanguage, Transcript, Word};

/// The form that is written here.
const VERSION: u32 = 1;

/// Bytes of an unpacked half: four hours of two people who never pause.
const MAX_UNPACKED: u64 = 64 << 20;

/// A transcript with what must be known to show it, or a part of one. No `Debug`: it holds somebody's words.
pub struct KeptTranscript {
    /// What was said.
    pub transcript: Transcript,
    /// Who speaks on each channel.
    pub speakers: Vec<String>,
    /// Which model heard it.
    pub model: ModelInfo,
    /// Where an interrupted transcription goes on.
    pub resume: Resume,
}

impl KeptTranscript {
    /// As it is kept: JSON.
    ///
    /// # Errors
    /// Never for a transcript.
    pub fn encode(&self) -> Result<Private<Vec<u8>>, CallError> {
        serde_json::to_vec(&Form::of(self)).map(Private::new).map_err(|_| unreadable())
    }

    /// Reads what [`KeptTranscript::encode`] wrote. Personal data is looked for anew.
    ///
    /// # Errors
    /// When it was not written here.
    pub fn decode(json: &[u8]) -> Result<KeptTranscript, CallError> {
        let form: Form = serde_json::from_slice(json).map_err(|_| unreadable())?;
        if form.version == VERSION { Ok(form.read()) } else { Err(unreadable()) }
    }

    /// The same, small: for checkpoints.
    ///
    /// # Errors
    /// Never for a transcript.
    pub fn pack(&self) -> Result<Private<Vec<u8>>, CallError> {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(self.encode()?.expose()).map_err(|_| unreadable())?;
        packed.finish().map(Private::new).map_err(|_| unreadable())
    }

    /// Reads what [`KeptTranscript::pack`] wrote.
    ///
    /// # Errors
    /// When it was not written here.
    pub fn unpack(packed: &[u8]) -> Result<KeptTranscript, CallError> {
        let mut json = Vec::new();
        let mut unpacked = DeflateDecoder::new(packed).take(MAX_UNPACKED);
        unpacked.read_to_end(&mut json).map_err(|_| unreadable())?;
        KeptTranscript::decode(&json)
    }
}

fn unreadable() -> CallError {
    CallError::new(ErrorCode::Internal, "逐字稿無法讀取。")
}

/// One word: where in the text of its segment, when it begins and ends, and thousandths of its probability.
type KeptWord = (usize, Millis, Millis, u16);

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    duration: Millis,
    channels: usize,
    speakers: Vec<String>,
    model: [String; 3],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    heard_until: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
    segments: Vec<KeptSegment>,
}

#[derive(Serialize, Deserialize)]
struct KeptSegment {
    #[serde(rename = "c")]
    channel: usize,
    #[serde(rename = "s")]
    start: Millis,
    #[serde(rename = "e")]
    end: Millis,
    #[serde(rename = "l")]
    language: String,
    #[serde(rename = "t")]
    text: String,
    #[serde(rename = "p")]
    confidence: u16,
    #[serde(rename = "w")]
    words: Vec<KeptWord>,
}

impl Form {
    fn of(kept: &KeptTranscript) -> Form {
        let ModelInfo { name, version, sha256 } = kept.model.clone();
        let transcript = &kept.transcript;
        Form {
            version: VERSION,
            duration: transcript.duration,
            channels: transcript.channels,
            speakers: kept.speakers.clone(),
            model: [name, version, sha256],
            heard_until: kept.resume.heard_until.clone(),
            notices: transcript.notices.iter().map(|it| it.as_str().to_owned()).collect(),
            segments: transcript.segments.iter().map(KeptSegment::of).collect(),
        }
    }

    fn read(self) -> KeptTranscript {
        let [name, version, sha256] = self.model;
        let mut segments: Vec<Segment> = self.segments.into_iter().map(KeptSegment::read).collect();
        redact::redact(&mut segments);
        let (duration, channels) = (self.duration, self.channels);
        // One that a newer version has written is left out.
        let notices = self.notices.iter().filter_map(|it| SpeechNotice::named(it)).collect();
        KeptTranscript {
            transcript: Transcript { duration, channels, segments, notices },
            speakers: self.speakers,
            model: ModelInfo { name, version, sha256 },
            resume: Resume { heard_until: self.heard_until },
        }
    }
}

impl KeptSegment {
    fn of(segment: &Segment) -> KeptSegment {
        let words = segment.words.iter();
        KeptSegment {
            channel: segment.channel,
            start: segment.start,
            end: segment.end,
            language: segment.language.as_str().to_owned(),
            text: segment.text.expose().clone(),
            confidence: thousandths(segment.confidence),
            words: words
                .map(|it| (it.offset, it.start, it.end, thousandths(it.confidence)))
                .collect(),
        }
    }

    fn read(self) -> Segment {
        let chars: Vec<char> = self.text.chars().collect();
        let ends = self.words.iter().skip(1).map(|it| it.0).chain([chars.len()]);
        let words = self.words.iter().zip(ends);
        let words = words.map(|(&(offset, start, end, confidence), until)| Word {
            text: Private::new(chars.get(offset..until).unwrap_or_default().iter().collect()),
            offset,
            start,
            end,
            confidence: f32::from(confidence) / 1000.0,
        });
        Segment {
            channel: self.channel,
            start: self.start,
            end: self.end,
            language: language(&self.language),
            words: words.collect(),
            text: Private::new(self.text),
            pii: Vec::new(),
            confidence: f32::from(self.confidence) / 1000.0,
        }
    }
}

fn language(tag: &str) -> SpokenLanguage {
    let known = [SpokenLanguage::Mandarin, SpokenLanguage::English];
    known.into_iter().find(|it| it.as_str() == tag).unwrap_or(SpokenLanguage::Other)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of 1 has at most 1000 thousandths"
)]
fn thousandths(share: f32) -> u16 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::speech::Rendition;

    /// Something like a call of so many utterances.
    fn kept(n_segments: u64) -> KeptTranscript {
        let text = "我的電話0912345678";
        let segment = |idx: u64| {
            let word = |text: &str, offset: usize, from: Millis| Word {
                text: Private::new(text.to_owned()),
                offset,
                start: idx * 4000 + from,
                end: idx * 4000 + from + 210,
                confidence: 0.875,
            };
            let mut words: Vec<Word> = (0..4)
                .zip([0, 220, 400, 650])
                .map(|(at, from)| {
                    let ch: String = text.chars().skip(at).take(1).collect();
                    word(&ch, at, from)
                })
                .collect();
            words.push(word("0912345678", 4, 900));
            Segment {
                channel: usize::from(idx % 2 == 1),
                start: idx * 4000,
                end: idx * 4000 + 3000,
                language: SpokenLanguage::Mandarin,
                text: Private::new(text.to_owned()),
                words,
                pii: Vec::new(),
                confidence: 0.5,
            }
        };
        KeptTranscript {
            transcript: Transcript {
                duration: 4000 * n_segments,
                channels: 2,
                segments: (0..n_segments).map(segment).collect(),
                notices: vec![SpeechNotice::Gaps, SpeechNotice::Quiet],
            },
            speakers: vec!["民眾".to_owned(), "專員".to_owned()],
            model: ModelInfo { name: "m".into(), version: "1".into(), sha256: "0".into() },
            resume: Resume { heard_until: vec![16_000, 0] },
        }
    }

    #[track_caller]
    fn check(found: &KeptTranscript) {
        let before = kept(2);
        assert_eq!(found.transcript.segments.len(), 2);
        for (found, before) in found.transcript.segments.iter().zip(&before.transcript.segments) {
            let found_words = found.words.iter();
            assert!(found_words.eq(&before.words), "the words are the same");
            assert_eq!(
                (found.start, found.end, found.channel),
                (before.start, before.end, before.channel)
            );
            assert_eq!(found.shown(Rendition::Original), "我的電話0912345678");
            assert_eq!(found.shown(Rendition::Redacted), "我的電話〔行動電話〕");
        }
        assert_eq!((&found.speakers, &found.model), (&before.speakers, &before.model));
        assert_eq!(found.resume, before.resume);
        assert_eq!(found.transcript.notices, before.transcript.notices);
    }

    #[test]
    fn both_renditions_come_back() {
        check(&KeptTranscript::decode(kept(2).encode().unwrap().expose()).unwrap());
        check(&KeptTranscript::unpack(kept(2).pack().unwrap().expose()).unwrap());
    }

    #[test]
    fn four_hours_fit_a_checkpoint() {
        let packed = kept(3600).pack().unwrap();
        assert!(packed.expose().len() < 512 << 10, "{}", packed.expose().len());
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        for bad in [&b""[..], b"{}", b"[]", br#"{"version":2}"#] {
            assert!(KeptTranscript::decode(bad).is_err());
            assert!(KeptTranscript::unpack(bad).is_err());
        }
    }
}
