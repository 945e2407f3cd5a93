//! Every kind of baseline on a made-up file, from its recipe.

use std::path::PathBuf;

use super::*;
use crate::linear::rows::{self, Columns};
use fenwen::base::Chance;

/// Letters about two things, each word with noise around it.
fn folder() -> tempfile::TempDir {
    let words = [["土地", "登記", "測量", "地價"], ["兵役", "抽籤", "體檢", "徵集"]];
    let mut chance = Chance::new(4);
    let mut lines = String::new();
    for idx in 0..80 {
        let label = idx % 2;
        let mut said = String::new();
        for _ in 0..4 {
            said += words[label][chance.below(4)];
            said += ["怎麼辦", "要多久", "請問", "在哪裡"][chance.below(4)];
        }
        lines += &format!("{{\"q\": \"{said}\", \"unit\": \"{label}\"}}\n");
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rows.jsonl"), lines).unwrap();
    dir
}

fn check(kind: &str) {
    let dir = folder();
    let recipe: Recipe = toml::from_str(&format!(
        "name = 'b'\nseed = 3\n[[views]]\norders = [1, 2]\n[confidence]\nfolds = 4\n[baseline]\nkind = {kind}\nwidth = 64\n"
    ))
    .unwrap();
    let data = dir.path().join("rows.jsonl");
    let inputs = ["q".to_owned()];
    let columns = Columns { text: &inputs, label: "unit" };
    let rows = rows::read(&data, columns, Vec::new(), &recipe).unwrap();
    let run_on = |threads: usize| {
        let task = Task {
            recipe: &recipe,
            part: recipe.baseline.as_ref().unwrap(),
            rows: &rows,
            inputs: &inputs,
            data: &data,
            out: &dir.path().join("out"),
            threads,
        };
        let mut out = Vec::new();
        run(&task, &mut out).unwrap();
        let json = fs::read(dir.path().join("out/baseline.json")).unwrap();
        let mut report: serde_json::Value = serde_json::from_slice(&json).unwrap();
        report["baseline"]["seconds"] = 0.into();
        report["linear"]["seconds"] = 0.into();
        (report, String::from_utf8(out).unwrap())
    };
    let (report, told) = run_on(1);
    assert!(0.9 < report["baseline"]["accuracy"].as_f64().unwrap(), "{report}");
    assert!(0.9 < report["linear"]["macro_f1"].as_f64().unwrap(), "{report}");
    assert!(told.contains("不能啟用於服務"), "{told}");
    // Threads change nothing, nor does a second time.
    assert_eq!(report, run_on(3).0);
    let linear: PathBuf = dir.path().join("out/linear.safetensors");
    assert!(!linear.try_exists().unwrap(), "a baseline looks like a model");
}

#[test]
fn an_svm_is_compared() {
    check("'svm'");
}

#[test]
fn a_random_forest_is_compared() {
    check("'random-forest'\ntrees = 40");
}

#[test]
fn a_perceptron_is_compared() {
    check("'mlp'\nhidden = 32\nepochs = 30");
}
