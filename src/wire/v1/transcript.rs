//! Transcripts: the JSON document, and the same as subtitles and plain text.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::rfc3339;
use crate::task::speech::{self, CorrectedSegment, Millis, Rendition, Segment, Transcript};
use crate::wire::catalogue::Model;

use super::recognition::DISCLOSURE;

/// What was said in a recording.
#[derive(Serialize, ToSchema)]
pub struct TranscriptDocument {
    /// Which text is shown: `redacted` or `original`.
    pub rendition: &'static str,
    /// Length of the recording, in seconds.
    pub duration: f64,
    /// Channels that were listened to; two that say the same count as one.
    pub channels: usize,
    /// Who speaks on each channel.
    pub speakers: Vec<String>,
    /// Utterances by their beginnings.
    pub segments: Vec<SegmentDocument>,
    /// Share of the words that a person should hear again, 0 to 1.
    pub low_confidence_ratio: f32,
    /// Whether something was not transcribed: segments in another language are marked `und`.
    pub has_other_language: bool,
    /// What a person should know of the recording: it was cut off, something was lost in it, it is very quiet.
    pub notices: Vec<NoticeDocument>,
    /// Which model heard it.
    pub model: Model,
    /// What the answer is and is not.
    pub disclosure: &'static str,
}

/// What a person should know of a recording.
#[derive(Serialize, ToSchema)]
pub struct NoticeDocument {
    /// `truncated`, `gaps` or `quiet`; others may follow.
    #[schema(example = "truncated")]
    pub code: &'static str,
    /// The same in words.
    pub message: &'static str,
}

/// One utterance.
#[derive(Serialize, ToSchema)]
pub struct SegmentDocument {
    /// From 0.
    pub id: usize,
    /// Channel, from 0.
    pub channel: usize,
    /// Who speaks.
    pub speaker: String,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
    /// `zh-TW`, `en`, or `und` for what is not transcribed.
    pub language: &'static str,
    /// What was said.
    pub text: String,
    /// Geometric mean of the model's probabilities, 0 to 1.
    pub confidence: f32,
    /// A person should hear it again.
    pub low_confidence: bool,
    /// The same word by word.
    pub words: Vec<WordDocument>,
    /// Personal data: where in the original text (code points, end exclusive) and of what kind.
    pub pii: Vec<PiiDocument>,
    /// What a person has corrected; absent where it is as it was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction: Option<CorrectionDocument>,
}

/// Who corrected an utterance last, when, and what was heard.
#[derive(PartialEq, Serialize, ToSchema)]
pub struct CorrectionDocument {
    /// What was heard, in the same rendition.
    pub heard: String,
    /// Code of the person or the client.
    #[schema(example = "u-88")]
    pub by: String,
    /// When (RFC 3339, UTC).
    #[schema(example = "2026-11-24T01:02:03.000Z")]
    pub at: String,
}

/// One word: a Chinese character, or a run of letters and digits, with the marks after it.
#[derive(Serialize, ToSchema)]
pub struct WordDocument {
    /// As written.
    pub text: String,
    /// Seconds from the beginning.
    pub start: f64,
    /// Seconds from the beginning.
    pub end: f64,
    /// The model's probability, 0 to 1.
    pub confidence: f32,
}

/// Personal data in a segment.
#[derive(Serialize, ToSchema)]
pub struct PiiDocument {
    /// Its kind.
    pub kind: &'static str,
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// In which form a transcript is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// The JSON document.
    #[default]
    Json,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// Plain text, a line each utterance.
    Text,
}

impl Form {
    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Srt => "application/x-subrip",
            Form::Vtt => "text/vtt; charset=utf-8",
            Form::Text => "text/plain; charset=utf-8",
        }
    }
}

/// What is shown in the place of an utterance that was not transcribed.
const NOT_TRANSCRIBED: &str = "〔非國語或無法辨識,未轉寫〕";

/// A transcript on its way out.
pub struct Shown<'a> {
    /// What was said.
    pub transcript: &'a Transcript,
    /// Which text is shown.
    pub rendition: Rendition,
    /// Who speaks on each channel; channels without a name are numbered.
    pub speakers: &'a [String],
    /// What persons have corrected, by segment.
    pub corrected: Option<&'a BTreeMap<usize, CorrectedSegment>>,
}

