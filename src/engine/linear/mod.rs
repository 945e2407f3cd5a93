//! Linear text classifier: hashed character n-grams, tf-idf, a row of 8-bit weights for each feature.
//!
//! Texts arrive as normalised characters, one slice for each *input* of the model (a subject, a body). A *view* of an
//! input hashes the n-grams of its beginning or of all of it under keys of its own. The value of a feature is
//! `(1 + ln tf) · idf`, a text's values have L2 norm 1, and class c scores `Σ value · weight[c] · scale[c] + bias[c]`.
//! Views may have a *share* of that norm each, so that a short one is not drowned by a long one.

mod explain;
mod features;
mod file;
mod hash;
mod rows;
mod score;
mod table;

use serde::{Deserialize, Serialize};

use rows::Rows;
use table::Table;

pub use explain::Contribution;
pub use features::{Features, Scratch};
pub use file::{LinearError, LinearParts};
pub use hash::{HASH_VERSION, MAX_ORDER, grams};

/// What a model looks at, and what it tells apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSpec {
    /// Names of the texts it takes, in order.
    pub inputs: Vec<String>,
    /// Views of those texts.
    pub views: Vec<View>,
    /// Labels, in the order of the scores.
    pub classes: Vec<String>,
}

/// Which n-grams of an input count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Index of the input.
    pub input: usize,
    /// Only so many characters from its beginning; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
    /// Lengths of the n-grams, each from 1 to [`MAX_ORDER`].
    pub orders: Vec<usize>,
    /// Distinguishes the keys of this view; views that share a number share their features.
    pub field: u32,
    /// Above 0, at most 1: the squared norm of this view's values, beside those of the other views, is in proportion to
    /// this share times their length before. All views of a model have one, and fields of their own, or none has: then
    /// the squared norm is in proportion to the square of that length, and a long view drowns a short one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
}

impl View {
    /// The characters of its input that this view sees; none where the input is absent.
    pub fn chars<'a>(&self, inputs: &[&'a [char]]) -> &'a [char] {
        let chars: &'a [char] = inputs.get(self.input).copied().unwrap_or_default();
        &chars[..self.head.map_or(chars.len(), |head| head.min(chars.len()))]
    }

    /// `orders` as the bits that [`grams`] takes.
    pub fn order_bits(&self) -> u8 {
        self.orders
            .iter()
            .filter(|it| (1..=MAX_ORDER).contains(*it))
            .fold(0, |bits, n| bits | 1 << (n - 1))
    }
}

/// A loaded model. Shared between threads; every caller brings its own [`Scratch`].
#[derive(Debug)]
pub struct LinearModel {
    spec: LinearSpec,
    table: Table,
    /// Weight of a feature before the norm: idf times what training gave its order.
    idf: Vec<f32>,
    rows: Rows,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl LinearModel {
    /// What it looks at, and its labels.
    pub fn spec(&self) -> &LinearSpec {
        &self.spec
    }

    /// Labels, in the order of the scores.
    pub fn classes(&self) -> &[String] {
        &self.spec.classes
    }

    /// Number of features that it knows.
    pub fn n_features(&self) -> usize {
        self.idf.len()
    }
}
