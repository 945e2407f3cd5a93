//! One window → utterances: decode, try again where it went wrong, drop what nobody said, name the language.

use std::sync::Arc;

use crate::engine::speech::{DecodeOptions, Heard, Language, ShouldStop, SpeechError, SpeechModel};
use crate::media::audio::RATE;
use crate::media::text::is_han;
use crate::task::speech::{Millis, SpokenLanguage};

use super::band;
use super::guard::{self, Signs};
use super::line::Line;
use super::phrases;
use super::vocabulary;
use super::windows::Window;

/// Temperatures that are tried, in order, until a decode looks right.
const TEMPERATURES: [f32; 3] = [0.0, 0.4, 0.8];
/// Below this mean logarithm of probability the language is asked for: Mandarin is decoded well above it.
const QUESTION: f32 = -0.45;
/// Below this a decode in a language that is not the recording's is not believed.
const DOUBT: f32 = -0.7;
/// Below this it is not worth reading, whatever the language.
const HOPELESS: f32 = -1.4;
/// Probability from which a language is believed.
const BELIEF: f32 = 0.5;
/// Frames of speech, 0.3 s, that a draft is decoded from: less would only be guessed, and the next draft is near.
const DRAFTED: usize = 10;
/// Share of Latin letters from which a Mandarin decode is taken for English.
const LATIN: f32 = 0.6;

/// How windows are heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HearOptions {
    /// Sequences that the decoder follows; 0 and 1 are the greedy decode.
    pub beams: usize,
    /// Leans the decode towards names and terms.
    pub prompt: Option<Arc<str>>,
    /// Decoded once, whatever it looks like, and taken for Mandarin.
    pub is_draft: bool,
}

/// One utterance with its place in the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// When it begins.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// What it is spoken in.
    pub language: SpokenLanguage,
    /// Its characters; none when it is not transcribed.
    pub line: Line,
    /// Geometric mean of the probabilities of its tokens, 0 to 1.
    pub confidence: f32,
}

/// Hears one window.
///
/// # Errors
/// When the model fails, or soon after `should_stop` says so.
pub fn hear(
    model: &mut dyn SpeechModel,
    window: &Window,
    options: &HearOptions,
    should_stop: &ShouldStop,
) -> Result<Vec<Utterance>, SpeechError> {
    if options.is_draft && window.n_spoken < DRAFTED {
        return Ok(vec![begun(window)]);
    }
    let samples = band::restored(&window.samples);
    let mut attempt = Attempt { model, samples: &samples, options, should_stop };
    let (mut heard, mut signs) = attempt.best(Language::Mandarin)?;
    let mut language = SpokenLanguage::Mandarin;
    let is_latin = LATIN < latin_share(&heard);
    if !options.is_draft && !signs.is_silence() && (is_latin || signs.logprob < QUESTION) {
        let languages = attempt.model.detect_languages(&samples, should_stop)?;
        let likeliest = languages.first().filter(|it| BELIEF <= it.1).map(|it| it.0.as_str());
        if likeliest == Some("en") {
            let english = attempt.best(Language::English)?;
            if signs.merit() <= english.1.merit() || is_latin {
                (heard, signs) = english;
                language = SpokenLanguage::English;
            }
        } else if likeliest.is_some_and(|it| !matches!(it, "zh" | "yue")) && signs.logprob < DOUBT {
            language = SpokenLanguage::Other;
        }
    }
    if signs.logprob < HOPELESS {
        language = SpokenLanguage::Other;
    }
    if signs.is_silence() {
        return Ok(Vec::new());
    }
    Ok(utterances(&heard, language, window, options.prompt.as_deref()))
}

/// That somebody has begun to speak.
fn begun(window: &Window) -> Utterance {
    let seconds = window.samples.len() as f32 / RATE as f32;
    let (start, end) = window.stretch(0.0, seconds);
    Utterance {
        start,
        end,
        language: SpokenLanguage::Other,
        line: Line::default(),
        confidence: 0.0,
    }
}

