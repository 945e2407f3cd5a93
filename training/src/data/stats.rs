//! What is in a file of rows: labels, lengths, blanks, and personal data by kind.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use fenwen::pipeline::letters::pii;
use serde_json::json;

use super::rows;

/// Labels shown without `--json`.
const N_SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// JSONL 檔
    file: PathBuf,
    /// 文字欄位
    #[arg(long, value_name = "FIELD", default_value = "text")]
    text: String,
    /// 標籤欄位
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// 以 JSON 輸出
    #[arg(long)]
    json: bool,
}

/// Counts of one file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stats {
    n_rows: usize,
    n_blank: usize,
    n_distinct: usize,
    /// Characters at the 5th, 50th, 95th and 100th percentile.
    lengths: [usize; 4],
    /// Rows of each label, most first.
    labels: Vec<(String, usize)>,
    /// Findings of each kind of personal data.
    personal: BTreeMap<String, usize>,
}

pub(super) fn run(options: &Options, out: &mut impl Write) -> anyhow::Result<()> {
    let rows = rows::read(&options.file)?;
    let stats = measure(&rows, &options.text, options.label.as_deref());
    if options.json {
        let labels: BTreeMap<&str, usize> =
            stats.labels.iter().map(|it| (it.0.as_str(), it.1)).collect();
        let [p5, p50, p95, max] = stats.lengths;
        let value = json!({
            "rows": stats.n_rows, "blank": stats.n_blank, "distinct": stats.n_distinct,
            "chars": { "p5": p5, "p50": p50, "p95": p95, "max": max },
            "labels": labels, "personal_data": stats.personal,
        });
        return Ok(writeln!(out, "{value:#}")?);
    }
    let [p5, p50, p95, max] = stats.lengths;
    writeln!(out, "筆數 {},空白 {},相異 {}", stats.n_rows, stats.n_blank, stats.n_distinct)?;
    writeln!(out, "字數 第5百分位 {p5},中位數 {p50},第95百分位 {p95},最長 {max}")?;
    if !stats.labels.is_empty() {
        writeln!(out, "標籤 {} 種", stats.labels.len())?;
    }
    for (label, n_rows) in stats.labels.iter().take(N_SHOWN) {
        writeln!(out, "  {n_rows}\t{label}")?;
    }
    for (kind, n_found) in &stats.personal {
        writeln!(out, "個資 {kind}\t{n_found}")?;
    }
    Ok(())
}

fn measure(rows: &[rows::Row], field: &str, label: Option<&str>) -> Stats {
    let mut stats = Stats { n_rows: rows.len(), ..Stats::default() };
    let mut lengths = Vec::new();
    let mut distinct = std::collections::HashSet::new();
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let text = rows::text(row, field).unwrap_or_default();
        if text.trim().is_empty() {
            stats.n_blank += 1;
        }
        lengths.push(text.chars().count());
        for found in pii::find(&text) {
            *stats.personal.entry(format!("{:?}", found.kind)).or_default() += 1;
        }
        distinct.insert(text.into_owned());
        if let Some(label) = label.and_then(|it| rows::label(row, it)) {
            *labels.entry(label).or_default() += 1;
        }
    }
    stats.n_distinct = distinct.len();
    lengths.sort_unstable();
    stats.lengths = [5, 50, 95, 100].map(|percent| {
        let place = lengths.len().saturating_sub(1) * percent / 100;
        lengths.get(place).copied().unwrap_or(0)
    });
    stats.labels = labels.into_iter().collect();
    stats.labels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        let rows = "{\"text\": \"我的手機0912345678\", \"unit\": \"甲\"}\n\n{\"text\": \"\", \"unit\": \"乙\"}\n\
                    {\"text\": \"路燈\", \"unit\": \"乙 \"}\n{\"text\": \"路燈\", \"unit\": 3}\n";
        std::fs::write(&file, rows).unwrap();
        let found = measure(&rows::read(&file).unwrap(), "text", Some("unit"));
        assert_eq!((found.n_rows, found.n_blank, found.n_distinct), (4, 1, 3));
        assert_eq!(found.lengths, [0, 2, 2, 14]);
        let labels: Vec<(&str, usize)> =
            found.labels.iter().map(|it| (it.0.as_str(), it.1)).collect();
        assert_eq!(labels, [("乙", 2), ("3", 1), ("甲", 1)]);
        assert_eq!(found.personal, BTreeMap::from([("MobilePhone".to_owned(), 1)]));
        std::fs::write(&file, "not json\n").unwrap();
        assert!(rows::read(&file).unwrap_err().to_string().contains("第 1 行"));
    }
}
