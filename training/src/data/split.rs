//! `fenwen data split`: one file into rows to train on and rows to score on, near-duplicates kept together.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::rows::{self, Row, Writer};
use crate::linear::folds;

/// What to split.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// JSONL 檔
    file: PathBuf,
    /// 文字欄位,可用逗號分隔多個;近似重複的列不會分在兩邊
    #[arg(long, value_name = "FIELD", value_delimiter = ',', default_value = "text")]
    text: Vec<String>,
    /// 標籤欄位:各標籤依比例分配
    #[arg(long, value_name = "FIELD", default_value = "label")]
    label: String,
    /// 分成幾份,其中一份保留作評測
    #[arg(long, value_name = "N", default_value_t = 5)]
    parts: usize,
    /// 訓練用的輸出檔
    #[arg(long, value_name = "FILE.jsonl")]
    train: PathBuf,
    /// 評測用的輸出檔
    #[arg(long, value_name = "FILE.jsonl")]
    held_out: PathBuf,
    /// 亂數種子;相同的資料與種子得到相同的結果
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Splits, and tells how many rows went where.
pub(super) fn run(options: &Options, out: &mut impl Write) -> anyhow::Result<()> {
    ensure!(2 <= options.parts, "--parts 至少為 2");
    let rows = rows::read(&options.file)?;
    for field in options.text.iter().chain([&options.label]) {
        ensure!(rows.iter().any(|it| it.contains_key(field)), "沒有任何一列有欄位 {field}");
    }
    let texts: Vec<String> = rows.iter().map(|row| text(row, &options.text)).collect();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut labels = Vec::with_capacity(rows.len());
    for row in &rows {
        let label = rows::label(row, &options.label).unwrap_or_default();
        let next = numbers.len();
        labels.push(*numbers.entry(label).or_insert(next));
    }
    let groups = folds::groups(&texts);
    let parts = folds::assign(&groups, &labels, options.parts, options.seed);
    let (mut train, mut held_out) = (Writer::new(&options.train)?, Writer::new(&options.held_out)?);
    let mut n_held_out = 0;
    for (row, part) in rows.iter().zip(parts) {
        if part == 0 {
            n_held_out += 1;
            held_out.write(row)?;
        } else {
            train.write(row)?;
        }
    }
    train.finish(&options.train)?;
    held_out.finish(&options.held_out)?;
    Ok(writeln!(out, "訓練 {} 列,保留評測 {n_held_out} 列", rows.len() - n_held_out)?)
}

fn text(row: &Row, fields: &[String]) -> String {
    let parts: Vec<_> = fields.iter().filter_map(|it| rows::text(row, it)).collect();
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_duplicates_stay_on_one_side_and_labels_on_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let lines: String = (0..100)
            .map(|idx| {
                let (topic, unit) = (idx / 2, idx / 2 % 2);
                format!(
                    "{{\"text\": \"第{topic}件請求事項\", \"label\": \"{unit}\", \"n\": {idx}}}\n"
                )
            })
            .collect();
        std::fs::write(path("all.jsonl"), lines).unwrap();
        let options = Options {
            file: path("all.jsonl"),
            text: vec!["text".to_owned()],
            label: "label".to_owned(),
            parts: 5,
            train: path("train.jsonl"),
            held_out: path("held-out.jsonl"),
            seed: 7,
        };
        let mut out = Vec::new();
        run(&options, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "訓練 80 列,保留評測 20 列\n");
        let numbers = |name: &str| -> Vec<u64> {
            let rows = rows::read(&path(name)).unwrap();
            rows.iter().map(|it| it["n"].as_u64().unwrap()).collect()
        };
        let held_out = numbers("held-out.jsonl");
        assert!(held_out.chunks(2).all(|it| it[0] / 2 == it[1] / 2), "{held_out:?}");
        assert_eq!(held_out.iter().filter(|it| **it / 2 % 2 == 0).count(), 10);
        let mut all = numbers("train.jsonl");
        all.extend(held_out);
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<u64>>());
        let error = run(&Options { label: "unit".to_owned(), ..options }, &mut Vec::new());
        assert!(error.unwrap_err().to_string().contains("unit"));
    }
}
