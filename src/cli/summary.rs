//! A call summed up on the command line: its weightiest sentences, word for word, each with its time and speaker.

use std::time::Duration;

use crate::pipeline::answers::summary::summarise;
use crate::pipeline::answers::transcript::utterances;
use crate::task::assist::Speaker;
use crate::task::speech::{Rendition, Transcript};

/// Sentences of a summary.
const SENTENCES: usize = 8;

/// The summary, a line each sentence; `names` are those of the channels, 民眾 and 專員 being shown.
pub(super) fn summary(transcript: &Transcript, rendition: Rendition, names: &[String]) -> String {
    let speakers: Vec<Speaker> = names.iter().map(|it| speaker(it)).collect();
    let said = summarise(&utterances(transcript, rendition, &speakers), SENTENCES);
    let line = |speaker: Speaker, start: Duration, text: &str| {
        let seconds = start.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        format!("[{hours:02}:{minutes:02}:{:02}] {}{text}\n", seconds % 60, prefix(speaker))
    };
    said.iter().map(|it| line(it.speaker, it.start, it.text.expose())).collect()
}

fn speaker(name: &str) -> Speaker {
    match name {
        "民眾" => Speaker::Citizen,
        "專員" => Speaker::Agent,
        _ => Speaker::Unknown,
    }
}

fn prefix(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Citizen => "民眾:",
        Speaker::Agent => "專員:",
        Speaker::Unknown => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Private;
    use crate::task::speech::{Segment, SpokenLanguage};

    #[test]
    fn sentences_have_their_times_and_speakers() {
        let segment = |channel, start, text: &str| Segment {
            channel,
            start,
            end: start + 4_000,
            language: SpokenLanguage::Mandarin,
            text: Private::new(text.to_owned()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 1.0,
        };
        let segments = vec![
            segment(0, 3_661_000, "請問身分證遺失要怎麼補發?"),
            segment(1, 3_670_000, "補發身分證請攜帶印章到戶政事務所申請。"),
            segment(0, 3_680_000, "好。"),
        ];
        let transcript =
            Transcript { duration: 3_690_000, channels: 2, segments, ..Transcript::default() };
        let names = ["民眾", "專員"].map(str::to_owned);
        let expected = "[01:01:01] 民眾:請問身分證遺失要怎麼補發?\n\
            [01:01:10] 專員:補發身分證請攜帶印章到戶政事務所申請。\n";
        assert_eq!(summary(&transcript, Rendition::Redacted, &names), expected);
        let unnamed = summary(&transcript, Rendition::Redacted, &names[..1]);
        assert!(unnamed.contains("[01:01:10] 補發身分證"), "{unnamed}");
    }
}
