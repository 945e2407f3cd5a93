//! Whisper's tokens: pieces of text as bytes, and the marks after them.

use std::collections::HashMap;

use crate::engine::speech::Language;
use crate::registry::WhisperFile;

/// Languages in the order of their marks (OpenAI's whisper, tokenizer.py).
const LANGUAGES: &str = "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th \
    ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af \
    oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue";
/// The end of a text in every multilingual vocabulary.
const END: u32 = 50_257;
/// Number of tokens of a vocabulary with 99 languages; newer ones have Cantonese as the hundredth.
const N_TOKENS: usize = 51_865;

/// What the marks are, and the text of the rest.
#[cfg_attr(test, derive(Default))]
pub(super) struct Tokens {
    texts: Vec<Vec<u8>>,
    ids: HashMap<Vec<u8>, u32>,
    n_languages: u32,
    /// End of the text; the first of the marks.
    pub(super) end: u32,
    /// Beginning of a decode.
    pub(super) start: u32,
    /// The task: to transcribe.
    pub(super) transcribe: u32,
    /// A text that comes before.
    pub(super) previous: u32,
    /// Nobody speaks.
    pub(super) no_speech: u32,
    /// No times follow.
    pub(super) no_times: u32,
    /// The beginning of the window; each later mark is 0.02 s on.
    pub(super) time: u32,
    /// A lone blank.
    pub(super) blank: Option<u32>,
}

impl Tokens {
    /// Of a file; none when it knows one language only.
    pub(super) fn new(file: &WhisperFile<'_>) -> Option<Tokens> {
        let n_more = u32::try_from(file.n_tokens().checked_sub(N_TOKENS)?).ok()?;
        let n_languages = 99 + n_more;
        let texts: Vec<Vec<u8>> = file.tokens().iter().map(|it| it.to_vec()).collect();
        let ids: HashMap<Vec<u8>, u32> =
            (0..END).zip(&texts).map(|it| (it.1.clone(), it.0)).collect();
        let start = END + 1;
        let transcribe = start + n_languages + 2;
        let blank = ids.get(b" ".as_slice()).copied();
        Some(Tokens {
            n_languages,
            end: END,
            start,
            transcribe,
            previous: transcribe + 2,
            no_speech: transcribe + 3,
            no_times: transcribe + 4,
            time: transcribe + 5,
            blank,
            texts,
            ids,
        })
    }

    /// The bytes of a token of text; none for a mark.
    pub(super) fn bytes(&self, token: u32) -> Option<&[u8]> {
        let is_text = token < self.end;
        self.texts.get(token as usize).filter(|_| is_text).map(Vec::as_slice)
    }

    /// The mark of a language.
    pub(super) fn language(&self, language: Language) -> u32 {
        let place = LANGUAGES.split_whitespace().position(|it| it == language.code());
        self.start + 1 + u32::try_from(place.unwrap_or_default()).unwrap_or_default()
    }

    /// Languages with their probabilities, by the logits after the mark of the beginning.
    pub(super) fn languages(&self, logits: &[f32]) -> Vec<(String, f32)> {
        let first = self.start as usize + 1;
        let marks = logits.get(first..first + self.n_languages as usize).unwrap_or_default();
        let most = marks.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = marks.iter().map(|it| (it - most).exp()).sum();
        let probabilities = marks.iter().map(|it| (it - most).exp() / sum);
        let named = LANGUAGES.split_whitespace().map(str::to_owned).zip(probabilities);
        let mut found: Vec<(String, f32)> = named.collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    /// A text as tokens, cut as it was for the model's training: the pair of the lowest id is joined first. Bytes without
    /// a token are left out.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        pieces(text).into_iter().flat_map(|it| self.joined(it.as_bytes())).collect()
    }

    fn joined(&self, piece: &[u8]) -> Vec<u32> {
        if let Some(id) = self.ids.get(piece) {
            return vec![*id];
        }
        // Where each part begins; the last is the end.
        let mut starts: Vec<usize> = (0..=piece.len()).collect();
        let id_of = |from: usize, to: usize| self.ids.get(piece.get(from..to)?).copied();
        loop {
            let pairs = starts.windows(3).zip(1..);
            let lowest = pairs
                .filter_map(|(it, middle)| match it {
                    [from, _, to] => Some((id_of(*from, *to)?, middle)),
                    _ => None,
                })
                .min();
            let Some((_, middle)) = lowest else { break };
            starts.remove(middle);
        }
        starts
            .windows(2)
            .filter_map(|it| match it {
                [from, to] => id_of(*from, *to),
                _ => None,
            })
            .collect()
    }
}

/// What a character is, as far as pieces are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Number,
    Blank,
    Mark,
}

impl Kind {
    fn of(ch: char) -> Kind {
        match ch {
            _ if ch.is_alphabetic() => Kind::Letter,
            _ if ch.is_numeric() => Kind::Number,
            _ if ch.is_whitespace() => Kind::Blank,
            _ => Kind::Mark,
        }
    }
}

/// Letters, numbers and marks apart, each with the blank before it (GPT-2, Radford et al. 2019); no token reaches from one
/// into the next.
fn pieces(text: &str) -> Vec<&str> {
    const SHORT: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let short = SHORT.iter().find(|it| rest.starts_with(**it)).map(|it| it.len());
        let n_bytes = short.unwrap_or_else(|| {
            let after = rest.strip_prefix(' ').unwrap_or(rest);
            let kind = after.chars().next().map_or(Kind::Blank, Kind::of);
            let run =
                |text: &str, kind: Kind| text.find(|it| Kind::of(it) != kind).unwrap_or(text.len());
            if kind != Kind::Blank {
                return rest.len() - after.len() + run(after, kind);
            }
            // Of several blanks the last belongs to what follows.
            let n_blank = run(rest, Kind::Blank);
            let last = rest.get(..n_blank).and_then(|it| it.chars().next_back());
            match last.map_or(0, char::len_utf8) {
                last if n_blank < rest.len() && last < n_blank => n_blank - last,
                _ => n_blank,
            }
        });
        let (piece, left) = rest.split_at(n_bytes.max(first.len_utf8()));
        pieces.push(piece);
        rest = left;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(pieces(text), expected);
    }

    #[test]
    fn texts_fall_into_pieces() {
        check("", &[]);
        check("里長的電話", &["里長的電話"]);
        check("電話,1996 轉2。", &["電話", ",", "1996", " 轉", "2", "。"]);
        check("I don't  know", &["I", " don", "'t", " ", " know"]);
        check("a \n", &["a", " \n"]);
    }

    #[test]
    fn the_lowest_pair_is_joined_first() {
        let texts: Vec<Vec<u8>> =
            ["a", "b", "c", "bc", "ab"].iter().map(|it| it.as_bytes().to_vec()).collect();
        let ids = (0..).zip(&texts).map(|it| (it.1.clone(), it.0)).collect();
        let tokens = Tokens { ids, texts, ..Tokens::default() };
        let check =
            |text: &str, expected: &[u32]| assert_eq!(tokens.encode(text), expected, "{text}");
        check("abc", &[0, 3]);
        check("abcab", &[0, 3, 4]);
        check("aab", &[0, 4]);
        check("a?b", &[0, 1]);
    }
}
