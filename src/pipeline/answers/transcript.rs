//! What was said in a call: who, from when to when, in which words.

use std::time::Duration;

use crate::base::Private;
use crate::task::assist::{Speaker, Utterance};
use crate::task::speech::{Rendition, SpokenLanguage, Transcript};

/// What was said in a recording, in the words of a rendition; `speakers` are those of the channels, from the first.
///
/// Segments that were not transcribed are left out.
pub fn utterances(
    transcript: &Transcript,
    rendition: Rendition,
    speakers: &[Speaker],
) -> Vec<Utterance> {
    let said = transcript.segments.iter().filter(|it| it.language != SpokenLanguage::Other);
    let utterance = said.map(|it| Utterance {
        start: Duration::from_millis(it.start),
        end: Duration::from_millis(it.end),
        speaker: speakers.get(it.channel).copied().unwrap_or(Speaker::Unknown),
        text: Private::new(it.shown(rendition)),
    });
    utterance.filter(|it| !it.text.expose().is_empty()).collect()
}

/// A sentence of a call, word for word, at the times of its utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidSentence {
    /// Since the call began.
    pub start: Duration,
    /// Since the call began.
    pub end: Duration,
    /// Who.
    pub speaker: Speaker,
    /// The words.
    pub text: Private<String>,
}

/// The sentences of a call in the order of the utterances; times within an utterance are shared out by length.
pub fn sentences(utterances: &[Utterance]) -> Vec<SaidSentence> {
    let mut found = Vec::new();
    for utterance in utterances {
        let text = utterance.text.expose();
        let n_chars = text.chars().count().max(1) as f32;
        let length = utterance.end.saturating_sub(utterance.start);
        let at = |place: usize| utterance.start + length.mul_f32((place as f32 / n_chars).min(1.0));
        found.extend(super::quote::sentences(text).into_iter().map(|it| SaidSentence {
            start: at(it.start),
            end: at(it.end),
            speaker: utterance.speaker,
            text: Private::new(it.of(text).to_owned()),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::speech::{Segment, SpokenPii};

    #[test]
    fn a_transcript_is_shown_in_its_rendition() {
        let segment = |channel, language, text: &str| Segment {
            channel,
            start: 1_500,
            end: 2_000,
            language,
            text: Private::new(text.to_owned()),
            words: Vec::new(),
            pii: vec![SpokenPii {
                kind: "mobile_phone", mask: "〔行動電話〕", start: 1, end: 11
            }],
            confidence: 1.0,
        };
        let segments = vec![
            segment(1, SpokenLanguage::Mandarin, "打0912345678"),
            segment(0, SpokenLanguage::Other, ""),
        ];
        let transcript =
            Transcript { duration: 9_000, channels: 2, segments, ..Transcript::default() };
        let check = |rendition, speakers: &[Speaker], expected: (&str, Speaker)| {
            let found = utterances(&transcript, rendition, speakers);
            let shown: Vec<(&str, Speaker)> =
                found.iter().map(|it| (it.text.expose().as_str(), it.speaker)).collect();
            assert_eq!(shown, [expected]);
            assert_eq!(found[0].start, Duration::from_millis(1_500));
        };
        let both = [Speaker::Agent, Speaker::Citizen];
        check(Rendition::Redacted, &both, ("打〔行動電話〕", Speaker::Citizen));
        check(Rendition::Original, &both[..1], ("打0912345678", Speaker::Unknown));
    }

    #[test]
    fn sentences_share_the_time_of_their_utterance() {
        let second = Duration::from_secs;
        let utterance = Utterance {
            start: second(10),
            end: second(20),
            speaker: Speaker::Citizen,
            text: Private::new("你好嗎。身分證掉了。".to_owned()),
        };
        let found = sentences(&[utterance]);
        let shown: Vec<(u64, u64, &str)> = found
            .iter()
            .map(|it| (it.start.as_secs(), it.end.as_secs(), it.text.expose().as_str()))
            .collect();
        assert_eq!(shown, [(10, 14, "你好嗎。"), (14, 20, "身分證掉了。")]);
        assert!(!format!("{found:?}").contains("身分證"));
        assert_eq!(sentences(&[]), []);
    }
}
