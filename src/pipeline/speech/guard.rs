//! Is this what was said? Signs that a decode went wrong, and the repair of the commonest fault.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::engine::speech::{Heard, HeardSpan};

use super::line::Line;

/// More than this and a text repeats itself (Whisper's own threshold, on UTF-8).
const MAX_COMPRESSION: f32 = 2.4;
/// Less than this mean logarithm of a token's probability and the model guesses (Whisper's own threshold).
const MIN_LOGPROB: f32 = -1.0;
/// More than this probability that nobody speaks (Whisper's own threshold).
const NO_SPEECH: f32 = 0.6;
/// Characters of a second of sound that nobody can say: fast Mandarin has eight.
const MAX_PER_SECOND: f32 = 14.0;
/// Latin letters that say as much as a Chinese character.
pub(super) const LETTERS: usize = 3;
/// A phrase that is said this often in a row is a loop; of one character, more often: 好好好好 is said.
const MAX_REPEATS: usize = 4;
const MAX_REPEATS_OF_ONE: usize = 7;
/// Longest phrase that is looked for in loops.
const MAX_PHRASE: usize = 20;

/// How good a decode looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signs {
    /// Mean logarithm of the probabilities of its tokens; 0 without a token.
    pub logprob: f32,
    /// How much shorter its text becomes when compressed.
    pub compression: f32,
    /// Characters a second; three letters of English count as one.
    pub density: f32,
    /// Least probability that nobody speaks, over the utterances.
    pub no_speech: f32,
}

impl Signs {
    /// Of a decode of so many seconds.
    pub fn of(heard: &Heard, seconds: f32) -> Signs {
        let tokens = || heard.spans.iter().flat_map(|it| &it.tokens);
        let bytes: Vec<u8> = tokens().flat_map(|it| it.bytes.iter().copied()).collect();
        let n_tokens = tokens().count().max(1) as f32;
        let sum: f32 = tokens().map(|it| it.probability.max(1e-6).ln()).sum();
        let text = String::from_utf8_lossy(&bytes);
        let n_letters = text.chars().filter(|it| it.is_ascii_alphabetic() || *it == ' ').count();
        let n_chars = text.chars().count() - n_letters + n_letters / LETTERS;
        let no_speech = heard.spans.iter().map(|it| it.no_speech).fold(1.0, f32::min);
        Signs {
            logprob: sum / n_tokens,
            compression: compression(&bytes),
            density: n_chars as f32 / seconds.max(0.1),
            no_speech: if heard.spans.is_empty() { 1.0 } else { no_speech },
        }
    }

    /// Whether the model doubts that somebody speaks at all.
    pub fn is_silence(&self) -> bool {
        NO_SPEECH < self.no_speech && self.logprob < MIN_LOGPROB
    }

    /// Whether the decode is to be tried again.
    pub fn is_bad(&self) -> bool {
        MAX_COMPRESSION < self.compression
            || self.logprob < MIN_LOGPROB
            || MAX_PER_SECOND < self.density
    }

    /// Greater for the better of two decodes of one window.
    pub fn merit(&self) -> f32 {
        let faults = [MAX_COMPRESSION < self.compression, MAX_PER_SECOND < self.density];
        let n_faults = faults.iter().filter(|it| **it).count();
        let penalty = 10.0 * n_faults as f32;
        self.logprob - penalty
    }
}

/// Whether an utterance alone is one where nobody spoke.
pub fn is_silent(span: &HeardSpan) -> bool {
    let n_tokens = span.tokens.len().max(1);
    let logprob =
        span.tokens.iter().map(|it| it.probability.max(1e-6).ln()).sum::<f32>() / n_tokens as f32;
    span.tokens.is_empty() || NO_SPEECH < span.no_speech && logprob < MIN_LOGPROB
}