struct Attempt<'a> {
    model: &'a mut dyn SpeechModel,
    /// Of the window, as the model should hear them.
    samples: &'a [f32],
    options: &'a HearOptions,
    should_stop: &'a ShouldStop,
}

impl Attempt<'_> {
    /// The best of the decodes that are needed: one, when it looks right.
    fn best(&mut self, language: Language) -> Result<(Heard, Signs), SpeechError> {
        let seconds = self.samples.len() as f32 / RATE as f32;
        let mut best: Option<(Heard, Signs)> = None;
        for temperature in TEMPERATURES {
            // A prompt may be what leads the decode astray, and it is Mandarin.
            let has_prompt = temperature == 0.0 && language == Language::Mandarin;
            let prompt = self.options.prompt.clone().filter(|_| has_prompt);
            let HearOptions { beams, is_draft, .. } = *self.options;
            let options = DecodeOptions { language, temperature, beams, prompt, is_draft };
            let heard = self.model.hear(self.samples, &options, self.should_stop)?;
            let signs = Signs::of(&heard, seconds);
            let is_good = !signs.is_bad() || signs.is_silence() || self.options.is_draft;
            if best.as_ref().is_none_or(|(_, before)| before.merit() < signs.merit()) {
                best = Some((heard, signs));
            }
            if is_good {
                break;
            }
        }
        best.ok_or(SpeechError::Stopped)
    }
}

/// A silence within what a model heard as one that parts it, in milliseconds.
const TURN: Millis = 1_000;
/// What takes less is no turn of its own, in milliseconds.
const WORD: Millis = 100;
/// What follows within so many milliseconds follows at once.
const BREATH: Millis = 200;

fn latin_share(heard: &Heard) -> f32 {
    let tokens = heard.spans.iter().flat_map(|it| &it.tokens);
    let bytes: Vec<u8> = tokens.flat_map(|it| it.bytes.iter().copied()).collect();
    let text = String::from_utf8_lossy(&bytes);
    let n_latin = text.chars().filter(char::is_ascii_alphabetic).count();
    let n_han = guard::LETTERS * text.chars().filter(|it| is_han(*it)).count();
    n_latin as f32 / (n_latin + n_han).max(1) as f32
}

fn utterances(
    heard: &Heard,
    language: SpokenLanguage,
    window: &Window,
    prompt: Option<&str>,
) -> Vec<Utterance> {
    let mut found: Vec<Utterance> = Vec::new();
    for span in heard.spans.iter().filter(|it| !guard::is_silent(it)) {
        let mut line = Line::of(&span.tokens, |from, to| window.stretch(from, to));
        guard::cut_loops(&mut line);
        let text = line.text();
        let is_sure = span.no_speech < 0.3 && 0.6 <= confidence(&line);
        let is_echo = prompt.is_some_and(|it| vocabulary::is_echo(&text, it, is_sure));
        if is_echo || phrases::is_invented(&text, is_sure) {
            continue;
        }
        let (start, end) = window.stretch(span.start, span.end);
        // What is not transcribed is marked once for as long as it lasts.
        if language == SpokenLanguage::Other {
            let line = Line::default();
            match found.last_mut() {
                Some(last) => last.end = end,
                None => found.push(Utterance { start, end, language, line, confidence: 0.0 }),
            }
            continue;
        }
        for (line, start, end) in turns(line, start, end) {
            let (confidence, text) = (confidence(&line), line.text());
            match found.last_mut() {
                // Nobody says the same twice in a row without a pause: the decoder went back.
                Some(last) if last.line.text() == text && start <= last.end + BREATH => {
                    last.end = end;
                }
                _ => found.push(Utterance { start, end, language, line, confidence }),
            }
        }
    }
    joined(found)
}

