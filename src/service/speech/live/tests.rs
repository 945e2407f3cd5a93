//! Utterances end, times are those of the stream, and frames that make no sense are refused.

use super::*;
use crate::task::idcard::ModelInfo;
use crate::task::speech::{SpokenLanguage, Transcript};

fn segment(start: Millis, end: Millis) -> Segment {
    Segment {
        channel: 0,
        start,
        end,
        language: SpokenLanguage::Mandarin,
        text: Private::new("好".to_owned()),
        words: Vec::new(),
        pii: Vec::new(),
        confidence: 0.9,
    }
}

#[test]
fn utterances_are_finished_by_pauses_or_their_length() {
    let check = |spans: &[(Millis, Millis)], length, expected| {
        let segments: Vec<Segment> = spans.iter().map(|it| segment(it.0, it.1)).collect();
        assert_eq!(settle(&segments, length), expected, "{spans:?} of {length}");
    };
    check(&[], 500, (0, 0));
    check(&[], 3000, (0, 2000));
    check(&[(0, 900)], 1000, (0, 0));
    check(&[(0, 900)], 1600, (1, 900));
    check(&[(0, 900), (1700, 2000)], 2100, (1, 1300));
    check(&[(0, 15_000)], 15_000, (1, 15_000));
    check(&[(0, 7000), (7200, 15_000)], 15_100, (1, 7100));
    check(&[(0, 9_000)], 8_000, (0, 0));
}

fn heard(spans: &[(Millis, Millis)]) -> HeardRecording {
    let segments = spans.iter().map(|it| segment(it.0, it.1)).collect();
    HeardRecording {
        transcript: Transcript { channels: 1, segments, ..Transcript::default() },
        model: ModelInfo { name: "m".into(), version: "1".into(), sha256: "0".into() },
    }
}

fn names(events: &[LiveEvent]) -> Vec<String> {
    let name = |it: &LiveEvent| match it {
        LiveEvent::Partial(open) => format!("? {}", open[0].start),
        LiveEvent::Final(id, it) => format!("{id} {}", it.start),
    };
    events.iter().map(name).collect()
}

#[test]
fn times_are_those_of_the_stream_and_finished_sound_is_forgotten() {
    let order = SpeechOrder::default();
    let mut live = Live::new(LiveOptions { rate: 8000, coding: FrameCoding::Pcm, order }).unwrap();
    live.push(&[0; 32_000]).unwrap();
    assert_eq!(live.received(), 2000);
    live.is_careful = true;
    let found = live.take((heard(&[(100, 900), (1700, 2000)]), 32_000));
    assert_eq!(names(&found), ["0 100", "? 1700"]);
    assert_eq!(live.samples.len(), 32_000 - 1300 * 16);
    live.push(&[0; 8000]).unwrap();
    live.end();
    assert!(!live.is_done() && live.push(&[0; 2]).is_err());
    let n_bytes = live.samples.len();
    let found = live.take((heard(&[(400, 700)]), n_bytes));
    assert_eq!(names(&found), ["? 1700"], "it was begun before the end");
    live.is_careful = true;
    let found = live.take((heard(&[(400, 700)]), n_bytes));
    assert_eq!(names(&found), ["1 1700"]);
    assert!(live.is_done());
    assert_eq!(live.received(), 2500);
    assert_eq!(names(&live.again(0)), ["0 100", "1 1700"]);
    assert_eq!(names(&live.again(1)), ["1 1700"]);
}

#[test]
fn a_draft_ends_no_utterance() {
    let order = SpeechOrder::default();
    let mut live = Live::new(LiveOptions { rate: 8000, coding: FrameCoding::Pcm, order }).unwrap();
    live.push(&[0; 32_000]).unwrap();
    let found = live.take((heard(&[(100, 900), (1700, 2000)]), 32_000));
    assert_eq!(names(&found), ["? 100"]);
    assert!(live.is_careful && live.samples.len() == 32_000, "it is heard again at once");
    let found = live.take((heard(&[(100, 900), (1700, 2000)]), 32_000));
    assert_eq!(names(&found), ["0 100", "? 1700"], "with care it is what it is");
    assert!(!live.is_careful);
    let found = live.take((heard(&[(400, 700)]), live.samples.len()));
    assert_eq!(names(&found), ["? 1700"]);
    assert!(!live.is_careful, "nothing of it is finished");
}

#[test]
fn first_words_are_waited_for_eagerly_but_not_for_ever() {
    let order = SpeechOrder::default();
    let mut live = Live::new(LiveOptions { rate: 8000, coding: FrameCoding::Pcm, order }).unwrap();
    live.push(&[0; 32_000]).unwrap();
    let mut check = |end: Millis, text: &str, expected: bool| {
        let mut found = heard(&[(100, end)]);
        found.transcript.segments[0].text = Private::new(text.to_owned());
        live.take((found, usize::try_from(end).unwrap() * 16));
        assert_eq!(live.is_eager, expected, "{text:?} until {end}");
    };
    check(400, "", true);
    check(900, "", true);
    check(1200, "", false);
    check(400, "好", false);
}

#[test]
fn sound_that_is_forgotten_was_heard_with_care() {
    let order = SpeechOrder::default();
    let mut live = Live::new(LiveOptions { rate: 8000, coding: FrameCoding::Pcm, order }).unwrap();
    live.push(&[0; 32_000]).unwrap();
    assert!(live.take((heard(&[]), 32_000)).is_empty());
    assert!(live.is_careful && live.samples.len() == 32_000);
    assert!(live.take((heard(&[]), 32_000)).is_empty());
    assert_eq!(live.samples.len(), 16_000);
}

#[test]
fn half_a_sample_is_refused_and_a_full_stream_waits() {
    let order = SpeechOrder::default();
    let mut live =
        Live::new(LiveOptions { rate: 16_000, coding: FrameCoding::Pcm, order }).unwrap();
    assert!(live.push(&[0; 3]).is_err());
    live.push(&vec![0; 29_000 * 32]).unwrap();
    assert!(live.has_room());
    live.push(&vec![0; 1000 * 32]).unwrap();
    assert!(!live.has_room());
}
