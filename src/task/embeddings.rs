//! Vectors of texts, for callers who compare texts themselves.

use crate::base::Private;

/// The model that makes them.
pub const MODEL: &str = "use-multilingual-v3";
/// Numbers of a vector.
pub const WIDTH: usize = 512;
/// Most texts of a call.
pub const MAX_TEXTS: usize = 2048;
/// Most code points of a text; the encoder reads less of one, and refuses what it cannot read to the end.
pub const MAX_TEXT: usize = 200_000;

/// Texts to embed. Invariant: 1 to [`MAX_TEXTS`], each of 1 to [`MAX_TEXT`] code points.
#[derive(Debug)]
pub struct EmbeddingOrder {
    /// They.
    pub texts: Vec<Private<String>>,
    /// How vectors are written.
    pub encoding: Encoding,
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As numbers.
    #[default]
    Float,
    /// As little-endian floats of 32 bits, in Base64.
    Base64,
}

/// What texts are about.
#[derive(Clone, PartialEq)]
pub struct EmbeddingAnswer {
    /// A unit vector for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts.
    pub n_tokens: usize,
}
