//! Many texts at once, without a queue: for training, search indexes and clustering.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{EngineError, TensorModel, Tokenizer};
use crate::tensor::{Tensor, View};

/// Most texts, and most token ids with their padding, that are computed at a time.
const MAX_ROWS: usize = 32;
const MAX_IDS: usize = 4096;

/// Turns many texts into embeddings on copies of a model that belong to it alone.
pub struct BulkEncoder {
    tokenizer: Arc<Tokenizer>,
    models: Vec<Box<dyn TensorModel>>,
}

/// Embeddings of many texts, in their order.
#[derive(Clone, PartialEq)]
pub struct BulkEmbeddings {
    /// All vectors, one after another.
    pub values: Vec<f32>,
    /// Numbers of one vector.
    pub width: usize,
    /// Texts whose end was left out, by the tokenizer's limits.
    pub n_truncated: usize,
}

impl BulkEmbeddings {
    /// The vector of each text.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

impl BulkEncoder {
    /// An encoder on these copies of one model; each works on a thread of its own.
    pub fn new(tokenizer: Arc<Tokenizer>, models: Vec<Box<dyn TensorModel>>) -> BulkEncoder {
        BulkEncoder { tokenizer, models }
    }

    /// The embeddings of `texts`. Blocks; calls `progress` with the number of texts just done, from any thread.
    pub fn encode(
        &mut self,
        texts: &[impl AsRef<str>],
        progress: impl Fn(usize) + Sync,
    ) -> Result<BulkEmbeddings, EngineError> {
        let tokens: Vec<_> =
            texts.iter().map(|text| self.tokenizer.tokenize(text.as_ref())).collect();
        let n_truncated = tokens.iter().filter(|it| it.is_truncated).count();
        let rows: Vec<Vec<u32>> = tokens.into_iter().map(|it| it.ids).collect();
        let batches = batches(&rows);
        let work = Work { rows: &rows, batches: &batches, next: AtomicUsize::new(0) };
        let found = Mutex::new(Vec::with_capacity(batches.len()));
        let outcome: Result<(), EngineError> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .models
                .iter_mut()
                .map(|model| scope.spawn(|| work.run(model.as_mut(), &found, &progress)))
                .collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| EngineError::Failed("a thread panicked".to_owned()))?
            })
        });
        outcome?;
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (values, width) = in_order(rows.len(), &batches, found)?;
        Ok(BulkEmbeddings { values, width, n_truncated })
    }
}

/// Texts of like length by their index, shortest first, so that little is padded.
fn batches(rows: &[Vec<u32>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let len = |idx: &usize| rows.get(*idx).map_or(0, Vec::len);
    order.sort_by_key(len);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for idx in order {
        match batches.last_mut() {
            // The newest row is the longest so far.
            Some(last) if last.len() < MAX_ROWS && (last.len() + 1) * len(&idx) <= MAX_IDS => {
                last.push(idx);
            }
            _ => batches.push(vec![idx]),
        }
    }
    batches
}

/// What the threads share.
struct Work<'a> {
    rows: &'a [Vec<u32>],
    batches: &'a [Vec<usize>],
    next: AtomicUsize,
}

/// The embeddings of a batch, by the batch's index.
type Found = Mutex<Vec<(usize, Vec<f32>)>>;

impl Work<'_> {
    /// Computes batches until none is left.
    fn run(
        &self,
        model: &mut dyn TensorModel,
        found: &Found,
        progress: &(impl Fn(usize) + Sync),
    ) -> Result<(), EngineError> {
        loop {
            let batch_idx = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = self.batches.get(batch_idx) else { return Ok(()) };
            let mut values = Vec::new();
            model.run(&[self.input(batch)?], &mut |views: &[View<'_>]| {
                if let Some(view) = views.first() {
                    values = view.data().to_vec();
                }
            })?;
            found.lock().unwrap_or_else(PoisonError::into_inner).push((batch_idx, values));
            progress(batch.len());
        }
    }

    /// The rows of a batch, padded with zeros.
    fn input(&self, batch: &[usize]) -> Result<Tensor, EngineError> {
        let rows = || batch.iter().filter_map(|idx| self.rows.get(*idx));
        let longest = rows().map(Vec::len).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(batch.len() * longest);
        for row in rows() {
            ids.extend(row.iter().map(|id| i64::from(*id)));
            ids.resize(ids.len() + longest - row.len(), 0);
        }
        Tensor::i64([batch.len(), longest], ids)
            .map_err(|err| EngineError::BadInput(err.to_string()))
    }
}

/// The vectors of all texts in their order, and the numbers of one.
fn in_order(
    n_rows: usize,
    batches: &[Vec<usize>],
    found: Vec<(usize, Vec<f32>)>,
) -> Result<(Vec<f32>, usize), EngineError> {
    let first = found.first().and_then(|(idx, values)| Some((batches.get(*idx)?.len(), values)));
    let width = first.map_or(0, |(n_texts, values)| values.len() / n_texts.max(1));
    let mut ordered = vec![0.0; n_rows * width];
    for (batch_idx, values) in found {
        let batch = batches.get(batch_idx).map_or(&[][..], Vec::as_slice);
        if values.len() != batch.len() * width {
            return Err(EngineError::Failed("the output has not one row for each text".to_owned()));
        }
        for (idx, row) in batch.iter().zip(values.chunks_exact(width.max(1))) {
            if let Some(place) = ordered.get_mut(idx * width..(idx + 1) * width) {
                place.copy_from_slice(row);
            }
        }
    }
    Ok((ordered, width))
}
