//! `fenwen discover`: which issues a pile of letters is about. Groups of like texts, each with the words that tell it
//! apart, and the rows to look at first.

mod cluster;
mod distance;
mod report;
mod space;
mod terms;

use std::io::Write;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use fenwen::pipeline::letters::pii;
use serde_json::{Value, json};

use crate::data::rows::{self, Writer};
use crate::progress;
use cluster::{Linkage, Method, Stop};
use report::{Group, Report};
use space::{Draw, Space};

/// Terms of a group, at most.
const N_TERMS: usize = 8;
/// Rows named as the middle of a group.
const N_CENTRAL: usize = 3;
/// Groups without a number given, at most.
const MAX_DEFAULT_GROUPS: usize = 40;
/// Characters of an example.
const EXAMPLE: usize = 80;

/// What to group, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// JSONL 檔
    file: PathBuf,
    /// 文字欄位,可用逗號分隔多個
    #[arg(long, value_name = "FIELD", value_delimiter = ',', default_value = "text")]
    text: Vec<String>,
    /// 標籤欄位:與既有分類比較純度
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// 識別欄位;沒有此欄的列以行號表示
    #[arg(long, value_name = "FIELD", default_value = "id")]
    id: String,
    /// 分群方法
    #[arg(long, value_enum, default_value = "kmeans")]
    method: Method,
    /// 比較文字的空間
    #[arg(long, value_enum, default_value = "ngram")]
    space: Space,
    /// 群數;未指定時為筆數一半的平方根
    #[arg(long, value_name = "N", conflicts_with = "distance")]
    clusters: Option<usize>,
    /// 階層式:最近兩群的距離超過此值即停止合併(單位向量的距離,0 至 1.42)
    #[arg(long, value_name = "D")]
    distance: Option<f32>,
    /// 階層式:群間距離的算法;預設依群數者為 ward,依距離者為 average
    #[arg(long, value_enum)]
    linkage: Option<Linkage>,
    /// 亂數種子;相同的資料與種子得到相同的結果
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// 另存每一列的群號
    #[arg(long, value_name = "FILE.jsonl")]
    out: Option<PathBuf>,
    /// 以 JSON 輸出
    #[arg(long)]
    json: bool,
    /// 顯示各群最中心數列的開頭(個資已遮罩);預設不顯示任何內文
    #[arg(long)]
    examples: bool,
}

/// The rows that have text.
struct Rows {
    ids: Vec<Value>,
    texts: Vec<String>,
    labels: Vec<Option<String>>,
    n_blank: usize,
}

/// Reads, groups, reports.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> anyhow::Result<()> {
    let is_merged = options.method == Method::Agglomerative;
    ensure!(
        is_merged || (options.distance.is_none() && options.linkage.is_none()),
        "--distance 與 --linkage 只用於 --method agglomerative"
    );
    let rows = read(options)?;
    let n_rows = rows.texts.len();
    ensure!(2 <= n_rows, "有文字的列不足兩列");
    ensure!(!is_merged || n_rows <= cluster::MAX_MERGED, cluster::too_many(n_rows));
    let stop = match (options.distance, options.clusters) {
        (Some(distance), _) => Stop::Distance(distance),
        (None, Some(n_groups)) => Stop::Groups(n_groups),
        (None, None) => Stop::Groups(default_groups(n_rows)),
    };
    let texts: Vec<&str> = rows.texts.iter().map(String::as_str).collect();
    let bar = progress::bar(n_rows, "向量");
    let n_groups = match stop {
        Stop::Groups(n_groups) => n_groups,
        Stop::Distance(_) => default_groups(n_rows),
    };
    let vectors = options.space.vectors(&texts, Draw { seed: options.seed, n_groups }, &bar)?;
    bar.finish_and_clear();
    let bar = progress::spinner("分群");
    let groups = match (options.method, stop) {
        (Method::Kmeans, Stop::Groups(n_groups)) => {
            cluster::kmeans(&vectors, n_groups, options.seed)?
        }
        (_, stop) => {
            let usual = if options.distance.is_some() { Linkage::Average } else { Linkage::Ward };
            cluster::merge(&vectors, options.linkage.unwrap_or(usual), stop)?
        }
    };
    bar.finish_and_clear();
    let closeness = cluster::closeness(&vectors, &groups);
    let report = Report {
        n_rows,
        n_blank: rows.n_blank,
        method: options.method.name(),
        space: options.space.name(),
        seed: options.seed,
        agreement: report::agreement(&groups, &rows.labels),
        groups: describe(options, &rows, &groups, &closeness),
    };
    if let Some(path) = &options.out {
        let mut writer = Writer::new(path)?;
        for ((id, group), closeness) in rows.ids.iter().zip(&groups).zip(&closeness) {
            let row =
                json!({ "id": id, "cluster": group + 1, "closeness": report::round(*closeness) });
            writer.write(row.as_object().unwrap_or(&serde_json::Map::new()))?;
        }
        writer.finish(path)?;
    }
    if options.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?);
    }
    Ok(write!(out, "{}", report.table())?)
}

