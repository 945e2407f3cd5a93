//! What was said in a call: who, from when to when, in which words.

use std::time::Duration;

use crate::base::Private;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// Who called.
    Citizen,
    /// Who answers the line.
    Agent,
    /// Not known.
    Unknown,
}

/// Words said without a break by one speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Since the call began.
    pub start: Duration,
    /// Since the call began.
    pub end: Duration,
    /// Who.
    pub speaker: Speaker,
    /// The words.
    pub text: Private<String>,
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
