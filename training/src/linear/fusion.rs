//! Late fusion with the sentence encoder: scores of a head over its vectors, out of fold beside the linear ones, and the
//! weight at which the two together are best.

use std::path::Path;

use anyhow::{Context, ensure};
use fenwen::cli::encoder;
use fenwen::config::{Config, Overrides};
use fenwen::pipeline::classify::{DenseHead, Fusion, fuse};
use ndarray::{Array2, Axis};

use super::confidence::{self, Scored, best};
use super::recipe::{Aim, FusionPart, Recipe};
use super::ridge::{self, Penalty, Planes};
use super::rows::Rows;
use crate::encoder::Base;
use crate::encoder::cross::{self, Cross};
use crate::progress;
use crate::projection::normalise;

/// Weights of the encoder that are tried are multiples of this.
const STEP: f32 = 0.05;
/// The largest weight tried.
const MAX_STEPS: u8 = 60;
/// So many weights on either side count with one where right labels are counted, because a few rows tip them.
const NEIGHBOURS: usize = 2;
/// Of the weights that are tried, those that are told.
const TOLD: usize = 5;

/// The vectors of all rows.
pub(crate) struct Embedded {
    /// SHA-256 of the encoder's weights.
    pub(crate) encoder: String,
    /// Name of the text column that was embedded.
    pub(crate) input: String,
    /// One unit vector a row.
    pub(crate) vectors: Array2<f32>,
}

/// What the encoder says of all rows.
pub(crate) struct Dense {
    /// SHA-256 of the encoder's weights.
    pub(crate) encoder: String,
    /// Name of the text column that it sees.
    pub(crate) input: String,
    /// Scores of each row, out of fold.
    pub(crate) scores: Vec<Vec<f32>>,
    /// Fold of each row.
    pub(crate) folds: Vec<usize>,
    /// Trained on all rows.
    pub(crate) head: DenseHead,
    /// The encoder, where it was trained with the classifier.
    pub(crate) own: Option<Own>,
}

/// An encoder that was trained with the classifier.
pub(crate) struct Own {
    /// Its name, and that of its folder.
    pub(crate) id: String,
    /// Mean loss of each round over the rows that it learned from: of every fold, then of all rows.
    pub(crate) losses: Vec<Vec<f64>>,
    /// Greatest difference between a score of training and one of the engine.
    pub(crate) difference: f32,
}

/// The two views together, and what that is worth.
pub(crate) struct Fused {
    /// The encoder's view.
    pub(crate) dense: Dense,
    /// For the classifier's settings.
    pub(crate) fusion: Fusion,
    /// Out of fold, linear and dense together.
    pub(crate) scored: Vec<Scored>,
    /// Some of the weights tried, each with the share of right labels.
    pub(crate) tried: Vec<(f32, f64)>,
    /// Share of right labels when the weight of each fold is chosen on the others, where it is chosen by right labels.
    pub(crate) accuracy_apart: Option<f64>,
}

/// Where the encoder's input stands among the text columns.
fn place(inputs: &[String], part: &FusionPart) -> anyhow::Result<usize> {
    let Some(input) = &part.input else { return Ok(0) };
    let place = inputs.iter().position(|it| it == input);
    place.with_context(|| format!("[fusion] input `{input}` is none of the text columns"))
}

/// Embeds every row with the installed encoder.
pub(crate) fn embed(rows: &Rows, inputs: &[String], part: &FusionPart) -> anyhow::Result<Embedded> {
    let place = place(inputs, part)?;
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
    /// Fits the head in the folds of the rows, then on all of them.
    pub(crate) fn dense(
        self,
        recipe: &Recipe,
        part: &FusionPart,
        rows: &Rows,
        folds: &[usize],
    ) -> anyhow::Result<Dense> {
        let of_row: Vec<usize> = rows.rows.iter().map(|it| it.label).collect();
        let penalty = Penalty { cost: part.cost, balance: f64::from(recipe.solver.row_balance) };
        let n_classes = rows.labels.len();
        let solve = |used: &[usize]| ridge::solve(&self.vectors, &of_row, used, n_classes, penalty);
        let all: Vec<usize> = (0..of_row.len()).collect();
        let mut scores: Vec<Vec<f32>> = vec![Vec::new(); of_row.len()];
        for fold in 0..recipe.confidence.folds {
            let (test, train): (Vec<usize>, Vec<usize>) =
                all.iter().partition(|row| folds[**row] == fold);
            let planes = solve(&train)?;
            for row in test {
                scores[row] = planes.scores(self.vectors.row(row));
            }
        }
        let (head, folds) = (head(&solve(&all)?)?, folds.to_vec());
        Ok(Dense { encoder: self.encoder, input: self.input, scores, folds, head, own: None })
    }
}

