//! Fits the table that turns raw field scores of ID images into probabilities.
//!
//! Input: rows of `fenwen eval idcard --split dev --dump FILE.jsonl`. Output: TOML for the recogniser's manifest.

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

/// One evaluated field; other keys of the row are not needed here.
#[derive(Debug, Deserialize)]
struct Row {
    split: String,
    score: f64,
    correct: bool,
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
        if row.split != "dev" {
            bail!("{path}: line {} is of split `{}`; calibrate on dev only", idx + 1, row.split);
        }
        outcomes.push(Outcome { score: row.score, is_right: row.correct });
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

    #[test]
    fn a_table_comes_out() {
        let rows = "{\"split\":\"dev\",\"score\":0.2,\"correct\":false,\"field\":\"name\"}\n"
            .repeat(2)
            + &"{\"split\":\"dev\",\"score\":0.9,\"correct\":true}\n".repeat(2);
        assert_eq!(check(&rows).unwrap(), "n = 4\npoints = [[0.2, 0.25], [0.9, 0.75]]\n");
    }

    #[test]
    fn test_rows_are_refused() {
        let rows = "{\"split\":\"test\",\"score\":0.2,\"correct\":false}\n".repeat(4);
        assert!(check(&rows).unwrap_err().to_string().contains("dev only"));
    }

    #[test]
    fn broken_rows_name_their_line() {
        assert!(check("{}\n").unwrap_err().to_string().contains("line 1"));
    }
}
