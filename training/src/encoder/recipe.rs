//! Recipes of a fine-tuned encoder: everything that decides what it is, but the data.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::linear::recipe as linear;

use super::network::Layer;

/// What `kind` says in a recipe that is meant for this trainer.
const KIND: &str = "fine-tune";

/// A recipe file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Name of the model.
    pub(crate) name: String,
    /// Seed of everything that is drawn.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Labels with fewer rows are left out, with a message.
    #[serde(default = "one")]
    pub(crate) min_rows: usize,
    /// The data, where the command line does not name it.
    #[serde(default)]
    pub(crate) data: linear::DataPart,
    /// How the encoder is tuned.
    pub(crate) encoder: EncoderPart,
    /// How confidence is measured; `folds` is not used.
    #[serde(default)]
    pub(crate) confidence: linear::ConfidencePart,
}

/// How the encoder is tuned. A round is one pass over the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncoderPart {
    /// `fine-tune`.
    pub(crate) kind: String,
    /// The model that training starts from.
    #[serde(default = "model")]
    pub(crate) model: String,
    /// Rounds in which only the head learns, at a constant rate, before the others (Kumar et al., ICLR 2022).
    #[serde(default)]
    pub(crate) head_epochs: usize,
    /// Rounds in which every layer learns that is not frozen.
    #[serde(default = "epochs")]
    pub(crate) epochs: usize,
    /// Rows of a step.
    #[serde(default = "batch_size")]
    pub(crate) batch_size: usize,
    /// Batches whose rows are sorted by length together; 1: none.
    #[serde(default = "bucket")]
    pub(crate) bucket: usize,
    /// Highest learning rate of the network.
    #[serde(default = "learning_rate")]
    pub(crate) learning_rate: f64,
    /// Highest learning rate of the token embeddings.
    #[serde(default = "learning_rate")]
    pub(crate) table_learning_rate: f64,
    /// Highest learning rate of the head.
    #[serde(default = "head_learning_rate")]
    pub(crate) head_learning_rate: f64,
    /// Share of the steps in which the rate rises; it falls in all others.
    #[serde(default = "warmup")]
    pub(crate) warmup: f64,
    /// Matrices shrink by this times the learning rate at each step; token embeddings towards what they were.
    #[serde(default = "weight_decay")]
    pub(crate) weight_decay: f64,
    /// Greatest length of the gradient of all layers together.
    #[serde(default = "clip_norm")]
    pub(crate) clip_norm: f64,
    /// Share of the embedding's numbers that the head does not see in training.
    #[serde(default)]
    pub(crate) dropout: f32,
    /// Share of a text's tokens that are left out in training.
    #[serde(default)]
    pub(crate) token_dropout: f32,
    /// Stop after so many rounds without a better accuracy on the dev part; without: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) patience: Option<usize>,
    /// Share of the rows that is the dev part; near-duplicates stay on one side; without: 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dev_share: Option<f64>,
    /// Most tokens of a text.
    #[serde(default = "max_tokens")]
    pub(crate) max_tokens: usize,
    /// Layers that stay as they are.
    #[serde(default)]
    pub(crate) freeze: Vec<Layer>,
}

fn one() -> usize {
    1
}

fn model() -> String {
    "use-multilingual-v3".to_owned()
}

fn epochs() -> usize {
    10
}

fn batch_size() -> usize {
    32
}

fn bucket() -> usize {
    8
}

fn learning_rate() -> f64 {
    3e-4
}

fn head_learning_rate() -> f64 {
    1e-2
}

fn warmup() -> f64 {
    0.1
}

fn weight_decay() -> f64 {
    0.01
}

fn clip_norm() -> f64 {
    1.0
}

fn max_tokens() -> usize {
    128
}

/// Whether the recipe at `path` is meant for this trainer: `encoder.kind` says so.
pub(crate) fn is_meant(path: &Path) -> anyhow::Result<bool> {
    let table: toml::Table = toml::from_str(&text(path)?)
        .with_context(|| format!("failed to read recipe {}", path.display()))?;
    let kind = table.get("encoder").and_then(|it| it.get("kind")).and_then(toml::Value::as_str);
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
        recipe.encoder.check().with_context(|| format!("recipe {}", path.display()))?;
        Ok(recipe)
    }

    /// What of it concerns rows and the command line, as the linear trainer takes it.
    pub(crate) fn for_rows(&self) -> linear::Recipe {
        linear::Recipe {
            name: self.name.clone(),
            seed: self.seed,
            min_rows: self.min_rows,
            data: self.data.clone(),
            views: Vec::new(),
            extra: Vec::new(),
            label_names: 0.0,
            duties: linear::DutiesPart::default(),
            parent: None,
            solver: linear::SolverPart::default(),
            confidence: self.confidence.clone(),
            fusion: None,
            baseline: None,
        }
    }
}

