//! Checkpoints: everything a run needs to go on, one folder after each round, written whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use candle_core::{Tensor, safetensors};
use serde::{Deserialize, Serialize};

use super::trainer::{State, Trainer};

/// Version of the folder.
const FORMAT: u32 = 1;
const TENSORS: &str = "state.safetensors";
const NOTES: &str = "state.json";
const PREFIX: &str = "epoch-";

/// Where the checkpoints of a run lie.
pub(crate) struct Checkpoints {
    folder: PathBuf,
    /// What the run is made from; a run goes on only from a checkpoint of the same.
    fingerprint: String,
}

/// The file beside the tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    format: u32,
    fingerprint: String,
    state: State,
    /// Steps in which each parameter has learned.
    n_steps: BTreeMap<String, u32>,
}

impl Checkpoints {
    /// Checkpoints in `folder`, which need not be there yet.
    pub(crate) fn new(folder: PathBuf, fingerprint: String) -> Checkpoints {
        Checkpoints { folder, fingerprint }
    }

    /// Writes where `trainer` stands; earlier checkpoints are removed after that.
    pub(crate) fn write(&self, trainer: &Trainer<'_>) -> anyhow::Result<()> {
        let name = format!("{PREFIX}{:04}", trainer.state.rounds.len());
        let path = self.folder.join(&name);
        let partial = self.folder.join(format!("{name}.partial"));
        remove(&partial)?;
        fs::create_dir_all(&partial)
            .with_context(|| format!("failed to create {}", partial.display()))?;
        let (tensors, n_steps) = tensors(trainer)?;
        let file = partial.join(TENSORS);
        safetensors::save(&tensors, &file)
            .with_context(|| format!("failed to write {}", file.display()))?;
        let notes = Notes {
            format: FORMAT,
            fingerprint: self.fingerprint.clone(),
            state: trainer.state.clone(),
            n_steps,
        };
        fs::write(partial.join(NOTES), serde_json::to_vec_pretty(&notes)?)?;
        for written in [file, partial.join(NOTES), partial.clone()] {
            File::open(&written)?.sync_all()?;
        }
        remove(&path)?;
        fs::rename(&partial, &path)
            .with_context(|| format!("failed to write {}", path.display()))?;
        File::open(&self.folder)?.sync_all()?;
        for (_, other) in self.all()?.into_iter().filter(|it| it.1 != path) {
            remove(&other)?;
        }
        Ok(())
    }

    /// Lets `trainer`, which has not begun, go on from the last checkpoint; false where there is none.
    pub(crate) fn restore(&self, trainer: &mut Trainer<'_>) -> anyhow::Result<bool> {
        let Some((_, path)) = self.all()?.into_iter().max() else { return Ok(false) };
        let shown = path.display();
        let notes =
            fs::read(path.join(NOTES)).with_context(|| format!("failed to read {shown}"))?;
        let notes: Notes = serde_json::from_slice(&notes)
            .with_context(|| format!("{shown} is no checkpoint of this version"))?;
        ensure!(notes.format == FORMAT, "{shown} is a checkpoint of another version");
        ensure!(
            notes.fingerprint == self.fingerprint,
            "{shown} is a checkpoint of another recipe, of other rows or another encoder"
        );
        let device = trainer.network.place().device;
        let mut tensors = safetensors::load(path.join(TENSORS), &device)
            .with_context(|| format!("failed to read {shown}"))?;
        let learning: Vec<(usize, String)> =
            trainer.learning().map(|(idx, name)| (idx, name.to_owned())).collect();
        trainer.best.clear();
        for (idx, name) in learning {
            let mut take = |what: &str| match tensors.remove(&format!("{what}/{name}")) {
                Some(tensor) => Ok(tensor),
                None => bail!("{shown} has no {what} of `{name}`"),
            };
            trainer.network.params()[idx].var.set(&take("value")?)?;
            trainer.best.push(take("best")?);
            let moments = &mut trainer.optimiser.moments[idx];
            (moments.mean, moments.square) = (take("mean")?, take("square")?);
            moments.n_steps = notes.n_steps.get(&name).copied().unwrap_or(0);
        }
        trainer.state = notes.state;
        Ok(true)
    }

    /// Removes all of them.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        remove(&self.folder)
    }

    /// The whole checkpoints, with their rounds.
    fn all(&self) -> anyhow::Result<Vec<(usize, PathBuf)>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("failed to read {}", self.folder.display()));
            }
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            let round = name.strip_prefix(PREFIX).and_then(|it| it.parse().ok());
            all.extend(round.map(|round: usize| (round, path)));
        }
        Ok(all)
    }
}

/// The tensors of a checkpoint, and the steps of each parameter.
fn tensors(
    trainer: &Trainer<'_>,
) -> anyhow::Result<(HashMap<String, Tensor>, BTreeMap<String, u32>)> {
    let (mut tensors, mut n_steps) = (HashMap::new(), BTreeMap::new());
    for ((idx, name), best) in trainer.learning().zip(&trainer.best) {
        let moments = &trainer.optimiser.moments[idx];
        let value = trainer.network.params()[idx].var.as_detached_tensor();
        let (mean, square) = (moments.mean.clone(), moments.square.clone());
        let all = [("value", value), ("mean", mean), ("square", square), ("best", best.clone())];
        tensors.extend(all.map(|(what, tensor)| (format!("{what}/{name}"), tensor)));
        n_steps.insert(name.to_owned(), moments.n_steps);
    }
    Ok((tensors, n_steps))
}

/// Removes a folder, if there is one.
fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
