//! Recipes: everything that decides what a trained classifier is, but the data.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use fenwen::engine::linear::MAX_ORDER;
use fenwen::registry::ModelId;
use serde::{Deserialize, Serialize};

use crate::encoder::recipe::EncoderPart;

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
    pub(crate) data: DataPart,
    /// What is hashed; every view looks at every text column.
    pub(crate) views: Vec<ViewPart>,
    /// Further columns of a training row, each a training text of its own where it is present.
    #[serde(default)]
    pub(crate) extra: Vec<ExtraPart>,
    /// Weight of one training text for each label: the label's own name without what all labels begin with; 0: none.
    #[serde(default)]
    pub(crate) label_names: f32,
    /// How duties of units, where they are given, are learned from.
    #[serde(default)]
    pub(crate) duties: DutiesPart,
    /// A coarser label, where its column is present.
    #[serde(default)]
    pub(crate) parent: Option<ParentPart>,
    /// How the weights are found.
    #[serde(default)]
    pub(crate) solver: SolverPart,
    /// How confidence is measured.
    #[serde(default)]
    pub(crate) confidence: ConfidencePart,
    /// Late fusion with the sentence encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fusion: Option<FusionPart>,
    /// A method to compare with instead of a classifier to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) baseline: Option<BaselinePart>,
}

/// The data of a recipe that is run by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataPart {
    /// JSONL file, relative to the recipe.
    pub(crate) file: Option<PathBuf>,
    /// Text columns.
    #[serde(default)]
    pub(crate) text: Vec<String>,
    /// Label column.
    pub(crate) label: Option<String>,
    /// Folder to write, relative to the recipe.
    pub(crate) out: Option<PathBuf>,
}

/// One view of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViewPart {
    /// Lengths of n-grams.
    pub(crate) orders: Vec<usize>,
    /// Weight of each length; 1 without.
    #[serde(default)]
    pub(crate) weights: Vec<f32>,
    /// Only the first characters.
    #[serde(default)]
    pub(crate) head: Option<usize>,
    /// Fewest training texts that an n-gram must occur in.
    #[serde(default = "one")]
    pub(crate) min_df: u32,
    /// What a text's squared norm has of this view, times its length; all views have one or none has.
    #[serde(default)]
    pub(crate) share: Option<f32>,
}

/// A further training text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtraPart {
    /// Column; stands where the first text column stands.
    pub(crate) column: String,
    /// Cost of an error on it, where one on the row itself costs 1.
    pub(crate) weight: f32,
    /// Only the first characters.
    #[serde(default)]
    pub(crate) head: Option<usize>,
}

/// Texts of duties; each stands in every text column, so that it looks like a whole row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DutiesPart {
    /// Cost of an error on one, where one on a row costs 1.
    pub(crate) weight: f32,
}

impl Default for DutiesPart {
    fn default() -> DutiesPart {
        DutiesPart { weight: 0.3 }
    }
}

/// A head over the sentence encoder's vectors: of the frozen one by ridge regression, or the one that a fine-tuned
/// encoder has learned with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FusionPart {
    /// The text column that is embedded; the first without.
    pub(crate) input: Option<String>,
    /// Cost of an error against the size of the head's weights, where the encoder is frozen.
    pub(crate) cost: f64,
    /// What the encoder's weight is chosen for, out of fold.
    pub(crate) aim: Aim,
    /// Folds of a fine-tuned encoder, each of which is some whole folds of the confidence.
    pub(crate) folds: usize,
    /// Whether the linear classifier is trained alone where the encoder that is to be fine-tuned is not installed.
    pub(crate) optional: bool,
    /// How the encoder is fine-tuned; without, it is the installed one as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoder: Option<EncoderPart>,
}

impl Default for FusionPart {
    fn default() -> FusionPart {
        FusionPart {
            input: None,
            cost: 1.0,
            aim: Aim::default(),
            folds: 5,
            optional: false,
            encoder: None,
        }
    }
}

/// What a weight is chosen for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Aim {
    /// The least log loss.
    #[default]
    Loss,
    /// The most right first labels.
    Accuracy,
}

