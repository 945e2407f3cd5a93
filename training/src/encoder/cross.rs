//! The fine-tuned encoder as a second view of a classifier: one encoder for each fold, which scores the rows that it
//! never saw, then one of all rows, which is served.
//!
//! Nothing is chosen on the rows that are scored: every encoder takes the rounds that the recipe asks for, and its
//! last one counts. A finished fold is kept, so that a run that broke off goes on behind it.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use candle_core::{DType, Device, Tensor};
use fenwen::base::hex;
use fenwen::engine::Tokenizer;
use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};

use crate::checkpoint::Checkpoints;

use super::batch::Example;
use super::console::{self, Console};
use super::network::{Network, Place};
use super::recipe::EncoderPart;
use super::table::Vocabulary;
use super::trainer::{self, Examples, Round, Trainer};
use super::{Base, checkpoint};

/// The tensor of a finished fold.
const SCORES: &str = "scores";

/// What encoders learn from, and how.
pub(crate) struct Cross<'a> {
    /// What each of them starts from.
    pub(crate) base: &'a Base,
    /// How they are tuned.
    pub(crate) part: &'a EncoderPart,
    /// Seed of everything that is drawn.
    pub(crate) seed: u64,
    /// The texts, as the server hands them to the encoder.
    pub(crate) texts: Vec<&'a str>,
    /// Class of each text.
    pub(crate) labels: Vec<usize>,
    /// Fold of each text; near-duplicates are in one.
    pub(crate) folds: Vec<usize>,
    /// Folds.
    pub(crate) n_folds: usize,
    /// Classes.
    pub(crate) n_classes: usize,
    /// Folder of checkpoints.
    pub(crate) checkpoints: PathBuf,
    /// At least 1.
    pub(crate) threads: usize,
    /// Whether to go on where a run broke off.
    pub(crate) resume: bool,
}

/// What they have learned.
pub(crate) struct Learned {
    /// Scores of each row by the encoder that did not see it.
    pub(crate) scores: Vec<Vec<f32>>,
    /// The encoder of all rows, with its head.
    pub(super) network: Network,
    /// Tokens of all texts.
    pub(super) vocabulary: Vocabulary,
    /// Rounds of every fold, then of all rows.
    pub(crate) curves: Vec<Vec<Round>>,
}

/// The texts as the networks take them.
struct Rows {
    vocabulary: Vocabulary,
    /// As they are learned from: of a long text only the beginning.
    learned: Vec<Example>,
    /// As they are scored, and served.
    scored: Vec<Example>,
    /// Tells runs apart that do not give the same.
    fingerprint: String,
}

