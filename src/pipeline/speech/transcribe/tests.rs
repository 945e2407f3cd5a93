//! Whole recordings through fake models: channels, order, resuming, stopping, failing.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sounds of seconds")]

use std::io::Cursor;

use super::*;
use crate::engine::speech::fake::{FakeSpeech, heard};
use crate::engine::{Signature, Wanted};
use crate::media::audio::{self, AudioLimits};
use crate::tensor::{Tensor, View};

/// Takes loud frames for speech.
struct Loudness(Signature);

impl TensorModel for Loudness {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn run_while(
        &mut self,
        inputs: &[Tensor],
        _: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        let samples = inputs[0].as_f32().unwrap();
        let is_loud = samples.iter().any(|it| 0.05 < it.abs());
        let state = inputs[1].as_f32().unwrap();
        let probability = [if is_loud { 0.9 } else { 0.0 }];
        visit(&[
            View::new(&[1, 1], &probability).unwrap(),
            View::new(&[2, 1, 128], state).unwrap(),
        ]);
        Ok(())
    }
}

/// A recording of 16-bit samples: each letter is half a second, loud for a letter and silent for a dot.
fn recording(channels: &[&str]) -> Vec<u8> {
    let n_samples = channels[0].len() * 8_000;
    let mut data = Vec::new();
    for idx in 0..n_samples {
        for channel in channels {
            let letter = channel.as_bytes()[idx / 8_000];
            let level = if letter == b'.' { 0 } else { 3_000 + 10 * i16::from(letter) };
            data.extend((if idx % 2 == 0 { level } else { -level }).to_le_bytes());
        }
    }
    let n_channels = channels.len() as u16;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    bytes.extend(n_channels.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend((32_000 * u32::from(n_channels)).to_le_bytes());
    bytes.extend((2 * n_channels).to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// Hears the letter that the loudest sample of a window stands for.
fn reader_of_letters() -> FakeSpeech {
    FakeSpeech::computing(|window, _| {
        let most = window.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
        let letter = ((most * 32_768.0 - 3_000.0) / 10.0).round() as u8;
        let text = if letter == b'x' { "電話是0912345678" } else { "請問" };
        Ok(heard(text, 0.9, window.len()))
    })
}

#[derive(Default)]
struct Notes {
    texts: Vec<(usize, String)>,
    resume: Vec<Resume>,
    done: Vec<u64>,
}

impl Observer for Notes {
    fn heard(&mut self, segments: &[Segment], resume: &Resume) {
        self.texts.extend(segments.iter().map(|it| (it.channel, it.text.expose().clone())));
        self.resume.push(resume.clone());
    }

    fn progress(&mut self, progress: SpeechProgress) {
        self.done.push(progress.done);
    }
}

fn run(
    bytes: &[u8],
    models: Vec<FakeSpeech>,
    resume: &Resume,
    should_stop: &ShouldStop,
) -> (Result<Transcript, TranscribeError>, Notes) {
    let limits = AudioLimits::default();
    let survey = audio::survey(Cursor::new(bytes), &limits).unwrap();
    let reader = AudioReader::open(Cursor::new(bytes), &limits).unwrap();
    let mut activity = Loudness(Signature::default());
    let mut models = models;
    let speech = models.iter_mut().map(|it| it as &mut dyn SpeechModel).collect();
    let ears = Ears { activity: &mut activity, speech };
    let options = HearOptions::default();
    let listening = Listening { survey: &survey, options: &options, resume, should_stop };
    let mut notes = Notes::default();
    let heard = transcribe(reader, ears, &listening, &mut notes);
    (heard.map(|it| finish(&survey, it)), notes)
}

fn nobody() -> ShouldStop {
    Arc::new(|| false)
}

#[test]
fn each_segment_is_on_its_channel_in_order() {
    let bytes = recording(&["aa..............", "......xx........"]);
    let models = vec![reader_of_letters(), reader_of_letters()];
    let (transcript, notes) = run(&bytes, models, &Resume::default(), &nobody());
    let transcript = transcript.unwrap();
    assert_eq!((transcript.duration, transcript.channels), (8_000, 2));
    let found: Vec<(usize, String, u64)> = transcript
        .segments
        .iter()
        .map(|it| (it.channel, it.shown(Default::default()), it.start / 500))
        .collect();
    let expected = [(0, "請問。".to_owned(), 0), (1, "電話是〔行動電話〕。".to_owned(), 5)];
    assert_eq!(found, expected);
    assert_eq!(notes.done.last(), Some(&8_000));
    assert!(notes.done.is_sorted());
    assert_eq!(transcript.low_confidence_ratio(), 0.0);
}

#[test]
fn one_call_on_two_channels_is_heard_once() {
    let bytes = recording(&["aa......", "aa......"]);
    let (transcript, _) = run(&bytes, vec![reader_of_letters()], &Resume::default(), &nobody());
    let transcript = transcript.unwrap();
    assert_eq!((transcript.channels, transcript.segments.len()), (1, 1));
}

#[test]
fn silence_gives_no_window() {
    let never = FakeSpeech::computing(|_, _| panic!("nothing was said"));
    let (transcript, notes) =
        run(&recording(&["........"]), vec![never], &Resume::default(), &nobody());
    assert_eq!(transcript.unwrap().segments, []);
    assert_eq!(notes.done, [4_000]);
}

#[test]
fn what_was_finished_is_not_heard_again() {
    let bytes = recording(&["aa....................aa................xx...."]);
    let (whole, notes) = run(&bytes, vec![reader_of_letters()], &Resume::default(), &nobody());
    let whole = whole.unwrap();
    assert_eq!((whole.segments.len(), notes.resume.len()), (3, 3));
    for (idx, resume) in notes.resume.iter().enumerate() {
        let (rest, again) = run(&bytes, vec![reader_of_letters()], resume, &nobody());
        assert_eq!(again.texts.len(), 2 - idx);
        assert_eq!(rest.unwrap().segments, whole.segments[idx + 1..]);
    }
}

#[test]
fn a_stopped_transcription_ends_soon_and_keeps_what_is_finished() {
    let bytes = recording(&["aa....................aa................aa...."]);
    let n_heard = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = Arc::clone(&n_heard);
    let model = FakeSpeech::computing(move |window, _| {
        seen.fetch_add(1, Ordering::SeqCst);
        Ok(heard("請問", 0.9, window.len()))
    });
    let should_stop: ShouldStop = Arc::new(move || 1 <= n_heard.load(Ordering::SeqCst));
    let (transcript, notes) = run(&bytes, vec![model], &Resume::default(), &should_stop);
    assert_eq!(transcript.err(), Some(TranscribeError::Stopped));
    assert!(notes.texts.len() <= 1);
}

#[test]
fn a_failing_or_panicking_model_fails_the_transcription() {
    let bytes = recording(&["aa....................aa................aa...."]);
    let failing =
        FakeSpeech::computing(|_, _| Err(EngineError::Failed("told to".to_owned()).into()));
    let (transcript, notes) = run(&bytes, vec![failing], &Resume::default(), &nobody());
    assert_eq!(transcript.err(), Some(EngineError::Failed("told to".to_owned()).into()));
    assert!(notes.texts.is_empty());
    let panicking = FakeSpeech::computing(|_, _| panic!("told to"));
    let (transcript, _) = run(&bytes, vec![panicking], &Resume::default(), &nobody());
    assert!(matches!(transcript, Err(TranscribeError::Engine(EngineError::Crashed(_)))));
}

#[test]
fn words_are_characters_and_numbers_with_their_marks() {
    use crate::pipeline::speech::line::tests::line;
    let check = |text: &str, expected: &[&str]| {
        let words = words(&line(text));
        let found: Vec<&str> = words.iter().map(|it| it.text.expose().as_str()).collect();
        assert_eq!(found, expected);
        let offsets: Vec<usize> = words.iter().map(|it| it.offset).collect();
        assert!(offsets.is_sorted());
    };
    check("請問,1996。", &["請", "問,", "1996。"]);
    check("用Line 說", &["用", "Line ", "說"]);
    check("", &[]);
}
