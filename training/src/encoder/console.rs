//! Shows how a run goes, and writes its checkpoints.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::checkpoint::Checkpoints;

use super::checkpoint;
use super::trainer::{Trainer, Watch};

/// A bar of so many steps, with the time left and what is told of them.
pub(super) fn bar(n_steps: usize) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(4);
    let bar = ProgressBar::with_draw_target(Some(n_steps as u64), target);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} 剩餘 {eta} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Watches one run, whose steps are some of a bar's.
pub(super) struct Console<'a> {
    bar: &'a ProgressBar,
    /// Which of several runs it is, with what parts it from what follows; empty for the only one.
    what: &'a str,
    n_rounds: usize,
    round: usize,
    /// Smoothed over some fifty steps.
    loss: Option<f64>,
    checkpoints: &'a Checkpoints,
}

impl<'a> Console<'a> {
    /// A console of a run that may have begun before: the steps of its rounds are done.
    pub(super) fn new(
        bar: &'a ProgressBar,
        what: &'a str,
        trainer: &Trainer<'_>,
        checkpoints: &'a Checkpoints,
    ) -> Console<'a> {
        let n_done = trainer.state.rounds.len();
        if 0 < n_done {
            skip(bar, n_done * trainer.steps_of_a_round());
        }
        let n_rounds = trainer.max_rounds();
        Console { bar, what, n_rounds, round: n_done + 1, loss: None, checkpoints }
    }
}

/// Counts steps as done that were taken in another run: they say nothing about the time left.
pub(super) fn skip(bar: &ProgressBar, n_steps: usize) {
    bar.inc(n_steps as u64);
    bar.reset_eta();
}

impl Watch for Console<'_> {
    fn step(&mut self, loss: f64) {
        let smooth = self.loss.map_or(loss, |before| 0.98 * before + 0.02 * loss);
        self.loss = Some(smooth);
        self.bar.inc(1);
        let Console { what, round, n_rounds, .. } = self;
        self.bar.set_message(format!("{what}第 {round}/{n_rounds} 回 損失 {smooth:.3}"));
    }

    fn round(&mut self, trainer: &Trainer<'_>) -> anyhow::Result<()> {
        if let Some(it) = trainer.state.rounds.last() {
            let Console { what, round, n_rounds, .. } = self;
            let mut line = format!("{what}第 {round}/{n_rounds} 回:訓練損失 {:.4}", it.train_loss);
            if trainer.has_dev() {
                line += &format!(",驗證損失 {:.4},驗證正確率 {:.4}", it.dev_loss, it.accuracy);
            }
            line += &format!(",{:.1} 秒", it.seconds);
            self.bar.suspend(|| writeln!(std::io::stderr(), "{line}"))?;
        }
        self.round += 1;
        checkpoint::write(self.checkpoints, trainer)
    }
}
