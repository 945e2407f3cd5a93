//! The folder of a fine-tuned encoder: its weights as the engine reads them, the head, what is known about both.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use fenwen::base::hex;
use fenwen::engine::{Array, Arrays, EngineKind, OpenOptions, Tokenizer, Values, open_replicas};
use fenwen::pipeline::classify::{Confidence, DenseHead};
use fenwen::pipeline::encode::BulkEncoder;
use fenwen::registry::VerifiedFile;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::linear::confidence::{self, Scored, best};
use crate::linear::rows::Rows;

use super::network::{DELTAS, HEAD_BIAS, HEAD_WEIGHTS, Network, names};
use super::table::Vocabulary;
use super::trainer::Trainer;
use super::{Base, Prepared, Task};

/// The weights, for the engine `candle`.
pub(crate) const WEIGHTS: &str = "encoder.safetensors";
/// The head, for the classifier.
pub(crate) const HEAD: &str = "dense.safetensors";
/// What is known about both.
pub(crate) const NOTES: &str = "encoder.json";
/// Version of that file.
pub(crate) const FORMAT: u32 = 1;
/// Greatest difference between a score of training and one of the engine.
pub(super) const TOLERANCE: f32 = 1e-2;

/// The file `encoder.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notes {
    /// [`FORMAT`].
    pub(crate) format: u32,
    /// Labels, in the order of the head's rows: sorted, as the linear trainer sorts them.
    pub(crate) labels: Vec<String>,
    /// Text columns, which were joined by line breaks.
    pub(crate) inputs: Vec<String>,
    /// Model that training started from.
    pub(crate) base: String,
    /// SHA-256 of its weights.
    pub(crate) base_sha256: String,
    /// SHA-256 of the fine-tuned weights.
    pub(crate) sha256: String,
    /// Most tokens of a text in training.
    pub(crate) max_tokens: usize,
    /// How the head's scores alone become probabilities, measured on the dev part.
    pub(crate) confidence: Confidence,
}

/// What was written, and how the engine scored the dev part with it.
pub(crate) struct Made {
    pub(crate) notes: Notes,
    pub(crate) dev: Vec<Scored>,
    /// Greatest difference between a score of training and one of the engine.
    pub(crate) difference: f32,
}

impl Made {
    /// Share of the dev part that is right.
    pub(crate) fn accuracy(&self) -> f64 {
        let n_right = self.dev.iter().filter(|it| best(&it.scores) == it.label).count();
        n_right as f64 / self.dev.len().max(1) as f64
    }
}

/// Writes the folder, but for its report, once the engine has given the dev part the scores that training gives it.
pub(super) fn write(
    task: &Task,
    rows: &Rows,
    prepared: &Prepared,
    trainer: &Trainer<'_>,
) -> anyhow::Result<Made> {
    let out = &task.job.out;
    fs::create_dir_all(out).with_context(|| format!("failed to create {}", out.display()))?;
    let weights = weights(&task.base, &prepared.vocabulary, &trainer.network)?.to_safetensors()?;
    let sha256 = hex(&Sha256::digest(&weights));
    let head = head(&trainer.network)?;
    let partial = out.join(format!("{WEIGHTS}.partial"));
    write_synced(&partial, &weights)?;
    let file = VerifiedFile::check(&partial, &sha256)?;
    let mut encoder = open(&file, Arc::clone(&task.base.tokenizer), task.job.threads)?;
    let embeddings = encoder.encode(&prepared.dev_texts, |_| ())?;
    let mut dev = Vec::with_capacity(prepared.dev_texts.len());
    for (embedding, example) in embeddings.rows().zip(&prepared.examples.dev) {
        let label = usize::try_from(example.label)?;
        dev.push(Scored { scores: head.scores(embedding)?, label });
    }
    let difference = difference(&dev, &trainer.dev_scores()?);
    ensure!(difference <= TOLERANCE, "the engine's scores differ from training's by {difference}");
    let confidence = confidence::fit(&dev, &rows.labels, &task.recipe.confidence);
    let notes = Notes {
        format: FORMAT,
        labels: rows.labels.clone(),
        inputs: task.job.text.clone(),
        base: task.recipe.encoder.model.clone(),
        base_sha256: task.base.sha256.clone(),
        sha256,
        max_tokens: task.recipe.encoder.max_tokens,
        confidence,
    };
    rename(&partial, &out.join(WEIGHTS))?;
    write_whole(out, HEAD, &head.to_bytes()?)?;
    write_whole(out, NOTES, &serde_json::to_vec_pretty(&notes)?)?;
    write_whole(out, "recipe.toml", toml::to_string(&task.recipe)?.as_bytes())?;
    Ok(Made { notes, dev, difference })
}

