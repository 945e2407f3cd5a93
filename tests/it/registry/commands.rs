//! `fenwen models …` against fakes: what is printed, and the exit code.

use std::fs;
use std::path::Path;

use fenwen::cli::models::{self, ModelsCommand, Needs};
use fenwen::config::{Config, NodeService};
use fenwen::registry::ModelRegistry;

use super::ID;
use super::fakes::Lab;

/// What a command prints, and whether it succeeds.
fn command(lab: &Lab, command: ModelsCommand) -> (String, Result<(), String>) {
    let mut out = Vec::new();
    let (settings, config) = (lab.settings(&[&lab.dir_source()]), Config::default());
    let done = models::run_with(command, settings, Needs::of(&config), &(), &mut out);
    (String::from_utf8(out).unwrap(), done.map_err(|error| format!("{error:#}")))
}

fn named(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

#[test]
fn the_commands_tell_what_is_here() {
    let lab = Lab::new();
    let pull = |from| ModelsCommand::Pull { ids: named(ID), all: false, from };
    let (out, done) = command(&lab, pull(None));
    assert!(out.contains("失敗 a-model") && out.contains("  dir:"), "{out}");
    assert_eq!(done.unwrap_err(), "無法下載 a-model");

    let folder = lab.path("elsewhere");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(lab.sha256()), lab.content()).unwrap();
    let (out, done) = command(&lab, pull(Some(folder)));
    assert!(out.contains("已就緒") && done.is_ok(), "{out}");

    let (out, _) = command(&lab, ModelsCommand::List { json: true });
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    let state = |id: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
        row["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state(ID), state("ppocrv6-small-rec")), ("ready".into(), "missing".into()));
    let (out, _) = command(&lab, ModelsCommand::List { json: false });
    assert!(out.lines().any(|line| line.contains(ID) && line.contains("就緒")), "{out}");

    let (out, done) = command(&lab, ModelsCommand::Card { id: ID.to_owned() });
    assert_eq!((out.as_str(), done), ("a card\n", Ok(())));
    let (out, done) = command(&lab, ModelsCommand::Gc { dry_run: true });
    assert!(out.contains("可移除 0") && done.is_ok(), "{out}");
}

#[test]
fn verify_fails_on_a_broken_model_and_on_a_missing_one_asked_for() {
    let lab = Lab::new();
    let verify = |ids| command(&lab, ModelsCommand::Verify { ids });
    assert!(verify(Vec::new()).1.is_ok(), "nothing is here, nothing was asked for");
    assert!(verify(named(ID)).1.unwrap_err().contains("a-model"));
    assert!(verify(named("other")).1.unwrap_err().contains("unknown model `other`"));
    fs::create_dir_all(lab.store()).unwrap();
    fs::write(lab.stored(), lab.wrong_content()).unwrap();
    let (out, done) = verify(Vec::new());
    assert!(out.contains("毀損") && out.contains("應為") && out.contains("實為"), "{out}");
    assert!(done.unwrap_err().contains("fenwen models pull"));
}

#[test]
fn a_speech_model_that_nobody_knows_is_named_with_those_that_are() {
    let lab = Lab::new();
    let pull = |services: Vec<NodeService>| {
        let mut config = Config::default();
        config.server.services = services;
        config.speech.model = "whisper-bass".to_owned();
        let command = ModelsCommand::Pull { ids: Vec::new(), all: false, from: None };
        let settings = lab.settings(&[&lab.dir_source()]);
        models::run_with(command, settings, Needs::of(&config), &(), &mut Vec::new())
    };
    let error = pull(vec![NodeService::Speech]).unwrap_err().to_string();
    assert!(
        error.contains("whisper-bass") && error.contains("whisper-base、whisper-small"),
        "{error}"
    );
    let other = pull(vec![NodeService::Letters]).map_err(|it| it.to_string());
    assert!(!other.is_err_and(|it| it.contains("speech.model")), "this node hears nothing");
}

#[test]
fn a_folder_of_manifests_is_checked() {
    let check = |id: &str, file: &str, text: &str, expected: &str| {
        let lab = Lab::new();
        let settings = lab.settings(&[&lab.dir_source()]);
        let folder = lab.path("manifests").join(id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        let error = anyhow::Error::from(ModelRegistry::open(settings).unwrap_err());
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    };
    let good = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("models/ppocr-line-cls/model.toml"),
    );
    let good = good.unwrap();
    check(ID, "model.toml", "schema = 1", "bad model manifest");
    check(ID, "model.toml", &"#".repeat((1 << 20) + 1), "longer than");
    check(ID, "model.toml", &good, "must be that of its folder, `a-model`");
    check("ppocr-line-cls", "model.toml", &good, "CARD.md is missing");
}
