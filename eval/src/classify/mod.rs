//! The suite for text classifiers: a trained folder and labelled rows in, numbers and a report out.

pub mod chart;
pub mod report;
mod resample;
pub mod score;
pub mod time;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fenwen::cli::encoder;
use fenwen::config::{Config, Overrides};
use fenwen::pipeline::classify::{Ask, Classifier, ClassifierFiles, Workspace};
use fenwen::pipeline::encode::BulkEmbeddings;
use serde_json::{Map, Value};

use crate::cards::typeface::Typefaces;
use score::{Answer, Summary, summarise};

/// What is scored on what.
#[derive(Clone, Debug)]
pub struct Order {
    /// Folder that `fenwen train` wrote.
    pub model: PathBuf,
    /// JSONL file.
    pub data: PathBuf,
    /// Text columns, in the order of training.
    pub text: Vec<String>,
    /// Label column.
    pub label: String,
}

/// Labelled texts.
struct Row {
    texts: Vec<String>,
    label: String,
}

/// Classifies every row that has text and a label; the others are counted.
///
/// # Errors
/// When a file cannot be read, a line is no JSON object, or no row can be used.
pub fn run(order: &Order) -> Result<Summary> {
    let classifier = load(&order.model)?;
    ensure!(
        order.text.len() == classifier.inputs().len(),
        "the model takes {} text columns ({}), {} are named",
        classifier.inputs().len(),
        classifier.inputs().join(", "),
        order.text.len()
    );
    let (rows, skipped) = read(order)?;
    ensure!(!rows.is_empty(), "{}: no row has text and a label", order.data.display());
    let mut workspace = Workspace::default();
    let mut answers = Vec::with_capacity(rows.len());
    let embeddings = embed(&classifier, &rows, &order.model)?;
    for (idx, row) in rows.into_iter().enumerate() {
        let texts: Vec<&str> = row.texts.iter().map(String::as_str).collect();
        let ask = Ask { top_k: 3, spans: 0 };
        let embedding = embeddings.as_ref().and_then(|it| it.rows().nth(idx));
        let decision = classifier.classify(&texts, embedding, ask, &mut workspace)?;
        let ranked = decision.ranked.iter();
        answers.push(Answer {
            truth: row.label,
            ranked: ranked
                .map(|it| (classifier.labels()[it.class].clone(), it.probability))
                .collect(),
            unit: decision.unit.map(|it| it.path),
            requires_human: decision.requires_human,
        });
    }
    Ok(summarise(&answers, classifier.labels(), skipped))
}

/// The vectors of all rows for a classifier that is fused with an encoder: an installed one, or the one in its folder;
/// none for another classifier.
fn embed(classifier: &Classifier, rows: &[Row], folder: &Path) -> Result<Option<BulkEmbeddings>> {
    let Some(wanted) = classifier.encoder() else { return Ok(None) };
    let config = Config::load(&Overrides::default())?;
    let mut encoder = encoder::open_bulk_of(&config, wanted, folder)
        .context("the model is fused with a sentence encoder")?;
    let texts: Vec<&str> = rows
        .iter()
        .map(|row| {
            let texts: Vec<&str> = row.texts.iter().map(String::as_str).collect();
            classifier.embedded(&texts)
        })
        .collect();
    Ok(Some(encoder.encode(&texts, |_| ())?))
}

/// Loads the folder that `fenwen train` wrote.
///
/// # Errors
/// When a file is missing or refused.
pub fn load(folder: &Path) -> Result<Classifier> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).with_context(|| format!("failed to read {}", path.display()))
    };
    let (linear, settings) = (read("linear.safetensors")?, read("classifier.json")?);
    let dense_path = folder.join("dense.safetensors");
    let dense = dense_path.is_file().then(|| read("dense.safetensors")).transpose()?;
    let files = ClassifierFiles { linear: &linear, settings: &settings, dense: dense.as_deref() };
    Classifier::load(files).with_context(|| format!("failed to load {}", folder.display()))
}

fn read(order: &Order) -> Result<(Vec<Row>, usize)> {
    let shown = order.data.display();
    let file = File::open(&order.data).with_context(|| format!("failed to open {shown}"))?;
    let (mut rows, mut skipped) = (Vec::new(), 0);
    for (idx, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("failed to read {shown}"))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(line)
            .with_context(|| format!("{shown}: line {} is no JSON object", idx + 1))?;
        let texts: Vec<String> =
            order.text.iter().map(|it| string(&object, it).unwrap_or_default()).collect();
        match string(&object, &order.label) {
            Some(label) if texts.iter().any(|it| !it.is_empty()) => {
                // As in training: a blank after a label makes no other label of it.
                rows.push(Row { texts, label: label.trim().to_owned() });
            }
            _ => skipped += 1,
        }
    }
    Ok((rows, skipped))
}

/// The non-blank text of a column; numbers count as text, as in training.
fn string(object: &Map<String, Value>, column: &str) -> Option<String> {
    let text = match object.get(column)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Writes `report.md`, `report.json`, `confusion.png` and `confidence.png` into a folder.
///
/// # Errors
/// When a file cannot be written or a font is missing.
pub fn write_report(folder: &Path, title: &str, summary: &Summary) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let fonts = Typefaces::load()?;
    let files = [
        ("report.md", report::markdown(title, summary).into_bytes()),
        ("report.json", serde_json::to_vec_pretty(summary)?),
        ("confusion.png", chart::confusion(&fonts, summary)?),
        ("confidence.png", chart::confidence(&fonts, summary)?),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}
