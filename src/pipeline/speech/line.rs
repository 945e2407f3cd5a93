//! What is worked on after the decode: characters, each with its time and its confidence.

use crate::engine::speech::HeardToken;
use crate::task::speech::Millis;

/// A character that was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardChar {
    /// The character.
    pub ch: char,
    /// When it begins.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// The model's probability, 0 to 1.
    pub confidence: f32,
}

/// The characters of one utterance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// In order.
    pub chars: Vec<HeardChar>,
}

impl Line {
    /// Puts tokens together; `stretch` turns seconds of the window, from and to, into moments of the recording.
    ///
    /// Characters whose bytes are spread over tokens get the least confidence among them. Bytes that are no UTF-8
    /// are dropped: the model stumbled there.
    pub fn of(tokens: &[HeardToken], stretch: impl Fn(f32, f32) -> (Millis, Millis)) -> Line {
        let mut chars = Vec::new();
        let mut pending: Vec<u8> = Vec::new();
        let (mut confidence, mut begin) = (1.0_f32, 0.0);
        for token in tokens {
            if pending.is_empty() {
                begin = token.start;
                confidence = 1.0;
            }
            confidence = confidence.min(token.probability);
            pending.extend_from_slice(&token.bytes);
            let (text, n_bytes) = whole_characters(&pending);
            let (start, end) = stretch(begin, token.end);
            let n_chars = text.chars().count() as u64;
            let length = end.saturating_sub(start);
            for (idx, ch) in (0..).zip(text.chars()) {
                let at = |idx: u64| start + length * idx / n_chars.max(1);
                chars.push(HeardChar { ch, start: at(idx), end: at(idx + 1), confidence });
            }
            pending.drain(..n_bytes);
        }
        let mut line = Line { chars };
        line.trim();
        line
    }

    /// Its text.
    pub fn text(&self) -> String {
        self.chars.iter().map(|it| it.ch).collect()
    }

    /// The line in parts, cut where nothing is said for `silence` or longer; marks stay behind what they end, and so does what
    /// takes less than `shortest`: nobody speaks that fast, the model has put it behind the silence.
    pub fn parts(self, silence: Millis, shortest: Millis) -> Vec<Line> {
        let mut parts: Vec<Line> = Vec::new();
        for it in self.chars {
            match parts.last_mut().map(|part| &mut part.chars) {
                Some(chars) => {
                    let end = chars.last().map_or(0, |last| last.end);
                    if it.start.saturating_sub(end) < silence {
                        chars.push(it);
                    } else if is_mark(it.ch) || it.ch.is_whitespace() {
                        chars.push(HeardChar { start: end, end, ..it });
                    } else {
                        parts.push(Line { chars: vec![it] });
                    }
                }
                None => parts.push(Line { chars: vec![it] }),
            }
        }
        let mut kept: Vec<Line> = Vec::new();
        for part in parts {
            let begin = part.chars.first().map_or(0, |it| it.start);
            let end = part.chars.last().map_or(0, |it| it.end);
            match kept.last_mut() {
                Some(before) if end.saturating_sub(begin) < shortest => {
                    let end = before.chars.last().map_or(0, |it| it.end);
                    let moved =
                        part.chars.into_iter().map(|it| HeardChar { start: end, end, ..it });
                    before.chars.extend(moved);
                }
                _ => kept.push(part),
            }
        }
        kept.iter_mut().for_each(Line::trim);
        kept
    }

    /// Whether there is no character.
    pub fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    /// Drops blanks at both ends.
    pub fn trim(&mut self) {
        while self.chars.last().is_some_and(|it| it.ch.is_whitespace()) {
            self.chars.pop();
        }
        let n_blanks = self.chars.iter().take_while(|it| it.ch.is_whitespace()).count();
        self.chars.drain(..n_blanks);
    }

    /// Puts `text` in the place of a range of characters; it takes their time and their least confidence.
    pub fn replace(&mut self, range: std::ops::Range<usize>, text: &str) {
        let Some(old) = self.chars.get(range.clone()) else { return };
        let confidence = old.iter().fold(1.0_f32, |least, it| least.min(it.confidence));
        let before = range.start.checked_sub(1).and_then(|it| self.chars.get(it));
        let start = old.first().map_or(before.map_or(0, |it| it.end), |it| it.start);
        let end = old.last().map_or(start, |it| it.end);
        let n_chars = text.chars().count() as u64;
        let at = |idx: u64| start + end.saturating_sub(start) * idx / n_chars.max(1);
        let new = (0..).zip(text.chars()).map(|(idx, ch)| HeardChar {
            ch,
            start: at(idx),
            end: at(idx + 1),
            confidence,
        });
        let new: Vec<HeardChar> = new.collect();
        self.chars.splice(range, new);
    }

    /// The same line with another text, of which as much as possible keeps its time.
    ///
    /// Clauses between punctuation marks are compared one by one; in one of equal length each character keeps its own.
    pub fn rewritten(mut self, text: &str) -> Line {
        let old: Vec<char> = self.chars.iter().map(|it| it.ch).collect();
        let new: Vec<char> = text.chars().collect();
        let (old_cuts, new_cuts) = (clauses(&old), clauses(&new));
        let ranges: Vec<_> = if old_cuts.len() == new_cuts.len() {
            old_cuts.into_iter().zip(new_cuts).collect()
        } else {
            vec![(0..old.len(), 0..new.len())]
        };
        for (old_range, new_range) in ranges.into_iter().rev() {
            let clause = new.get(new_range).unwrap_or_default();
            if clause.len() == old_range.len() {
                let places = self.chars.iter_mut().skip(old_range.start);
                places.zip(clause).for_each(|(place, ch)| place.ch = *ch);
            } else {
                self.replace(old_range, &clause.iter().collect::<String>());
            }
        }
        self
    }
}

