//! A classifier of three words and three units, written through the model file's own writer.

use std::path::Path;

use fenwen::engine::linear::{LinearParts, LinearSpec, View, grams};
use fenwen::pipeline::classify::{Confidence, SETTINGS_FORMAT, Settings};
use fenwen::registry::Versions;

/// Units that the words 土地, 兵役 and 戶籍 speak for.
pub(crate) const UNITS: [&str; 3] = ["地政司", "役政司", "戶政司"];

const WORDS: [&str; 3] = ["土地", "兵役", "戶籍"];

/// Adds the classifier with these labels as the next version of `name` and makes it answer. Returns its number.
pub(crate) fn activate(data_dir: &Path, name: &str, labels: &[&str; 3]) -> u32 {
    let trained = tempfile::tempdir().unwrap();
    write(trained.path(), labels);
    let versions = Versions::at(&data_dir.join("classifiers"), name);
    let number = versions.add(trained.path()).unwrap();
    versions.activate(number).unwrap();
    number
}

/// Writes what training would.
pub(crate) fn write(folder: &Path, labels: &[&str; 3]) {
    let mut keys = Vec::new();
    for word in WORDS {
        let chars: Vec<char> = word.chars().collect();
        grams(&chars, 0, 0b10, |key, _, _| keys.push(key));
    }
    let spec = LinearSpec {
        inputs: vec!["text".to_owned()],
        views: vec![View { input: 0, head: None, orders: vec![2], field: 0 }],
        classes: labels.map(str::to_owned).to_vec(),
    };
    let weights = vec![1.0, -0.5, -0.5, -0.5, 1.0, -0.5, -0.5, -0.5, 1.0];
    let parts = LinearParts { spec, keys, idf: vec![1.0; 3], weights, bias: vec![0.0; 3] };
    let linear =
        Confidence { temperature: 0.5, threshold: 0.6, precision: 0.9, ..Confidence::plain() };
    let settings = Settings { format: SETTINGS_FORMAT, linear, fused: None };
    std::fs::write(folder.join("linear.safetensors"), parts.to_bytes().unwrap()).unwrap();
    std::fs::write(folder.join("classifier.json"), serde_json::to_vec(&settings).unwrap()).unwrap();
}
