//! The sentence encoder in candle's own operations, for a device that is not the processor.
//!
//! Texts lie one after another without padding, as on the processor: windows of neighbours are gathered by index, sums
//! over a text are a product with a matrix of its rows' shares.

use std::sync::Arc;

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::layer_norm;

use crate::engine::candle::network::Batch;
use crate::engine::candle::ops::length;
use crate::engine::candle::weights::{
    Affine, BRANCH, HIDDEN, Matrix, NGRAMS, Ngram, Norm, Table, WIDTH, Weights,
};
use crate::engine::candle::{flat, load_error, read_rows, signature};
use crate::engine::{EngineError, Signature, TensorModel};
use crate::tensor::{Tensor as Values, View};

/// Tokens computed at a time: what belongs to them takes half a gibibyte at most.
const MAX_TOKENS: usize = 1 << 16;

/// One copy of the encoder on a device; copies share the weights.
pub(super) struct GpuModel {
    network: Arc<GpuNetwork>,
    signature: Signature,
}

impl GpuModel {
    /// Copies of the encoder on a device that is not the processor, computing in `dtype`.
    pub(super) fn open(
        weights: &Weights,
        device: &Device,
        dtype: DType,
        n_replicas: usize,
    ) -> std::result::Result<Vec<Box<dyn TensorModel>>, EngineError> {
        let network = Arc::new(GpuNetwork::new(weights, device, dtype).map_err(load_error)?);
        let copy = |_| {
            let network = Arc::clone(&network);
            Box::new(GpuModel { network, signature: signature() }) as Box<dyn TensorModel>
        };
        Ok((0..n_replicas).map(copy).collect())
    }

    /// The embeddings of all rows, one after another.
    fn embed(&self, rows: &[Vec<usize>]) -> Result<Vec<f32>> {
        let mut embeddings = Vec::with_capacity(rows.len() * WIDTH);
        let mut batch = Batch::default();
        for (idx, row) in rows.iter().enumerate() {
            batch.push(row.iter().copied());
            let next = rows.get(idx + 1).map_or(MAX_TOKENS, Vec::len);
            if MAX_TOKENS < batch.ids.len() + next || idx + 1 == rows.len() {
                embeddings.extend(flat(&self.network.forward(&std::mem::take(&mut batch))?)?);
            }
        }
        Ok(embeddings)
    }
}

impl TensorModel for GpuModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(
        &mut self,
        inputs: &[Values],
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> std::result::Result<(), EngineError> {
        self.signature.check(inputs)?;
        let [input] = inputs else {
            return Err(EngineError::BadInput("one input is wanted".to_owned()));
        };
        let failed = |err: String| EngineError::Failed(err);
        let rows = read_rows(input, self.network.n_tokens())?;
        let embeddings = self.embed(&rows).map_err(|err| failed(err.to_string()))?;
        let shape = [rows.len(), WIDTH];
        visit(&[View::new(&shape, &embeddings).map_err(|err| failed(err.to_string()))?]);
        Ok(())
    }
}

/// The network with its weights on a device. Immutable: one serves every thread.
pub(super) struct GpuNetwork {
    device: Device,
    /// What tokens are computed in; texts are computed in single precision.
    dtype: DType,
    embeddings: Embeddings,
    projection: Dense,
    projection_norm: Gain,
    branches: [[Dense; 2]; 3],
    feature_norm: Gain,
    pool: Dense,
    enter: Tensor,
    middle: Tensor,
    leave: Tensor,
    last: Tensor,
    epsilon: f32,
}

/// The table of embeddings, quantised as it lies in its file.
struct Embeddings {
    /// [tokens, 512] bytes.
    levels: Tensor,
    /// [tokens, 1].
    scales: Tensor,
    /// [tokens, 1].
    shifts: Tensor,
    /// For each token its row of what fine-tuning added, and the rows; row 0 is zeros.
    deltas: Option<(Tensor, Tensor)>,
}

struct Dense {
    /// [in, out].
    weight: Tensor,
    /// [out].
    bias: Tensor,
}

struct Gain {
    gain: Tensor,
    bias: Tensor,
}

