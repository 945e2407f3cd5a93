//! A classifier of three words and three units, written through the model file's own writer.

use std::path::Path;

use fenwen::engine::linear::{LinearParts, LinearSpec, View, grams};
use fenwen::pipeline::classify::{Confidence, DenseHead, Fusion, SETTINGS_FORMAT, Settings};
use fenwen::registry::Versions;

/// Units that the words 土地, 兵役 and 戶籍 speak for.
pub(crate) const UNITS: [&str; 3] = ["地政司", "役政司", "戶政司"];

const WORDS: [&str; 3] = ["土地", "兵役", "戶籍"];

/// Adds the classifier with these labels as the next version of `name` and makes it answer. Returns its number.
pub(crate) fn activate(data_dir: &Path, name: &str, labels: &[&str; 3]) -> u32 {
    let trained = tempfile::tempdir().unwrap();
    write(trained.path(), labels);
    take_in(data_dir, name, trained.path())
}

/// The same, fused with an encoder of this hash whose first number speaks for the last label.
pub(crate) fn activate_fused(data_dir: &Path, name: &str, encoder: &str) -> u32 {
    let trained = tempfile::tempdir().unwrap();
    write_fused(trained.path(), encoder, &[1.0, 0.0]);
    take_in(data_dir, name, trained.path())
}

/// Writes what training would with an encoder of this hash; vectors like `last` speak for the last label.
pub(crate) fn write_fused(folder: &Path, encoder: &str, last: &[f32]) {
    write(folder, &UNITS);
    let mut settings = settings();
    settings.fused = Some(Fusion {
        encoder: encoder.to_owned(),
        input: "text".to_owned(),
        weight: 3.0,
        confidence: settings.linear.clone(),
    });
    write_settings(folder, &settings);
    let width = last.len();
    let weights = [vec![0.0; 2 * width], last.to_vec()].concat();
    let head = DenseHead { width, weights, bias: vec![0.0; 3] };
    std::fs::write(folder.join("dense.safetensors"), head.to_bytes().unwrap()).unwrap();
}

/// The same with sections as labels, answered by their unit from this probability on.
pub(crate) fn activate_sections(data_dir: &Path, name: &str, labels: &[&str; 3], from: f32) -> u32 {
    let trained = tempfile::tempdir().unwrap();
    write(trained.path(), labels);
    let mut settings = settings();
    settings.linear.unit_threshold = Some(from);
    write_settings(trained.path(), &settings);
    take_in(data_dir, name, trained.path())
}

fn take_in(data_dir: &Path, name: &str, folder: &Path) -> u32 {
    let versions = Versions::at(&data_dir.join("classifiers"), name);
    let number = versions.add(folder).unwrap();
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
        views: vec![View { input: 0, head: None, orders: vec![2], field: 0, share: None }],
        classes: labels.map(str::to_owned).to_vec(),
    };
    let weights = vec![1.0, -0.5, -0.5, -0.5, 1.0, -0.5, -0.5, -0.5, 1.0];
    let parts = LinearParts { spec, keys, idf: vec![1.0; 3], weights, bias: vec![0.0; 3] };
    std::fs::write(folder.join("linear.safetensors"), parts.to_bytes().unwrap()).unwrap();
    write_settings(folder, &settings());
}

fn settings() -> Settings {
    let linear =
        Confidence { temperature: 0.5, threshold: 0.6, precision: 0.9, ..Confidence::plain() };
    Settings { format: SETTINGS_FORMAT, linear, fused: None }
}

fn write_settings(folder: &Path, settings: &Settings) {
    std::fs::write(folder.join("classifier.json"), serde_json::to_vec(settings).unwrap()).unwrap();
}