/// Ranges between punctuation marks, each with the mark that ends it.
fn clauses(text: &[char]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for (idx, ch) in text.iter().enumerate() {
        if is_mark(*ch) {
            ranges.push(start..idx + 1);
            start = idx + 1;
        }
    }
    ranges.push(start..text.len());
    ranges
}

/// Whether a character is punctuation that stands between clauses.
pub fn is_mark(ch: char) -> bool {
    let is_wide = matches!(ch, '\u{ff0c}' | '\u{ff1f}' | '\u{ff01}' | '\u{ff1b}' | '\u{ff1a}');
    is_wide || matches!(ch, '.' | ',' | '?' | '!' | ';' | ':' | '。' | '、' | '…')
}

/// The whole characters at the beginning of `bytes`, and how many bytes are done with; what is no UTF-8 is skipped.
fn whole_characters(bytes: &[u8]) -> (String, usize) {
    let mut text = String::new();
    let mut done = 0;
    loop {
        let rest = bytes.get(done..).unwrap_or_default();
        match std::str::from_utf8(rest) {
            Ok(whole) => {
                text.push_str(whole);
                return (text, bytes.len());
            }
            Err(error) => {
                let good = rest.get(..error.valid_up_to()).unwrap_or_default();
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                done += good.len();
                match error.error_len() {
                    // The rest of the character comes with the next token.
                    None => return (text, done),
                    Some(n_bytes) => done += n_bytes,
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A line of characters of 100 ms each.
    pub(in crate::pipeline::speech) fn line(text: &str) -> Line {
        let chars = (0..).zip(text.chars()).map(|(idx, ch)| HeardChar {
            ch,
            start: idx * 100,
            end: idx * 100 + 100,
            confidence: 0.9,
        });
        Line { chars: chars.collect() }
    }

    fn token(bytes: &[u8], probability: f32, start: f32, end: f32) -> HeardToken {
        HeardToken { bytes: bytes.to_vec(), probability, start, end }
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "under a second")]
    fn characters_are_put_together_from_tokens() {
        let han = "電".as_bytes();
        let tokens = [
            token(b" ", 0.9, 0.0, 0.1),
            token(&han[..2], 0.8, 0.1, 0.2),
            token(&han[2..], 0.4, 0.2, 0.3),
            token("話號".as_bytes(), 0.7, 0.3, 0.5),
            token(&[0xff], 0.1, 0.5, 0.5),
            token(&han[..1], 0.1, 0.5, 0.6),
        ];
        let millis = |it: f32| (it * 1000.0).round() as u64;
        let found = Line::of(&tokens, |from, to| (millis(from), millis(to)));
        assert_eq!(found.text(), "電話號");
        let times: Vec<_> =
            found.chars.iter().map(|it| (it.start, it.end, it.confidence)).collect();
        assert_eq!(times, [(100, 300, 0.4), (300, 400, 0.7), (400, 500, 0.7)]);
    }

    #[test]
    fn a_replacement_takes_the_time_of_what_it_replaces() {
        let mut changed = line("甲乙丙丁");
        changed.replace(1..3, "12345");
        assert_eq!(changed.text(), "甲12345丁");
        assert_eq!((changed.chars[1].start, changed.chars[5].end), (100, 300));
        assert!(changed.chars.windows(2).all(|it| it[0].end <= it[1].start));
        changed.replace(7..7, "。");
        assert_eq!((changed.text().as_str(), changed.chars[7].start), ("甲12345丁。", 400));
    }

    #[test]
    fn a_rewritten_line_keeps_the_times_of_its_clauses() {
        let changed = line("打印机,你好").rewritten("印表機設備,您好");
        assert_eq!(changed.text(), "印表機設備,您好");
        assert_eq!((changed.chars[6].ch, changed.chars[6].start), ('您', 400));
    }

    #[test]
    fn a_silence_parts_a_line_and_marks_stay_behind() {
        let mut whole = line("甲乙,丙 丁");
        let times = [0, 100, 5_000, 5_000, 5_100, 6_200];
        for (it, start) in whole.chars.iter_mut().zip(times) {
            (it.start, it.end) = (start, start + 100);
        }
        let texts = |parts: &[Line]| parts.iter().map(Line::text).collect::<Vec<_>>();
        let parts = whole.clone().parts(1_000, 100);
        assert_eq!(texts(&parts), ["甲乙,", "丙", "丁"]);
        assert_eq!(parts[0].chars.last().map(|it| it.end), Some(200));
        let parts = whole.parts(1_000, 101);
        assert_eq!(texts(&parts), ["甲乙,", "丙 丁"]);
        assert_eq!(parts[1].chars.last().map(|it| (it.start, it.end)), Some((5_200, 5_200)));
        assert!(Line::default().parts(1_000, 100).is_empty());
    }
}
