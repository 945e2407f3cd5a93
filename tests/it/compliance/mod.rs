//! What is required of the system, and whether what is said to show it exists: `docs/compliance/controls.toml`.

mod accounts;
#[cfg(all(feature = "ort", feature = "rten", target_os = "linux"))]
mod dumps;
mod evidence;
mod failures;
mod ports;
mod render;
mod scans;
mod secrets;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use evidence::Evidence;

/// Baseline items that a test or a document must show; the rest may be gaps or a sibling's.
const MIN_SHOWN: usize = 75;

/// The whole table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Controls {
    row: Vec<Row>,
    map: Vec<Map>,
}

/// One requirement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    level: String,
    control: String,
    how: String,
    evidence: Vec<Evidence>,
    gap: Option<String>,
}

/// A standard whose entries are met by rows of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    standard: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    title: String,
    rows: Vec<String>,
}

impl Row {
    fn is_baseline(&self) -> bool {
        self.id.starts_with('B')
    }

    /// Whether a test or a document shows at least a part of it already.
    fn is_shown(&self) -> bool {
        self.evidence.iter().any(|it| it.is_ours() && it.missing().is_none())
    }

    fn state(&self) -> &'static str {
        if self.gap.is_some() { "部分" } else { "符合" }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::panic, reason = "a test without its file has failed")]
fn read(file: impl AsRef<Path>) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn controls() -> Controls {
    toml::from_str(&read("docs/compliance/controls.toml")).unwrap()
}

/// B01 to B80 and R01 to R59.
fn numbers() -> Vec<String> {
    let of = |letter: char, n: usize| (1..=n).map(move |it| format!("{letter}{it:02}"));
    of('B', 80).chain(of('R', 59)).collect()
}

#[test]
fn every_requirement_is_there_once() {
    let found: Vec<String> = controls().row.into_iter().map(|it| it.id).collect();
    assert_eq!(found, numbers(), "each number once, in order");
}

#[test]
fn what_is_named_as_evidence_exists() {
    let mut wrong = Vec::new();
    for row in controls().row {
        let missing = row.evidence.iter().filter_map(Evidence::missing);
        wrong.extend(missing.map(|it| format!("{}: {it}", row.id)));
        if row.evidence.is_empty() {
            wrong.push(format!("{}: nothing shows it", row.id));
        }
        if row.how.is_empty() || row.control.is_empty() || row.level.is_empty() {
            wrong.push(format!("{}: something is left empty", row.id));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_standards_are_mapped_to_rows_that_exist() {
    let controls = controls();
    let numbers = numbers();
    for map in &controls.map {
        for entry in &map.entries {
            assert!(!entry.rows.is_empty(), "{} {}", map.standard, entry.id);
            for row in &entry.rows {
                assert!(numbers.contains(row), "{} {}: {row}", map.standard, entry.id);
            }
        }
    }
}

/// Documents in which tests and files are named in backticks.
const DOCUMENTS: [&str; 5] = [
    "docs/security/threat-model.md",
    "docs/security/asvs.md",
    "docs/operate/remote-access.md",
    "docs/operate/exercises.md",
    "docs/legal-basis.md",
];

#[test]
fn what_documents_name_exists() {
    let mut wrong = Vec::new();
    let mut n_named = 0;
    for document in DOCUMENTS {
        for word in read(document).split('`').skip(1).step_by(2) {
            let evidence = if word.contains(".rs::") {
                Evidence::test(word)
            } else if let Some(target) = word.strip_prefix("make ") {
                Evidence::make(target.split(' ').next().unwrap())
            } else {
                continue;
            };
            n_named += 1;
            wrong.extend(evidence.missing().map(|it| format!("{document}: {it}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(60 <= n_named, "{n_named} named: the scan sees too little");
}

/// `make compliance` shows what this prints.
#[test]
#[expect(clippy::print_stdout, reason = "a table for people")]
fn the_table() {
    let controls = controls();
    for row in &controls.row {
        let shown: Vec<String> = row.evidence.iter().map(Evidence::text).collect();
        println!("{} {} {}\n    {}", row.id, row.state(), row.control, shown.join("\n    "));
        if let Some(note) = &row.gap {
            println!("    ({note})");
        }
    }
    let mut states: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in &controls.row {
        *states.entry((&row.id[..1], row.state())).or_default() += 1;
    }
    println!("{states:?}");
    let n_shown = controls.row.iter().filter(|it| it.is_baseline() && it.is_shown()).count();
    println!("防護基準 80 項中 {n_shown} 項有自動化測試或文件");
    assert!(MIN_SHOWN <= n_shown, "{n_shown} of 80");
}

#[test]
fn the_page_is_current() {
    crate::generated::check("docs/compliance/README.md", &render::page(&controls()));
}
