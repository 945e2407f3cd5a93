//! The sentence encoder on a card: candle's products, and kernels of ours for what surrounds them.
//!
//! Texts lie one after another without padding, as on the processor.

mod ops;

use std::sync::Arc;

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::layer_norm;

use crate::engine::candle::device::Tether;
use crate::engine::candle::network::Batch;
use crate::engine::candle::ops::length;
use crate::engine::candle::weights::{
    Affine, BRANCH, HIDDEN, Matrix, NGRAMS, Ngram, Norm, Table, WIDTH, Weights,
};
use crate::engine::candle::{flat, load_error, read_rows, signature};
use crate::engine::{EngineError, Signature, TensorModel, Wanted};
use crate::tensor::{Tensor as Values, View};

use ops::{Activate, Embed, Places, Pool, Windows};

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

    fn run_while(
        &mut self,
        inputs: &[Values],
        _: &Wanted,
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
struct GpuNetwork {
    /// First, so that the rest is given back by a thread that may.
    tether: Tether,
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
    /// [tokens].
    scales: Tensor,
    /// [tokens].
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
    fn new(weights: &Weights, device: &Device, dtype: DType) -> Result<GpuNetwork> {
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
            tether: Tether::to(device),
        })
    }

    /// Number of token embeddings: every id must be smaller.
    fn n_tokens(&self) -> usize {
        self.embeddings.levels.dims().first().copied().unwrap_or_default()
    }

    /// The embeddings of the texts of `batch`, [texts, 512], each of length 1.
    fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let features = self.features(batch)?;
        let Gain { gain, bias } = &self.feature_norm;
        let normal = layer_norm(&features, gain, bias, self.epsilon)?;
        let first = batch.texts.iter().map(|it| it.start).chain([batch.ids.len()]);
        let starts: Vec<u32> = first.map(number).collect();
        let starts = Tensor::from_vec(starts, batch.texts.len() + 1, self.tether.device())?;
        let sums = normal.apply_op1_no_bwd(&Pool { starts: &starts })?;
        let n_texts = batch.texts.len();
        let roots: Vec<f32> = batch.texts.iter().map(|text| length(text).sqrt()).collect();
        let roots = Tensor::from_vec(roots, (n_texts, 1), self.tether.device())?;
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
        let embedded = self.embeddings.look_up(&batch.ids, self.tether.device())?;
        let norm = &self.projection_norm;
        let projected = self.projection.forward(&embedded, None)?;
        let projected = layer_norm(&projected, &norm.gain, &norm.bias, self.epsilon)?;
        let places = self.places(batch)?;
        let mut parts = vec![embedded];
        for (idx, ([first, second], ngram)) in self.branches.iter().zip(NGRAMS).enumerate() {
            let Ngram { order, left } = ngram;
            let windows = |first| Windows { places: &places, order, left, first, width: BRANCH };
            let column = idx * BRANCH;
            let seen = projected.apply_op1_no_bwd(&windows(column))?;
            let rows = first.forward(&seen, Some((&projected, column)))?;
            let seen = rows.apply_op1_no_bwd(&windows(0))?;
            parts.push(second.forward(&seen, Some((&rows, 0)))?);
        }
        Tensor::cat(&parts, 1)
    }

    /// Where each token lies in its text.
    fn places(&self, batch: &Batch) -> Result<Places> {
        let n_tokens = batch.ids.len();
        let (mut before, mut after) = (Vec::with_capacity(n_tokens), Vec::with_capacity(n_tokens));
        for text in &batch.texts {
            let len = number(text.len());
            before.extend(0..len);
            after.extend((0..len).rev());
        }
        Ok(Places {
            before: Tensor::from_vec(before, n_tokens, self.tether.device())?,
            after: Tensor::from_vec(after, n_tokens, self.tether.device())?,
        })
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
            scales: Tensor::from_vec(scales, n_tokens, device)?,
            shifts: Tensor::from_vec(shifts, n_tokens, device)?,
            deltas,
        })
    }

    /// [ids, 512].
    fn look_up(&self, ids: &[usize], device: &Device) -> Result<Tensor> {
        let ids: Vec<u32> = ids.iter().copied().map(number).collect();
        let n_ids = ids.len();
        let ids = Tensor::from_vec(ids, n_ids, device)?;
        let Embeddings { levels, scales, shifts, deltas } = self;
        levels.apply_op1_no_bwd(&Embed { scales, shifts, deltas: deltas.as_ref(), ids: &ids })
    }
}

impl Dense {
    fn new(affine: &Affine, device: &Device, dtype: DType) -> Result<Dense> {
        let weight = on_device(&affine.matrix, device, dtype)?;
        let bias = Tensor::from_slice(&affine.bias, affine.bias.len(), device)?.to_dtype(dtype)?;
        Ok(Dense { weight, bias })
    }

    /// Rows × weight + bias; as a layer of a branch also what [`Activate`] says.
    fn forward(&self, rows: &Tensor, earlier: Option<(&Tensor, usize)>) -> Result<Tensor> {
        let product = rows.matmul(&self.weight)?;
        product.apply_op1_no_bwd(&Activate { bias: &self.bias, earlier })
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

fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