impl GpuNetwork {
    /// Puts the weights on a device; tokens are computed in `dtype`.
    pub(super) fn new(weights: &Weights, device: &Device, dtype: DType) -> Result<GpuNetwork> {
        let [two, three, five] = &weights.branches;
        let dense = |affine: &Affine| Dense::new(affine, device, dtype);
        let pair = |[first, second]: &[Affine; 2]| -> Result<[Dense; 2]> {
            Ok([dense(first)?, dense(second)?])
        };
        let single = |matrix: &Matrix| on_device(matrix, device, DType::F32);
        Ok(GpuNetwork {
            embeddings: Embeddings::new(&weights.table, device)?,
            projection: dense(&weights.projection)?,
            projection_norm: Gain::new(&weights.projection_norm, device, dtype)?,
            branches: [pair(two)?, pair(three)?, pair(five)?],
            feature_norm: Gain::new(&weights.feature_norm, device, dtype)?,
            pool: Dense::new(&weights.pool, device, DType::F32)?,
            enter: single(&weights.enter)?,
            middle: single(&weights.middle)?,
            leave: single(&weights.leave)?,
            last: single(&weights.last)?,
            epsilon: weights.epsilon,
            device: device.clone(),
            dtype,
        })
    }

    /// Number of token embeddings: every id must be smaller.
    fn n_tokens(&self) -> usize {
        self.embeddings.levels.dims().first().copied().unwrap_or_default()
    }

    /// The embeddings of the texts of `batch`, [texts, 512], each of length 1.
    pub(super) fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let features = self.features(batch)?;
        let normal =
            layer_norm(&features, &self.feature_norm.gain, &self.feature_norm.bias, self.epsilon)?;
        let sums = self.shares(batch)?.matmul(&normal)?.to_dtype(DType::F32)?;
        let n_texts = batch.texts.len();
        let roots: Vec<f32> = batch.texts.iter().map(|text| length(text).sqrt()).collect();
        let roots = Tensor::from_vec(roots, (n_texts, 1), &self.device)?;
        let bias = roots.broadcast_mul(&self.pool.bias)?;
        let mean = (sums.matmul(&self.pool.weight)? + bias)?;

        let entered = mean.matmul(&self.enter)?;
        let direct = entered.narrow(1, HIDDEN, HIDDEN)?;
        let detour = entered.narrow(1, 0, HIDDEN)?.contiguous()?.relu()?;
        let hidden = (direct + detour.matmul(&self.middle)?)?.relu()?;
        let left = hidden.matmul(&self.leave)?;
        let direct = left.narrow(1, WIDTH, WIDTH)?;
        let detour = left.narrow(1, 0, WIDTH)?.contiguous()?.relu()?;
        let out = (direct + detour.matmul(&self.last)?)?.tanh()?;
        let lengths = out.sqr()?.sum_keepdim(D::Minus1)?.maximum(self.epsilon)?.sqrt()?;
        out.broadcast_div(&lengths)
    }

    /// What is known of each token and its neighbours, [tokens, 1280].
    fn features(&self, batch: &Batch) -> Result<Tensor> {
        let embedded = self.embeddings.look_up(&batch.ids, &self.device)?.to_dtype(self.dtype)?;
        let norm = &self.projection_norm;
        let projected = self.projection.forward(&embedded)?;
        let projected = layer_norm(&projected, &norm.gain, &norm.bias, self.epsilon)?;
        let mut parts = vec![embedded];
        for (idx, (layers, ngram)) in self.branches.iter().zip(NGRAMS).enumerate() {
            let windows = neighbours(batch, ngram);
            let windows = Tensor::from_vec(windows, batch.ids.len() * ngram.order, &self.device)?;
            let mut rows = projected.narrow(1, idx * BRANCH, BRANCH)?.contiguous()?;
            for layer in layers {
                let seen = rows.pad_with_zeros(0, 0, 1)?.index_select(&windows, 0)?;
                let seen = seen.reshape((batch.ids.len(), ngram.order * BRANCH))?;
                rows = (layer.forward(&seen)?.relu()? + rows)?;
            }
            parts.push(rows);
        }
        Tensor::cat(&parts, 1)
    }

    /// [texts, tokens]: the share of each token in its text's sum, 1 / √ its number of tokens; elsewhere 0.
    fn shares(&self, batch: &Batch) -> Result<Tensor> {
        let mut owners = Vec::with_capacity(batch.ids.len());
        let mut shares = Vec::with_capacity(batch.ids.len());
        for (owner, text) in (0_u32..).zip(&batch.texts) {
            owners.resize(text.end, owner);
            shares.resize(text.end, 1.0 / length(text).sqrt());
        }
        let n_tokens = batch.ids.len();
        let texts: Vec<u32> = (0_u32..).take(batch.texts.len()).collect();
        let texts = Tensor::from_vec(texts, (batch.texts.len(), 1), &self.device)?;
        let owners = Tensor::from_vec(owners, (1, n_tokens), &self.device)?;
        let shares = Tensor::from_vec(shares, (1, n_tokens), &self.device)?;
        let is_own = texts.broadcast_eq(&owners)?.to_dtype(self.dtype)?;
        is_own.broadcast_mul(&shares.to_dtype(self.dtype)?)
    }
}