impl EncoderPart {
    /// Refuses what cannot be.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.kind == KIND, "the kind of the encoder is `{KIND}`");
        ensure!(1 <= self.head_epochs + self.epochs, "1 epoch or more is needed");
        ensure!(1 <= self.batch_size && 1 <= self.bucket, "a batch and a bucket hold 1 or more");
        ensure!(1 <= self.patience(), "patience is 1 or more");
        ensure!(3 <= self.max_tokens, "3 tokens of a text or more are needed");
        for rate in [self.learning_rate, self.table_learning_rate, self.head_learning_rate] {
            ensure!(0.0 < rate && rate < 1.0, "learning rates lie between 0 and 1");
        }
        ensure!((0.0..1.0).contains(&self.warmup), "the share of the warm-up is 0 to below 1");
        ensure!((0.0..1.0).contains(&self.weight_decay), "weight decay is 0 to below 1");
        ensure!(0.0 < self.clip_norm, "the clip norm is positive");
        for share in [self.dropout, self.token_dropout] {
            ensure!((0.0..1.0).contains(&share), "a dropout is 0 to below 1");
        }
        ensure!(
            (0.01..=0.5).contains(&self.dev_share()),
            "the dev part is 0.01 to 0.5 of the rows"
        );
        ensure!(!self.freeze.contains(&Layer::Head), "the head cannot be frozen");
        Ok(())
    }

    /// Rounds without a better accuracy on the dev part, after which training stops.
    pub(crate) fn patience(&self) -> usize {
        self.patience.unwrap_or(3)
    }

    /// Share of the rows that is the dev part.
    pub(crate) fn dev_share(&self) -> f64 {
        self.dev_share.unwrap_or(0.1)
    }

    /// The most rounds that training takes.
    pub(crate) fn max_epochs(&self) -> usize {
        self.head_epochs + self.epochs
    }

    /// Whether `layer` learns in round `epoch`, counted from 1.
    pub(crate) fn learns(&self, layer: Layer, epoch: usize) -> bool {
        layer == Layer::Head || (self.head_epochs < epoch && !self.freeze.contains(&layer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> anyhow::Result<Recipe> {
        let recipe: Recipe = toml::from_str(&format!("name = 'n'\n[encoder]\n{text}"))?;
        recipe.encoder.check()?;
        Ok(recipe)
    }

    #[test]
    fn the_shipped_recipe_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        Recipe::read(&folder.join("questions-encoder.toml")).unwrap();
        assert!(is_meant(&folder.join("questions-encoder.toml")).unwrap());
        assert!(!is_meant(&folder.join("questions.toml")).unwrap());
    }

    #[test]
    fn layers_learn_in_their_rounds() {
        let recipe = check("kind = 'fine-tune'\nhead_epochs = 2\nfreeze = ['table']").unwrap();
        let learns = |layer, epoch| recipe.encoder.learns(layer, epoch);
        assert!(learns(Layer::Head, 1) && !learns(Layer::Dense, 2));
        assert!(learns(Layer::Dense, 3) && !learns(Layer::Table, 3));
        assert_eq!(recipe.encoder.max_epochs(), 12);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "kind = 'frozen'",
            "kind = 'fine-tune'\nepochs = 0",
            "kind = 'fine-tune'\nbatch_size = 0",
            "kind = 'fine-tune'\nlearning_rate = 0",
            "kind = 'fine-tune'\nwarmup = 1.5",
            "kind = 'fine-tune'\ndropout = 1.0",
            "kind = 'fine-tune'\ndev_share = 0.9",
            "kind = 'fine-tune'\nfreeze = ['head']",
            "kind = 'fine-tune'\nfreeze = ['nothing']",
            "kind = 'fine-tune'\nunknown = 1",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
