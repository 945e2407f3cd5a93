//! Rounds of training: clip by clip through the decoder, a step for each batch, the dev part after each round.

use std::time::Instant;

use anyhow::{Context, ensure};
use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Tensor};
use fenwen::engine::speech::{Language, Lesson, RATE, WhisperPupil};
use fenwen::pipeline::speech::compare::Errors;
use serde::{Deserialize, Serialize};

use crate::adamw::{AdamW, Param, factor};
use crate::checkpoint::exact;
use fenwen::base::Chance;

use super::adapters::Adapters;
use super::clips::{Clip, Clips};
use super::recipe::Recipe;
use super::sounds::{Sound, Sounds, Take};

/// A training run. With the same clips, recipe and weights it gives the same numbers, bit for bit, on one machine with
/// one number of threads, also when it goes on from a checkpoint.
pub(crate) struct Trainer<'a> {
    /// What learns.
    pub(crate) adapters: Adapters,
    /// Its optimiser.
    pub(crate) optimiser: AdamW,
    /// Where the run stands.
    pub(crate) state: State,
    /// Values after the best round, in the order of [`Adapters::vars`]; empty before the first.
    pub(crate) best: Vec<Tensor>,
    recipe: &'a Recipe,
    clips: &'a Clips,
    sounds: &'a Sounds<'a>,
    language: Language,
    /// With adapters that learn.
    learner: WhisperPupil,
    /// With the same, without gradients.
    reader: WhisperPupil,
}

