//! Rounds of training: batches, steps, the dev part after each, and when to stop.

use std::time::Instant;

use anyhow::ensure;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::adamw::{self, AdamW, factor};
use crate::checkpoint::exact;
use crate::linear::confidence::{Scored, best, macro_f1};
use fenwen::base::Chance;

use super::batch::{self, Batch, Example};
use super::network::{Layer, Network};
use super::recipe::EncoderPart;

/// Texts scored at a time.
const SCORED_TEXTS: usize = 64;

/// A training run. With the same network, part, examples and seed it gives the same numbers, bit for bit, on one
/// machine with one number of threads, also when it goes on from a checkpoint.
pub(crate) struct Trainer<'a> {
    /// What learns.
    pub(crate) network: Network,
    /// Its optimiser.
    pub(crate) optimiser: AdamW,
    /// Where the run stands.
    pub(crate) state: State,
    /// Values after the best round, of the parameters that ever learn; empty before the first.
    pub(crate) best: Vec<Tensor>,
    part: &'a EncoderPart,
    examples: Examples,
}

/// What is learned from, and what only measures.
#[derive(Clone)]
pub(crate) struct Examples {
    /// The training part.
    pub(crate) train: Vec<Example>,
    /// The dev part. Where it is empty every round is taken that the recipe asks for, and the last one counts.
    pub(crate) dev: Vec<Example>,
}

/// Where a run stands after a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Steps taken in which more than the head learned.
    pub(crate) step: usize,
    /// State of the generator that everything is drawn from.
    pub(crate) chance: u64,
    /// Rounds done.
    pub(crate) rounds: Vec<Round>,
    /// The best of them, counted from 1; 0 before the first.
    pub(crate) best_round: usize,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Round {
    /// Mean loss over the training part, while it was learned from.
    #[serde(with = "exact")]
    pub(crate) train_loss: f64,
    /// Mean loss over the dev part.
    #[serde(with = "exact")]
    pub(crate) dev_loss: f64,
    /// Share of the dev part that is right.
    #[serde(with = "exact")]
    pub(crate) accuracy: f64,
    /// Mean over the labels of F1 on the dev part.
    #[serde(with = "exact")]
    pub(crate) macro_f1: f64,
    /// Mean length of the gradient before it was clipped.
    #[serde(with = "exact")]
    pub(crate) gradient: f64,
    /// Time taken.
    #[serde(with = "exact")]
    pub(crate) seconds: f64,
}

/// Whoever wants to know how a run goes.
pub(crate) trait Watch {
    /// A step was taken; its loss.
    fn step(&mut self, loss: f64);

    /// A round is done; an error ends the run.
    fn round(&mut self, trainer: &Trainer<'_>) -> anyhow::Result<()>;
}

impl<'a> Trainer<'a> {
    /// A run that has not begun.
    pub(crate) fn new(
        network: Network,
        examples: Examples,
        part: &'a EncoderPart,
        seed: u64,
    ) -> anyhow::Result<Trainer<'a>> {
        ensure!(!examples.train.is_empty(), "there are no rows to learn from");
        let optimiser = AdamW::new(network.params().iter().map(|it| &it.var))?;
        let state = State { step: 0, chance: seed, rounds: Vec::new(), best_round: 0 };
        Ok(Trainer { network, optimiser, state, best: Vec::new(), part, examples })
    }

    /// Takes rounds until the recipe or the dev part says that it is enough, and goes back to the best.
    pub(crate) fn run(&mut self, watch: &mut dyn Watch) -> anyhow::Result<()> {
        while !self.is_over() {
            self.round(watch)?;
            watch.round(self)?;
        }
        self.go_back()
    }

    /// Whether another round would not help, or is not asked for.
    pub(crate) fn is_over(&self) -> bool {
        let n_rounds = self.state.rounds.len();
        let last_good = self.state.best_round.max(self.part.head_epochs);
        self.part.max_epochs() <= n_rounds
            || (self.part.head_epochs < n_rounds && last_good + self.part.patience() <= n_rounds)
    }

    /// The most rounds that it takes.
    pub(crate) fn max_rounds(&self) -> usize {
        self.part.max_epochs()
    }

    /// Whether rows are held out that tell when to stop.
    pub(crate) fn has_dev(&self) -> bool {
        !self.examples.dev.is_empty()
    }

    /// Steps of one round.
    pub(crate) fn steps_of_a_round(&self) -> usize {
        self.examples.train.len().div_ceil(self.part.batch_size)
    }

    /// Names of the parameters that ever learn, in the network's order, with their place in it.
    pub(crate) fn learning(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = self.network.params().iter().enumerate();
        let last = self.part.max_epochs();
        let epochs = if self.part.epochs == 0 { 1 } else { last };
        all.filter(move |(_, it)| self.part.learns(it.layer, epochs))
            .map(|(idx, it)| (idx, it.name.as_str()))
    }

