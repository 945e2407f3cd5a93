//! Trains on a made-up file and asks the written folder.

use super::*;
use crate::encoder::tests::folder::{base, write_rows};
use fenwen::engine::{EngineKind, OpenOptions, Tokenizer, open_replicas};
use fenwen::pipeline::classify::{Ask, Workspace};
use fenwen::pipeline::encode::BulkEncoder;
use fenwen::registry::{FileRole, ModelRegistry, Settings as Store};

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
        device: "cpu".to_owned(),
        update: UpdateOptions::default(),
    }
}

#[test]
fn a_folder_is_trained_and_can_be_asked() {
    let dir = folder();
    run(&options(dir.path().join("r.toml"), 1), false).unwrap();
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
    run(&options(dir.path().join("r.toml"), 3), false).unwrap();
    assert_eq!(read("linear.safetensors"), linear);
    assert_eq!(read("classifier.json"), settings);
}

#[test]
fn what_is_missing_is_named() {
    let dir = folder();
    let recipe = dir.path().join("r.toml");
    fs::write(&recipe, RECIPE.replace("label = 'unit'\n", "")).unwrap();
    assert!(
        format!("{:#}", run(&options(recipe.clone(), 1), false).unwrap_err()).contains("--label")
    );
    fs::write(&recipe, RECIPE.replace("'q'", "'w'")).unwrap();
    assert!(format!("{:#}", run(&options(recipe, 1), false).unwrap_err()).contains("`w`"));
}

#[test]
fn a_card_is_refused_where_nothing_computes_on_it() {
    let dir = folder();
    let on = |device: &str| {
        let options =
            Options { device: device.to_owned(), ..options(dir.path().join("r.toml"), 1) };
        run(&options, false)
    };
    on("auto").unwrap();
    assert!(on("cuda:0").unwrap_err().to_string().contains("[fusion.encoder]"));
    let error = Options { device: "gpu".to_owned(), ..options(PathBuf::new(), 1) }.device();
    assert!(error.unwrap_err().to_string().contains("`cpu` or `cuda:N`"));
}

const FUSED: &str = "name = 'toy'\nseed = 3\n[[views]]\norders = [1]\n[confidence]\nmin_block = 4\nfolds = 4\n\
    [fusion]\naim = 'accuracy'\nfolds = 2\n[fusion.encoder]\nkind = 'fine-tune'\nhead_epochs = 1\nepochs = 2\n\
    batch_size = 8\nlearning_rate = 0.0005\nhead_learning_rate = 0.05\n";

/// Trains a classifier with an encoder of its own; the folder, and the name of the encoder.
fn fused(dir: &Path) -> (PathBuf, String) {
    let recipe = dir.join("fused.toml");
    fs::write(&recipe, FUSED).unwrap();
    write_rows(&dir.join("rows.jsonl"));
    let out = dir.join("out");
    let options = Options {
        data: Some(dir.join("rows.jsonl")),
        text: vec!["q".to_owned()],
        label: Some("unit".to_owned()),
        out: Some(out.clone()),
        ..options(recipe, 1)
    };
    let job = Job::new(&options).unwrap();
    let rows = job.rows().unwrap();
    let outcome = job.train(&rows, Some(&base()), false).unwrap();
    job.write(&rows, &outcome).unwrap();
    (out, outcome.fused.unwrap().dense.own.unwrap().id)
}