impl FusionPart {
    fn check(&self, name: &str, n_folds: usize) -> anyhow::Result<()> {
        ensure!(0.0 < self.cost, "the cost of the fusion is positive");
        let Some(part) = &self.encoder else {
            ensure!(!self.optional, "[fusion] optional is for a section [fusion.encoder]");
            return Ok(());
        };
        part.check().context("[fusion.encoder]")?;
        ensure!(
            part.patience.is_none() && part.dev_share.is_none(),
            "[fusion.encoder] has no dev part and does not stop early: leave out patience and dev_share"
        );
        ensure!(
            2 <= self.folds && n_folds.is_multiple_of(self.folds),
            "the folds of the confidence are a multiple of those of the fusion, which are 2 or more"
        );
        // The encoder's name is the recipe's with eight digits of its hash.
        ensure!(
            name.len() < 50 && ModelId::try_from(name.to_owned()).is_ok(),
            "with [fusion.encoder] the name is of a-z, 0-9 and -, at most 49"
        );
        Ok(())
    }
}

/// A coarser label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParentPart {
    /// Column.
    pub(crate) column: String,
    /// How much of the parent's score goes to each of its labels.
    pub(crate) weight: f32,
}

/// What an error costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Loss {
    /// The square of what lacks to the margin: a support vector machine.
    #[default]
    SquaredHinge,
    /// The square of the distance from the margin, on either side: ridge regression on ±1. Rare labels keep more of
    /// their weight.
    Squared,
}

/// One-vs-rest hyperplanes, by dual coordinate descent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SolverPart {
    /// What an error costs.
    pub(crate) loss: Loss,
    /// C: cost of an error against the size of the weights.
    pub(crate) cost: f32,
    /// A label's own rows cost (rows / labels / its rows) to this power times more; 0: alike, 1: balanced.
    pub(crate) balance: f32,
    /// Errors on a label's rows cost (rows / labels / its rows) to this power times more in every problem, not only in
    /// the label's own; 0: alike.
    pub(crate) row_balance: f32,
    /// A label's own rows cost so much more on top.
    pub(crate) own: f32,
    /// Stop when the projected gradients differ by less.
    pub(crate) tolerance: f32,
    /// Stop after so many rounds in any case.
    pub(crate) max_rounds: usize,
}

impl Default for SolverPart {
    fn default() -> SolverPart {
        SolverPart {
            loss: Loss::default(),
            cost: 1.0,
            balance: 0.0,
            row_balance: 0.0,
            own: 1.0,
            tolerance: 0.01,
            max_rounds: 300,
        }
    }
}

/// A method for comparison, on n-grams projected to `width` numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum BaselinePart {
    /// Linear support vector machines, one for each pair of labels.
    Svm(SvmPart),
    /// Trees on bootstrap samples.
    RandomForest(ForestPart),
    /// A network with one hidden layer.
    Mlp(MlpPart),
}

/// Of support vector machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SvmPart {
    /// Numbers of a projected text.
    pub(crate) width: usize,
    /// C: cost of an error against the size of the weights.
    pub(crate) cost: f64,
}

/// Of a random forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ForestPart {
    /// Numbers of a projected text.
    pub(crate) width: usize,
    /// Trees.
    pub(crate) trees: u16,
    /// Fewest rows of a leaf.
    pub(crate) min_leaf: usize,
}

/// Of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MlpPart {
    /// Numbers of a projected text.
    pub(crate) width: usize,
    /// Numbers of the hidden layer.
    pub(crate) hidden: usize,
    /// Times that every row is seen.
    pub(crate) epochs: usize,
    /// Rows of a step.
    pub(crate) batch: usize,
    /// Learning rate.
    pub(crate) rate: f64,
    /// Weight decay.
    pub(crate) decay: f64,
}

/// Numbers of a projected text, where the recipe does not say.
const WIDTH: usize = 512;

impl Default for SvmPart {
    fn default() -> SvmPart {
        SvmPart { width: WIDTH, cost: 1.0 }
    }
}

impl Default for ForestPart {
    fn default() -> ForestPart {
        ForestPart { width: WIDTH, trees: 100, min_leaf: 1 }
    }
}