fn read(options: &Options) -> anyhow::Result<Rows> {
    let mut rows = Rows { ids: Vec::new(), texts: Vec::new(), labels: Vec::new(), n_blank: 0 };
    let all = rows::read(&options.file)?;
    for field in options.text.iter().chain(&options.label) {
        ensure!(all.iter().any(|it| it.contains_key(field)), "沒有任何一列有欄位 {field}");
    }
    for (row, number) in all.iter().zip(1..) {
        let parts: Vec<_> = options.text.iter().filter_map(|it| rows::text(row, it)).collect();
        let text = parts.join("\n");
        if text.trim().is_empty() {
            rows.n_blank += 1;
            continue;
        }
        rows.texts.push(text);
        rows.ids.push(row.get(&options.id).cloned().unwrap_or(Value::from(number)));
        rows.labels.push(options.label.as_ref().and_then(|it| rows::label(row, it)));
    }
    Ok(rows)
}

/// Half the rows under a square root: a rule of thumb that leaves groups one can read.
fn default_groups(n_rows: usize) -> usize {
    (n_rows / 2).isqrt().clamp(2, MAX_DEFAULT_GROUPS)
}

fn describe(options: &Options, rows: &Rows, groups: &[usize], closeness: &[f32]) -> Vec<Group> {
    let bar = progress::bar(rows.texts.len(), "用語");
    let runs: Vec<terms::Runs> =
        bar.wrap_iter(rows.texts.iter()).map(|it| terms::Runs::of(it)).collect();
    let terms = terms::top(&runs, groups, N_TERMS);
    bar.finish_and_clear();
    let mut described = Vec::new();
    for (group, terms) in terms.into_iter().enumerate() {
        let mut members: Vec<usize> = (0..groups.len()).filter(|it| groups[*it] == group).collect();
        let mean = members.iter().map(|it| closeness[*it]).sum::<f32>() / members.len() as f32;
        let labels = members.iter().filter_map(|it| rows.labels[*it].as_deref());
        let label = report::most_frequent(labels);
        let size = members.len();
        members.sort_by(|a, b| closeness[*b].total_cmp(&closeness[*a]).then(a.cmp(b)));
        members.truncate(N_CENTRAL);
        let example = |row: &usize| {
            let text = &rows.texts[*row];
            let masked = pii::mask(text, &pii::find(text)).replace(['\r', '\n'], " ");
            masked.chars().take(EXAMPLE).collect()
        };
        described.push(Group {
            cluster: group + 1,
            size,
            share: report::round(size as f32 / groups.len() as f32),
            closeness: report::round(mean),
            terms,
            central: members.iter().map(|it| rows.ids[*it].clone()).collect(),
            label: label.as_ref().map(|it| it.0.clone()),
            purity: label.map(|it| report::round(it.1 as f32 / size as f32)),
            examples: options.examples.then(|| members.iter().map(example).collect()),
        });
    }
    described
}

#[cfg(test)]
mod tests;
