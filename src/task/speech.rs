//! Transcription of recordings: what is asked for and what was said.

use std::time::Duration;

use crate::base::Private;

/// Most terms of one order.
pub const MAX_TERMS: usize = 200;
/// Longest term, in characters.
pub const MAX_TERM: usize = 40;

/// How a recording is to be transcribed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpeechOrder {
    /// Names and terms that are likely to be said: at most [`MAX_TERMS`] of [`MAX_TERM`] characters.
    pub vocabulary: Vec<String>,
    /// Who speaks on each channel; channels without a name are numbered.
    pub speakers: Vec<String>,
    /// Heard once and quickly, without a second look at what is unsure: it will be heard again soon.
    pub is_draft: bool,
}

/// How the frames of a live stream are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameCoding {
    /// Samples of 16 bits.
    #[default]
    Pcm,
    /// A packet of Opus in each; an empty one stands for one that was lost.
    Opus,
}

/// Which text of a transcript is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// Personal data is replaced by the name of its kind.
    #[default]
    Redacted,
    /// Everything that was heard.
    Original,
}

impl Rendition {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Rendition::Redacted => "redacted",
            Rendition::Original => "original",
        }
    }
}

/// What a segment is spoken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpokenLanguage {
    /// 國語
    Mandarin,
    /// 英語
    English,
    /// Another language, or nothing that can be understood: marked, not transcribed.
    Other,
}

impl SpokenLanguage {
    /// The wire name: a BCP 47 tag, `und` for what is not transcribed.
    pub fn as_str(self) -> &'static str {
        match self {
            SpokenLanguage::Mandarin => "zh-TW",
            SpokenLanguage::English => "en",
            SpokenLanguage::Other => "und",
        }
    }
}

/// A moment of a recording, in thousandths of a second from its beginning.
pub type Millis = u64;

/// One word: a Chinese character, or a run of letters and digits, with the punctuation after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// As written in the segment.
    pub text: Private<String>,
    /// Where it stands in the text of the segment: first code point.
    pub offset: usize,
    /// When it begins.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// The model's probability, 0 to 1.
    pub confidence: f32,
}

/// Personal data in the text of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpokenPii {
    /// Its kind's wire name.
    pub kind: &'static str,
    /// What is shown in its place; nothing where another segment shows it.
    pub mask: &'static str,
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// One utterance of one speaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Channel of the recording, from 0.
    pub channel: usize,
    /// When it begins.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// What it is spoken in.
    pub language: SpokenLanguage,
    /// What was said; empty when it was not transcribed.
    pub text: Private<String>,
    /// The same, word by word.
    pub words: Vec<Word>,
    /// Personal data in it, in order, not overlapping.
    pub pii: Vec<SpokenPii>,
    /// Geometric mean of the model's probabilities, 0 to 1.
    pub confidence: f32,
}

impl Segment {
    /// Below this a word or segment should be heard again by a person.
    pub const LOW_CONFIDENCE: f32 = 0.5;

    /// Its text in a rendition.
    pub fn shown(&self, rendition: Rendition) -> String {
        let text = self.text.expose();
        if rendition == Rendition::Original {
            return text.clone();
        }
        let mut shown = String::with_capacity(text.len());
        let mut found = self.pii.iter().peekable();
        for (idx, ch) in text.chars().enumerate() {
            while found.next_if(|it| it.end <= idx).is_some() {}
            match found.peek() {
                Some(it) if it.start == idx => shown.push_str(it.mask),
                Some(it) if it.start < idx => (),
                _ => shown.push(ch),
            }
        }
        shown
    }

    /// Its words in a rendition: those that personal data covers become one, with the name of its kind.
    pub fn shown_words(&self, rendition: Rendition) -> Vec<Word> {
        if rendition == Rendition::Original {
            return self.words.clone();
        }
        let mut shown: Vec<Word> = Vec::with_capacity(self.words.len());
        let mut last_hit = None;
        for word in &self.words {
            let end = word.offset + word.text.expose().chars().count();
            let hit = self.pii.iter().position(|it| it.start < end && word.offset < it.end);
            match (hit, shown.last_mut()) {
                (Some(idx), Some(last)) if last_hit == Some(idx) => last.end = word.end,
                (Some(idx), _) => {
                    let mask = self.pii.get(idx).map_or("", |it| it.mask);
                    shown.push(Word { text: Private::new(mask.to_owned()), ..word.clone() });
                }
                (None, _) => shown.push(word.clone()),
            }
            last_hit = hit;
        }
        shown
    }
}

/// What is told of a segment that a person has corrected.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrectedSegment {
    /// As it was heard.
    pub heard: Segment,
    /// Code of who corrected it last.
    pub by: String,
    /// When: since 1970-01-01T00:00:00Z.
    pub at: Duration,
}