impl Default for MlpPart {
    fn default() -> MlpPart {
        MlpPart { width: WIDTH, hidden: 256, epochs: 20, batch: 64, rate: 0.002, decay: 0.01 }
    }
}

impl BaselinePart {
    /// Name in recipes and reports.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            BaselinePart::Svm(_) => "svm",
            BaselinePart::RandomForest(_) => "random-forest",
            BaselinePart::Mlp(_) => "mlp",
        }
    }

    /// Numbers of a projected text.
    pub(crate) fn width(&self) -> usize {
        match self {
            BaselinePart::Svm(it) => it.width,
            BaselinePart::RandomForest(it) => it.width,
            BaselinePart::Mlp(it) => it.width,
        }
    }

    fn is_possible(&self) -> bool {
        let of_kind = match self {
            BaselinePart::Svm(it) => 0.0 < it.cost,
            BaselinePart::RandomForest(it) => 0 < it.trees && 0 < it.min_leaf,
            BaselinePart::Mlp(it) => 0 < it.hidden && 0 < it.batch && 0.0 < it.rate,
        };
        of_kind && (1..=4096).contains(&self.width())
    }
}

/// Confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfidencePart {
    /// Folds of the out-of-fold scores.
    pub(crate) folds: usize,
    /// The promise of an answer that needs no person.
    pub(crate) precision: f64,
    /// Fewest outcomes of one step of the isotonic fit.
    pub(crate) min_block: usize,
    /// Fewest answers of a label that get it a threshold of its own.
    pub(crate) min_class: usize,
}

impl Default for ConfidencePart {
    fn default() -> ConfidencePart {
        ConfidencePart { folds: 5, precision: 0.95, min_block: 40, min_class: 100 }
    }
}

fn one<T: From<u8>>() -> T {
    T::from(1)
}

impl Recipe {
    /// Reads and checks a recipe.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Recipe> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read recipe {}", path.display()))?;
        let recipe: Recipe = toml::from_str(&text)
            .with_context(|| format!("failed to read recipe {}", path.display()))?;
        recipe.check().with_context(|| format!("recipe {}", path.display()))?;
        Ok(recipe)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=15).contains(&self.views.len()), "1 to 15 views are needed");
        for view in &self.views {
            let possible = view.orders.iter().all(|it| (1..=MAX_ORDER).contains(it));
            ensure!(possible && !view.orders.is_empty(), "orders go from 1 to {MAX_ORDER}");
            let weights = view.weights.is_empty() || view.weights.len() == view.orders.len();
            ensure!(weights, "a view needs as many weights as orders");
            let share = view.share.is_none_or(|it| 0.0 < it && it <= 1.0);
            ensure!(share, "a share is above 0 and at most 1");
        }
        let n_shares = self.views.iter().filter(|it| it.share.is_some()).count();
        ensure!(
            n_shares == 0 || n_shares == self.views.len(),
            "all views have a share or none has"
        );
        ensure!(2 <= self.confidence.folds, "2 folds or more are needed");
        ensure!(
            0.0 < self.solver.cost && 0.0 < self.solver.tolerance,
            "cost and tolerance are positive"
        );
        ensure!(0.0 < self.duties.weight, "the weight of duties is positive");
        if let Some(part) = &self.fusion {
            part.check(&self.name, self.confidence.folds)?;
        }
        let is_possible = self.baseline.as_ref().is_none_or(BaselinePart::is_possible);
        ensure!(
            is_possible,
            "the baseline's width is 1 to 4096 and its other numbers are positive"
        );
        Ok(())
    }
}

impl ViewPart {
    /// All of a text, by n-grams of these lengths.
    pub(crate) fn of(orders: &[usize]) -> ViewPart {
        ViewPart {
            orders: orders.to_vec(),
            weights: Vec::new(),
            head: None,
            min_df: 1,
            share: None,
        }
    }

    /// The weight of n-grams of length `order`.
    pub(crate) fn weight(&self, order: usize) -> f32 {
        let place = self.orders.iter().position(|it| *it == order);
        place.and_then(|it| self.weights.get(it)).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests;