/// What takes no time goes with what follows at once: the model has cut it off.
fn joined(found: Vec<Utterance>) -> Vec<Utterance> {
    let mut kept: Vec<Utterance> = Vec::with_capacity(found.len());
    for mut it in found {
        let goes_on = |before: &mut Utterance| {
            let is_short = before.end.saturating_sub(before.start) < WORD;
            is_short && it.start <= before.end + BREATH && before.language == it.language
        };
        if let Some(mut before) = kept.pop_if(goes_on) {
            before.line.chars.append(&mut it.line.chars);
            it = Utterance { start: before.start, line: before.line, ..it };
            it.confidence = confidence(&it.line);
        }
        kept.push(it);
    }
    kept
}

/// What a model heard as one, in parts with their times: between them somebody else may have spoken.
fn turns(line: Line, start: Millis, end: Millis) -> Vec<(Line, Millis, Millis)> {
    let parts = line.parts(TURN, WORD);
    let n_parts = parts.len();
    let timed = parts.into_iter().enumerate().map(|(idx, part)| {
        let first = part.chars.first().map_or(start, |it| it.start);
        let last = part.chars.last().map_or(end, |it| it.end);
        let is_first = idx == 0 && first < start + TURN;
        let is_last = idx + 1 == n_parts && end < last + TURN;
        let begin = if is_first { start } else { first };
        (part, begin, if is_last { end.max(begin) } else { last.max(begin) })
    });
    timed.collect()
}

fn confidence(line: &Line) -> f32 {
    let sum: f32 = line.chars.iter().map(|it| it.confidence.max(1e-6).ln()).sum();
    (sum / line.chars.len().max(1) as f32).exp()
}

#[cfg(test)]
mod tests {
    use super::super::windows::{Cut, Windower};
    use super::*;
    use crate::engine::speech::fake::{FakeSpeech, heard};
    use crate::pipeline::speech::activity::FRAME;

    /// A window of two seconds of speech that began one second into the recording.
    fn window() -> Window {
        let mut windower = Windower::new(0, Cut { margin: 0, ..Cut::default() });
        for idx in 0..93 {
            let probability = if idx < 31 { 0.0 } else { 0.9 };
            assert!(windower.push(&[0.1; FRAME], probability).is_none());
        }
        windower.finish().pop().unwrap()
    }

    #[test]
    fn two_turns_that_are_heard_as_one_are_two() {
        // Two seconds of speech, four of silence, two of speech: one window.
        let mut windower = Windower::new(0, Cut { margin: 0, ..Cut::default() });
        let parts = [(62, 0.9), (125, 0.0), (62, 0.9)];
        for (n_frames, probability) in parts {
            for _ in 0..n_frames {
                assert!(windower.push(&[0.1; FRAME], probability).is_none());
            }
        }
        let window = windower.finish().pop().unwrap();
        let whole = heard("請問里長的電話號碼", 0.9, window.samples.len());
        let found = utterances(&whole, SpokenLanguage::Mandarin, &window, None);
        let texts: Vec<String> = found.iter().map(|it| it.line.text()).collect();
        assert_eq!((texts.len(), texts.concat().as_str()), (2, "請問里長的電話號碼"));
        let (first, second) = (&found[0], &found[1]);
        assert!(first.start < 100 && first.end < 2_400, "{first:?}");
        assert!(5_600 < second.start && second.end < 8_100, "{second:?}");
    }

    #[test]
    fn what_takes_no_time_goes_with_what_follows() {
        #[track_caller]
        fn check(times: [(Millis, Millis); 2], language: SpokenLanguage, expected: &[&str]) {
            let said = [("這", SpokenLanguage::Mandarin), ("一整個月", language)];
            let found = said.iter().zip(times).map(|(&(text, language), (start, end))| {
                let line = super::super::line::tests::line(text);
                Utterance { start, end, language, line, confidence: 0.1 }
            });
            let found = joined(found.collect());
            let texts: Vec<String> = found.iter().map(|it| it.line.text()).collect();
            assert_eq!(texts, expected, "{times:?}");
            let ends = (found.first().map(|it| it.start), found.last().map(|it| it.end));
            assert_eq!(ends, (Some(times[0].0), Some(times[1].1)));
        }
        use SpokenLanguage::{English, Mandarin};
        check([(900, 900), (1_000, 3_000)], Mandarin, &["這一整個月"]);
        check([(900, 900), (1_101, 3_000)], Mandarin, &["這", "一整個月"]);
        check([(900, 1_000), (1_000, 3_000)], Mandarin, &["這", "一整個月"]);
        check([(900, 900), (1_000, 3_000)], English, &["這", "一整個月"]);
    }