    /// The scores of the dev part.
    pub(crate) fn dev_scores(&self) -> anyhow::Result<Vec<Scored>> {
        scores(&self.network, &self.examples.dev)
    }

    fn round(&mut self, watch: &mut dyn Watch) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut chance = Chance::new(self.state.chance);
        let (mut loss, mut length) = (0.0, 0.0);
        let batches = batch::shuffled(&self.examples.train, self.part, &mut chance);
        for rows in &batches {
            let examples: Vec<&Example> = rows.iter().map(|it| &self.examples.train[*it]).collect();
            let thinned = batch::thinned(&examples, self.part.token_dropout, &mut chance);
            let mut batch = Batch::new(&thinned, &self.network.place())?;
            batch.hide(self.part.dropout, &self.network, &mut chance)?;
            let (batch_loss, batch_length) = self.step(&batch)?;
            watch.step(batch_loss);
            loss += batch_loss * rows.len() as f64;
            length += batch_length;
        }
        self.state.chance = chance.state();
        let scored = self.dev_scores()?;
        let n_right = scored.iter().filter(|it| best(&it.scores) == it.label).count();
        self.state.rounds.push(Round {
            train_loss: loss / self.examples.train.len() as f64,
            dev_loss: mean_loss(&scored),
            accuracy: n_right as f64 / scored.len().max(1) as f64,
            macro_f1: macro_f1(&scored, self.network.n_classes()),
            gradient: length / batches.len() as f64,
            seconds: start.elapsed().as_secs_f64(),
        });
        self.keep_if_best()
    }

    /// The loss of a batch, and the length of its gradient.
    fn step(&mut self, batch: &Batch) -> anyhow::Result<(f64, f64)> {
        let round = self.state.rounds.len() + 1;
        let part = self.part;
        let learns = |layer: Layer| part.learns(layer, round);
        let loss = self.network.loss(batch, &learns)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        ensure!(value.is_finite(), "the loss of round {round} is not finite: learn more slowly");
        let factor = if round <= part.head_epochs {
            1.0
        } else {
            let n_steps = part.epochs * self.steps_of_a_round();
            self.state.step += 1;
            factor(self.state.step - 1, n_steps, part.warmup)
        };
        let rate = |layer| match layer {
            Layer::Table => part.table_learning_rate,
            Layer::Head => part.head_learning_rate,
            _ => part.learning_rate,
        };
        let params = self.network.params().iter().map(|it| adamw::Param {
            var: &it.var,
            rate: rate(it.layer) * factor,
            decay: part.weight_decay,
        });
        let params: Vec<adamw::Param<'_>> = params.collect();
        let length = self.optimiser.step(&params, &loss.backward()?, part.clip_norm)?;
        Ok((value, length))
    }

    fn keep_if_best(&mut self) -> anyhow::Result<()> {
        let rounds = &self.state.rounds;
        let rank = |it: &Round| (it.accuracy, -it.dev_loss);
        let best = self.state.best_round.checked_sub(1).and_then(|it| rounds.get(it));
        if self.examples.dev.is_empty() || best.map(rank) < rounds.last().map(rank) {
            self.state.best_round = rounds.len();
            let values = self.learning().map(|(idx, _)| self.network.params()[idx].var.copy());
            self.best = values.collect::<candle_core::Result<_>>()?;
        }
        Ok(())
    }

    /// Gives the network its values after the best round.
    fn go_back(&mut self) -> anyhow::Result<()> {
        for ((idx, _), value) in self.learning().zip(&self.best) {
            self.network.params()[idx].var.set(value)?;
        }
        Ok(())
    }
}

/// The scores that a network gives to texts.
pub(crate) fn scores(network: &Network, examples: &[Example]) -> anyhow::Result<Vec<Scored>> {
    let mut scored = Vec::with_capacity(examples.len());
    for rows in batch::in_order(examples.len(), SCORED_TEXTS) {
        let texts: Vec<Example> = rows.iter().map(|it| examples[*it].clone()).collect();
        let batch = Batch::new(&texts, &network.place())?;
        let rows = network.scores(&batch, &|_| false)?.to_vec2::<f32>()?;
        for (scores, text) in rows.into_iter().zip(texts) {
            scored.push(Scored { scores, label: usize::try_from(text.label)? });
        }
    }
    Ok(scored)
}

/// The mean cross-entropy.
fn mean_loss(scored: &[Scored]) -> f64 {
    let loss = |row: &Scored| {
        let scores = row.scores.iter().map(|it| f64::from(*it));
        let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.map(|it| (it - largest).exp()).sum();
        sum.ln() + largest - f64::from(row.scores[row.label])
    };
    scored.iter().map(loss).sum::<f64>() / scored.len().max(1) as f64
}
