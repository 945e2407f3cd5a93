//! Near-duplicates of a file: groups that must not straddle a split.
//!
//! Candidates come from the MinHash index, and are then compared exactly: Jaccard similarity of character 8-shingles.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use fenwen::pipeline::letters::similar::{Signature, SimilarIndex};
use serde_json::Value;

use super::rows::{self, Row};

/// Characters of one shingle.
const SHINGLE: usize = 8;
/// How far the estimate may lie below the threshold for a pair to be compared exactly: four standard errors.
const MARGIN: f32 = 0.2;
/// Most candidates of one row that are compared.
const MAX_CANDIDATES: usize = 64;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// JSONL 檔
    file: PathBuf,
    /// 文字欄位
    #[arg(long, value_name = "FIELD", default_value = "text")]
    text: String,
    /// 視為近似重複的相似度(Jaccard)
    #[arg(long, default_value_t = 0.5)]
    threshold: f32,
    /// 切分欄位:有近似重複跨越切分時以錯誤結束
    #[arg(long, value_name = "FIELD")]
    split: Option<String>,
    /// 另存加上 group 欄位的檔案
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, out: &mut impl Write) -> anyhow::Result<()> {
    let mut rows = rows::read(&options.file)?;
    let texts: Vec<String> = rows
        .iter()
        .map(|it| rows::text(it, &options.text).unwrap_or_default().into_owned())
        .collect();
    let groups = groups(&texts, options.threshold);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(row);
    }
    let several = members.values().filter(|it| 1 < it.len());
    let n_in_groups: usize = several.clone().map(Vec::len).sum();
    let largest = several.clone().map(Vec::len).max().unwrap_or(1);
    writeln!(
        out,
        "{} 筆,{} 組近似重複(共 {n_in_groups} 筆),最大一組 {largest} 筆",
        rows.len(),
        several.count()
    )?;
    if let Some(path) = &options.out {
        let mut writer = rows::Writer::new(path)?;
        for (row, group) in rows.iter_mut().zip(&groups) {
            row.insert("group".to_owned(), Value::from(*group));
            writer.write(row)?;
        }
        writer.finish(path)?;
    }
    let Some(field) = &options.split else { return Ok(()) };
    let n_straddling = members.values().filter(|it| straddles(it, &rows, field)).count();
    writeln!(out, "{n_straddling} 組跨越 {field}")?;
    anyhow::ensure!(n_straddling == 0, "有 {n_straddling} 組近似重複跨越切分");
    Ok(())
}

fn straddles(members: &[usize], rows: &[Row], field: &str) -> bool {
    let parts = members.iter().filter_map(|it| rows::text(rows.get(*it)?, field));
    1 < parts.collect::<BTreeSet<_>>().len()
}

/// For each text, the first text of its group.
fn groups(texts: &[String], threshold: f32) -> Vec<usize> {
    let mut index = SimilarIndex::new(texts.len());
    let mut groups: Vec<usize> = (0..texts.len()).collect();
    for (row, text) in texts.iter().enumerate() {
        let Some(signature) = Signature::of(text) else { continue };
        for similar in index.query(&signature, threshold - MARGIN, MAX_CANDIDATES) {
            let Ok(other) = similar.id.parse::<usize>() else { continue };
            if texts.get(other).is_some_and(|it| threshold <= jaccard(text, it)) {
                join(&mut groups, row, other);
            }
        }
        index.insert(&row.to_string(), signature);
    }
    (0..texts.len()).map(|it| root(&groups, it)).collect()
}

fn join(groups: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(groups, a), root(groups, b));
    if let Some(parent) = groups.get_mut(a.max(b)) {
        *parent = a.min(b);
    }
}

fn root(groups: &[usize], mut row: usize) -> usize {
    while let Some(parent) = groups.get(row).filter(|it| **it != row) {
        row = *parent;
    }
    row
}

fn jaccard(a: &str, b: &str) -> f32 {
    let (a, b) = (shingles(a), shingles(b));
    let n_common = a.intersection(&b).count();
    let count = |it: usize| f32::from(u16::try_from(it).unwrap_or(u16::MAX));
    count(n_common) / count(a.len() + b.len() - n_common).max(1.0)
}

/// The shingles of letters and digits; a shorter text is one shingle.
fn shingles(text: &str) -> BTreeSet<String> {
    let chars: Vec<char> = text.chars().filter(|ch| ch.is_alphanumeric()).collect();
    if chars.len() < SHINGLE {
        return BTreeSet::from([chars.into_iter().collect()]);
    }
    chars.windows(SHINGLE).map(|it| it.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<String> {
        let letter = "里內文德路口長期沒有號誌,已發生多次車禍,懇請儘速設置紅綠燈以維護學童安全";
        vec![
            letter.to_owned(),
            "請問戶籍遷入需要準備哪些證件,可以委託他人辦理嗎".to_owned(),
            format!("部長您好,{letter}"),
            String::new(),
            format!("{letter}。謝謝"),
            String::new(),
        ]
    }

    #[test]
    fn like_texts_share_a_group() {
        assert_eq!(groups(&texts(), 0.5), [0, 1, 0, 3, 0, 5]);
        assert_eq!(groups(&texts(), 1.0), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_group_across_the_split_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        let run_with = |parts: [&str; 6]| {
            let rows: String = texts()
                .iter()
                .zip(parts)
                .map(|(text, part)| {
                    serde_json::json!({"text": text, "part": part}).to_string() + "\n"
                })
                .collect();
            std::fs::write(&file, rows).unwrap();
            let options = Options {
                file: file.clone(),
                text: "text".to_owned(),
                threshold: 0.5,
                split: Some("part".to_owned()),
                out: Some(folder.path().join("b.jsonl")),
            };
            let mut out = Vec::new();
            (run(&options, &mut out).is_ok(), String::from_utf8(out).unwrap())
        };
        assert!(run_with(["train", "dev", "train", "dev", "train", "train"]).0);
        let (is_clean, told) = run_with(["train", "dev", "dev", "dev", "train", "train"]);
        assert!(!is_clean && told.contains("1 組跨越"), "{told}");
        let written = rows::read(&folder.path().join("b.jsonl")).unwrap();
        assert_eq!(written[4]["group"], 0);
    }
}
