//! The pieces of a tokenizer and the walk through them, character by character.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::base::protobuf::{Fields, Value, text};
use crate::engine::tokenizer::TokenizerError;

/// Most pieces, and most characters of one.
const MAX_PIECES: usize = 1 << 20;
const MAX_PIECE_CHARS: usize = 64;
/// How much less likely an unknown character is than the least likely piece (SentencePiece, `kUnkPenalty`).
const UNKNOWN_PENALTY: f64 = 10.0;

// Field numbers and kinds of `ModelProto.SentencePiece`.
const PIECE_TEXT: u64 = 1;
const PIECE_SCORE: u64 = 2;
const PIECE_KIND: u64 = 3;
const KIND_NORMAL: u64 = 1;
const KIND_UNKNOWN: u64 = 2;
const KIND_USER_DEFINED: u64 = 4;
const BEGIN: &str = "<s>";
const END: &str = "</s>";

/// Pieces by their text. Invariants: frame and unknown exist; every id is smaller than the number of scores.
pub(super) struct Pieces {
    scores: Vec<f32>,
    /// Child of a node by a character; nodes are numbered, the root is 0.
    children: HashMap<(u32, char), u32, BuildHasherDefault<NodeHasher>>,
    /// The piece that ends at a node.
    ends: Vec<Option<u32>>,
    frame: (u32, u32),
    unknown: u32,
    unknown_score: f64,
}

impl Pieces {
    /// Number of pieces.
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Ids of the beginning and the end of a text.
    pub(super) fn frame(&self) -> (u32, u32) {
        self.frame
    }

    /// Id and score of an unknown character.
    pub(super) fn unknown(&self) -> (u32, f64) {
        (self.unknown, self.unknown_score)
    }

    /// Calls `found` with length, id and score of every piece that `chars` begins with, the shortest first.
    pub(super) fn prefixes(&self, chars: &[char], mut found: impl FnMut(usize, u32, f64)) {
        let mut node = 0;
        for (idx, ch) in chars.iter().enumerate() {
            let Some(&child) = self.children.get(&(node, *ch)) else { return };
            node = child;
            if let Some(id) = self.ends.get(at(node)).copied().flatten()
                && let Some(score) = self.scores.get(at(id))
            {
                found(idx + 1, id, f64::from(*score));
            }
        }
    }
}

/// Collects pieces in the order of their ids.
#[derive(Default)]
pub(super) struct Builder {
    scores: Vec<f32>,
    children: HashMap<(u32, char), u32, BuildHasherDefault<NodeHasher>>,
    ends: Vec<Option<u32>>,
    begin: Option<u32>,
    end: Option<u32>,
    unknown: Option<u32>,
}

impl Builder {
    /// Adds the next piece.
    pub(super) fn add(&mut self, message: &[u8]) -> Result<(), TokenizerError> {
        let (mut piece, mut score, mut kind) = ("", 0.0, KIND_NORMAL);
        for field in Fields::new(message) {
            match field? {
                (PIECE_TEXT, Value::Bytes(bytes)) => piece = text(bytes)?,
                (PIECE_SCORE, Value::Fixed32(bytes)) => score = f32::from_le_bytes(bytes),
                (PIECE_KIND, Value::Number(number)) => kind = number,
                _ => (),
            }
        }
        if self.scores.len() == MAX_PIECES || !score.is_finite() {
            return Err(TokenizerError::Malformed("too many pieces, or a score that is no number"));
        }
        let id = number(self.scores.len());
        self.scores.push(score);
        match (kind, piece) {
            (KIND_NORMAL | KIND_USER_DEFINED, _) => self.insert(piece, id)?,
            (KIND_UNKNOWN, _) => self.unknown = Some(id),
            (_, BEGIN) => self.begin = Some(id),
            (_, END) => self.end = Some(id),
            // Other control pieces never come from text.
            _ => (),
        }
        Ok(())
    }

    fn insert(&mut self, piece: &str, id: u32) -> Result<(), TokenizerError> {
        if piece.is_empty() || MAX_PIECE_CHARS < piece.chars().count() {
            return Err(TokenizerError::Malformed("a piece is empty or too long"));
        }
        if self.ends.is_empty() {
            self.ends.push(None);
        }
        let mut node = 0;
        for ch in piece.chars() {
            let fresh = number(self.ends.len());
            node = *self.children.entry((node, ch)).or_insert(fresh);
            if node == fresh {
                self.ends.push(None);
            }
        }
        if let Some(end) = self.ends.get_mut(at(node)) {
            *end = Some(id);
        }
        Ok(())
    }

    /// The finished pieces.
    pub(super) fn finish(self) -> Result<Pieces, TokenizerError> {
        let missing = TokenizerError::Malformed("the pieces <s>, </s> or <unk> are missing");
        let (Some(begin), Some(end), Some(unknown)) = (self.begin, self.end, self.unknown) else {
            return Err(missing);
        };
        let least = self.scores.iter().copied().fold(0.0, f32::min);
        Ok(Pieces {
            scores: self.scores,
            children: self.children,
            ends: self.ends,
            frame: (begin, end),
            unknown,
            unknown_score: f64::from(least) - UNKNOWN_PENALTY,
        })
    }
}

/// Numbers of pieces and nodes fit 32 bits: there are at most 2^20 pieces of 64 characters.
fn number(idx: usize) -> u32 {
    u32::try_from(idx).unwrap_or(u32::MAX)
}

fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Hashes a node and a character: the keys come from the model alone, so nobody can choose them to collide.
#[derive(Default)]
pub(super) struct NodeHasher(u64);

impl Hasher for NodeHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, word: u32) {
        // Multiplier of Knuth's multiplicative hashing, 2^64 / golden ratio.
        self.0 = (self.0.rotate_left(32) ^ u64::from(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}
