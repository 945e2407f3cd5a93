//! Recipes of a Whisper that learns beside its matrices: everything that decides what it is, but the clips.

use std::path::Path;

use anyhow::{Context, ensure};
use fenwen::engine::speech::Language;
use fenwen::registry::{ModelId, Quantisation};
use serde::{Deserialize, Serialize};

use crate::linear::recipe::DataPart;

/// What `kind` says in a recipe that is meant for this trainer.
const KIND: &str = "lora";

/// A recipe file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Name of the model that is made.
    pub(crate) name: String,
    /// Seed of everything that is drawn.
    #[serde(default)]
    pub(crate) seed: u64,
    /// The clips, where the command line does not name them.
    #[serde(default)]
    pub(crate) data: DataPart,
    /// How Whisper is tuned.
    pub(crate) whisper: WhisperPart,
    /// What is done to copies of the clips.
    #[serde(default)]
    pub(crate) augment: AugmentPart,
}

/// Matrices of the decoder that adapters stand beside (Hu et al., LoRA, ICLR 2022).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// Query and value of the attention to the text so far.
    Attention,
    /// Query and value of the attention to the sound.
    CrossAttention,
    /// Both layers between.
    Mlp,
}

impl Target {
    /// Names of the matrices within a layer.
    pub(crate) fn modules(self) -> [&'static str; 2] {
        match self {
            Target::Attention => ["attn.query", "attn.value"],
            Target::CrossAttention => ["cross_attn.query", "cross_attn.value"],
            Target::Mlp => ["mlp.0", "mlp.2"],
        }
    }
}

/// How Whisper is tuned. A round is one pass over the training clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhisperPart {
    /// `lora`.
    pub(crate) kind: String,
    /// The model that training starts from.
    #[serde(default = "model")]
    pub(crate) model: String,
    /// What is spoken: `zh` or `en`.
    #[serde(default = "language")]
    pub(crate) language: String,
    /// Which matrices get adapters.
    #[serde(default = "targets")]
    pub(crate) targets: Vec<Target>,
    /// Rank of an adapter.
    #[serde(default = "rank")]
    pub(crate) rank: usize,
    /// An adapter counts this divided by its rank.
    #[serde(default = "alpha")]
    pub(crate) alpha: f64,
    /// Whether lessons begin and end with the times of the clip, as the service decodes; otherwise without times.
    #[serde(default)]
    pub(crate) times: bool,
    /// Most rounds.
    #[serde(default = "epochs")]
    pub(crate) epochs: usize,
    /// Clips of a step; their gradients are added up one by one.
    #[serde(default = "batch_size")]
    pub(crate) batch_size: usize,
    /// Highest learning rate.
    #[serde(default = "learning_rate")]
    pub(crate) learning_rate: f64,
    /// Share of the steps in which the rate rises; it falls in all others.
    #[serde(default = "warmup")]
    pub(crate) warmup: f64,
    /// Adapters shrink by this times the learning rate at each step.
    #[serde(default)]
    pub(crate) weight_decay: f64,
    /// Greatest length of the gradient of all adapters together.
    #[serde(default = "clip_norm")]
    pub(crate) clip_norm: f64,
    /// Stop after so many rounds without fewer character errors on the dev part.
    #[serde(default = "patience")]
    pub(crate) patience: usize,
    /// Share of the groups of clips that is the dev part.
    #[serde(default = "dev_share")]
    pub(crate) dev_share: f64,
    /// Most disk, in MiB, for what the encoder heard; what finds no room is computed anew each time.
    #[serde(default = "cache_mib")]
    pub(crate) cache_mib: u64,
    /// How the weights of the served file are stored.
    #[serde(default = "quantisation")]
    pub(crate) quantisation: Quantisation,
    /// SPDX identifier of the licence of what is made.
    #[serde(default = "licence")]
    pub(crate) licence: String,
}

/// What a telephone does to copies of the clips. Ranges are drawn from evenly, once for each copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AugmentPart {
    /// Telephone copies of each clip; a round takes the clip or one of them.
    #[serde(default)]
    pub(crate) copies: usize,
    /// Noise, in decibels below the voice; none without.
    #[serde(default)]
    pub(crate) noise_db: Option<[f32; 2]>,
    /// Share of the packets of 20 ms that are lost.
    #[serde(default)]
    pub(crate) loss: [f32; 2],
}

fn model() -> String {
    "whisper-base".to_owned()
}

fn language() -> String {
    Language::Mandarin.code().to_owned()
}

fn targets() -> Vec<Target> {
    vec![Target::Attention]
}

fn rank() -> usize {
    8
}

fn alpha() -> f64 {
    16.0
}

fn epochs() -> usize {
    10
}

fn batch_size() -> usize {
    8
}

