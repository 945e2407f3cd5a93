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
/// Longest token in bytes that is looked for.
const LONGEST: usize = 32;

/// What the marks are, and the text of the rest.
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

    /// A text as tokens, the longest first; bytes without a token are left out.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let longest = LONGEST.min(bytes.len() - at);
            let token = (1..=longest)
                .rev()
                .find_map(|len| self.ids.get(bytes.get(at..at + len)?).map(|it| (*it, len)));
            at += token.map_or(1, |it| it.1);
            found.extend(token.map(|it| it.0));
        }
        found
    }
}