/// Where a run stands after a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Steps taken.
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
    /// Mean loss of a token of the training part, while it was learned from.
    #[serde(with = "exact")]
    pub(crate) train_loss: f64,
    /// Mean loss of a token of the dev part.
    #[serde(with = "exact")]
    pub(crate) dev_loss: f64,
    /// Character errors on the dev part, copies included, for each character that was said.
    #[serde(with = "exact")]
    pub(crate) dev_cer: f64,
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
    /// A run that has not begun. Every lesson is checked.
    pub(crate) fn new(
        pupil: &WhisperPupil,
        clips: &'a Clips,
        sounds: &'a Sounds<'a>,
        recipe: &'a Recipe,
    ) -> anyhow::Result<Trainer<'a>> {
        let part = &recipe.whisper;
        let adapters = Adapters::new(pupil, part, recipe.seed)?;
        let optimiser = AdamW::new(adapters.vars().map(|it| it.1))?;
        let (learner, reader) = (adapters.beside(pupil, true)?, adapters.beside(pupil, false)?);
        let state = State { step: 0, chance: recipe.seed, rounds: Vec::new(), best_round: 0 };
        let language = part.language()?;
        for clip in clips.train.iter().chain(&clips.dev) {
            let n_tokens = learner.lesson(language, clip.text.expose(), Some(0.0)).tokens.len();
            ensure!(n_tokens <= learner.max_tokens(), "a clip has too long a text: cut it");
        }
        let best = Vec::new();
        Ok(Trainer {
            adapters,
            optimiser,
            state,
            best,
            recipe,
            clips,
            sounds,
            language,
            learner,
            reader,
        })
    }

    /// Takes rounds until the recipe or the dev part says that it is enough, and goes back to the best.
    pub(crate) fn run(&mut self, watch: &mut dyn Watch) -> anyhow::Result<()> {
        while !self.is_over() {
            self.round(watch)?;
            watch.round(self)?;
        }
        for ((_, var), value) in self.adapters.vars().zip(&self.best) {
            var.set(value)?;
        }
        Ok(())
    }

    /// Whether another round would not help, or is not asked for.
    pub(crate) fn is_over(&self) -> bool {
        let (n_rounds, part) = (self.state.rounds.len(), &self.recipe.whisper);
        part.epochs <= n_rounds
            || (0 < n_rounds && self.state.best_round + part.patience <= n_rounds)
    }

    /// Steps of one round.
    pub(crate) fn steps_of_a_round(&self) -> usize {
        self.clips.train.len().div_ceil(self.recipe.whisper.batch_size)
    }

    /// Every take of the dev part.
    fn dev_takes(&self) -> impl Iterator<Item = Take<'a>> {
        dev_takes(self.clips, self.recipe)
    }

    fn round(&mut self, watch: &mut dyn Watch) -> anyhow::Result<()> {
        let start = Instant::now();
        let part = &self.recipe.whisper;
        let mut chance = Chance::new(self.state.chance);
        let mut order: Vec<usize> = (0..self.clips.train.len()).collect();
        chance.shuffle(&mut order);
        let (mut loss, mut n_tokens, mut length) = (0.0, 0, 0.0);
        for batch in order.chunks(part.batch_size) {
            let takes: Vec<Take<'_>> = batch
                .iter()
                .map(|number| Take {
                    clip: &self.clips.train[*number],
                    key: ("train", *number),
                    copy: chance.below(self.recipe.augment.copies + 1),
                })
                .collect();
            let learned = self.step(&takes)?;
            watch.step(learned.loss / learned.n_tokens as f64);
            loss += learned.loss;
            n_tokens += learned.n_tokens;
            length += learned.gradient;
        }
        self.state.chance = chance.state();
        let dev = self.measure()?;
        self.state.rounds.push(Round {
            train_loss: loss / n_tokens.max(1) as f64,
            dev_loss: dev.0,
            dev_cer: dev.1.rate(),
            gradient: length / self.steps_of_a_round() as f64,
            seconds: start.elapsed().as_secs_f64(),
        });
        self.keep_if_best()
    }

    /// Adds up the gradients of some clips, one by one, and takes a step.
    fn step(&mut self, takes: &[Take<'_>]) -> anyhow::Result<Learned> {
        let part = &self.recipe.whisper;
        let mut loss = 0.0;
        let mut n_tokens = 0;
        let mut gradients: Option<GradStore> = None;
        for take in takes {
            let sound = self.sounds.of(*take)?;
            let lesson = self.lesson(take.clip, &sound);
            let judged = judge(&self.learner, &lesson, &sound.rows)?;
            ensure!(judged.loss.is_finite(), "the loss is not finite: learn more slowly");
            loss += judged.loss;
            n_tokens += judged.n_tokens;
            let own = judged.rows.mul(&judged.gradient)?.sum_all()?.backward()?;
            gradients = Some(match gradients {
                None => own,
                Some(sum) => added(sum, &own, &self.adapters)?,
            });
        }
        let mut gradients = gradients.context("a step has no clip")?;
        for (_, var) in self.adapters.vars() {
            if let Some(sum) = gradients.remove(var) {
                gradients.insert(var, sum.affine(1.0 / n_tokens.max(1) as f64, 0.0)?);
            }
        }
        let n_steps = part.epochs * self.steps_of_a_round();
        let rate = part.learning_rate * factor(self.state.step, n_steps, part.warmup);
        self.state.step += 1;
        let params: Vec<Param<'_>> = self
            .adapters
            .vars()
            .map(|(_, var)| Param { var, rate, decay: part.weight_decay })
            .collect();
        let gradient = self.optimiser.step(&params, &gradients, part.clip_norm)?;
        Ok(Learned { loss, n_tokens, gradient })
    }

    fn lesson(&self, clip: &Clip, sound: &Sound) -> Lesson {
        let seconds = sound.n_samples as f64 / f64::from(RATE);
        let seconds = self.recipe.whisper.times.then_some(seconds);
        self.learner.lesson(self.language, clip.text.expose(), seconds)
    }

    /// Mean loss of a token, and errors, of the dev part.
    fn measure(&self) -> anyhow::Result<(f64, Errors)> {
        let (mut loss, mut n_tokens, mut errors) = (0.0, 0, Vec::new());
        for take in self.dev_takes() {
            let sound = self.sounds.of(take)?;
            let lesson = self.lesson(take.clip, &sound);
            let judged = judge(&self.reader, &lesson, &sound.rows)?;
            loss += judged.loss;
            n_tokens += judged.n_tokens;
            let found = self.reader.transcribe(&sound.rows, sound.n_samples, self.language)?;
            errors.push(Errors::of(take.clip.text.expose(), &found));
        }
        Ok((loss / n_tokens.max(1) as f64, Errors::sum(errors)))
    }

    fn keep_if_best(&mut self) -> anyhow::Result<()> {
        let rounds = &self.state.rounds;
        let rank = |it: &Round| (-it.dev_cer, -it.dev_loss);
        let best = self.state.best_round.checked_sub(1).and_then(|it| rounds.get(it));
        if best.map(rank) < rounds.last().map(rank) {
            self.state.best_round = rounds.len();
            let values = self.adapters.vars().map(|it| it.1.copy());
            self.best = values.collect::<candle_core::Result<_>>()?;
        }
        Ok(())
    }
}

