//! What the encoder hears in each clip, computed once and kept on disk as long as there is room.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use candle_core::{Device, Tensor, safetensors};
use fenwen::engine::speech::WhisperPupil;

use super::clips::Clip;
use super::recipe::Recipe;

/// Name of the tensor in a file, and of the file that says what the others are made from.
const SOUND: &str = "sound";
const MADE_FROM: &str = "made-from";

/// Sounds of the clips of a run.
pub(crate) struct Sounds<'a> {
    pupil: &'a WhisperPupil,
    recipe: &'a Recipe,
    folder: PathBuf,
    /// Bytes that may still be written.
    room: Cell<u64>,
}

/// A clip in one of its copies.
#[derive(Clone, Copy)]
pub(crate) struct Take<'a> {
    /// Which.
    pub(crate) clip: &'a Clip,
    /// Its name among the files: unique in a run.
    pub(crate) key: (&'static str, usize),
    /// 0: as it is.
    pub(crate) copy: usize,
}

/// What is heard in a take.
pub(crate) struct Sound {
    /// [positions, width].
    pub(crate) rows: Tensor,
    /// Length of the clip.
    pub(crate) n_samples: usize,
}

impl<'a> Sounds<'a> {
    /// Sounds in `folder`, those from an earlier run with the same fingerprint included.
    pub(crate) fn open(
        pupil: &'a WhisperPupil,
        recipe: &'a Recipe,
        folder: PathBuf,
        fingerprint: &str,
    ) -> anyhow::Result<Sounds<'a>> {
        let is_same = fs::read(folder.join(MADE_FROM)).is_ok_and(|it| it == fingerprint.as_bytes());
        let sounds = Sounds { pupil, recipe, folder, room: Cell::new(0) };
        if !is_same {
            sounds.clear()?;
        }
        let shown = sounds.folder.display();
        fs::create_dir_all(&sounds.folder).with_context(|| format!("failed to create {shown}"))?;
        fs::write(sounds.folder.join(MADE_FROM), fingerprint)
            .with_context(|| format!("failed to write into {shown}"))?;
        let mut used = 0;
        for entry in fs::read_dir(&sounds.folder)? {
            used += entry?.metadata()?.len();
        }
        sounds.room.set((recipe.whisper.cache_mib << 20).saturating_sub(used));
        Ok(sounds)
    }

    /// What is heard in a take.
    pub(crate) fn of(&self, take: Take<'_>) -> anyhow::Result<Sound> {
        let ((part, number), copy) = (take.key, take.copy);
        let path = self.folder.join(format!("{part}-{number}-{copy}.safetensors"));
        if path.try_exists()? {
            let mut found = safetensors::load(&path, &Device::Cpu)?;
            let rows = found.remove(SOUND).context("a kept sound is empty")?;
            let n_samples = found.remove("n_samples").context("a kept sound has no length")?;
            let n_samples = usize::try_from(n_samples.to_scalar::<u32>()?)?;
            return Ok(Sound { rows, n_samples });
        }
        let samples = take.clip.samples(copy, &self.recipe.augment, self.recipe.seed)?;
        let rows = self.pupil.listen(&samples)?;
        self.keep(&path, &rows, samples.len())?;
        Ok(Sound { rows, n_samples: samples.len() })
    }

    fn keep(&self, path: &PathBuf, rows: &Tensor, n_samples: usize) -> anyhow::Result<()> {
        // A page more than the numbers, for the head.
        let n_bytes = 4 * rows.elem_count() as u64 + 4096;
        let Some(left) = self.room.get().checked_sub(n_bytes) else { return Ok(()) };
        let length = Tensor::new(u32::try_from(n_samples)?, &Device::Cpu)?;
        let tensors = HashMap::from([(SOUND, rows.clone()), ("n_samples", length)]);
        let partial = path.with_extension("partial");
        safetensors::save(&tensors, &partial)
            .with_context(|| format!("failed to write {}", partial.display()))?;
        fs::rename(&partial, path)?;
        self.room.set(left);
        Ok(())
    }

    /// Removes them.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove {}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }
}