impl Embeddings {
    fn new(table: &Table, device: &Device) -> Result<Embeddings> {
        let n_tokens = table.len();
        let mut levels = Vec::with_capacity(n_tokens * WIDTH);
        let (mut scales, mut shifts) = (Vec::with_capacity(n_tokens), Vec::with_capacity(n_tokens));
        for (row, scale, shift) in table.rows() {
            levels.extend_from_slice(row);
            scales.push(scale);
            shifts.push(shift);
        }
        let deltas = &table.deltas;
        let deltas = if deltas.rows.is_empty() {
            None
        } else {
            let rows = [vec![0.0; WIDTH], deltas.rows.clone()].concat();
            let n_rows = rows.len() / WIDTH;
            Some((
                Tensor::from_vec(deltas.slots.clone(), n_tokens, device)?,
                Tensor::from_vec(rows, (n_rows, WIDTH), device)?,
            ))
        };
        Ok(Embeddings {
            levels: Tensor::from_vec(levels, (n_tokens, WIDTH), device)?,
            scales: Tensor::from_vec(scales, (n_tokens, 1), device)?,
            shifts: Tensor::from_vec(shifts, (n_tokens, 1), device)?,
            deltas,
        })
    }

    /// [ids, 512] in single precision.
    fn look_up(&self, ids: &[usize], device: &Device) -> Result<Tensor> {
        let ids: Vec<u32> = ids.iter().map(|id| u32::try_from(*id).unwrap_or(u32::MAX)).collect();
        let n_ids = ids.len();
        let ids = Tensor::from_vec(ids, n_ids, device)?;
        let levels = self.levels.index_select(&ids, 0)?.to_dtype(DType::F32)?;
        let scaled = levels.broadcast_mul(&self.scales.index_select(&ids, 0)?)?;
        let rows = scaled.broadcast_add(&self.shifts.index_select(&ids, 0)?)?;
        match &self.deltas {
            Some((slots, deltas)) => {
                rows + deltas.index_select(&slots.index_select(&ids, 0)?, 0)?
            }
            None => Ok(rows),
        }
    }
}

impl Dense {
    fn new(affine: &Affine, device: &Device, dtype: DType) -> Result<Dense> {
        let weight = on_device(&affine.matrix, device, dtype)?;
        let bias = Tensor::from_slice(&affine.bias, affine.bias.len(), device)?.to_dtype(dtype)?;
        Ok(Dense { weight, bias })
    }

    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        rows.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Gain {
    fn new(norm: &Norm, device: &Device, dtype: DType) -> Result<Gain> {
        let tensor = |it: &[f32]| Tensor::from_slice(it, it.len(), device)?.to_dtype(dtype);
        Ok(Gain { gain: tensor(&norm.gain)?, bias: tensor(&norm.bias)? })
    }
}

fn on_device(matrix: &Matrix, device: &Device, dtype: DType) -> Result<Tensor> {
    Tensor::from_slice(&matrix.values, (matrix.n_in, matrix.n_out), device)?.to_dtype(dtype)
}

/// For each token the rows that a convolution sees; the row after the last stands for those beyond its text's ends.
fn neighbours(batch: &Batch, ngram: Ngram) -> Vec<u32> {
    let nobody = batch.ids.len();
    let mut windows = Vec::with_capacity(nobody * ngram.order);
    for text in &batch.texts {
        for row_idx in text.clone() {
            windows.extend((0..ngram.order).map(|offset| {
                let neighbour = (row_idx + offset).checked_sub(ngram.left);
                let neighbour = neighbour.filter(|it| text.contains(it)).unwrap_or(nobody);
                u32::try_from(neighbour).unwrap_or(u32::MAX)
            }));
        }
    }
    windows
}
