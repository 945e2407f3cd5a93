//! The n-gram sentence encoder as a candle network: token ids in, unit vectors out.

use std::ops::Range;

use candle_core::{D, Device, Result, Tensor, bail};

use crate::engine::candle::ops::{Convolution, Linear, Normalise, Packed, Pool, length};
use crate::engine::candle::weights::{BRANCH, HIDDEN, NGRAMS, Norm, Table, WIDTH, Weights};

/// The network with its matrices packed for this processor. Immutable: one serves every thread.
pub(super) struct Network {
    table: Table,
    projection: Packed,
    projection_norm: Norm,
    branches: [[Packed; 2]; 3],
    feature_norm: Norm,
    pool: Packed,
    /// Bias of `pool`, which the length of a text scales.
    pool_bias: Tensor,
    enter: Packed,
    middle: Packed,
    leave: Packed,
    last: Packed,
    epsilon: f32,
}

/// Token ids of some texts, one after another without padding. Invariant: `texts` cover `ids`, none is empty.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) ids: Vec<usize>,
    pub(super) texts: Vec<Range<usize>>,
}

impl Batch {
    /// Adds a text.
    pub(super) fn push(&mut self, ids: impl IntoIterator<Item = usize>) {
        let start = self.ids.len();
        self.ids.extend(ids);
        self.texts.push(start..self.ids.len());
    }
}

impl Network {
    pub(super) fn new(weights: Weights) -> Result<Network> {
        let [two, three, five] = &weights.branches;
        let pair = |[first, second]: &[_; 2]| -> Result<[Packed; 2]> {
            Ok([Packed::affine(first)?, Packed::affine(second)?])
        };
        Ok(Network {
            projection: Packed::affine(&weights.projection)?,
            projection_norm: weights.projection_norm,
            branches: [pair(two)?, pair(three)?, pair(five)?],
            feature_norm: weights.feature_norm,
            pool: Packed::matrix(&weights.pool.matrix)?,
            pool_bias: Tensor::from_vec(weights.pool.bias, (1, WIDTH), &Device::Cpu)?,
            enter: Packed::matrix(&weights.enter)?,
            middle: Packed::matrix(&weights.middle)?,
            leave: Packed::matrix(&weights.leave)?,
            last: Packed::matrix(&weights.last)?,
            epsilon: weights.epsilon,
            table: weights.table,
        })
    }

    /// Number of token embeddings: every id must be smaller.
    pub(super) fn n_tokens(&self) -> usize {
        self.table.len()
    }

    /// The embeddings of the texts of `batch`, [texts, 512], each of length 1.
    pub(super) fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let texts = batch.texts.as_slice();
        let features = self.features(batch)?;
        let pool = Pool { norm: &self.feature_norm, epsilon: self.epsilon, texts };
        let sums = features.apply_op1_no_bwd(&pool)?;
        let roots: Vec<f32> = texts.iter().map(|text| length(text).sqrt()).collect();
        let roots = Tensor::from_vec(roots, (texts.len(), 1), &Device::Cpu)?;
        let mean = (linear(&sums, &self.pool)? + roots.matmul(&self.pool_bias)?)?;

        let entered = linear(&mean, &self.enter)?;
        let direct = entered.narrow(1, HIDDEN, HIDDEN)?;
        let detour = entered.narrow(1, 0, HIDDEN)?.relu()?.contiguous()?;
        let hidden = (direct + linear(&detour, &self.middle)?)?.relu()?;
        let left = linear(&hidden, &self.leave)?;
        let direct = left.narrow(1, WIDTH, WIDTH)?;
        let detour = left.narrow(1, 0, WIDTH)?.relu()?.contiguous()?;
        let out = (direct + linear(&detour, &self.last)?)?.tanh()?;
        let least = Tensor::new(self.epsilon, &Device::Cpu)?;
        let lengths = out.sqr()?.sum_keepdim(D::Minus1)?.broadcast_maximum(&least)?.sqrt()?;
        out.broadcast_div(&lengths)
    }

    /// What is known of each token and its neighbours, [tokens, 1280].
    fn features(&self, batch: &Batch) -> Result<Tensor> {
        let mut values = Vec::with_capacity(batch.ids.len() * WIDTH);
        for id in &batch.ids {
            if !self.table.look_up(*id, &mut values) {
                bail!("there is no token {id}");
            }
        }
        let embedded = Tensor::from_vec(values, (batch.ids.len(), WIDTH), &Device::Cpu)?;
        let norm = Normalise { norm: &self.projection_norm, epsilon: self.epsilon };
        let projected = linear(&embedded, &self.projection)?.apply_op1_no_bwd(&norm)?;
        let mut parts = vec![embedded];
        for (idx, ([first, second], ngram)) in self.branches.iter().zip(NGRAMS).enumerate() {
            let convolution = |packed| Convolution { packed, ngram, texts: &batch.texts };
            let branch = projected.narrow(1, idx * BRANCH, BRANCH)?;
            let branch = branch.apply_op1_no_bwd(&convolution(first))?;
            parts.push(branch.apply_op1_no_bwd(&convolution(second))?);
        }
        Tensor::cat(&parts, 1)
    }
}

fn linear(rows: &Tensor, packed: &Packed) -> Result<Tensor> {
    rows.apply_op1_no_bwd(&Linear(packed))
}
