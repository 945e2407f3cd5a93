//! The weights of the n-gram sentence encoder, as they lie in their file, every shape checked.
//!
//! The network (Universal Sentence Encoder, multilingual, version 3): each token has an embedding of 512 numbers,
//! projected to three times 256; three branches look at 2, 3 and 5 neighbouring tokens, two convolutions each; the
//! normalised sum over the tokens, divided by the root of their number, passes through four small layers and a tanh.

use crate::engine::candle::arrays::{Arrays, ArraysError};

/// Numbers of one embedding, in and out.
pub(super) const WIDTH: usize = 512;
/// Numbers of one branch.
pub(super) const BRANCH: usize = 256;
/// Numbers of one token before pooling: its embedding and the three branches.
pub(super) const FEATURES: usize = WIDTH + 3 * BRANCH;
/// Numbers between the last layers.
pub(super) const HIDDEN: usize = 320;
/// The branches: how many tokens a convolution sees, and how many of them come before the token in question.
pub(super) const NGRAMS: [Ngram; 3] =
    [Ngram { order: 2, left: 0 }, Ngram { order: 3, left: 1 }, Ngram { order: 5, left: 2 }];

/// What a convolution sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ngram {
    /// Tokens.
    pub(super) order: usize,
    /// Those before the token in question.
    pub(super) left: usize,
}

/// A matrix in row-major order, inputs × outputs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    pub(super) values: Vec<f32>,
}

/// A matrix and what is added to its product.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) matrix: Matrix,
    pub(super) bias: Vec<f32>,
}

/// Gain and bias of a layer normalisation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Norm {
    pub(super) gain: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// Token embeddings, quantised: token `id` is row `id / n` of chunk `id % n`, scaled and shifted as its chunk is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// Rows of [`WIDTH`] bytes.
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) scales: Vec<f32>,
    pub(super) shifts: Vec<f32>,
    pub(super) rows_per_chunk: usize,
    pub(super) deltas: Deltas,
}

/// What fine-tuning added to the embeddings of some tokens; nothing in the publisher's file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Deltas {
    /// For each token 0, or 1 more than its row; empty where there are no rows.
    pub(super) slots: Vec<u32>,
    /// Rows of [`WIDTH`] numbers.
    pub(super) rows: Vec<f32>,
}

/// Every weight of the network.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    pub(super) table: Table,
    /// 512 → 3 × 256, the branches side by side.
    pub(super) projection: Affine,
    pub(super) projection_norm: Norm,
    /// The two convolutions of each branch, order × 256 → 256.
    pub(super) branches: [[Affine; 2]; 3],
    pub(super) feature_norm: Norm,
    /// 1280 → 512, applied to the scaled sum over the tokens.
    pub(super) pool: Affine,
    /// 512 → 320 + 320: `d0` and `p1` side by side.
    pub(super) enter: Matrix,
    /// 320 → 320: `d1`.
    pub(super) middle: Matrix,
    /// 320 → 512 + 512: `d2` and `p3` side by side.
    pub(super) leave: Matrix,
    /// 512 → 512: `d3`.
    pub(super) last: Matrix,
    /// What keeps a variance or a length from being 0.
    pub(super) epsilon: f32,
}

impl Weights {
    /// Reads the file of the encoder: the publisher's archive, or what fine-tuning wrote.
    pub(super) fn read(bytes: &[u8]) -> Result<Weights, ArraysError> {
        Weights::from_arrays(Arrays::read(bytes)?)
    }

    /// Takes the weights out of their arrays; the arrays say how large the table is.
    fn from_arrays(mut arrays: Arrays) -> Result<Weights, ArraysError> {
        let (n_chunks, rows_per_chunk) = (arrays.len_of("scale"), arrays.len_of("q1"));
        let chunks = (1..=n_chunks.max(1))
            .map(|idx| arrays.bytes(&format!("q{idx}"), &[rows_per_chunk, WIDTH]))
            .collect::<Result<_, _>>()?;
        let table = Table {
            chunks,
            scales: arrays.floats("scale", &[n_chunks])?,
            shifts: arrays.floats("lo", &[n_chunks])?,
            rows_per_chunk,
            deltas: Deltas::take(&mut arrays, n_chunks * rows_per_chunk)?,
        };
        let mut reader = Reader(arrays);
        let enter = [reader.matrix("d0", WIDTH, HIDDEN)?, reader.matrix("p1", WIDTH, HIDDEN)?];
        let leave = [reader.matrix("d2", HIDDEN, WIDTH)?, reader.matrix("p3", HIDDEN, WIDTH)?];
        Ok(Weights {
            table,
            projection: reader.projection()?,
            projection_norm: reader.projection_norm()?,
            branches: [
                reader.branch(NGRAMS[0].order)?,
                reader.branch(NGRAMS[1].order)?,
                reader.branch(NGRAMS[2].order)?,
            ],
            feature_norm: Norm {
                gain: reader.0.floats("ln_g", &[FEATURES])?,
                bias: reader.0.floats("ln_b", &[FEATURES])?,
            },
            pool: reader.affine("cnn_W", "cnn_b", (FEATURES, WIDTH))?,
            enter: side_by_side(&enter),
            middle: reader.matrix("d1", HIDDEN, HIDDEN)?,
            leave: side_by_side(&leave),
            last: reader.matrix("d3", WIDTH, WIDTH)?,
            epsilon: reader.epsilon()?,
        })
    }
}

struct Reader(Arrays);

