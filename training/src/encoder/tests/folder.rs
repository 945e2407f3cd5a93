//! From a file of rows to a folder that the engine and the classifier's head can load.

use std::fs;
use std::num::NonZero;
use std::path::Path;

use fenwen::pipeline::classify::DenseHead;

use super::*;
use crate::encoder::output::Notes;

const RECIPE: &str = "name = 'toy'\nseed = 3\n[encoder]\nkind = 'fine-tune'\nepochs = 3\nbatch_size = 8\n\
    learning_rate = 0.0005\ndev_share = 0.2\nhead_learning_rate = 0.05\n[confidence]\nmin_block = 4\n";

/// A SentencePiece model of `<unk>`, `<s>`, `</s>`, space and these characters, a piece each.
fn pieces(characters: &str) -> Vec<u8> {
    let mut pieces =
        vec![("<unk>".to_owned(), 2_u8), ("<s>".to_owned(), 3), ("</s>".to_owned(), 3)];
    pieces.push(("\u{2581}".to_owned(), 1));
    pieces.extend(characters.chars().map(|it| (it.to_string(), 1)));
    let mut model = Vec::new();
    for (text, kind) in pieces {
        let len = u8::try_from(text.len()).unwrap();
        let score = (-1.0_f32).to_le_bytes();
        let piece = [&[10, len], text.as_bytes(), &[21], &score, &[24, kind]].concat();
        model.extend([10, u8::try_from(piece.len()).unwrap()]);
        model.extend(piece);
    }
    model
}

fn tokenizer(characters: &str) -> Tokenizer {
    Tokenizer::read(&pieces(characters)).unwrap()
}

const CHARACTERS: &str = "土地登記測量兵役抽籤體檢請問怎麼辦";

/// Thirty rows of two labels.
pub(crate) fn write_rows(path: &Path) {
    let mut chance = Chance::new(4);
    let words = [["土地", "登記", "測量"], ["兵役", "抽籤", "體檢"]];
    let mut lines = String::new();
    for idx in 0..30 {
        let label = idx % 2;
        let mut said = String::new();
        for _ in 0..3 {
            said += words[label][chance.below(3)];
            said += ["請問", "怎麼", "辦"][chance.below(3)];
        }
        lines += &format!("{{\"q\": \"{said}\", \"unit\": \"{}\"}}\n", ["地政司", "役政司"][label]);
    }
    fs::write(path, lines).unwrap();
}

/// A toy to start from, with the sizes that the engine takes.
pub(crate) fn base() -> Base {
    Base {
        sha256: "0".repeat(64),
        licence: "CC0-1.0".to_owned(),
        arrays: arrays(FULL, 6),
        tokenizer: Arc::new(tokenizer(CHARACTERS)),
        pieces: pieces(CHARACTERS),
        device: Device::Cpu,
    }
}

fn task(folder: &Path, resume: bool) -> Task {
    let recipe: Recipe = toml::from_str(RECIPE).unwrap();
    let job = Job {
        recipe: recipe.for_rows(),
        data: folder.join("rows.jsonl"),
        text: vec!["q".to_owned()],
        label: "unit".to_owned(),
        duties: None,
        out: folder.join("out"),
        threads: 1,
    };
    Task { recipe, job, resume, base: base() }
}

#[test]
fn a_folder_is_trained_and_scored() {
    let dir = tempfile::tempdir().unwrap();
    write_rows(&dir.path().join("rows.jsonl"));
    task(dir.path(), true).run().unwrap();
    let out = dir.path().join("out");
    let mut names: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let files =
        ["dense.safetensors", "encoder.json", "encoder.safetensors", "recipe.toml", "report.md"];
    assert_eq!(names, files);
    let notes: Notes =
        serde_json::from_slice(&fs::read(out.join("encoder.json")).unwrap()).unwrap();
    assert_eq!((notes.labels.len(), notes.inputs.as_slice()), (2, ["q".to_owned()].as_slice()));
    let head = DenseHead::load(&fs::read(out.join("dense.safetensors")).unwrap(), 2).unwrap();
    assert_eq!(head.width, 512);
    let report = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(report.contains("| 3 | ") && report.contains("30 列"), "{report}");
    let weights = fs::read(out.join("encoder.safetensors")).unwrap();

    let options = score::Options {
        model: out.clone(),
        data: dir.path().join("rows.jsonl"),
        text: vec!["q".to_owned()],
        label: "unit".to_owned(),
        threads: NonZero::<usize>::MIN,
    };
    let recipe = Recipe::read(&out.join("recipe.toml")).unwrap();
    let summary = score::score(&options, &recipe, Arc::new(tokenizer(CHARACTERS))).unwrap();
    assert_eq!((summary.n, summary.n_unknown), (30, 0));
    assert!(0.9 < summary.accuracy && 0.9 < summary.macro_f1, "{summary:?}");

    // The same again, bit for bit.
    task(dir.path(), false).run().unwrap();
    assert!(weights == fs::read(out.join("encoder.safetensors")).unwrap());
}
