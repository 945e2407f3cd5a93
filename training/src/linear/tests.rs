//! Trains on a made-up file and asks the written folder.

use super::*;
use fenwen::pipeline::classify::{Ask, Workspace};

const RECIPE: &str = "name = 'test'\nseed = 3\n[[views]]\norders = [1, 2]\n\
    [data]\nfile = 'rows.jsonl'\ntext = ['q']\nlabel = 'unit'\nout = 'model'\n\
    [confidence]\nmin_block = 10\n";

fn folder() -> tempfile::TempDir {
    let words = [["土地", "登記", "測量", "地價"], ["兵役", "抽籤", "體檢", "徵集"]];
    let mut chance = fenwen::base::Chance::new(4);
    let mut lines = String::new();
    for idx in 0..80 {
        let label = idx % 2;
        let mut said = String::new();
        for _ in 0..4 {
            said += words[label][chance.below(4)];
            said += ["怎麼辦", "要多久", "請問", "在哪裡"][chance.below(4)];
        }
        lines += &format!("{{\"q\": \"{said}\", \"unit\": \"{}\"}}\n", ["地政司", "役政司"][label]);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rows.jsonl"), lines).unwrap();
    fs::write(dir.path().join("r.toml"), RECIPE).unwrap();
    dir
}

fn options(recipe: PathBuf, threads: usize) -> Options {
    Options {
        file: Some(recipe),
        recipe: None,
        data: None,
        text: Vec::new(),
        label: None,
        duties: None,
        out: None,
        threads: NonZero::new(threads),
        update: UpdateOptions::default(),
    }
}

#[test]
fn a_folder_is_trained_and_can_be_asked() {
    let dir = folder();
    run(&options(dir.path().join("r.toml"), 1)).unwrap();
    let read = |name: &str| fs::read(dir.path().join("model").join(name)).unwrap();
    let (linear, settings) = (read("linear.safetensors"), read("classifier.json"));
    let files = ClassifierFiles { linear: &linear, settings: &settings, dense: None };
    let classifier = Classifier::load(files).unwrap();
    let ask = Ask { top_k: 1, spans: 1 };
    let decision =
        classifier.classify(&["請問土地登記怎麼辦"], None, ask, &mut Workspace::default()).unwrap();
    assert_eq!(classifier.labels()[decision.ranked[0].class], "地政司");
    assert!(0.8 < decision.ranked[0].probability, "{decision:?}");
    assert!(String::from_utf8(read("report.md")).unwrap().contains("80 列"));
    // The same on more threads, byte for byte.
    run(&options(dir.path().join("r.toml"), 3)).unwrap();
    assert_eq!(read("linear.safetensors"), linear);
    assert_eq!(read("classifier.json"), settings);
}

#[test]
fn what_is_missing_is_named() {
    let dir = folder();
    let recipe = dir.path().join("r.toml");
    fs::write(&recipe, RECIPE.replace("label = 'unit'\n", "")).unwrap();
    assert!(format!("{:#}", run(&options(recipe.clone(), 1)).unwrap_err()).contains("--label"));
    fs::write(&recipe, RECIPE.replace("'q'", "'w'")).unwrap();
    assert!(format!("{:#}", run(&options(recipe, 1)).unwrap_err()).contains("`w`"));
}