fn compression(bytes: &[u8]) -> f32 {
    // A short text cannot repeat itself much, and the format's own bytes weigh.
    if bytes.len() < 48 {
        return 1.0;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    // Writing into memory does not fail.
    compressed.map_or(1.0, |it| bytes.len() as f32 / it.len().max(1) as f32)
}

/// Cuts loops: a phrase said again and again is kept once. Gives whether something was cut.
pub fn cut_loops(line: &mut Line) -> bool {
    let mut was_cut = false;
    let mut at = 0;
    while at < line.chars.len() {
        let n_left = line.chars.len() - at;
        let found = (1..=MAX_PHRASE.min(n_left / 2)).find_map(|len| {
            let most = if len == 1 { MAX_REPEATS_OF_ONE } else { MAX_REPEATS };
            let repeats = repeats(line, at, len);
            (most <= repeats).then_some((len, repeats))
        });
        if let Some((len, repeats)) = found {
            line.chars.drain(at + len..at + len * repeats);
            was_cut = true;
        }
        at += 1;
    }
    was_cut
}

/// How often the phrase of `len` characters at `at` stands there in a row. Digits are no loop: 0000 is dictated.
fn repeats(line: &Line, at: usize, len: usize) -> usize {
    let phrase = |from: usize| line.chars.get(from..from + len);
    let Some(first) = phrase(at) else { return 0 };
    if first.iter().all(|it| it.ch.is_ascii_digit()) {
        return 0;
    }
    let same = |from: usize| {
        phrase(from).is_some_and(|it| it.iter().zip(first).all(|(a, b)| a.ch == b.ch))
    };
    1 + (1..).take_while(|it| same(at + it * len)).count()
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;
    use crate::engine::speech::fake::heard;

    #[test]
    fn loops_are_cut_and_speech_is_not() {
        let check = |text: &str, expected: &str| {
            let mut found = line(text);
            assert_eq!(cut_loops(&mut found), text != expected, "{text}");
            assert_eq!(found.text(), expected);
        };
        check("我要申請我要申請我要申請我要申請我要申請", "我要申請");
        check("好好好好好好好好", "好");
        check("好好好", "好好好");
        check("對對對對", "對對對對");
        check("電話是00000000", "電話是00000000");
        check("請稍等,請稍等,謝謝", "請稍等,請稍等,謝謝");
        check("哈啊哈啊哈啊哈啊謝謝", "哈啊謝謝");
        check("", "");
    }

    #[test]
    fn bad_decodes_show() {
        let second = 16_000;
        let check = |text: &str, probability: f32, seconds: f32, expected: bool| {
            let signs = Signs::of(&heard(text, probability, second), seconds);
            assert_eq!(signs.is_bad(), expected, "{text} {signs:?}");
        };
        check("請問戶籍謄本要怎麼申請", 0.8, 3.0, false);
        check("請問戶籍謄本要怎麼申請", 0.3, 3.0, true);
        check("請問戶籍謄本要怎麼申請", 0.8, 0.5, true);
        check(&"我要申請".repeat(20), 0.9, 20.0, true);
        check("", 0.9, 3.0, false);
        // 16 letters a second are usual in English.
        check("it was the first great sorrow of his life", 0.8, 2.5, false);
        check("it was the first great sorrow of his life", 0.8, 0.8, true);
    }

    #[test]
    fn the_better_decode_has_more_merit() {
        let signs = |text: &str, probability| Signs::of(&heard(text, probability, 16_000), 8.0);
        let (good, unsure) = (signs("請問戶籍謄本要怎麼申請", 0.8), signs("請問戶籍謄本", 0.4));
        let looping = signs(&"我要申請".repeat(20), 0.99);
        assert!(unsure.merit() < good.merit() && looping.merit() < unsure.merit());
    }

    #[test]
    fn silence_is_told_by_the_model() {
        let mut nothing = heard("謝謝觀看", 0.2, 16_000);
        nothing.spans[0].no_speech = 0.9;
        assert!(Signs::of(&nothing, 1.0).is_silence() && is_silent(&nothing.spans[0]));
        nothing.spans[0].no_speech = 0.1;
        assert!(!Signs::of(&nothing, 1.0).is_silence() && !is_silent(&nothing.spans[0]));
    }
}
