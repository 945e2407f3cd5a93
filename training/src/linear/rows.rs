//! Training rows from a JSONL file, and which of them are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Map, Value};

use super::duties::Duty;
use super::recipe::Recipe;

/// One usable row.
#[derive(Clone, PartialEq)]
pub(crate) struct Row {
    /// Text columns, in order.
    pub(crate) texts: Vec<String>,
    /// Extra training texts of the recipe that the row has, with the number of their part.
    pub(crate) extra: Vec<(usize, String)>,
    /// Index in [`Rows::labels`].
    pub(crate) label: usize,
    /// The coarser label.
    pub(crate) parent: Option<String>,
}

/// What a file gives to train on.
pub(crate) struct Rows {
    /// Usable rows, in the order of the file.
    pub(crate) rows: Vec<Row>,
    /// Labels, sorted.
    pub(crate) labels: Vec<String>,
    /// Duties of units, each with the number of its label.
    pub(crate) duties: Vec<(usize, Duty)>,
    /// What was left out and why, for the report.
    pub(crate) notes: Vec<String>,
}

/// Which columns of a file matter.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// Texts, in order.
    pub(crate) text: &'a [String],
    /// Label.
    pub(crate) label: &'a str,
}

/// Reads `path`.
///
/// Rows whose text columns are all empty, or without a label, are left out and counted; so are labels with fewer than
/// `min_rows` rows, unless `duties` tell what they are for. A line that is no JSON object, or a column that no row has, is an error.
pub(crate) fn read(
    path: &Path,
    Columns { text, label }: Columns<'_>,
    duties: Vec<Duty>,
    recipe: &Recipe,
) -> anyhow::Result<Rows> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("failed to open {shown}"))?;
    let mut kept: Vec<(Row, String)> = Vec::new();
    let (mut n_empty, mut n_unlabelled) = (0, 0);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (idx, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("failed to read {shown}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(line.trim_start_matches('\u{feff}'))
            .with_context(|| format!("{shown}: line {} is no JSON object", idx + 1))?;
        seen.extend(object.keys().cloned());
        let row = row(&object, text, recipe);
        if row.texts.iter().all(|it| it.trim().is_empty()) {
            n_empty += 1;
        } else if let Some(name) = string(&object, label) {
            kept.push((row, name.trim().to_owned()));
        } else {
            n_unlabelled += 1;
        }
    }
    for column in text.iter().map(String::as_str).chain([label]) {
        ensure!(seen.contains(column), "{shown}: no row has a column `{column}`");
    }
    let mut notes = Vec::new();
    if 0 < n_empty {
        notes.push(format!("{n_empty} 列無文字,未採用"));
    }
    if 0 < n_unlabelled {
        notes.push(format!("{n_unlabelled} 列無標籤,未採用"));
    }
    let rows = select(kept, duties, recipe.min_rows, notes);
    ensure!(2 <= rows.labels.len(), "{shown}: at least two labels with rows are needed");
    Ok(rows)
}

fn row(object: &Map<String, Value>, text: &[String], recipe: &Recipe) -> Row {
    let texts = text.iter().map(|it| string(object, it).unwrap_or_default()).collect();
    let extra = recipe
        .extra
        .iter()
        .enumerate()
        .filter(|(_, part)| !text.contains(&part.column))
        .filter_map(|(idx, part)| {
            let text = string(object, &part.column)?;
            let text = part.head.map_or(text.clone(), |head| text.chars().take(head).collect());
            Some((idx, text))
        })
        .collect();
    let parent = recipe.parent.as_ref().and_then(|it| string(object, &it.column));
    let parent = parent.map(|it| it.trim().to_owned());
    Row { texts, extra, label: 0, parent }
}

