//! Fits the table that turns raw field scores of ID images into probabilities.
//!
//! Input: rows of `fenwen eval idcard --split dev --dump FILE.jsonl`, read with a manifest whose `[calibration]` was
//! taken out (`--set models.manifests=DIR`). Output: that table, as TOML.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::isotonic::{self, Outcome};

/// What to fit, from what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// 評測輸出的 JSONL 檔(fenwen eval idcard --split dev --dump)
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// 每一區段最少的樣本數
    #[arg(long, default_value_t = 60)]
    min_block: usize,
    /// 輸出的 TOML 檔;省略時印到標準輸出
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// One evaluated picture; other keys of the row are not needed here.
#[derive(Debug, Deserialize)]
struct Row {
    truth: Truth,
    score: Score,
}

#[derive(Debug, Deserialize)]
struct Truth {
    split: String,
}

#[derive(Debug, Deserialize)]
struct Score {
    fields: Vec<Field>,
}

/// One evaluated field; no confidence when it was not read.
#[derive(Debug, Deserialize)]
struct Field {
    exact: bool,
    confidence: Option<f64>,
}

/// The calibration table: piecewise linear between the points.
#[derive(Debug, Serialize)]
struct Calibration {
    /// Outcomes fitted.
    n: usize,
    /// `[raw score, probability]`, ascending in both.
    points: Vec<[f64; 2]>,
}

/// Reads, fits, writes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let outcomes = read(options)?;
    let blocks = isotonic::fit(&outcomes, options.min_block);
    let points = blocks.iter().map(|it| [round(it.score), round(it.probability)]).collect();
    let text = toml::to_string(&Calibration { n: outcomes.len(), points })?;
    match &options.out {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
        }
        None => Ok(std::io::stdout().lock().write_all(text.as_bytes())?),
    }
}

fn read(options: &Options) -> anyhow::Result<Vec<Outcome>> {
    let path = options.data.display();
    let file = fs::File::open(&options.data).with_context(|| format!("failed to open {path}"))?;
    let mut outcomes = Vec::new();
    for (idx, line) in BufReader::new(file).lines().enumerate() {
        let row: Row = serde_json::from_str(&line?)
            .with_context(|| format!("{path}: line {} is not a dump row", idx + 1))?;
        let split = row.truth.split;
        if split != "dev" {
            bail!("{path}: line {} is of split `{split}`; calibrate on dev only", idx + 1);
        }
        let read = row.score.fields.iter().filter_map(|it| Some((it.confidence?, it.exact)));
        outcomes.extend(read.map(|(score, is_right)| Outcome { score, is_right }));
    }
    if outcomes.len() < options.min_block {
        bail!("{path}: {} rows are too few, {} needed", outcomes.len(), options.min_block);
    }
    Ok(outcomes)
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &str) -> anyhow::Result<String> {
        let dir = tempfile::tempdir().unwrap();
        let (data, out) = (dir.path().join("dump.jsonl"), dir.path().join("out.toml"));
        fs::write(&data, rows).unwrap();
        run(&Options { data, min_block: 2, out: Some(out.clone()) })?;
        Ok(fs::read_to_string(out).unwrap())
    }

    fn row(split: &str, fields: &str) -> String {
        format!("{{\"truth\":{{\"split\":\"{split}\"}},\"score\":{{\"fields\":[{fields}]}}}}\n")
    }

    #[test]
    fn a_table_comes_out() {
        let fields = r#"{"exact":false,"confidence":0.2},{"exact":true,"confidence":0.9},
            {"exact":false,"confidence":null}"#
            .replace('\n', "");
        let rows = row("dev", &fields).repeat(2);
        assert_eq!(check(&rows).unwrap(), "n = 4\npoints = [[0.2, 0.25], [0.9, 0.75]]\n");
    }

    #[test]
    fn test_rows_are_refused() {
        let rows = row("test", r#"{"exact":true,"confidence":0.9}"#).repeat(4);
        assert!(check(&rows).unwrap_err().to_string().contains("dev only"));
    }

    #[test]
    fn broken_rows_name_their_line() {
        assert!(check("{}\n").unwrap_err().to_string().contains("line 1"));
    }
}
