//! Fine-tunes the sentence encoder together with a linear head: reads, trains, checks with the engine, writes a folder.

mod batch;
mod checkpoint;
mod network;
pub(crate) mod output;
mod recipe;
mod report;
pub(crate) mod score;
mod table;
mod trainer;

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use candle_core::{DType, Device};
use fenwen::base::hex;
use fenwen::config::{Config, Overrides};
use fenwen::engine::{Arrays, TokenLimits, Tokenizer, read_arrays};
use fenwen::registry::{FileRole, ModelRegistry, Settings};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest as _, Sha256};

use crate::checkpoint::Checkpoints;
use crate::linear::rows::Rows;
use crate::linear::{Job, Options, folds};

use batch::Example;
use network::{Network, Place};
use recipe::Recipe;
use table::Vocabulary;
use trainer::{Examples, Trainer, Watch};

/// Whether the recipe that `options` name is one of a fine-tuned encoder.
pub(crate) fn is_meant(options: &Options) -> anyhow::Result<bool> {
    recipe::is_meant(options.recipe_path()?)
}

/// Trains as the recipe says, from the pulled model.
pub(crate) fn run(options: &Options, resume: bool) -> anyhow::Result<()> {
    let recipe = Recipe::read(options.recipe_path()?)?;
    let base = Base::pulled(&recipe)?;
    let job = Job::with(options, recipe.for_rows())?;
    Task { recipe, job, resume, base }.run(&Device::Cpu)
}

/// What training starts from.
pub(crate) struct Base {
    /// SHA-256 of the weights' file.
    pub(crate) sha256: String,
    /// The weights.
    pub(crate) arrays: Arrays,
    /// Makes tokens of texts.
    pub(crate) tokenizer: Arc<Tokenizer>,
}

impl Base {
    /// The model that the recipe names, from the store of pulled models.
    fn pulled(recipe: &Recipe) -> anyhow::Result<Base> {
        let config = Config::load(&Overrides::default())?;
        let registry = ModelRegistry::open(Settings::at(config.model_store()))?;
        let model = registry.verified(&recipe.encoder.model)?;
        let file = |role| {
            let id = &recipe.encoder.model;
            model.file(role).with_context(|| format!("model `{id}` is no sentence encoder"))
        };
        let weights = file(FileRole::Weights)?;
        let tokenizer = Tokenizer::open(file(FileRole::Tokenizer)?)?;
        Ok(Base {
            sha256: weights.sha256().to_owned(),
            arrays: read_arrays(weights)?,
            tokenizer: Arc::new(limited(tokenizer, recipe.encoder.max_tokens)),
        })
    }
}

/// A tokenizer that uses so many tokens of a text.
fn limited(tokenizer: Tokenizer, max_tokens: usize) -> Tokenizer {
    tokenizer.with_limits(TokenLimits { max_tokens, ..TokenLimits::default() })
}

/// A training run with every question answered.
pub(crate) struct Task {
    /// How.
    pub(crate) recipe: Recipe,
    /// On what, and where the result goes.
    pub(crate) job: Job,
    /// Whether to go on from the last checkpoint.
    pub(crate) resume: bool,
    /// From what.
    pub(crate) base: Base,
}

/// The rows of a file as the network takes them.
struct Prepared {
    vocabulary: Vocabulary,
    examples: Examples,
    /// Texts of the dev part, in the order of its examples.
    dev_texts: Vec<String>,
    n_groups: usize,
}

impl Task {
    /// Reads, trains, writes; says on standard error how it goes.
    pub(crate) fn run(&self, device: &Device) -> anyhow::Result<()> {
        let rows = self.job.rows()?;
        for note in &rows.notes {
            writeln!(std::io::stderr(), "{note}")?;
        }
        // candle computes in the thread pool that it is called in.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.job.threads).build()?;
        pool.install(|| self.train(&rows, device))
    }

    fn train(&self, rows: &Rows, device: &Device) -> anyhow::Result<()> {
        let start = Instant::now();
        let prepared = self.prepare(rows)?;
        let place = Place { device: device.clone(), dtype: DType::F32 };
        let ids = prepared.vocabulary.ids();
        let network = Network::new(&self.base.arrays, ids, rows.labels.len(), &place)?;
        let part = &self.recipe.encoder;
        let examples = prepared.examples.clone();
        let mut trainer = Trainer::new(network, examples, part, self.recipe.seed)?;
        let folder = self.job.out.join("checkpoints");
        let checkpoints = Checkpoints::new(folder, self.fingerprint(rows, &prepared)?);
        if self.resume && checkpoint::restore(&checkpoints, &mut trainer)? {
            writeln!(std::io::stderr(), "自第 {} 回之後繼續", trainer.state.rounds.len())?;
        }
        let mut console = Console::new(&trainer, part.max_epochs(), &checkpoints);
        let outcome = trainer.run(&mut console);
        console.bar.finish_and_clear();
        outcome?;
        let made = output::write(self, rows, &prepared, &trainer)?;
        let seconds = start.elapsed().as_secs_f64();
        report::write(self, rows, &prepared, &trainer, &report::Measured { made: &made, seconds })?;
        checkpoints.clear()?;
        writeln!(
            std::io::stderr(),
            "{} 列、{} 個標籤,驗證正確率 {:.4},{seconds:.1} 秒,已寫入 {}",
            rows.rows.len(),
            rows.labels.len(),
            made.accuracy(),
            self.job.out.display()
        )?;
        Ok(())
    }