/// Every dev clip as it is and in each of its copies.
pub(crate) fn dev_takes<'a>(
    clips: &'a Clips,
    recipe: &'a Recipe,
) -> impl Iterator<Item = Take<'a>> + use<'a> {
    let takes = |(number, clip)| {
        (0..=recipe.augment.copies).map(move |copy| Take { clip, key: ("dev", number), copy })
    };
    clips.dev.iter().enumerate().flat_map(takes)
}

/// What a step was.
struct Learned {
    loss: f64,
    n_tokens: usize,
    gradient: f64,
}

/// A lesson as the network takes it.
pub(super) struct Judged {
    /// Sum over the expected tokens of -ln(probability).
    pub(super) loss: f64,
    pub(super) n_tokens: usize,
    /// [expected tokens, width]: what the network made of the tokens before.
    pub(super) rows: Tensor,
    /// The gradient of the loss on them.
    pub(super) gradient: Tensor,
}

/// Compares what comes next with what is expected.
///
/// The gradient through the vocabulary is taken here, for the rows alone: candle would take that of the vocabulary,
/// which does not learn, as well, and it is larger than everything else.
pub(super) fn judge(
    pupil: &WhisperPupil,
    lesson: &Lesson,
    sound: &Tensor,
) -> anyhow::Result<Judged> {
    let (before, _) = lesson.tokens.split_at(lesson.tokens.len() - 1);
    let expected = &lesson.tokens[lesson.n_given..];
    let n_tokens = expected.len();
    let rows = pupil.read(before, sound)?.narrow(0, lesson.n_given - 1, n_tokens)?;
    let logits = rows.detach().matmul(&pupil.embedding().t()?)?;
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?;
    let sums = shifted.exp()?.sum_keepdim(D::Minus1)?;
    let own = shifted.gather(&Tensor::new(expected, &Device::Cpu)?.unsqueeze(1)?, 1)?;
    let loss = (sums.log()? - own)?.to_dtype(DType::F64)?.sum_all()?.to_scalar()?;
    let mut shares = shifted.exp()?.broadcast_div(&sums)?.flatten_all()?.to_vec1::<f32>()?;
    let n_all = shares.len() / n_tokens;
    for (row, token) in shares.chunks_exact_mut(n_all).zip(expected) {
        row[*token as usize] -= 1.0;
    }
    let shares = Tensor::from_vec(shares, (n_tokens, n_all), &Device::Cpu)?;
    let gradient = shares.matmul(pupil.embedding())?;
    Ok(Judged { loss, n_tokens, rows, gradient })
}

/// The sum of two gradients of the adapters.
fn added(mut sum: GradStore, more: &GradStore, adapters: &Adapters) -> anyhow::Result<GradStore> {
    for (_, var) in adapters.vars() {
        let both = match (sum.remove(var), more.get(var)) {
            (Some(one), Some(other)) => Some((one + other)?),
            (one, other) => one.or_else(|| other.cloned()),
        };
        if let Some(both) = both {
            sum.insert(var, both);
        }
    }
    Ok(sum)
}
