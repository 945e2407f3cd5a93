//! Speed of the sentence encoder on candle beside ONNX Runtime: the same weights, texts, batches and threads, in turn.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use fenwen::base::hex;
use fenwen::config::{Config, Overrides};
use fenwen::engine::{EngineKind, OpenOptions, Scratch, TensorModel, Tokenizer, export_onnx, open};
use fenwen::registry::{FileRole, ModelRegistry, Settings, VerifiedFile};
use fenwen::tensor::{Tensor, View};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Greatest difference of a number between the two engines.
const TOLERANCE: f32 = 1e-3;

/// What is measured.
#[derive(clap::Args)]
pub struct EncoderArgs {
    /// Texts, JSON lines.
    #[arg(long)]
    data: PathBuf,
    /// Field of the text.
    #[arg(long, default_value = "text")]
    text: String,
    /// Texts used, evenly over the file.
    #[arg(long, default_value_t = 320)]
    count: usize,
    /// Texts in a batch.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32")]
    batch: Vec<usize>,
    /// Threads of each engine.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Measured rounds of each engine; the best and the median count.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Serialize)]
struct Line {
    batch: usize,
    candle_best: f64,
    candle_median: f64,
    ort_best: f64,
    ort_median: f64,
    ratio_best: f64,
    ratio_median: f64,
    greatest_difference: f32,
}

#[derive(Serialize)]
struct Report {
    threads: usize,
    n_texts: usize,
    mean_tokens: f64,
    texts_per_second: Vec<Line>,
}

/// Measures both engines, prints a table, and fails when their vectors differ.
pub fn run(args: &EncoderArgs, out: &mut impl Write) -> Result<()> {
    let config = Config::load(&Overrides::default())?;
    let registry = ModelRegistry::open(Settings::at(config.model_store()))?;
    let model = registry.verified("use-multilingual-v3")?;
    let weights = model.file(FileRole::Weights).context("the encoder names no weights")?;
    let tokenizer = model.file(FileRole::Tokenizer).context("the encoder names no tokenizer")?;
    let rows = tokenize(args, &Tokenizer::open(tokenizer)?)?;

    let folder = tempfile::tempdir()?;
    let mut candle = open(weights, &options(args, EngineKind::Candle))?;
    let runtime = registry.verified("onnxruntime")?;
    let ort_library = runtime.file(FileRole::Library).cloned();
    let ort_options = OpenOptions { ort_library, ..options(args, EngineKind::Ort) };
    let mut ort = open(&twin(weights, folder.path())?, &ort_options)?;

    let mut lines = Vec::new();
    for batch in &args.batch {
        let inputs = batches(&rows, (*batch).max(1))?;
        lines.push(measure(args.rounds, *batch, &inputs, candle.as_mut(), ort.as_mut())?);
    }
    let n_tokens: usize = rows.iter().map(Vec::len).sum();
    let report = Report {
        threads: args.threads,
        n_texts: rows.len(),
        mean_tokens: n_tokens as f64 / rows.len() as f64,
        texts_per_second: lines,
    };
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    print(&report, out)
}

fn options(args: &EncoderArgs, engine: EngineKind) -> OpenOptions {
    OpenOptions { engine, threads: args.threads, scratch: Scratch::Keep, ..OpenOptions::default() }
}

/// The same network as an ONNX file in `folder`.
fn twin(weights: &VerifiedFile, folder: &Path) -> Result<VerifiedFile> {
    let graph = export_onnx(weights)?;
    let path = folder.join("encoder.onnx");
    std::fs::write(&path, &graph)?;
    Ok(VerifiedFile::check(&path, &hex(&Sha256::digest(&graph)))?)
}

/// Token ids of the texts, shortest first, as a server's queue sorts them by length.
fn tokenize(args: &EncoderArgs, tokenizer: &Tokenizer) -> Result<Vec<Vec<i64>>> {
    let content = std::fs::read_to_string(&args.data)
        .with_context(|| format!("failed to read {}", args.data.display()))?;
    let mut texts = Vec::new();
    for line in content.lines().filter(|line| !line.trim().is_empty()) {
        let row: Value = serde_json::from_str(line)?;
        let text = row.get(&args.text).and_then(Value::as_str);
        texts.push(text.with_context(|| format!("a line has no text `{}`", args.text))?.to_owned());
    }
    ensure!(!texts.is_empty(), "{} holds no text", args.data.display());
    let step = texts.len().div_ceil(args.count.max(1));
    let ids = |text: &String| tokenizer.tokenize(text).ids.into_iter().map(i64::from).collect();
    let mut rows: Vec<Vec<i64>> = texts.iter().step_by(step).map(ids).collect();
    rows.sort_by_key(Vec::len);
    Ok(rows)
}

fn batches(rows: &[Vec<i64>], size: usize) -> Result<Vec<Tensor>> {
    let batch = |rows: &[Vec<i64>]| {
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(rows.len() * longest);
        for row in rows {
            ids.extend_from_slice(row);
            ids.resize(ids.len() + longest - row.len(), 0);
        }
        Ok(Tensor::i64([rows.len(), longest], ids)?)
    };
    rows.chunks(size).map(batch).collect()
}

/// Rounds of both engines in turn, each once before without being counted.
fn measure(
    n_rounds: usize,
    batch: usize,
    inputs: &[Tensor],
    candle: &mut dyn TensorModel,
    ort: &mut dyn TensorModel,
) -> Result<Line> {
    let n_texts: usize = inputs.iter().filter_map(|it| it.shape().first()).sum();
    let (_, candle_values) = round(candle, inputs)?;
    let (_, ort_values) = round(ort, inputs)?;
    let differences = candle_values.iter().zip(&ort_values).map(|(a, b)| (a - b).abs());
    let greatest_difference = differences.fold(0.0, f32::max);
    ensure!(
        candle_values.len() == ort_values.len() && greatest_difference <= TOLERANCE,
        "the engines differ by {greatest_difference}"
    );
    let (mut candle_times, mut ort_times) = (Vec::new(), Vec::new());
    for _ in 0..n_rounds.max(1) {
        candle_times.push(round(candle, inputs)?.0);
        ort_times.push(round(ort, inputs)?.0);
    }
    let (candle_best, candle_median) = rates(n_texts, candle_times);
    let (ort_best, ort_median) = rates(n_texts, ort_times);
    Ok(Line {
        batch,
        candle_best,
        candle_median,
        ort_best,
        ort_median,
        ratio_best: candle_best / ort_best,
        ratio_median: candle_median / ort_median,
        greatest_difference,
    })
}

/// Seconds for all inputs, and the outputs.
fn round(model: &mut dyn TensorModel, inputs: &[Tensor]) -> Result<(f64, Vec<f32>)> {
    let mut values = Vec::new();
    let begun = Instant::now();
    for input in inputs {
        model.run(std::slice::from_ref(input), &mut |views: &[View<'_>]| {
            values.extend_from_slice(views.first().map_or(&[][..], View::data));
        })?;
    }
    Ok((begun.elapsed().as_secs_f64(), values))
}

/// Texts a second in the best round and in the median one.
fn rates(n_texts: usize, mut seconds: Vec<f64>) -> (f64, f64) {
    seconds.sort_by(f64::total_cmp);
    let rate = |idx: usize| seconds.get(idx).map_or(0.0, |it| n_texts as f64 / it);
    (rate(0), rate(seconds.len() / 2))
}

fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "{} texts of {:.1} tokens, {} thread(s); texts a second, best (median) round\n",
        report.n_texts, report.mean_tokens, report.threads
    )?;
    writeln!(out, "| batch | candle | ONNX Runtime | ratio | greatest difference |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for it in &report.texts_per_second {
        writeln!(
            out,
            "| {} | {:.0} ({:.0}) | {:.0} ({:.0}) | {:.2} ({:.2}) | {:.1e} |",
            it.batch,
            it.candle_best,
            it.candle_median,
            it.ort_best,
            it.ort_median,
            it.ratio_best,
            it.ratio_median,
            it.greatest_difference
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_padded_and_keep_the_order() {
        let rows = vec![vec![1, 2], vec![1, 5, 2], vec![1, 6, 7, 2]];
        let batches = batches(&rows, 2).unwrap();
        assert_eq!(batches[0], Tensor::i64([2, 3], vec![1, 2, 0, 1, 5, 2]).unwrap());
        assert_eq!(batches[1], Tensor::i64([1, 4], vec![1, 6, 7, 2]).unwrap());
    }

    #[test]
    fn rates_are_best_and_median() {
        assert_eq!(rates(10, vec![5.0, 1.0, 2.0]), (10.0, 5.0));
    }
}
