//! Dashboards and alerts name what the server exports, and the list of what it exports names what it counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fenwen::http::{METRICS, MetricKind};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Names that begin as ours do.
fn names(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("fenwen_").map(|it| it.0);
    let is_name = |ch: &char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || *ch == '_';
    starts.map(|at| text[at..].chars().take_while(is_name).collect()).collect()
}

/// The metric behind a name in a query: a histogram has three.
fn metric(name: &str) -> Option<&'static str> {
    let plain =
        METRICS.iter().find(|(kind, known, _)| *kind != MetricKind::Histogram && *known == name);
    let stem = ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
    let histogram = METRICS
        .iter()
        .find(|(kind, known, _)| *kind == MetricKind::Histogram && Some(*known) == stem);
    plain.or(histogram).map(|it| it.1)
}

#[test]
fn every_metric_of_a_dashboard_or_an_alert_is_exported() {
    let mut shown = BTreeSet::new();
    for file in ["docs/operate/grafana.json", "docs/operate/alerts.yaml"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for name in names(&text) {
            let found = metric(&name);
            assert!(found.is_some(), "{file} names `{name}`, which is not in METRICS");
            shown.extend(found);
        }
    }
    let hidden: Vec<_> = METRICS.iter().filter(|it| !shown.contains(it.1)).collect();
    assert!(hidden.is_empty(), "on no dashboard: {hidden:?}");
}

#[test]
fn the_dashboard_and_the_rules_are_complete() {
    let text = fs::read_to_string(root().join("docs/operate/grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty() && panel["title"].is_string(), "{panel}");
        assert!(
            targets.iter().all(|it| it["expr"].as_str().is_some_and(|it| it.contains("fenwen_")))
        );
    }
    let text = fs::read_to_string(root().join("docs/operate/alerts.yaml")).unwrap();
    let rules: Value = serde_saphyr::from_str(&text).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(10 <= rules.len());
    for rule in rules {
        for key in [
            "/alert",
            "/expr",
            "/for",
            "/labels/severity",
            "/annotations/summary",
            "/annotations/description",
        ] {
            assert!(rule.pointer(key).is_some_and(Value::is_string), "{rule}: {key}");
        }
    }
}

#[test]
fn every_metric_that_is_counted_is_in_the_list() {
    let mut counted = BTreeSet::new();
    for file in rust_files(&root().join("src")) {
        if !file.ends_with("http/metrics.rs") {
            counted.extend(names(&fs::read_to_string(file).unwrap()));
        }
    }
    let listed: BTreeSet<String> = METRICS.iter().map(|it| it.1.to_owned()).collect();
    let is_metric = |it: &&String| listed.contains(*it) || it.ends_with("_total");
    let counted: BTreeSet<String> = counted.iter().filter(is_metric).cloned().collect();
    assert_eq!(counted, listed, "src/http/metrics.rs is the one list");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    files
}