impl Cross<'_> {
    /// Trains all of them.
    pub(crate) fn learn(&self) -> anyhow::Result<Learned> {
        if !self.resume {
            clear(&self.checkpoints)?;
        }
        // candle computes in the thread pool that it is called in.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?;
        pool.install(|| self.learn_here())
    }

    fn learn_here(&self) -> anyhow::Result<Learned> {
        let rows = self.rows()?;
        let steps = (0..self.n_folds).map(Some).chain([None]).map(|it| self.n_steps(it));
        let bar = console::bar(steps.sum());
        let mut scores = vec![Vec::new(); self.texts.len()];
        let mut curves = Vec::new();
        for fold in 0..self.n_folds {
            let (found, curve) = self.fold(fold, &rows, &bar)?;
            for (row, found) in self.held_out(fold).zip(found) {
                scores[row] = found;
            }
            curves.push(curve);
        }
        let (trainer, _) = self.train(None, &rows, &bar)?;
        bar.finish_and_clear();
        let Trainer { network, state, .. } = trainer;
        curves.push(state.rounds);
        Ok(Learned { scores, network, vocabulary: rows.vocabulary, curves })
    }

    /// Scores of the rows of a fold, in their order, by an encoder of the others; and its rounds.
    fn fold(
        &self,
        fold: usize,
        rows: &Rows,
        bar: &ProgressBar,
    ) -> anyhow::Result<(Vec<Vec<f32>>, Vec<Round>)> {
        let folder = self.checkpoints.join(format!("scores-{fold}"));
        let finished = Checkpoints::new(folder, rows.fingerprint.clone());
        if let Some(mut kept) = finished.read::<Vec<Round>>(&Device::Cpu)? {
            console::skip(bar, self.n_steps(Some(fold)));
            return Ok((kept.take(SCORES)?.to_vec2()?, kept.state));
        }
        let held: Vec<Example> = self.held_out(fold).map(|it| rows.scored[it].clone()).collect();
        ensure!(!held.is_empty(), "fold {} has no rows: too few rows", fold + 1);
        let (trainer, checkpoints) = self.train(Some(fold), rows, bar)?;
        let scored = trainer::scores(&trainer.network, &held)?;
        let scores: Vec<Vec<f32>> = scored.into_iter().map(|it| it.scores).collect();
        let tensor = Tensor::new(scores.clone(), &Device::Cpu)?;
        let tensors = HashMap::from([(SCORES.to_owned(), tensor)]);
        finished.write(fold, &tensors, &trainer.state.rounds)?;
        checkpoints.clear()?;
        Ok((scores, trainer.state.rounds))
    }

    /// An encoder of all rows but those of `without`, and where its checkpoints lie.
    fn train(
        &self,
        without: Option<usize>,
        rows: &Rows,
        bar: &ProgressBar,
    ) -> anyhow::Result<(Trainer<'_>, Checkpoints)> {
        let (name, what) = match without {
            Some(fold) => (format!("fold-{fold}"), format!("第 {}/{} 折 ", fold + 1, self.n_folds)),
            None => ("all".to_owned(), "全部資料 ".to_owned()),
        };
        let place = Place { device: self.base.device.clone(), dtype: DType::F32 };
        let ids = rows.vocabulary.ids();
        let network = Network::new(&self.base.arrays, ids, self.n_classes, &place)?;
        let used = (0..self.texts.len()).filter(|it| Some(self.folds[*it]) != without);
        let train = used.map(|it| rows.learned[it].clone()).collect();
        let examples = Examples { train, dev: Vec::new() };
        let mut trainer = Trainer::new(network, examples, self.part, self.seed)?;
        let folder = self.checkpoints.join(name);
        let checkpoints = Checkpoints::new(folder, rows.fingerprint.clone());
        checkpoint::restore(&checkpoints, &mut trainer)?;
        let mut console = Console::new(bar, &what, &trainer, &checkpoints);
        trainer.run(&mut console)?;
        Ok((trainer, checkpoints))
    }

    fn held_out(&self, fold: usize) -> impl Iterator<Item = usize> {
        (0..self.texts.len()).filter(move |it| self.folds[*it] == fold)
    }

    /// Steps of an encoder.
    fn n_steps(&self, without: Option<usize>) -> usize {
        let n_used = self.folds.iter().filter(|it| Some(**it) != without).count();
        self.part.max_epochs() * n_used.div_ceil(self.part.batch_size)
    }

    fn rows(&self) -> anyhow::Result<Rows> {
        let whole = Tokenizer::read(&self.base.pieces)?;
        let tokens = |tokenizer: &Tokenizer| -> Vec<Vec<u32>> {
            self.texts.iter().map(|it| tokenizer.tokenize(it).ids).collect()
        };
        let (cut, whole) = (tokens(&self.base.tokenizer), tokens(&whole));
        let vocabulary = Vocabulary::of(cut.iter().chain(&whole).map(Vec::as_slice));
        let examples = |tokens: &[Vec<u32>]| -> anyhow::Result<Vec<Example>> {
            let rows = tokens.iter().zip(&self.labels);
            let example = |(tokens, label): (&Vec<u32>, &usize)| {
                Ok(Example { slots: vocabulary.slots(tokens), label: u32::try_from(*label)? })
            };
            rows.map(example).collect()
        };
        let (learned, scored) = (examples(&cut)?, examples(&whole)?);
        let mut hasher = Sha256::new();
        hasher.update(toml::to_string(self.part)?);
        hasher.update(&self.base.sha256);
        for number in [self.n_classes, self.n_folds, self.texts.len(), self.threads] {
            hasher.update(number.to_le_bytes());
        }
        hasher.update(self.seed.to_le_bytes());
        hasher.update(format!("{:?}", self.base.device.location()));
        for (tokens, (label, fold)) in whole.iter().zip(self.labels.iter().zip(&self.folds)) {
            hasher.update(label.to_le_bytes());
            hasher.update(fold.to_le_bytes());
            for id in tokens {
                hasher.update(id.to_le_bytes());
            }
            hasher.update(u32::MAX.to_le_bytes());
        }
        let fingerprint = hex(&hasher.finalize());
        Ok(Rows { vocabulary, learned, scored, fingerprint })
    }
}

/// Removes the checkpoints of a run.
pub(crate) fn clear(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