/// The non-blank text of a column; numbers count as text.
fn string(object: &Map<String, Value>, column: &str) -> Option<String> {
    let text = match object.get(column)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

fn select(
    kept: Vec<(Row, String)>,
    duties: Vec<Duty>,
    min_rows: usize,
    mut notes: Vec<String>,
) -> Rows {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, label) in &kept {
        *counts.entry(label.clone()).or_default() += 1;
    }
    let told: BTreeSet<String> = duties.iter().map(|it| it.unit.clone()).collect();
    let rare: Vec<String> = counts
        .iter()
        .filter(|(label, n)| **n < min_rows && !told.contains(*label))
        .map(|(label, n)| format!("{label}({n})"))
        .collect();
    if !rare.is_empty() {
        notes.push(format!("{} 個標籤少於 {min_rows} 列,未採用:{}", rare.len(), rare.join("、")));
    }
    counts.retain(|label, n| min_rows <= *n || told.contains(label));
    let unseen: Vec<&str> =
        told.iter().filter(|it| !counts.contains_key(*it)).map(String::as_str).collect();
    if !unseen.is_empty() {
        let (n, names) = (unseen.len(), unseen.join("、"));
        notes.push(format!("{n} 個標籤只有職掌、沒有資料列,一律交由人員決定:{names}"));
    }
    for unit in told {
        counts.entry(unit).or_default();
    }
    let labels: Vec<String> = counts.into_keys().collect();
    let rows = kept
        .into_iter()
        .filter_map(|(row, name)| Some(Row { label: labels.binary_search(&name).ok()?, ..row }))
        .collect();
    let number = |it: Duty| Some((labels.binary_search(&it.unit).ok()?, it));
    let duties = duties.into_iter().filter_map(number).collect();
    Rows { rows, labels, duties, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_with(duties: &[&str], lines: &str) -> anyhow::Result<Rows> {
        let recipe: Recipe = toml::from_str(
            "name = 'n'\nmin_rows = 2\n[[views]]\norders = [1]\n[[extra]]\ncolumn = 'a'\nweight = 1\nhead = 2",
        )
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.jsonl");
        std::fs::write(&path, lines).unwrap();
        let duty =
            |unit: &str| Duty { unit: unit.to_owned(), text: "職掌".to_owned(), parent: None };
        let columns = Columns { text: &["q".to_owned()], label: "u" };
        read(&path, columns, duties.iter().map(|it| duty(it)).collect(), &recipe)
    }

    fn check(lines: &str) -> anyhow::Result<Rows> {
        check_with(&[], lines)
    }

    #[test]
    fn the_policy_is_applied_and_told() {
        let rows = check(concat!(
            "\u{feff}{\"q\": \"甲\", \"u\": \"丙司\", \"a\": \"答案文字\"}\n",
            "{\"q\": \" \", \"u\": \"丙司\"}\n\n",
            "{\"q\": \"乙\", \"u\": null}\n",
            "{\"q\": \"丁\", \"u\": \"丙司 \"}\n",
            "{\"q\": \"戊\", \"u\": 7}\n{\"q\": \"己\", \"u\": 7}\n",
            "{\"q\": \"庚\", \"u\": \"孤司\"}\n",
        ))
        .unwrap();
        assert_eq!(rows.labels, ["7", "丙司"]);
        let labels: Vec<usize> = rows.rows.iter().map(|it| it.label).collect();
        assert_eq!(labels, [1, 1, 0, 0]);
        assert_eq!(rows.rows[0].extra, [(0, "答案".to_owned())]);
        assert_eq!(rows.notes.len(), 3);
        assert!(rows.notes[2].contains("孤司(1)"));
    }

    #[test]
    fn duties_keep_rare_labels_and_add_unseen_ones() {
        let lines = concat!(
            "{\"q\": \"甲\", \"u\": \"丙司\"}\n{\"q\": \"乙\", \"u\": \"丙司\"}\n",
            "{\"q\": \"丁\", \"u\": \"孤司\"}\n{\"q\": \"戊\", \"u\": \"寡司\"}\n",
        );
        let rows = check_with(&["孤司", "新司"], lines).unwrap();
        assert_eq!(rows.labels, ["丙司", "孤司", "新司"]);
        assert_eq!(rows.rows.len(), 3);
        let numbers: Vec<usize> = rows.duties.iter().map(|it| it.0).collect();
        assert_eq!(numbers, [1, 2]);
        let told = rows.notes.join("\n");
        assert!(told.contains("寡司(1)") && told.contains("一律交由人員決定:新司"), "{told}");
    }

    #[test]
    fn broken_files_say_where() {
        let error = |lines: &str| format!("{:#}", check(lines).err().unwrap());
        assert!(error("{\"q\": \"甲\", \"u\": \"乙\"}\nnot json\n").contains("line 2"));
        assert!(error("{\"q\": \"甲\"}\n").contains("`u`"));
        assert!(error("{\"q\": \"甲\", \"u\": \"乙\"}\n").contains("two labels"));
        assert!(error("").contains("`q`"));
    }
}
