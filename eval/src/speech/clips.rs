//! Clips with their words: `manifest.json` and WAV files.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result};
use fenwen::media::audio::{AudioLimits, AudioReader, Chunk, RATE};
use serde::Deserialize;

/// A recording whose words are known.
pub(super) struct Clip {
    /// Folder it lies in, such as `tw`.
    pub(super) set: String,
    /// File name without its ending.
    pub(super) name: String,
    /// What is said.
    pub(super) text: String,
    /// Samples at 16 kHz.
    pub(super) samples: Vec<f32>,
    /// For the noise and the losses of its copies.
    pub(super) seed: u64,
}

impl Clip {
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(RATE)
    }
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    text: Option<String>,
}

/// Reads the clips that have words.
pub(super) fn read(folder: &Path) -> Result<Vec<Clip>> {
    let path = folder.join("manifest.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let entries: Vec<Entry> = serde_json::from_str(&text)?;
    let mut clips = Vec::new();
    for (seed, entry) in (1..).zip(entries) {
        let Some(text) = entry.text else { continue };
        let (set, name) = entry.file.split_once('/').unwrap_or(("all", &entry.file));
        let samples = samples(&folder.join(&entry.file))
            .with_context(|| format!("failed to read {}", entry.file))?;
        let name = name.trim_end_matches(".wav").to_owned();
        clips.push(Clip { set: set.to_owned(), name, text, samples, seed });
    }
    Ok(clips)
}

/// The first channel of a file.
fn samples(path: &Path) -> Result<Vec<f32>> {
    let mut reader = AudioReader::open(File::open(path)?, &AudioLimits::default())?;
    let mut samples = Vec::new();
    let mut chunk = Chunk::default();
    while reader.read(&mut chunk)? {
        samples.extend(chunk.channels.first().into_iter().flatten());
    }
    Ok(samples)
}