    /// Tokens, and the two parts of the rows; near-duplicates are in one of them.
    fn prepare(&self, rows: &Rows) -> anyhow::Result<Prepared> {
        let texts: Vec<String> = rows.rows.iter().map(|it| it.texts.join("\n")).collect();
        let tokens: Vec<Vec<u32>> =
            texts.iter().map(|it| self.base.tokenizer.tokenize(it).ids).collect();
        let vocabulary = Vocabulary::of(tokens.iter().map(Vec::as_slice));
        let groups = folds::groups(&texts);
        let labels: Vec<usize> = rows.rows.iter().map(|it| it.label).collect();
        let n_folds = n_folds(self.recipe.encoder.dev_share);
        let folds = folds::assign(&groups, &labels, n_folds, self.recipe.seed);
        let mut examples = Examples { train: Vec::new(), dev: Vec::new() };
        let mut dev_texts = Vec::new();
        for (((text, tokens), label), fold) in texts.into_iter().zip(&tokens).zip(labels).zip(folds)
        {
            let example = Example { slots: vocabulary.slots(tokens), label: u32::try_from(label)? };
            // A label's first group is in the first fold: the last one holds none of a rare label.
            if fold + 1 == n_folds {
                examples.dev.push(example);
                dev_texts.push(text);
            } else {
                examples.train.push(example);
            }
        }
        ensure!(!examples.dev.is_empty(), "too few rows for a dev part");
        let n_groups = groups.iter().enumerate().filter(|(row, group)| row == *group).count();
        Ok(Prepared { vocabulary, examples, dev_texts, n_groups })
    }

    /// Tells runs apart that do not give the same.
    fn fingerprint(&self, rows: &Rows, prepared: &Prepared) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        hasher.update(toml::to_string(&self.recipe)?);
        hasher.update(&self.base.sha256);
        hasher.update(rows.labels.join("\n"));
        let examples = [&prepared.examples.train, &prepared.examples.dev];
        for example in examples.into_iter().flatten() {
            hasher.update(example.label.to_le_bytes());
            for slot in &example.slots {
                hasher.update(slot.to_le_bytes());
            }
        }
        hasher.update(
            prepared.vocabulary.ids().iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>(),
        );
        Ok(hex(&hasher.finalize()))
    }
}

/// Folds, one of which is about `share` of the rows.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the recipe bounds it")]
fn n_folds(share: f64) -> usize {
    (1.0 / share).round().max(2.0) as usize
}

/// Shows how a run goes, and writes its checkpoints.
struct Console<'a> {
    bar: ProgressBar,
    n_rounds: usize,
    round: usize,
    /// Smoothed over some fifty steps.
    loss: Option<f64>,
    checkpoints: &'a Checkpoints,
}

impl<'a> Console<'a> {
    fn new(trainer: &Trainer<'_>, n_rounds: usize, checkpoints: &'a Checkpoints) -> Console<'a> {
        let done = trainer.state.rounds.len();
        let n_steps = trainer.steps_of_a_round() as u64;
        let bar = ProgressBar::with_draw_target(
            Some(n_rounds as u64 * n_steps),
            ProgressDrawTarget::stderr_with_hz(4),
        )
        .with_position(done as u64 * n_steps);
        bar.reset_eta();
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} 剩餘 {eta} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Console { bar, n_rounds, round: done + 1, loss: None, checkpoints }
    }
}

impl Watch for Console<'_> {
    fn step(&mut self, loss: f64) {
        let smooth = self.loss.map_or(loss, |before| 0.98 * before + 0.02 * loss);
        self.loss = Some(smooth);
        self.bar.inc(1);
        self.bar.set_message(format!("第 {}/{} 回 損失 {smooth:.3}", self.round, self.n_rounds));
    }

    fn round(&mut self, trainer: &Trainer<'_>) -> anyhow::Result<()> {
        if let Some(it) = trainer.state.rounds.last() {
            let line = format!(
                "第 {}/{} 回:訓練損失 {:.4},驗證損失 {:.4},驗證正確率 {:.4},{:.1} 秒",
                self.round, self.n_rounds, it.train_loss, it.dev_loss, it.accuracy, it.seconds
            );
            self.bar.suspend(|| writeln!(std::io::stderr(), "{line}"))?;
        }
        self.round += 1;
        checkpoint::write(self.checkpoints, trainer)
    }
}

#[cfg(test)]
mod tests;
