//! Fine-tunes the sentence encoder together with a linear head: reads, trains, checks with the engine, writes a folder.

mod batch;
mod checkpoint;
mod console;
pub(crate) mod cross;
mod folder;
mod network;
pub(crate) mod output;
pub(crate) mod recipe;
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
use sha2::{Digest as _, Sha256};

use crate::checkpoint::Checkpoints;
use crate::linear::rows::Rows;
use crate::linear::{Job, Options, folds};

use batch::Example;
use console::Console;
use network::{Network, Place};
use recipe::{EncoderPart, Recipe};
use table::Vocabulary;
use trainer::{Examples, Trainer};

/// Whether the recipe that `options` name is one of a fine-tuned encoder.
pub(crate) fn is_meant(options: &Options) -> anyhow::Result<bool> {
    recipe::is_meant(options.recipe_path()?)
}

/// Trains as the recipe says, from the pulled model.
pub(crate) fn run(options: &Options, resume: bool) -> anyhow::Result<()> {
    let recipe = Recipe::read(options.recipe_path()?)?;
    let base = Base::pulled(&recipe.encoder, options.device()?, &pulled()?)?;
    let job = Job::with(options, recipe.for_rows())?;
    Task { recipe, job, resume, base }.run()
}

/// What training starts from, and where it computes.
pub(crate) struct Base {
    /// SHA-256 of the weights' file.
    pub(crate) sha256: String,
    /// Licence of the weights.
    pub(crate) licence: String,
    /// The weights.
    pub(crate) arrays: Arrays,
    /// Makes tokens of texts, as many as training takes.
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// The tokenizer's file.
    pub(crate) pieces: Vec<u8>,
    /// Where the network learns; what it has learned is served anywhere.
    pub(crate) device: Device,
}

impl Base {
    /// The model that a recipe names, one of those that are pulled.
    pub(crate) fn pulled(
        part: &EncoderPart,
        device: Device,
        registry: &ModelRegistry,
    ) -> anyhow::Result<Base> {
        let id = &part.model;
        let missing = "無法開啟語句編碼模型;請先執行 fenwen models pull";
        let model = registry.verified(id).context(missing)?;
        let file =
            |role| model.file(role).with_context(|| format!("model `{id}` is no sentence encoder"));
        let (weights, tokenizer) = (file(FileRole::Weights)?, file(FileRole::Tokenizer)?);
        let pieces = std::fs::read(tokenizer.path())
            .with_context(|| format!("failed to read {}", tokenizer.path().display()))?;
        Ok(Base {
            sha256: weights.sha256().to_owned(),
            licence: model.manifest().licence.clone(),
            arrays: read_arrays(weights)?,
            tokenizer: Arc::new(limited(Tokenizer::read(&pieces)?, part.max_tokens)),
            pieces,
            device,
        })
    }
}

/// The store of pulled models.
pub(crate) fn pulled() -> anyhow::Result<ModelRegistry> {
    let config = Config::load(&Overrides::default())?;
    Ok(ModelRegistry::open(Settings::at(config.model_store()))?)
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
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let rows = self.job.rows()?;
        for note in &rows.notes {
            writeln!(std::io::stderr(), "{note}")?;
        }
        // candle computes in the thread pool that it is called in.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.job.threads).build()?;
        pool.install(|| self.train(&rows))
    }

    fn train(&self, rows: &Rows) -> anyhow::Result<()> {
        let start = Instant::now();
        let prepared = self.prepare(rows)?;
        let place = Place { device: self.base.device.clone(), dtype: DType::F32 };
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
        let bar = console::bar(part.max_epochs() * trainer.steps_of_a_round());
        let mut console = Console::new(&bar, "", &trainer, &checkpoints);
        let outcome = trainer.run(&mut console);
        bar.finish_and_clear();
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
        let n_folds = n_folds(self.recipe.encoder.dev_share());
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

#[cfg(test)]
pub(crate) mod tests;
