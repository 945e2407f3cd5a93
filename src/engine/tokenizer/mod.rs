//! Text to token ids: a SentencePiece unigram model, read from its own file, in time linear in the text.
//!
//! The file is the protobuf that SentencePiece writes (`sp.model`): pieces with scores, and a precompiled map of
//! characters (NFKC with the usual repairs). The ids are those of the reference implementation that comes with the
//! weights, with one difference: a text that spells the name of a control piece (`</s>`) is plain text here.

mod charsmap;
mod pieces;
mod unigram;

use std::fs;

use crate::base::protobuf::{Fields, Malformed, Value};
use crate::registry::VerifiedFile;

use charsmap::CharsMap;
use pieces::Pieces;

/// Largest model file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Stands for a space inside pieces.
const SPACE: char = '\u{2581}';

/// Makes token ids out of text. Immutable: one serves every thread.
pub struct Tokenizer {
    pieces: Pieces,
    characters: CharsMap,
    limits: TokenLimits,
}

/// How much of a text is used. What lies beyond is left out, and [`Tokens::is_truncated`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    /// Most characters after normalisation.
    pub max_chars: usize,
    /// Most tokens, those for beginning and end included.
    pub max_tokens: usize,
}

impl Default for TokenLimits {
    /// Some 1,500 Chinese characters, which is longer than most letters.
    fn default() -> TokenLimits {
        TokenLimits { max_chars: 1 << 14, max_tokens: 1 << 10 }
    }
}

/// The token ids of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Ids, from the beginning-of-text token to the end-of-text token.
    pub ids: Vec<u32>,
    /// Whether the end of the text was left out, by [`TokenLimits`].
    pub is_truncated: bool,
}

/// Why a tokenizer cannot be opened. No text holds what was tokenized.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file could not be read.
    #[error("failed to read the tokenizer")]
    Read(#[from] std::io::Error),
    /// The file is larger than any honest one.
    #[error("the tokenizer is larger than {MAX_FILE} bytes")]
    TooLarge,
    /// The file is no SentencePiece model.
    #[error("the tokenizer is not a SentencePiece model: {0}")]
    Malformed(&'static str),
    /// The file is a SentencePiece model of another kind.
    #[error("the tokenizer is not supported: {0}")]
    Unsupported(&'static str),
}

impl From<Malformed> for TokenizerError {
    fn from(_: Malformed) -> TokenizerError {
        TokenizerError::Malformed("a message is damaged")
    }
}

// Field numbers of sentencepiece_model.proto.
const MODEL_PIECES: u64 = 1;
const MODEL_TRAINER: u64 = 2;
const MODEL_NORMALIZER: u64 = 3;
const TRAINER_MODEL_TYPE: u64 = 3;
const TRAINER_BYTE_FALLBACK: u64 = 35;
const NORMALIZER_CHARSMAP: u64 = 2;
const NORMALIZER_FLAGS: [(u64, &str); 3] = [
    (3, "it adds no space before the text"),
    (4, "it keeps extra spaces"),
    (5, "it does not escape spaces"),
];
const UNIGRAM: u64 = 1;

impl Tokenizer {
    /// Opens a verified `sp.model`.
    pub fn open(file: &VerifiedFile) -> Result<Tokenizer, TokenizerError> {
        if MAX_FILE < fs::metadata(file.path())?.len() {
            return Err(TokenizerError::TooLarge);
        }
        Tokenizer::read(&fs::read(file.path())?)
    }

    /// Reads a SentencePiece model; only unigram models with the usual treatment of spaces.
    pub fn read(bytes: &[u8]) -> Result<Tokenizer, TokenizerError> {
        let mut pieces = pieces::Builder::default();
        let mut characters = CharsMap::default();
        for field in Fields::new(bytes) {
            match field? {
                (MODEL_PIECES, Value::Bytes(piece)) => pieces.add(piece)?,
                (MODEL_TRAINER, Value::Bytes(spec)) => check_trainer(spec)?,
                (MODEL_NORMALIZER, Value::Bytes(spec)) => characters = read_normalizer(spec)?,
                _ => (),
            }
        }
        Ok(Tokenizer { pieces: pieces.finish()?, characters, limits: TokenLimits::default() })
    }

    /// The same with other limits; at least one character and three tokens are always kept.
    pub fn with_limits(mut self, limits: TokenLimits) -> Tokenizer {
        self.limits = TokenLimits {
            max_chars: limits.max_chars.max(1),
            max_tokens: limits.max_tokens.max(3),
        };
        self
    }

    /// How much of a text is used.
    pub fn limits(&self) -> TokenLimits {
        self.limits
    }

    /// Number of pieces: every id is smaller.
    pub fn n_pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The token ids of `text`; a text without content is one unknown token.
    pub fn tokenize(&self, text: &str) -> Tokens {
        let (normal, mut is_truncated) = self.characters.normalize(text, self.limits.max_chars);
        let (first, last) = self.pieces.frame();
        let mut ids = vec![first];
        unigram::segment(&self.pieces, &normal, &mut ids);
        if self.limits.max_tokens <= ids.len() {
            ids.truncate(self.limits.max_tokens - 1);
            is_truncated = true;
        }
        ids.push(last);
        Tokens { ids, is_truncated }
    }
}

fn check_trainer(spec: &[u8]) -> Result<(), TokenizerError> {
    for field in Fields::new(spec) {
        match field? {
            (TRAINER_MODEL_TYPE, Value::Number(kind)) if kind != UNIGRAM => {
                return Err(TokenizerError::Unsupported("it is not a unigram model"));
            }
            (TRAINER_BYTE_FALLBACK, Value::Number(1..)) => {
                return Err(TokenizerError::Unsupported("it falls back to bytes"));
            }
            _ => (),
        }
    }
    Ok(())
}

fn read_normalizer(spec: &[u8]) -> Result<CharsMap, TokenizerError> {
    let mut characters = CharsMap::default();
    for field in Fields::new(spec) {
        match field? {
            (NORMALIZER_CHARSMAP, Value::Bytes(map)) if !map.is_empty() => {
                characters = CharsMap::read(map)?;
            }
            (number, Value::Number(0)) => {
                if let Some((_, what)) = NORMALIZER_FLAGS.iter().find(|(it, _)| *it == number) {
                    return Err(TokenizerError::Unsupported(what));
                }
            }
            _ => (),
        }
    }
    Ok(characters)
}

#[cfg(test)]
mod tests;