/// What a person should know of a recording whose transcript lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpeechNotice {
    /// It ends before its header says so.
    Truncated,
    /// Something was lost inside; silence stands in its place.
    Gaps,
    /// It is so quiet that what is said may go unheard.
    Quiet,
}

impl SpeechNotice {
    /// All of them.
    pub const ALL: [SpeechNotice; 3] =
        [SpeechNotice::Truncated, SpeechNotice::Gaps, SpeechNotice::Quiet];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            SpeechNotice::Truncated => "truncated",
            SpeechNotice::Gaps => "gaps",
            SpeechNotice::Quiet => "quiet",
        }
    }

    /// The notice of a wire name.
    pub fn named(name: &str) -> Option<SpeechNotice> {
        SpeechNotice::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// What officers read.
    pub fn message(self) -> &'static str {
        match self {
            SpeechNotice::Truncated => "錄音檔不完整,在應有的長度之前結束;逐字稿只到此為止。",
            SpeechNotice::Gaps => "錄音檔中有遺失的片段,以靜音補足;該處的語句沒有轉寫。",
            SpeechNotice::Quiet => "錄音音量極低,語句可能沒有全部轉寫;請確認錄音設備的音量。",
        }
    }
}

/// Everything that was said in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// Length of the recording.
    pub duration: Millis,
    /// Channels that were listened to.
    pub channels: usize,
    /// Utterances by their beginnings.
    pub segments: Vec<Segment>,
    /// What a person should know of the recording.
    pub notices: Vec<SpeechNotice>,
}

impl Transcript {
    /// Share of the words whose confidence is below [`Segment::LOW_CONFIDENCE`], 0 to 1; 0 without a word.
    pub fn low_confidence_ratio(&self) -> f32 {
        let words = || self.segments.iter().flat_map(|it| &it.words);
        let n_low = words().filter(|it| it.confidence < Segment::LOW_CONFIDENCE).count();
        n_low as f32 / words().count().max(1) as f32
    }

    /// Whether something in it was not transcribed.
    pub fn has_other_language(&self) -> bool {
        self.segments.iter().any(|it| it.language == SpokenLanguage::Other)
    }
}

/// How far a transcription is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeechProgress {
    /// Length of what was listened to.
    pub done: Millis,
    /// Length of the recording.
    pub total: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str, pii: &[(usize, usize)]) -> Segment {
        let words = text.chars().enumerate().map(|(idx, ch)| Word {
            text: Private::new(ch.to_string()),
            offset: idx,
            start: idx as u64 * 100,
            end: idx as u64 * 100 + 100,
            confidence: 0.9,
        });
        let spoken = |it: &(usize, usize)| SpokenPii {
            kind: "mobile_phone",
            mask: "〔行動電話〕",
            start: it.0,
            end: it.1,
        };
        Segment {
            channel: 0,
            start: 0,
            end: 1000,
            language: SpokenLanguage::Mandarin,
            text: Private::new(text.to_owned()),
            words: words.collect(),
            pii: pii.iter().map(spoken).collect(),
            confidence: 0.9,
        }
    }

    #[test]
    fn renditions() {
        let check = |text: &str, pii: &[(usize, usize)], expected: &str| {
            let segment = segment(text, pii);
            assert_eq!(segment.shown(Rendition::Redacted), expected);
            assert_eq!(segment.shown(Rendition::Original), text);
            let words = segment.shown_words(Rendition::Redacted);
            let joined: String = words.iter().map(|it| it.text.expose().as_str()).collect();
            assert_eq!(joined, expected, "the words say the same");
        };
        check("我是甲", &[], "我是甲");
        check("打0912謝謝", &[(1, 5)], "打〔行動電話〕謝謝");
        check("0912", &[(0, 4)], "〔行動電話〕");
        check("甲12乙34", &[(1, 3), (4, 6)], "甲〔行動電話〕乙〔行動電話〕");
        check("1234", &[(0, 2), (2, 4)], "〔行動電話〕〔行動電話〕");
    }

    #[test]
    fn notices_are_known_by_their_names() {
        for notice in SpeechNotice::ALL {
            assert_eq!(SpeechNotice::named(notice.as_str()), Some(notice));
        }
        assert_eq!(SpeechNotice::named("loud"), None);
    }

    #[test]
    fn the_masked_word_spans_what_it_hides() {
        let words = segment("打0912謝謝", &[(1, 5)]).shown_words(Rendition::Redacted);
        assert_eq!(words.iter().map(|it| (it.start, it.end)).nth(1), Some((100, 500)));
    }

    #[test]
    fn doubtful_words_are_counted() {
        let mut segment = segment("甲乙丙丁", &[]);
        segment.words[1].confidence = 0.2;
        let transcript = Transcript { segments: vec![segment], ..Transcript::default() };
        assert_eq!(transcript.low_confidence_ratio(), 0.25);
        assert_eq!(Transcript::default().low_confidence_ratio(), 0.0);
    }
}