impl Shown<'_> {
    /// The JSON document.
    pub fn document(&self, model: Model) -> TranscriptDocument {
        let segments = self.transcript.segments.iter().enumerate();
        let notices = self.transcript.notices.iter();
        TranscriptDocument {
            rendition: self.rendition.as_str(),
            duration: seconds(self.transcript.duration),
            channels: self.transcript.channels,
            speakers: (0..self.transcript.channels).map(|it| self.speaker(it)).collect(),
            segments: segments.map(|(id, it)| self.segment(id, it)).collect(),
            low_confidence_ratio: self.transcript.low_confidence_ratio(),
            has_other_language: self.transcript.has_other_language(),
            notices: notices
                .map(|it| NoticeDocument { code: it.as_str(), message: it.message() })
                .collect(),
            model,
            disclosure: DISCLOSURE,
        }
    }

    /// SubRip subtitles.
    pub fn srt(&self) -> String {
        let mut text = String::new();
        for (idx, segment) in self.said().enumerate() {
            let (start, end) = (stamp(segment.start, ','), stamp(end_of(segment), ','));
            let line = self.line(segment, false);
            // Writing to a string cannot fail, here and below.
            let _ = write!(text, "{}\n{start} --> {end}\n{line}\n\n", idx + 1);
        }
        text
    }

    /// WebVTT subtitles.
    pub fn vtt(&self) -> String {
        let mut text = String::from("WEBVTT\n\n");
        for segment in self.said() {
            let (start, end) = (stamp(segment.start, '.'), stamp(end_of(segment), '.'));
            let _ = write!(text, "{start} --> {end}\n{}\n\n", self.line(segment, true));
        }
        text
    }

    /// Plain text: with times and speakers when there is more than one channel, else the words alone.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for segment in self.said() {
            let line = self.line(segment, false);
            if 1 < self.transcript.channels {
                let start = stamp(segment.start, '.');
                let _ = write!(text, "[{}] ", start.get(..8).unwrap_or(&start));
            }
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Segments in which something was said: a person may have found that nothing was.
    fn said(&self) -> impl Iterator<Item = &Segment> {
        let is_empty = |it: &Segment| {
            it.language != speech::SpokenLanguage::Other && it.text.expose().is_empty()
        };
        self.transcript.segments.iter().filter(move |it| !is_empty(it))
    }

    /// One segment of the document.
    pub fn segment(&self, id: usize, segment: &Segment) -> SegmentDocument {
        let words = segment.shown_words(self.rendition).into_iter().map(|it| WordDocument {
            text: it.text.into_inner(),
            start: seconds(it.start),
            end: seconds(it.end),
            confidence: it.confidence,
        });
        let pii = segment.pii.iter();
        SegmentDocument {
            id,
            channel: segment.channel,
            speaker: self.speaker(segment.channel),
            start: seconds(segment.start),
            end: seconds(segment.end),
            language: segment.language.as_str(),
            text: segment.shown(self.rendition),
            confidence: segment.confidence,
            low_confidence: segment.confidence < Segment::LOW_CONFIDENCE,
            words: words.collect(),
            pii: pii
                .map(|it| PiiDocument { kind: it.kind, start: it.start, end: it.end })
                .collect(),
            correction: self.corrected.and_then(|it| it.get(&id)).map(|it| CorrectionDocument {
                heard: it.heard.shown(self.rendition),
                by: it.by.clone(),
                at: rfc3339(it.at),
            }),
        }
    }

    fn speaker(&self, channel: usize) -> String {
        let named = self.speakers.get(channel).cloned();
        named.unwrap_or_else(|| format!("聲道{}", channel + 1))
    }

    fn line(&self, segment: &Segment, is_marked_up: bool) -> String {
        let text = match segment.language {
            speech::SpokenLanguage::Other => NOT_TRANSCRIBED.to_owned(),
            _ => segment.shown(self.rendition),
        };
        let text = if is_marked_up {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        } else {
            // Two dashes and an arrow would look like the line of times.
            text.replace("-->", "→")
        };
        match (1 < self.transcript.channels, is_marked_up) {
            (false, _) => text,
            (true, true) => {
                let speaker = self.speaker(segment.channel).replace(['<', '>', '&', '\n'], " ");
                format!("<v {speaker}>{text}")
            }
            (true, false) => format!("{}:{text}", self.speaker(segment.channel)),
        }
    }
}

