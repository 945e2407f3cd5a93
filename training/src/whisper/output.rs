//! The folder of a Whisper that has learned: adapters, merged weights, the file that is served, its manifest and card.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use candle_core::{Device, Tensor, safetensors};
use fenwen::base::hex;
use fenwen::engine::speech::{self, DecodeOptions, ShouldStop, SpeechEngine, SpeechOptions};
use fenwen::pipeline::speech::compare::Errors;
use fenwen::registry::{
    Conversion, ModelManifest, Recipe, VerifiedFile, WhisperFile, convert_parts,
};
use sha2::{Digest as _, Sha256};

use crate::encoder::output::write_whole;

use super::Task;
use super::adapters::Adapters;
use super::clips::Clips;
use super::report;
use super::trainer::{Trainer, dev_takes};

/// The adapters alone, the merged weights, and the file that both engines read.
pub(super) const ADAPTERS: &str = "adapters.safetensors";
pub(super) const MERGED: &str = "merged.safetensors";
pub(super) const SERVED: &str = "whisper.ggml";

/// Errors on the dev part, by the engine that serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Clips as they are.
    pub(super) clean: Errors,
    /// Their telephone copies.
    pub(super) telephone: Errors,
}

impl Heard {
    /// Both.
    pub(super) fn all(&self) -> Errors {
        Errors::sum([self.clean, self.telephone])
    }
}

/// What was written, and how the engine hears the dev part with it and without.
pub(super) struct Made {
    pub(super) sha256: String,
    pub(super) n_bytes: usize,
    pub(super) before: Heard,
    pub(super) after: Heard,
}

/// Writes the folder of the model.
pub(super) fn write(task: &Task, clips: &Clips, trainer: &Trainer<'_>) -> anyhow::Result<Made> {
    let folder = task.places.out.join(&task.recipe.name);
    fs::create_dir_all(&folder)
        .with_context(|| format!("failed to create {}", folder.display()))?;
    save(&adapters(&trainer.adapters)?, &folder, ADAPTERS)?;
    save(&merged(task, &trainer.adapters)?, &folder, MERGED)?;
    let quantisation = task.recipe.whisper.quantisation;
    let conversion = Conversion { recipe: Recipe::WhisperSafetensors, quantisation };
    let parts = [task.base.path().to_owned(), folder.join(MERGED)];
    let served = convert_parts(conversion, &parts)?;
    write_whole(&folder, SERVED, &served)?;
    let (sha256, n_bytes) = (hex(&Sha256::digest(&served)), served.len());
    let file = VerifiedFile::check(&folder.join(SERVED), &sha256)?;
    let (before, after) = (hear(task, clips, &task.base)?, hear(task, clips, &file)?);
    let made = Made { sha256, n_bytes, before, after };
    let manifest = manifest(task, &made);
    ModelManifest::parse(&manifest)?;
    write_whole(&folder, "model.toml", manifest.as_bytes())?;
    write_whole(&folder, "CARD.md", report::card(task, clips, &made).as_bytes())?;
    write_whole(&task.places.out, "recipe.toml", toml::to_string(&task.recipe)?.as_bytes())?;
    Ok(made)
}

fn save(tensors: &HashMap<String, Tensor>, folder: &Path, name: &str) -> anyhow::Result<()> {
    let (partial, path) = (folder.join(format!("{name}.partial")), folder.join(name));
    safetensors::save(tensors, &partial)?;
    fs::rename(&partial, &path).with_context(|| format!("failed to write {}", path.display()))
}

fn adapters(adapters: &Adapters) -> anyhow::Result<HashMap<String, Tensor>> {
    let values = adapters.vars().map(|(name, var)| (name, var.as_detached_tensor()));
    let mut all: HashMap<String, Tensor> = values.collect();
    all.insert("scale".to_owned(), Tensor::new(adapters.scale(), &Device::Cpu)?);
    Ok(all)
}

/// Every tensor of the file that training started from, with what was learned beside it.
pub(super) fn merged(task: &Task, adapters: &Adapters) -> anyhow::Result<HashMap<String, Tensor>> {
    let path = task.base.path();
    let bytes = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    let base = WhisperFile::read(&bytes)?;
    let mut all = HashMap::new();
    for name in base.tensor_names() {
        let mut values = base.values(name)?;
        if let Some(delta) = adapters.delta(name)? {
            ensure!(delta.len() == values.data.len(), "the adapter beside `{name}` does not fit");
            values.data.iter_mut().zip(delta).for_each(|(value, more)| *value += more);
        }
        let is_finite = values.data.iter().all(|it| it.is_finite());
        ensure!(is_finite, "`{name}` holds numbers that are not finite");
        let tensor = Tensor::from_vec(values.data, values.shape, &Device::Cpu)?;
        all.insert(name.to_owned(), tensor);
    }
    Ok(all)
}

/// What the engine hears in the dev part.
fn hear(task: &Task, clips: &Clips, file: &VerifiedFile) -> anyhow::Result<Heard> {
    let recipe = &task.recipe;
    let options = SpeechOptions {
        engine: SpeechEngine::Candle,
        device: fenwen::engine::Device::Cpu,
        threads: task.places.threads,
    };
    let mut model = speech::open(file, options, 1)?.pop().context("no engine was opened")?;
    let language = recipe.whisper.language()?;
    let options =
        DecodeOptions { language, temperature: 0.0, beams: 1, prompt: None, is_draft: false };
    let never: ShouldStop = Arc::new(|| false);
    let mut all = Heard::default();
    for take in dev_takes(clips, recipe) {
        let samples = take.clip.samples(take.copy, &recipe.augment, recipe.seed)?;
        let heard = model.hear(&samples, &options, &never)?;
        let bytes = heard.spans.into_iter().flat_map(|it| it.tokens).flat_map(|it| it.bytes);
        let text = String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned();
        let errors = Errors::of(take.clip.text.expose(), &text);
        let sum = if take.copy == 0 { &mut all.clean } else { &mut all.telephone };
        *sum = Errors::sum([*sum, errors]);
    }
    Ok(all)
}

fn manifest(task: &Task, made: &Made) -> String {
    let Task { recipe, base, .. } = task;
    let mut text = String::new();
    let _ = write!(
        text,
        "schema = 1\nid = \"{id}\"\nversion = \"{version}\"\ntask = \"speech-recognition\"\nengine = \"whisper\"\n\
         licence = {licence}\nprovenance = \"{model} (SHA-256 {base}), its decoder fine-tuned by low-rank adapters on the \
         clips that CARD.md counts\"\n\n[[file]]\nrole = \"weights\"\nname = \"{SERVED}\"\nbytes = {n_bytes}\n\
         sha256 = \"{sha256}\"\nsources = [\"dir:{id}\"]\n",
        id = recipe.name,
        version = made.sha256.get(..12).unwrap_or_default(),
        licence = toml::Value::String(recipe.whisper.licence.clone()),
        model = recipe.whisper.model,
        base = base.sha256(),
        n_bytes = made.n_bytes,
        sha256 = made.sha256,
    );
    text
}