/// Opens fine-tuned weights with the engine that serves.
pub(crate) fn open(
    file: &VerifiedFile,
    tokenizer: Arc<Tokenizer>,
    threads: usize,
) -> anyhow::Result<BulkEncoder> {
    let options = OpenOptions { engine: EngineKind::Candle, ..OpenOptions::default() };
    Ok(BulkEncoder::new(tokenizer, open_replicas(file, &options, threads)?))
}

/// The arrays of the encoder's file: those it started from, with what was learned.
pub(super) fn weights(
    base: &Base,
    vocabulary: &Vocabulary,
    network: &Network,
) -> anyhow::Result<Arrays> {
    let mut arrays = base.arrays.clone();
    for (name, _) in names() {
        let tensor = network.param(&name)?.var.as_tensor();
        let values = floats(tensor, &name)?;
        arrays.insert(&name, Array { shape: tensor.dims().to_vec(), values: Values::F32(values) });
    }
    let deltas = floats(network.param(DELTAS)?.var.as_tensor(), DELTAS)?;
    let width = network.width();
    let (mut ids, mut rows) = (Vec::new(), Vec::new());
    for (id, row) in vocabulary.ids().iter().zip(deltas.chunks_exact(width)) {
        if row.iter().any(|it| *it != 0.0) {
            ids.push(*id);
            rows.extend_from_slice(row);
        }
    }
    if !ids.is_empty() {
        let shape = vec![ids.len(), width];
        arrays.insert("deltas", Array { shape, values: Values::F32(rows) });
        arrays.insert("delta_ids", Array { shape: vec![ids.len()], values: Values::U32(ids) });
    }
    Ok(arrays)
}

/// The network's head, as classifiers have it.
pub(super) fn head(network: &Network) -> anyhow::Result<DenseHead> {
    Ok(DenseHead {
        width: network.width(),
        weights: floats(network.param(HEAD_WEIGHTS)?.var.as_tensor(), HEAD_WEIGHTS)?,
        bias: floats(network.param(HEAD_BIAS)?.var.as_tensor(), HEAD_BIAS)?,
    })
}

fn floats(tensor: &candle_core::Tensor, name: &str) -> anyhow::Result<Vec<f32>> {
    let values = tensor.flatten_all()?.to_vec1::<f32>()?;
    ensure!(values.iter().all(|it| it.is_finite()), "`{name}` holds numbers that are not finite");
    Ok(values)
}

/// The greatest difference of a score.
pub(super) fn difference(one: &[Scored], other: &[Scored]) -> f32 {
    let rows = one.iter().zip(other);
    let scores = rows.flat_map(|(a, b)| a.scores.iter().zip(&b.scores));
    scores.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Writes a file of the folder whole or not at all.
pub(crate) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = folder.join(format!("{name}.partial"));
    write_synced(&partial, bytes)?;
    rename(&partial, &folder.join(name))
}

/// Writes a file whose bytes are on the disk when it returns.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("failed to write {}", path.display()))
}

/// Gives a file its name.
pub(super) fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("failed to write {}", to.display()))
}
