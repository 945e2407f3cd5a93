//! Late fusion with the frozen sentence encoder: a head over its vectors, fitted out of fold beside the linear scores,
//! and the weight at which the two together are best.

use anyhow::{Context, ensure};
use fenwen::cli::encoder;
use fenwen::config::{Config, Overrides};
use fenwen::pipeline::classify::{DenseHead, Fusion, fuse};
use ndarray::{Array2, Axis};

use super::confidence::{self, Scored};
use super::recipe::{FusionPart, Recipe};
use super::ridge::{self, Penalty, Planes};
use super::rows::Rows;
use crate::progress;
use crate::projection::normalise;

/// Weights of the encoder that are tried are multiples of this.
const STEP: f32 = 0.05;
/// The largest weight tried.
const MAX_STEPS: u8 = 60;

/// The vectors of all rows.
pub(crate) struct Embedded {
    /// SHA-256 of the encoder's weights.
    pub(crate) encoder: String,
    /// Name of the text column that was embedded.
    pub(crate) input: String,
    /// One unit vector a row.
    pub(crate) vectors: Array2<f32>,
}

/// A fitted head and what it is worth.
pub(crate) struct Fused {
    /// Trained on all rows.
    pub(crate) head: DenseHead,
    /// For the classifier's settings.
    pub(crate) fusion: Fusion,
    /// Out of fold, linear and dense together.
    pub(crate) scored: Vec<Scored>,
}

/// Embeds every row with the installed encoder.
pub(crate) fn embed(rows: &Rows, inputs: &[String], part: &FusionPart) -> anyhow::Result<Embedded> {
    let place = match &part.input {
        None => 0,
        Some(input) => inputs
            .iter()
            .position(|it| it == input)
            .with_context(|| format!("[fusion] input `{input}` is none of the text columns"))?,
    };
    let config = Config::load(&Overrides::default())?;
    let missing = "無法開啟句子編碼模型;請先執行 fenwen models pull,或拿掉配方的 [fusion]";
    let encoder = encoder::sha256(&config).context(missing)?;
    let mut bulk = encoder::open_bulk(&config).context(missing)?;
    let texts: Vec<&str> = rows.rows.iter().map(|it| it.texts[place].as_str()).collect();
    let bar = progress::bar(texts.len(), "向量");
    let done = |n_texts| bar.inc(u64::try_from(n_texts).unwrap_or(0));
    let mut found = bulk.encode(&texts, done)?;
    bar.finish_and_clear();
    let width = found.width.max(1);
    found.values.chunks_mut(width).for_each(normalise);
    let vectors = Array2::from_shape_vec((texts.len(), width), found.values)?;
    Ok(Embedded { encoder, input: inputs[place].clone(), vectors })
}

impl Embedded {
    /// Fits the head in the folds of the linear scores, then on all rows; chooses the weight of least log loss.
    pub(crate) fn fuse(
        &self,
        recipe: &Recipe,
        part: &FusionPart,
        labels: &[String],
        linear: &[Scored],
        folds: &[usize],
    ) -> anyhow::Result<Fused> {
        let of_row: Vec<usize> = linear.iter().map(|it| it.label).collect();
        let penalty = Penalty { cost: part.cost, balance: f64::from(recipe.solver.row_balance) };
        let solve =
            |rows: &[usize]| ridge::solve(&self.vectors, &of_row, rows, labels.len(), penalty);
        let all: Vec<usize> = (0..linear.len()).collect();
        let mut dense: Vec<Vec<f32>> = vec![Vec::new(); linear.len()];
        for fold in 0..recipe.confidence.folds {
            let (test, train): (Vec<usize>, Vec<usize>) =
                all.iter().partition(|row| folds[**row] == fold);
            let planes = solve(&train)?;
            for row in test {
                dense[row] = planes.scores(self.vectors.row(row));
            }
        }
        let at = |weight: f32| -> Vec<Scored> {
            let rows = linear.iter().zip(&dense);
            rows.map(|(row, dense)| Scored {
                scores: fuse(&row.scores, dense, weight),
                label: row.label,
            })
            .collect()
        };
        let weight = best_weight(|weight| confidence::least_log_loss(&at(weight)));
        let scored = at(weight);
        let confidence = confidence::fit(&scored, labels, &recipe.confidence);
        let (encoder, input) = (self.encoder.clone(), self.input.clone());
        let fusion = Fusion { encoder, input, weight, confidence };
        Ok(Fused { head: head(&solve(&all)?)?, fusion, scored })
    }
}

/// The smallest of the tried weights with the least loss.
fn best_weight(loss: impl Fn(f32) -> f64) -> f32 {
    let weights = (0..=MAX_STEPS).map(|it| f32::from(it) * STEP);
    let tried = weights.map(|it| (it, loss(it)));
    let better = |best: (f32, f64), it: (f32, f64)| if it.1 < best.1 { it } else { best };
    tried.reduce(better).map_or(0.0, |it| it.0)
}

fn head(planes: &Planes) -> anyhow::Result<DenseHead> {
    let width = planes.weights.len_of(Axis(1));
    ensure!(0 < width, "the encoder gives empty vectors");
    #[expect(clippy::cast_possible_truncation, reason = "the head is kept in 32-bit numbers")]
    let narrow = |it: &f64| *it as f32;
    Ok(DenseHead {
        width,
        weights: planes.weights.iter().map(narrow).collect(),
        bias: planes.bias.iter().map(narrow).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenwen::base::Chance;

    /// Two labels whose texts tell nothing and whose vectors tell `told` of all rows.
    fn fused(told: usize) -> Fused {
        let recipe: Recipe = toml::from_str(
            "name = 'n'\n[[views]]\norders = [1]\n[confidence]\nfolds = 4\n[fusion]",
        )
        .unwrap();
        let mut chance = Chance::new(5);
        let (mut linear, mut values) = (Vec::new(), Vec::new());
        for row in 0..200 {
            let label = row % 2;
            let noise = chance.below(1000) as f32 / 1000.0;
            let said = if row < told { label } else { chance.below(2) };
            linear.push(Scored { scores: vec![noise, 1.0 - noise], label });
            values.extend(if said == 0 { [0.8, 0.6] } else { [0.6, 0.8] });
        }
        let vectors = Array2::from_shape_vec((200, 2), values).unwrap();
        let embedded = Embedded { encoder: "0".repeat(64), input: "text".to_owned(), vectors };
        let folds: Vec<usize> = (0..200).map(|it| it / 2 % 4).collect();
        let labels = ["甲", "乙"].map(str::to_owned);
        let part = recipe.fusion.clone().unwrap();
        embedded.fuse(&recipe, &part, &labels, &linear, &folds).unwrap()
    }

    fn accuracy(scored: &[Scored]) -> f64 {
        let right = scored.iter().filter(|it| confidence::best(&it.scores) == it.label).count();
        right as f64 / scored.len() as f64
    }

    #[test]
    fn what_vectors_tell_is_weighed() {
        let good = fused(200);
        assert!(0.95 < accuracy(&good.scored), "{}", accuracy(&good.scored));
        let scores = good.head.scores(&[0.6, 0.8]).unwrap();
        assert!(scores[0] < scores[1], "{scores:?}");
        let noise = fused(0);
        assert!(noise.fusion.weight < good.fusion.weight);
    }

    #[test]
    fn the_least_loss_wins_and_the_smaller_weight_of_two() {
        assert!((best_weight(|it| f64::from((it - 0.31).abs())) - 0.3).abs() < 1e-6);
        assert_eq!(best_weight(|_| 1.0), 0.0);
    }
}