/// What a run with a fine-tuned encoder needs beside recipe and rows.
pub(crate) struct Tuning<'a> {
    /// What the encoder starts from.
    pub(crate) base: &'a Base,
    /// Text columns.
    pub(crate) inputs: &'a [String],
    /// Where the encoder's folder goes.
    pub(crate) out: &'a Path,
    /// At least 1.
    pub(crate) threads: usize,
    /// Whether to go on where a run broke off.
    pub(crate) resume: bool,
}

/// Folder of the checkpoints of encoders.
const CHECKPOINTS: &str = "checkpoints";

impl Tuning<'_> {
    /// Removes what a run keeps until it is over.
    pub(crate) fn finish(out: &Path) -> anyhow::Result<()> {
        cross::clear(&out.join(CHECKPOINTS))
    }

    /// Fine-tunes an encoder in whole folds of the rows, then on all of them, and writes that one.
    pub(crate) fn dense(
        &self,
        recipe: &Recipe,
        part: &FusionPart,
        rows: &Rows,
        folds: &[usize],
    ) -> anyhow::Result<Dense> {
        let place = place(self.inputs, part)?;
        let tuned = part.encoder.as_ref().context("the recipe has no [fusion.encoder]")?;
        let cross = Cross {
            base: self.base,
            part: tuned,
            seed: recipe.seed,
            texts: rows.rows.iter().map(|it| it.texts[place].as_str()).collect(),
            labels: rows.rows.iter().map(|it| it.label).collect(),
            folds: folds.iter().map(|it| it % part.folds).collect(),
            n_folds: part.folds,
            n_classes: rows.labels.len(),
            checkpoints: self.out.join(CHECKPOINTS),
            threads: self.threads,
            resume: self.resume,
        };
        let learned = cross.learn()?;
        let written = learned.write(&cross, &recipe.name, self.out)?;
        let rounds = learned.curves.iter();
        let losses = rounds.map(|it| it.iter().map(|it| it.train_loss).collect()).collect();
        Ok(Dense {
            encoder: written.sha256,
            input: self.inputs[place].clone(),
            scores: learned.scores,
            folds: cross.folds,
            head: written.head,
            own: Some(Own { id: written.id, losses, difference: written.difference }),
        })
    }
}

impl Dense {
    /// Joins the views at the best weight.
    pub(crate) fn fuse(
        self,
        recipe: &Recipe,
        part: &FusionPart,
        labels: &[String],
        linear: &[Scored],
    ) -> Fused {
        let at = |weight: f32| self.at(linear, weight);
        let weights: Vec<f32> = (0..=MAX_STEPS).map(|it| f32::from(it) * STEP).collect();
        let right: Vec<Vec<bool>> = weights.iter().map(|it| right(&at(*it))).collect();
        let share = |right: &Vec<bool>| {
            right.iter().filter(|it| **it).count() as f64 / right.len().max(1) as f64
        };
        let n_folds = self.folds.iter().max().map_or(0, |it| it + 1);
        let (weight, apart) = match part.aim {
            Aim::Loss => {
                let loss = |rows: &[Scored]| confidence::least_log_loss(rows);
                let all = best_weight(|weight| loss(&at(weight)));
                (all, None)
            }
            Aim::Accuracy => {
                let all = most_right(&right, |_| true);
                let apart =
                    (0..n_folds).map(|fold| most_right(&right, |row| self.folds[row] != fold));
                (weights[all], Some(apart.collect::<Vec<usize>>()))
            }
        };
        let scored = at(weight);
        let accuracy_apart = apart.map(|chosen| {
            let rows = self.folds.iter().enumerate();
            let n_right = rows.filter(|(row, fold)| right[chosen[**fold]][*row]).count();
            n_right as f64 / scored.len().max(1) as f64
        });
        let confidence = confidence::fit(&scored, labels, &recipe.confidence);
        let (encoder, input) = (self.encoder.clone(), self.input.clone());
        let fusion = Fusion { encoder, input, weight, confidence };
        let tried = weights.iter().zip(&right).step_by(TOLD).map(|it| (*it.0, share(it.1)));
        let tried = tried.collect();
        Fused { dense: self, fusion, scored, tried, accuracy_apart }
    }