fn learning_rate() -> f64 {
    1e-3
}

fn warmup() -> f64 {
    0.1
}

fn clip_norm() -> f64 {
    1.0
}

fn patience() -> usize {
    3
}

fn dev_share() -> f64 {
    0.1
}

fn cache_mib() -> u64 {
    4096
}

fn quantisation() -> Quantisation {
    Quantisation::Q8_0
}

fn licence() -> String {
    "LicenseRef-internal".to_owned()
}

/// Whether the recipe at `path` is meant for this trainer: `whisper.kind` says so.
pub(crate) fn is_meant(path: &Path) -> anyhow::Result<bool> {
    let table: toml::Table = toml::from_str(&text(path)?)
        .with_context(|| format!("failed to read recipe {}", path.display()))?;
    let kind = table.get("whisper").and_then(|it| it.get("kind")).and_then(toml::Value::as_str);
    Ok(kind == Some(KIND))
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("failed to read recipe {}", path.display()))
}

impl Recipe {
    /// Reads and checks a recipe.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Recipe> {
        let recipe: Recipe = toml::from_str(&text(path)?)
            .with_context(|| format!("failed to read recipe {}", path.display()))?;
        recipe.check().with_context(|| format!("recipe {}", path.display()))?;
        Ok(recipe)
    }

    fn check(&self) -> anyhow::Result<()> {
        let (part, augment) = (&self.whisper, &self.augment);
        ModelId::try_from(self.name.clone())?;
        ensure!(part.kind == KIND, "the kind of a Whisper that learns is `{KIND}`");
        part.language()?;
        ensure!(!part.targets.is_empty(), "one target or more is needed");
        ensure!((1..=256).contains(&part.rank), "a rank is 1 to 256");
        ensure!(0.0 < part.alpha, "alpha is positive");
        ensure!(1 <= part.epochs && 1 <= part.patience, "epochs and patience are 1 or more");
        ensure!(1 <= part.batch_size, "a batch holds 1 or more");
        let rate = part.learning_rate;
        ensure!(0.0 < rate && rate < 1.0, "learning rates lie between 0 and 1");
        ensure!((0.0..1.0).contains(&part.warmup), "the share of the warm-up is 0 to below 1");
        ensure!((0.0..1.0).contains(&part.weight_decay), "weight decay is 0 to below 1");
        ensure!(0.0 < part.clip_norm, "the clip norm is positive");
        ensure!((0.01..=0.5).contains(&part.dev_share), "the dev part is 0.01 to 0.5 of the clips");
        ensure!(!part.licence.trim().is_empty(), "the licence is missing");
        ensure!(augment.copies <= 16, "16 copies of a clip at most");
        for [low, high] in augment.noise_db.into_iter().chain([augment.loss]) {
            ensure!(low <= high, "a range goes from low to high");
        }
        let [low, high] = augment.loss;
        ensure!(0.0 <= low && high < 1.0, "the share of lost packets is 0 to below 1");
        Ok(())
    }
}

impl WhisperPart {
    /// What is spoken.
    pub(crate) fn language(&self) -> anyhow::Result<Language> {
        let all = [Language::Mandarin, Language::English];
        let found = all.into_iter().find(|it| it.code() == self.language);
        found.context("the language is `zh` or `en`")
    }

    /// How much an adapter counts.
    pub(crate) fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> anyhow::Result<()> {
        let recipe: Recipe = toml::from_str(&format!("name = 'n'\n[whisper]\n{text}"))?;
        recipe.check()
    }

    #[test]
    fn the_shipped_recipe_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        Recipe::read(&folder.join("whisper-lora.toml")).unwrap();
        assert!(is_meant(&folder.join("whisper-lora.toml")).unwrap());
        assert!(!is_meant(&folder.join("questions-encoder.toml")).unwrap());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        check("kind = 'lora'").unwrap();
        for text in [
            "kind = 'full'",
            "kind = 'lora'\nlanguage = 'nan'",
            "kind = 'lora'\ntargets = []",
            "kind = 'lora'\ntargets = ['encoder']",
            "kind = 'lora'\nrank = 0",
            "kind = 'lora'\nepochs = 0",
            "kind = 'lora'\nbatch_size = 0",
            "kind = 'lora'\nlearning_rate = 0.0",
            "kind = 'lora'\nwarmup = 1.5",
            "kind = 'lora'\ndev_share = 0.9",
            "kind = 'lora'\nquantisation = 'q2'",
            "kind = 'lora'\nlicence = ''",
            "kind = 'lora'\nunknown = 1",
            "kind = 'lora'\n[augment]\nnoise_db = [30.0, 10.0]",
            "kind = 'lora'\n[augment]\nloss = [0.0, 1.0]",
            "kind = 'lora'\n[augment]\ncopies = 17",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