#[test]
fn a_classifier_brings_an_encoder_that_can_be_pulled_and_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (out, id) = fused(dir.path());
    assert!(!out.join("checkpoints").try_exists().unwrap());
    let read = |name: &str| fs::read(out.join(name)).unwrap();
    let (linear, settings) = (read("linear.safetensors"), read("classifier.json"));
    let dense = read("dense.safetensors");
    let files = ClassifierFiles { linear: &linear, settings: &settings, dense: Some(&dense) };
    let classifier = Classifier::load(files).unwrap();

    let store = Store { manifests: Some(out.clone()), ..Store::at(dir.path().join("store")) };
    let registry = ModelRegistry::open(store.with_dir_first(out.join(&id))).unwrap();
    let known = registry.model(&id).unwrap().manifest.id.clone();
    let report = registry.pull(&[known], &()).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let model = registry.verified(&id).unwrap();
    let weights = model.file(FileRole::Weights).unwrap();
    assert_eq!(Some(weights.sha256()), classifier.encoder());

    let tokenizer = Tokenizer::open(model.file(FileRole::Tokenizer).unwrap()).unwrap();
    let tokenizer = std::sync::Arc::new(tokenizer);
    let options = OpenOptions { engine: EngineKind::Candle, ..OpenOptions::default() };
    let models = open_replicas(weights, &options, 1).unwrap();
    let mut encoder = BulkEncoder::new(std::sync::Arc::clone(&tokenizer), models);
    let golden = model.manifest().golden_text.clone().unwrap();
    let found = encoder.encode(&[&golden.text], |_| ()).unwrap().values;
    let ids = tokenizer.tokenize(&golden.text).ids;
    assert_eq!(golden.difference(&ids, &[1, 512], &found), None);

    let text = "請問土地登記怎麼辦";
    let vector = encoder.encode(&[text], |_| ()).unwrap().values;
    let ask = Ask { top_k: 1, spans: 0 };
    let decision =
        classifier.classify(&[text], Some(&vector), ask, &mut Workspace::default()).unwrap();
    assert_eq!(classifier.labels()[decision.ranked[0].class], "地政司");
    let report = String::from_utf8(read("report.md")).unwrap();
    for said in ["線性", "語意向量(單獨)", "融合", "全部資料", &id] {
        assert!(report.contains(said), "{said}: {report}");
    }
}

#[test]
fn the_same_seed_gives_the_same_encoder() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ((out, id), (again, same)) = (fused(one.path()), fused(other.path()));
    assert_eq!(id, same, "the name holds the hash of the weights");
    for name in ["classifier.json", "dense.safetensors"] {
        assert!(fs::read(out.join(name)).unwrap() == fs::read(again.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_classifier_of_words_takes_the_place_of_a_fused_one() {
    let dir = folder();
    let out = dir.path().join("model");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("dense.safetensors"), b"of an earlier run").unwrap();
    run(&options(dir.path().join("r.toml"), 1), false).unwrap();
    assert!(!out.join("dense.safetensors").try_exists().unwrap());
}

#[test]
fn without_the_encoder_only_a_recipe_that_can_do_without_is_trained() {
    let dir = folder();
    let recipe = dir.path().join("fused.toml");
    let nothing = ModelRegistry::open(Store::at(dir.path().join("store"))).unwrap();
    let base = |text: &str| {
        fs::write(
            &recipe,
            format!("{text}[data]\nfile = 'rows.jsonl'\ntext = ['q']\nlabel = 'unit'\nout = 'o'\n"),
        )
        .unwrap();
        let mut job = Job::new(&options(recipe.clone(), 1)).unwrap();
        let base = job.base(Device::Cpu, &nothing);
        base.map(|it| (it.is_some(), job.recipe.fusion.is_some()))
    };
    let error = format!("{:#}", base(FUSED).unwrap_err());
    assert!(error.contains("fenwen models pull use-multilingual-v3"), "{error}");
    let optional = FUSED.replace("aim = 'accuracy'", "aim = 'accuracy'\noptional = true");
    assert_eq!(base(&optional).unwrap(), (false, false));
    let another =
        optional.replace("kind = 'fine-tune'", "kind = 'fine-tune'\nmodel = 'whisper-none'");
    assert!(format!("{:#}", base(&another).unwrap_err()).contains("whisper-none"));
}

#[test]
fn only_what_can_be_resumed_is() {
    let dir = folder();
    let error = run(&options(dir.path().join("r.toml"), 1), true).unwrap_err();
    assert!(error.to_string().contains("--resume"), "{error}");
}