impl Reader {
    fn matrix(&mut self, name: &str, n_in: usize, n_out: usize) -> Result<Matrix, ArraysError> {
        Ok(Matrix { n_in, n_out, values: self.0.floats(name, &[n_in, n_out])? })
    }

    fn affine(
        &mut self,
        weight: &str,
        bias: &str,
        (n_in, n_out): (usize, usize),
    ) -> Result<Affine, ArraysError> {
        let matrix = self.matrix(weight, n_in, n_out)?;
        Ok(Affine { matrix, bias: self.0.floats(bias, &[n_out])? })
    }

    fn branch(&mut self, order: usize) -> Result<[Affine; 2], ArraysError> {
        let size = (order * BRANCH, BRANCH);
        let first = self.affine(&format!("w1_{order}"), &format!("b1_{order}"), size)?;
        let second = self.affine(&format!("w2_{order}"), &format!("b2_{order}"), size)?;
        Ok([first, second])
    }

    fn projection(&mut self) -> Result<Affine, ArraysError> {
        let mut parts = Vec::new();
        let mut bias = Vec::new();
        for Ngram { order, .. } in NGRAMS {
            parts.push(self.matrix(&format!("proj{order}"), WIDTH, BRANCH)?);
            bias.extend(self.0.floats(&format!("proj_b{order}"), &[BRANCH])?);
        }
        Ok(Affine { matrix: side_by_side(&parts), bias })
    }

    fn projection_norm(&mut self) -> Result<Norm, ArraysError> {
        let mut norm = Norm { gain: Vec::new(), bias: Vec::new() };
        for Ngram { order, .. } in NGRAMS {
            norm.gain.extend(self.0.floats(&format!("ln_g{order}"), &[BRANCH])?);
            norm.bias.extend(self.0.floats(&format!("ln_b{order}"), &[BRANCH])?);
        }
        Ok(norm)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the network computes in 32-bit floats")]
    fn epsilon(&mut self) -> Result<f32, ArraysError> {
        let epsilon = self.0.number("eps")? as f32;
        if epsilon.is_finite() && 0.0 < epsilon {
            Ok(epsilon)
        } else {
            Err(ArraysError::Unexpected("eps".to_owned(), "a positive number".to_owned()))
        }
    }
}

/// Matrices of equal inputs as one, so that one product does for all.
fn side_by_side(parts: &[Matrix]) -> Matrix {
    let n_in = parts.first().map_or(0, |it| it.n_in);
    let n_out = parts.iter().map(|it| it.n_out).sum();
    let mut values = Vec::with_capacity(n_in * n_out);
    for row_idx in 0..n_in {
        for part in parts {
            let start = row_idx * part.n_out;
            values
                .extend_from_slice(part.values.get(start..start + part.n_out).unwrap_or_default());
        }
    }
    Matrix { n_in, n_out, values }
}

impl Table {
    /// Number of embeddings: every id is smaller.
    pub(super) fn len(&self) -> usize {
        self.chunks.len() * self.rows_per_chunk
    }

    /// Levels, scale and shift of every token, by id.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], f32, f32)> {
        (0..self.rows_per_chunk).flat_map(move |row_idx| {
            let parts = self.chunks.iter().zip(&self.scales).zip(&self.shifts);
            parts.map(move |((chunk, scale), shift)| {
                let row = chunk.get(row_idx * WIDTH..(row_idx + 1) * WIDTH);
                (row.unwrap_or_default(), *scale, *shift)
            })
        })
    }

    /// Appends the embedding of token `id`; false if there is none.
    pub(super) fn look_up(&self, id: usize, out: &mut Vec<f32>) -> bool {
        let n_chunks = self.chunks.len().max(1);
        let (chunk_idx, start) = (id % n_chunks, id / n_chunks * WIDTH);
        let (Some(chunk), Some(scale), Some(shift)) =
            (self.chunks.get(chunk_idx), self.scales.get(chunk_idx), self.shifts.get(chunk_idx))
        else {
            return false;
        };
        let Some(row) = chunk.get(start..start + WIDTH) else { return false };
        out.extend(row.iter().map(|level| f32::from(*level) * scale + shift));
        if let Some(delta) = self.deltas.row(id) {
            let first = out.len() - row.len();
            out.iter_mut().skip(first).zip(delta).for_each(|(value, more)| *value += more);
        }
        true
    }
}

impl Deltas {
    /// Takes them out of the arrays, where there are any: `delta_ids`, ascending, and `deltas`, a row for each.
    pub(super) fn take(arrays: &mut Arrays, n_tokens: usize) -> Result<Deltas, ArraysError> {
        if !arrays.holds("delta_ids") {
            return Ok(Deltas::default());
        }
        let ids = arrays.integers("delta_ids")?;
        let rows = arrays.floats("deltas", &[ids.len(), WIDTH])?;
        let mut slots = vec![0; n_tokens];
        for (slot, id) in (1..).zip(&ids) {
            match slots.get_mut(usize::try_from(*id).unwrap_or(usize::MAX)) {
                Some(free @ 0) => *free = slot,
                _ => return Err(ArraysError::Damaged("delta_ids".to_owned())),
            }
        }
        Ok(Deltas { slots, rows })
    }

    /// What was added to the embedding of token `id`.
    fn row(&self, id: usize) -> Option<&[f32]> {
        let row_idx = usize::try_from(*self.slots.get(id)?).ok()?.checked_sub(1)?;
        self.rows.get(row_idx * WIDTH..(row_idx + 1) * WIDTH)
    }
}
