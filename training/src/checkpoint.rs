//! Checkpoints: everything a run needs to go on, one folder after each round, written whole or not at all.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use candle_core::{Device, Tensor, safetensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the folder.
const FORMAT: u32 = 2;
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
struct Notes<S> {
    format: u32,
    fingerprint: String,
    state: S,
}

impl Checkpoints {
    /// Checkpoints in `folder`, which need not be there yet.
    pub(crate) fn new(folder: PathBuf, fingerprint: String) -> Checkpoints {
        Checkpoints { folder, fingerprint }
    }

    /// Writes where a run stands after so many rounds; earlier checkpoints are removed after that.
    pub(crate) fn write(
        &self,
        n_rounds: usize,
        tensors: &HashMap<String, Tensor>,
        state: &impl Serialize,
    ) -> anyhow::Result<()> {
        let name = format!("{PREFIX}{n_rounds:04}");
        let path = self.folder.join(&name);
        let partial = self.folder.join(format!("{name}.partial"));
        remove(&partial)?;
        fs::create_dir_all(&partial)
            .with_context(|| format!("failed to create {}", partial.display()))?;
        let file = partial.join(TENSORS);
        safetensors::save(tensors, &file)
            .with_context(|| format!("failed to write {}", file.display()))?;
        let notes = Notes { format: FORMAT, fingerprint: self.fingerprint.clone(), state };
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

    /// The last of them: where the run stands, and the tensors, on `device`. None where there is none.
    pub(crate) fn read<S: DeserializeOwned>(
        &self,
        device: &Device,
    ) -> anyhow::Result<Option<Checkpoint<S>>> {
        let Some((_, path)) = self.all()?.into_iter().max() else { return Ok(None) };
        let shown = path.display();
        let notes =
            fs::read(path.join(NOTES)).with_context(|| format!("failed to read {shown}"))?;
        let notes: Notes<S> = serde_json::from_slice(&notes)
            .with_context(|| format!("{shown} is no checkpoint of this version"))?;
        ensure!(notes.format == FORMAT, "{shown} is a checkpoint of another version");
        ensure!(
            notes.fingerprint == self.fingerprint,
            "{shown} is a checkpoint of another recipe, of other rows or another model"
        );
        let tensors = safetensors::load(path.join(TENSORS), device)
            .with_context(|| format!("failed to read {shown}"))?;
        Ok(Some(Checkpoint { state: notes.state, tensors, path }))
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

/// A checkpoint that was read.
pub(crate) struct Checkpoint<S> {
    /// Where the run stands.
    pub(crate) state: S,
    tensors: HashMap<String, Tensor>,
    path: PathBuf,
}

impl<S> Checkpoint<S> {
    /// Takes a tensor out.
    pub(crate) fn take(&mut self, name: &str) -> anyhow::Result<Tensor> {
        let found = self.tensors.remove(name);
        found.with_context(|| format!("{} has no `{name}`", self.path.display()))
    }
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

/// Floats in the notes, for `#[serde(with = …)]`: as texts, because a JSON number may come back a bit off.
pub(crate) mod exact {
    use serde::de::{Deserialize as _, Deserializer, Error};
    use serde::ser::Serializer;

    /// Writes it so that it reads back the same.
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads it.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Loss(#[serde(with = "exact")] f64);

    #[test]
    fn floats_come_back_to_the_last_bit() {
        for value in [11.465792814890545, 3.7560179229955915, 1.0 / 3.0, 0.0] {
            let text = serde_json::to_string(&Loss(value)).unwrap();
            assert_eq!(serde_json::from_str::<Loss>(&text).unwrap(), Loss(value), "{text}");
        }
    }
}