    /// The encoder's view alone, of the rows that have these linear scores.
    pub(crate) fn alone(&self, linear: &[Scored]) -> Vec<Scored> {
        let rows = linear.iter().zip(&self.scores);
        rows.map(|(row, dense)| Scored { scores: dense.clone(), label: row.label }).collect()
    }

    /// Both views at a weight.
    fn at(&self, linear: &[Scored], weight: f32) -> Vec<Scored> {
        let rows = linear.iter().zip(&self.scores);
        rows.map(|(row, dense)| Scored {
            scores: fuse(&row.scores, dense, weight),
            label: row.label,
        })
        .collect()
    }
}

/// Whether the first label of each row is right.
fn right(scored: &[Scored]) -> Vec<bool> {
    scored.iter().map(|it| best(&it.scores) == it.label).collect()
}

/// The place of the weight with the most right labels among the rows used, counted with its neighbours; the smallest of
/// those alike.
fn most_right(right: &[Vec<bool>], is_used: impl Fn(usize) -> bool) -> usize {
    let count = |rows: &Vec<bool>| {
        rows.iter().enumerate().filter(|(row, right)| **right && is_used(*row)).count()
    };
    let counts: Vec<usize> = right.iter().map(count).collect();
    let mean = |at: usize| {
        let near = &counts[at.saturating_sub(NEIGHBOURS)..(at + NEIGHBOURS + 1).min(counts.len())];
        near.iter().sum::<usize>() as f64 / near.len().max(1) as f64
    };
    let means = (0..counts.len()).map(|at| (at, mean(at)));
    let better = |best: (usize, f64), it: (usize, f64)| if best.1 < it.1 { it } else { best };
    means.reduce(better).map_or(0, |it| it.0)
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
    use crate::linear::rows::Row;
    use fenwen::base::Chance;

    /// Two labels whose texts tell nothing and whose vectors tell `told` of all rows.
    fn fused(told: usize, aim: &str) -> Fused {
        let recipe: Recipe = toml::from_str(&format!(
            "name = 'n'\n[[views]]\norders = [1]\n[confidence]\nfolds = 4\n[fusion]\naim = '{aim}'"
        ))
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
        let row = |it: &Scored| Row {
            texts: vec![String::new()],
            extra: Vec::new(),
            label: it.label,
            parent: None,
        };
        let labels = ["甲", "乙"].map(str::to_owned).to_vec();
        let rows = linear.iter().map(row).collect();
        let rows = Rows { rows, labels, duties: Vec::new(), notes: Vec::new() };
        let part = recipe.fusion.clone().unwrap();
        let dense = embedded.dense(&recipe, &part, &rows, &folds).unwrap();
        dense.fuse(&recipe, &part, &rows.labels, &linear)
    }

    fn accuracy(scored: &[Scored]) -> f64 {
        let right = scored.iter().filter(|it| confidence::best(&it.scores) == it.label).count();
        right as f64 / scored.len() as f64
    }

    #[test]
    fn what_vectors_tell_is_weighed() {
        for aim in ["loss", "accuracy"] {
            let good = fused(200, aim);
            assert!(0.95 < accuracy(&good.scored), "{}", accuracy(&good.scored));
            let scores = good.dense.head.scores(&[0.6, 0.8]).unwrap();
            assert!(scores[0] < scores[1], "{scores:?}");
            assert!(good.tried[0].1 < 0.7, "alone the texts tell nothing: {:?}", good.tried);
            assert_eq!(good.accuracy_apart.is_some(), aim == "accuracy");
            let noise = fused(0, aim);
            assert!(noise.fusion.weight < good.fusion.weight, "{aim}");
        }
    }

    #[test]
    fn the_weight_of_a_fold_is_chosen_without_it() {
        // Of four rows the first is right at the second weight only, the others at the last.
        let mut right = vec![vec![false; 4]; 8];
        right[1][0] = true;
        right[7][1..].fill(true);
        assert!(most_right(&right, |_| true) > 4);
        assert_eq!(most_right(&right, |row| row == 0), 0);
        assert_eq!(most_right(&right, |_| false), 0);
    }

    #[test]
    fn the_least_loss_wins_and_the_smaller_weight_of_two() {
        assert!((best_weight(|it| f64::from((it - 0.31).abs())) - 0.3).abs() < 1e-6);
        assert_eq!(best_weight(|_| 1.0), 0.0);
    }
}