/// A subtitle lasts a moment at least: players drop what lasts no time.
fn end_of(segment: &Segment) -> Millis {
    segment.end.max(segment.start + 1)
}

/// `HH:MM:SS` and thousandths.
fn stamp(moment: Millis, point: char) -> String {
    let (seconds, millis) = (moment / 1000, moment % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{millis:03}", seconds % 60)
}

fn seconds(moment: Millis) -> f64 {
    moment as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Private;
    use crate::task::speech::{SpokenLanguage, SpokenPii, Word};

    fn transcript(channels: usize) -> Transcript {
        let word = |text: &str, offset, start| Word {
            text: Private::new(text.to_owned()),
            offset,
            start,
            end: start + 100,
            confidence: 0.9,
        };
        let pii = SpokenPii { kind: "mobile_phone", mask: "〔行動電話〕", start: 1, end: 11 };
        let said = Segment {
            channel: channels - 1,
            start: 3_661_001,
            end: 3_662_500,
            language: SpokenLanguage::Mandarin,
            text: Private::new("打0912345678<b>".to_owned()),
            words: vec![word("打", 0, 1000), word("0912345678<b>", 1, 1100)],
            pii: vec![pii],
            confidence: 0.4,
        };
        let other = Segment {
            channel: 0,
            start: 3_670_000,
            end: 3_670_000,
            language: SpokenLanguage::Other,
            text: Private::new(String::new()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 0.1,
        };
        let notices = vec![speech::SpeechNotice::Truncated];
        Transcript { duration: 3_700_000, channels, segments: vec![said, other], notices }
    }

    fn shown<'a>(transcript: &'a Transcript, speakers: &'a [String]) -> Shown<'a> {
        Shown { transcript, rendition: Rendition::Redacted, speakers, corrected: None }
    }

    #[test]
    fn subtitles() {
        let speakers = ["民眾".to_owned()];
        let two = transcript(2);
        let expected = "1\n01:01:01,001 --> 01:01:02,500\n聲道2:打〔行動電話〕<b>\n\n\
            2\n01:01:10,000 --> 01:01:10,001\n民眾:〔非國語或無法辨識,未轉寫〕\n\n";
        assert_eq!(shown(&two, &speakers).srt(), expected);
        let expected = "WEBVTT\n\n01:01:01.001 --> 01:01:02.500\n<v 聲道2>打〔行動電話〕&lt;b&gt;\n\n\
            01:01:10.000 --> 01:01:10.001\n<v 民眾>〔非國語或無法辨識,未轉寫〕\n\n";
        assert_eq!(shown(&two, &speakers).vtt(), expected);
    }

    #[test]
    fn plain_text() {
        let one = transcript(1);
        let expected = "打〔行動電話〕<b>\n〔非國語或無法辨識,未轉寫〕\n";
        assert_eq!(shown(&one, &[]).text(), expected);
        let two = transcript(2);
        assert!(shown(&two, &[]).text().starts_with("[01:01:01] 聲道2:打"));
    }

    #[test]
    fn the_document_shows_one_rendition() {
        let one = transcript(1);
        let model = || Model {
            name: "whisper-base".to_owned(),
            version: "1".to_owned(),
            sha256: "0".repeat(64),
        };
        let json = |rendition| {
            let shown = Shown { transcript: &one, rendition, speakers: &[], corrected: None };
            serde_json::to_value(shown.document(model())).unwrap()
        };
        let redacted = json(Rendition::Redacted);
        assert!(!redacted.to_string().contains("0912345678"), "{redacted}");
        assert_eq!(redacted["segments"][0]["text"], "打〔行動電話〕<b>");
        assert_eq!(redacted["segments"][0]["pii"][0]["kind"], "mobile_phone");
        assert_eq!(redacted["segments"][0]["low_confidence"], true);
        assert_eq!(redacted["segments"][1]["language"], "und");
        assert_eq!(
            (redacted["duration"].as_f64(), redacted["has_other_language"].as_bool()),
            (Some(3700.0), Some(true))
        );
        assert_eq!(redacted["notices"][0]["code"], "truncated");
        let original = json(Rendition::Original);
        assert_eq!(original["segments"][0]["words"][1]["text"], "0912345678<b>");
    }
}