    fn run(mut model: FakeSpeech) -> Vec<(String, SpokenLanguage)> {
        let should_stop: ShouldStop = Arc::new(|| false);
        let found = hear(&mut model, &window(), &HearOptions::default(), &should_stop).unwrap();
        found.into_iter().map(|it| (it.line.text(), it.language)).collect()
    }

    fn said(text: &str) -> Vec<(String, SpokenLanguage)> {
        vec![(text.to_owned(), SpokenLanguage::Mandarin)]
    }

    #[test]
    fn a_good_decode_is_taken_at_once() {
        let mut n_calls = 0;
        let model = FakeSpeech::computing(move |window, options| {
            n_calls += 1;
            assert_eq!((n_calls, options.temperature), (1, 0.0));
            Ok(heard("請問里長的電話", 0.9, window.len()))
        });
        assert_eq!(run(model), said("請問里長的電話"));
    }

    #[test]
    fn a_draft_of_a_syllable_only_says_that_somebody_speaks() {
        let mut window = window();
        window.n_spoken = DRAFTED - 1;
        let mut model = FakeSpeech::computing(|_, _| unreachable!("too little to decode"));
        let should_stop: ShouldStop = Arc::new(|| false);
        let options = HearOptions { is_draft: true, ..HearOptions::default() };
        let found = hear(&mut model, &window, &options, &should_stop).unwrap();
        let [it] = found.as_slice() else { unreachable!("{}", found.len()) };
        assert_eq!((it.language, it.line.text().as_str()), (SpokenLanguage::Other, ""));
        assert!((992..1000).contains(&it.start) && it.end - it.start >= 1900, "{it:?}");
    }

    #[test]
    fn a_draft_is_heard_once_whatever_it_looks_like() {
        let mut n_calls = 0;
        let mut model = FakeSpeech::computing(move |window, _| {
            n_calls += 1;
            assert_eq!(n_calls, 1);
            Ok(heard("請問里長的電話請問里長的電話請問里長的電話請問里長的電話", 0.3, window.len()))
        });
        let should_stop: ShouldStop = Arc::new(|| false);
        let options = HearOptions { is_draft: true, ..HearOptions::default() };
        let found = hear(&mut model, &window(), &options, &should_stop).unwrap();
        assert_eq!(found[0].line.text(), "請問里長的電話");
    }

    #[test]
    fn a_looping_decode_is_tried_again_and_cut_at_last() {
        let model = FakeSpeech::computing(|window, options| {
            let text =
                if options.temperature < 0.3 { "我要".repeat(40) } else { "我要申請".into() };
            Ok(heard(&text, 0.9, window.len()))
        });
        assert_eq!(run(model), said("我要申請"));
        let model =
            FakeSpeech::computing(|window, _| Ok(heard(&"我要".repeat(40), 0.9, window.len())));
        assert_eq!(run(model), said("我要"));
    }

    #[test]
    fn times_are_those_of_the_recording() {
        let mut model = FakeSpeech::saying("請問");
        let should_stop: ShouldStop = Arc::new(|| false);
        let found = hear(&mut model, &window(), &HearOptions::default(), &should_stop).unwrap();
        let [utterance] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((utterance.start, utterance.end), (992, 2976));
        assert!((utterance.confidence - 0.9).abs() < 0.01);
    }

