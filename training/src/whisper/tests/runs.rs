//! Runs on a few tones with names: the loss falls, the same again, going on, and what is written.

use std::path::Path;

use anyhow::bail;
use fenwen::media::audio::telephone;
use fenwen::registry::Settings;

use super::super::trainer::{Round, State};
use super::*;

/// Tones, each with its own text.
const CLIPS: [(f32, &str); 6] = [
    (300.0, "甲甲"),
    (600.0, "乙乙"),
    (900.0, "丙"),
    (1200.0, "丁丁甲"),
    (450.0, "甲乙"),
    (1800.0, "丁"),
];

/// A task on the tiny network; its clips lie in `folder`.
pub(super) fn task(folder: &Path, more: &str, resume: bool) -> Task {
    let mut rows = String::new();
    for (number, (hertz, text)) in (0..).zip(CLIPS) {
        let sound = telephone::wav(&tiny::tone(hertz, 0.4));
        fs::write(folder.join(format!("{number}.wav")), sound).unwrap();
        rows +=
            &format!("{{\"audio\": \"{number}.wav\", \"text\": \"{text}\", \"source\": \"試\"}}\n");
    }
    fs::write(folder.join("clips.jsonl"), rows).unwrap();
    let recipe: Recipe = toml::from_str(&format!(
        "name = 'tiny-taught'\nseed = 4\n[whisper]\nkind = 'lora'\nrank = 4\nbatch_size = 2\nlearning_rate = 0.02\n\
         targets = ['attention', 'cross-attention']\nquantisation = 'f16'\ndev_share = 0.3\n{more}"
    ))
    .unwrap();
    let (data, out) = (folder.join("clips.jsonl"), folder.join("out"));
    let places = Places { data, out, threads: 1 };
    Task { recipe, places, resume, base: tiny::file(folder).unwrap() }
}

/// A run of a task, up to a round after which it breaks off, and what was learned.
fn run(task: &Task, last_round: usize, resumes: bool) -> (State, Vec<u32>) {
    let clips = Clips::read(&task.places.data, &task.recipe).unwrap();
    let pupil = WhisperPupil::open(&task.base).unwrap();
    let fingerprint = task.fingerprint(&clips).unwrap();
    let folder = task.places.out.join("sounds");
    let sounds = Sounds::open(&pupil, &task.recipe, folder, &fingerprint).unwrap();
    let mut trainer = Trainer::new(&pupil, &clips, &sounds, &task.recipe).unwrap();
    let checkpoints = Checkpoints::new(task.places.out.join("checkpoints"), fingerprint);
    assert_eq!(resumes, checkpoint::restore(&checkpoints, &mut trainer).unwrap());
    let outcome = trainer.run(&mut Witness { checkpoints: &checkpoints, last_round });
    assert_eq!(outcome.is_err(), last_round != usize::MAX);
    let rounds = trainer.state.rounds.iter().map(|it| Round { seconds: 0.0, ..it.clone() });
    let state = State { rounds: rounds.collect(), ..trainer.state.clone() };
    let values = trainer.adapters.vars();
    let values = values.flat_map(|it| it.1.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    (state, values.map(f32::to_bits).collect())
}

struct Witness<'a> {
    checkpoints: &'a Checkpoints,
    last_round: usize,
}

impl Watch for Witness<'_> {
    fn step(&mut self, _: f64) {}

    fn round(&mut self, trainer: &Trainer<'_>) -> anyhow::Result<()> {
        checkpoint::write(self.checkpoints, trainer)?;
        if trainer.state.rounds.len() == self.last_round {
            bail!("the power failed");
        }
        Ok(())
    }
}

#[test]
fn the_same_again_and_going_on_give_the_same_bits() {
    let more = "epochs = 3\n[augment]\ncopies = 1\nnoise_db = [10.0, 20.0]\nloss = [0.0, 0.2]";
    let whole = run(&task(tempfile::tempdir().unwrap().path(), more, false), usize::MAX, false);
    let losses: Vec<f64> = whole.0.rounds.iter().map(|it| it.train_loss).collect();
    assert!(losses[2] < 0.8 * losses[0], "{losses:?}");
    // Without a cache, and broken off after a round: nothing changes.
    let dir = tempfile::tempdir().unwrap();
    let more = more.replace("[augment]", "cache_mib = 0\n[augment]");
    let task = task(dir.path(), &more, true);
    run(&task, 2, false);
    let n_kept = fs::read_dir(task.places.out.join("sounds")).unwrap().count();
    assert_eq!(n_kept, 1, "only the mark of what they are made from");
    let resumed = run(&task, usize::MAX, true);
    assert_eq!(resumed.0, whole.0);
    assert!(resumed.1 == whole.1);
}

#[test]
fn it_stops_when_the_dev_part_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let task = task(dir.path(), "epochs = 9\npatience = 1", false);
    let (state, _) = run(&task, usize::MAX, false);
    assert_eq!(state.rounds.len(), (state.best_round + 1).min(9));
}

#[test]
fn a_folder_is_trained_that_can_be_pulled_and_served() {
    let dir = tempfile::tempdir().unwrap();
    let task = task(dir.path(), "epochs = 2\ntimes = true", false);
    task.run().unwrap();
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    };
    let out = &task.places.out;
    assert_eq!(names(out), ["recipe.toml", "report.md", "tiny-taught"]);
    let model = out.join("tiny-taught");
    let files =
        ["CARD.md", "adapters.safetensors", "merged.safetensors", "model.toml", "whisper.ggml"];
    assert_eq!(names(&model), files);
    let card = fs::read_to_string(model.join("CARD.md")).unwrap();
    assert!(card.contains("| 試 | 4 | 2 |") && !card.contains("丁丁甲"), "{card}");

    let manifests = Some(out.clone());
    let settings = Settings { manifests, ..Settings::at(dir.path().join("store")) };
    let registry = ModelRegistry::open(settings.with_dir_first(model)).unwrap();
    let id = "tiny-taught".to_owned().try_into().unwrap();
    registry.pull(&[id], &()).unwrap();
    let pulled = registry.verified("tiny-taught").unwrap();
    WhisperPupil::open(pulled.file(FileRole::Weights).unwrap()).unwrap();
    assert_eq!(Recipe::read(&out.join("recipe.toml")).unwrap(), task.recipe);
}

#[test]
fn the_pulled_model_learns_two_steps() {
    let config = Config::read(&Overrides::default()).unwrap();
    let registry = ModelRegistry::open(Settings::at(config.model_store())).unwrap();
    // It is pulled where tests run with models; elsewhere the tiny one has said enough.
    let Ok(model) = registry.verified("whisper-base") else { return };
    let dir = tempfile::tempdir().unwrap();
    let tiny = task(dir.path(), "", false);
    let base = model.file(FileRole::Weights).unwrap().clone();
    let recipe = Recipe {
        whisper: part("epochs = 2\nlearning_rate = 0.005\nwarmup = 0.0\ndev_share = 0.3"),
        ..tiny.recipe
    };
    let (state, _) = run(&Task { recipe, base, ..tiny }, usize::MAX, false);
    let losses: Vec<f64> = state.rounds.iter().map(|it| it.train_loss).collect();
    assert!(state.step == 2 && losses[1] < losses[0], "{losses:?}");
}
