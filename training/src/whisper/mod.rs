//! Fine-tunes Whisper's decoder by adapters: reads clips, trains, merges, measures with the engine, writes a folder.

mod adapters;
mod checkpoint;
mod clips;
mod output;
mod recipe;
mod report;
mod sounds;
mod trainer;

use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use fenwen::base::hex;
use fenwen::config::{Config, Overrides};
use fenwen::engine::speech::WhisperPupil;
use fenwen::registry::{FileRole, ModelRegistry, Settings, VerifiedFile};
use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};

use crate::checkpoint::Checkpoints;
use crate::linear::{Options, Places};
use crate::progress;

use clips::Clips;
use recipe::Recipe;
use sounds::Sounds;
use trainer::{Trainer, Watch};

/// Whether the recipe that `options` name is one of a Whisper that learns.
pub(crate) fn is_meant(options: &Options) -> anyhow::Result<bool> {
    recipe::is_meant(options.recipe_path()?)
}

/// Trains as the recipe says, from the pulled model.
pub(crate) fn run(options: &Options, resume: bool) -> anyhow::Result<()> {
    options.refuse_card()?;
    let recipe = Recipe::read(options.recipe_path()?)?;
    let places = options.places(&recipe.data)?;
    let config = Config::load(&Overrides::default())?;
    let registry = ModelRegistry::open(Settings::at(config.model_store()))?;
    let id = &recipe.whisper.model;
    let model = registry.verified(id)?;
    let base = model.file(FileRole::Weights);
    let base = base.with_context(|| format!("model `{id}` has no weights"))?.clone();
    Task { recipe, places, resume, base }.run()
}

/// A training run with every question answered.
pub(crate) struct Task {
    /// How.
    pub(crate) recipe: Recipe,
    /// On what, and where the result goes.
    pub(crate) places: Places,
    /// Whether to go on from the last checkpoint.
    pub(crate) resume: bool,
    /// The whisper.cpp file that training starts from.
    pub(crate) base: VerifiedFile,
}

impl Task {
    /// Reads, trains, writes; says on standard error how it goes.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        // candle computes in the thread pool that it is called in.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.places.threads).build()?;
        pool.install(|| self.train())
    }

    fn train(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        let clips = Clips::read(&self.places.data, &self.recipe)?;
        let fingerprint = self.fingerprint(&clips)?;
        let pupil = WhisperPupil::open(&self.base)?;
        let out = &self.places.out;
        let folder = out.join("sounds");
        let sounds = Sounds::open(&pupil, &self.recipe, folder, &fingerprint)?;
        let mut trainer = Trainer::new(&pupil, &clips, &sounds, &self.recipe)?;
        let checkpoints = Checkpoints::new(out.join("checkpoints"), fingerprint);
        if self.resume && checkpoint::restore(&checkpoints, &mut trainer)? {
            writeln!(std::io::stderr(), "自第 {} 回之後繼續", trainer.state.rounds.len())?;
        }
        let mut console = Console::new(&trainer, self.recipe.whisper.epochs, &checkpoints);
        let outcome = trainer.run(&mut console);
        console.bar.finish_and_clear();
        outcome?;
        let made = output::write(self, &clips, &trainer)?;
        let seconds = start.elapsed().as_secs_f64();
        report::write(self, &clips, &trainer, &made, seconds)?;
        checkpoints.clear()?;
        sounds.clear()?;
        writeln!(
            std::io::stderr(),
            "{} 段錄音,驗證字元錯誤率 {:.4} → {:.4},{seconds:.1} 秒,已寫入 {}",
            clips.train.len() + clips.dev.len(),
            made.before.all().rate(),
            made.after.all().rate(),
            out.display()
        )?;
        Ok(())
    }

    /// Tells runs apart that do not give the same.
    fn fingerprint(&self, clips: &Clips) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        hasher.update(toml::to_string(&self.recipe)?);
        hasher.update(self.base.sha256());
        for clip in clips.train.iter().chain(&clips.dev) {
            clip.sign(&mut hasher);
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// Shows how a run goes, and writes its checkpoints.
struct Console<'a> {
    bar: ProgressBar,
    n_rounds: usize,
    /// Smoothed over some twenty steps.
    loss: Option<f64>,
    round: usize,
    checkpoints: &'a Checkpoints,
}

impl<'a> Console<'a> {
    fn new(trainer: &Trainer<'_>, n_rounds: usize, checkpoints: &'a Checkpoints) -> Console<'a> {
        let (n_done, n_steps) = (trainer.state.rounds.len(), trainer.steps_of_a_round());
        let bar =
            progress::bar(n_rounds * n_steps, "訓練").with_position((n_done * n_steps) as u64);
        bar.reset_eta();
        Console { bar, n_rounds, loss: None, round: n_done + 1, checkpoints }
    }
}

impl Watch for Console<'_> {
    fn step(&mut self, loss: f64) {
        let smooth = self.loss.map_or(loss, |before| 0.95 * before + 0.05 * loss);
        self.loss = Some(smooth);
        self.bar.inc(1);
        self.bar.set_message(format!("第 {}/{} 回 損失 {smooth:.3}", self.round, self.n_rounds));
    }

    fn round(&mut self, trainer: &Trainer<'_>) -> anyhow::Result<()> {
        if let Some(it) = trainer.state.rounds.last() {
            let line = format!(
                "第 {}/{} 回:訓練損失 {:.4},驗證損失 {:.4},驗證字元錯誤率 {:.4},{:.1} 秒",
                self.round, self.n_rounds, it.train_loss, it.dev_loss, it.dev_cer, it.seconds
            );
            self.bar.suspend(|| writeln!(std::io::stderr(), "{line}"))?;
        }
        self.round += 1;
        checkpoint::write(self.checkpoints, trainer)
    }
}

#[cfg(test)]
mod tests;