    #[test]
    fn nobody_is_heard_in_silence() {
        let silent = |text: &'static str, probability: f32| {
            FakeSpeech::computing(move |window, _| {
                let mut heard = heard(text, probability, window.len());
                heard.spans[0].no_speech = 0.9;
                Ok(heard)
            })
        };
        assert_eq!(run(silent("謝謝觀看", 0.2)), []);
        assert_eq!(run(silent("謝謝觀看", 0.9)), []);
        assert_eq!(run(silent("請問里長的電話", 0.9)), said("請問里長的電話"));
        assert_eq!(run(FakeSpeech::computing(|_, _| Ok(Heard::default()))), []);
    }

    #[test]
    fn english_is_decoded_as_english() {
        let model = FakeSpeech::computing(|window, options| {
            let text = match options.language {
                Language::Mandarin => "How do I",
                Language::English => "How do I apply?",
            };
            Ok(heard(text, 0.8, window.len()))
        });
        let expected = vec![("How do I apply?".to_owned(), SpokenLanguage::English)];
        assert_eq!(run(model.in_language("en", 0.9)), expected);
    }

    #[test]
    fn english_that_sounds_like_mandarin_is_english() {
        let model = || {
            FakeSpeech::computing(|window, options| {
                let (text, probability) = match options.language {
                    Language::Mandarin => ("大人的命令", 0.6),
                    Language::English => ("The law of the land", 0.8),
                };
                Ok(heard(text, probability, window.len()))
            })
        };
        let expected = vec![("The law of the land".to_owned(), SpokenLanguage::English)];
        assert_eq!(run(model().in_language("en", 0.9)), expected);
        assert_eq!(run(model().in_language("en", 0.3)), said("大人的命令"));
        assert_eq!(run(model().in_language("vi", 0.9)), said("大人的命令"));
    }

    #[test]
    fn a_mandarin_prompt_leads_no_english_astray() {
        let mut model = FakeSpeech::computing(|window, options| {
            let text = match (options.language, options.prompt.is_some()) {
                (Language::Mandarin, true) => "Hello",
                (Language::English, false) => "Hello there",
                _ => "內政部",
            };
            Ok(heard(text, 0.8, window.len()))
        })
        .in_language("en", 0.9);
        let options =
            HearOptions {
                beams: 1, prompt: Some("內政部戶政司".into()), ..HearOptions::default()
            };
        let should_stop: ShouldStop = Arc::new(|| false);
        let found = hear(&mut model, &window(), &options, &should_stop).unwrap();
        assert_eq!(found.first().map(|it| it.line.text()).as_deref(), Some("Hello there"));
    }

    #[test]
    fn what_is_not_understood_is_marked_and_not_invented() {
        let doubtful =
            || FakeSpeech::computing(|window, _| Ok(heard("我家在那邊", 0.4, window.len())));
        let other = vec![(String::new(), SpokenLanguage::Other)];
        assert_eq!(run(doubtful().in_language("vi", 0.9)), other);
        assert_eq!(run(doubtful().in_language("vi", 0.3)), said("我家在那邊"));
        let hopeless =
            FakeSpeech::computing(|window, _| Ok(heard("我家在那邊", 0.1, window.len())));
        assert_eq!(run(hopeless), other);
    }

    #[test]
    fn a_voice_from_a_telephone_is_heard_with_its_depth() {
        let samples = band::tests::telephoned();
        let power = |it: &[f32]| it.iter().map(|it| it * it).sum::<f32>();
        let before = power(&samples);
        let mut model = FakeSpeech::computing(move |window, _| {
            let text = if 1.5 * before < power(window) { "深" } else { "淺" };
            Ok(heard(text, 0.8, window.len()))
        });
        let mut whole = window();
        whole.samples = samples;
        let should_stop: ShouldStop = Arc::new(|| false);
        let found = hear(&mut model, &whole, &HearOptions::default(), &should_stop).unwrap();
        assert_eq!(found.first().map(|it| it.line.text()).as_deref(), Some("深"));
    }

    #[test]
    fn a_stopped_decode_says_so() {
        let should_stop: ShouldStop = Arc::new(|| true);
        let mut model = FakeSpeech::saying("請問");
        let found = hear(&mut model, &window(), &HearOptions::default(), &should_stop);
        assert_eq!(found.err(), Some(SpeechError::Stopped));
    }
}
