//! `fenwen train score-encoder`: what a fine-tuned encoder with its head scores on labelled rows, computed by the
//! engine that serves.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use fenwen::config::{Config, Overrides};
use fenwen::engine::Tokenizer;
use fenwen::pipeline::classify::DenseHead;
use fenwen::registry::{FileRole, ModelRegistry, Settings, VerifiedFile};
use serde::Serialize;

use crate::linear::confidence::{Scored, best, macro_f1, top_3};
use crate::linear::rows::{self, Columns};

use super::output::{FORMAT, HEAD, NOTES, Notes, WEIGHTS, open};
use super::recipe::Recipe;

/// What is scored on what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// fenwen train 寫出的編碼器目錄
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// 評分資料(JSONL),不可含訓練資料
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// 文字欄位,可用逗號分隔多個
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub(crate) text: Vec<String>,
    /// 標籤欄位
    #[arg(long, value_name = "FIELD")]
    pub(crate) label: String,
    /// 執行緒數
    #[arg(long, default_value = "1")]
    pub(crate) threads: NonZero<usize>,
}

/// The result, printed as JSON.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Rows scored.
    pub(crate) n: usize,
    /// Rows whose label the model does not know; they are not scored.
    pub(crate) n_unknown: usize,
    /// Share of right first labels.
    pub(crate) accuracy: f64,
    /// Mean of F1 over the labels that occur or are answered.
    pub(crate) macro_f1: f64,
    /// Share of rows whose label is among the first three.
    pub(crate) top3: f64,
}

/// Scores and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let recipe = Recipe::read(&options.model.join("recipe.toml"))?;
    let config = Config::load(&Overrides::default())?;
    let registry = ModelRegistry::open(Settings::at(config.model_store()))?;
    let model = registry.verified(&recipe.encoder.model)?;
    let tokenizer = model.file(FileRole::Tokenizer).context("the encoder names no tokenizer")?;
    let tokenizer =
        Arc::new(super::limited(Tokenizer::open(tokenizer)?, recipe.encoder.max_tokens));
    let summary = score(options, &recipe, tokenizer)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&summary)?)?;
    Ok(())
}

/// Scores the rows that have a label of the model.
pub(crate) fn score(
    options: &Options,
    recipe: &Recipe,
    tokenizer: Arc<Tokenizer>,
) -> anyhow::Result<Summary> {
    let read = |name: &str| {
        let path = options.model.join(name);
        fs::read(&path).with_context(|| format!("failed to read {}", path.display()))
    };
    let notes: Notes = serde_json::from_slice(&read(NOTES)?)?;
    ensure!(notes.format == FORMAT, "{NOTES} is of another version");
    let head = DenseHead::load(&read(HEAD)?, notes.labels.len())?;
    let file = VerifiedFile::check(&options.model.join(WEIGHTS), &notes.sha256)?;
    let mut encoder = open(&file, tokenizer, options.threads.get())?;
    let every_label = Recipe { min_rows: 1, ..recipe.clone() }.for_rows();
    let columns = Columns { text: &options.text, label: &options.label };
    let rows = rows::read(&options.data, columns, Vec::new(), &every_label)?;
    let known: BTreeMap<&str, usize> = notes.labels.iter().map(String::as_str).zip(0..).collect();
    let (mut texts, mut labels) = (Vec::new(), Vec::new());
    for row in &rows.rows {
        if let Some(label) = known.get(rows.labels[row.label].as_str()) {
            texts.push(row.texts.join("\n"));
            labels.push(*label);
        }
    }
    let embeddings = encoder.encode(&texts, |_| ())?;
    let mut scored = Vec::with_capacity(texts.len());
    for (embedding, label) in embeddings.rows().zip(labels) {
        scored.push(Scored { scores: head.scores(embedding)?, label });
    }
    let n_right = scored.iter().filter(|it| best(&it.scores) == it.label).count();
    Ok(Summary {
        n: scored.len(),
        n_unknown: rows.rows.len() - scored.len(),
        accuracy: n_right as f64 / scored.len().max(1) as f64,
        macro_f1: macro_f1(&scored, notes.labels.len()),
        top3: top_3(&scored),
    })
}
