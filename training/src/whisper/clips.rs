//! Clips: recordings of at most half a minute with their words, and what a telephone makes of them.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use fenwen::base::Private;
use fenwen::engine::speech::MAX_WINDOW;
use fenwen::media::audio::telephone::{Law, g711, line, with_loss, with_noise};
use fenwen::media::audio::{AudioLimits, AudioReader, Chunk};
use sha2::{Digest as _, Sha256};

use crate::data::rows;
use fenwen::base::Chance;

use super::recipe::{AugmentPart, Recipe};

/// Fields of a row.
const AUDIO: &str = "audio";
const TEXT: &str = "text";
const GROUP: &str = "group";
const SOURCE: &str = "source";

/// A recording whose words are known. No `Debug`: it is somebody's.
pub(crate) struct Clip {
    path: PathBuf,
    /// What is said.
    pub(crate) text: Private<String>,
    /// Where it comes from; empty where the row does not say.
    pub(crate) source: String,
    /// Clips of one group stay together.
    group: String,
    /// SHA-256 of the file.
    sha256: [u8; 32],
}

/// Clips to learn from, and those that only measure.
pub(crate) struct Clips {
    /// The training part.
    pub(crate) train: Vec<Clip>,
    /// The dev part.
    pub(crate) dev: Vec<Clip>,
}

impl Clips {
    /// Reads the rows of a file; paths in it are relative to its folder.
    pub(crate) fn read(path: &Path, recipe: &Recipe) -> anyhow::Result<Clips> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut clips = Vec::new();
        for (number, row) in (1..).zip(rows::read(path)?) {
            let field = |name: &str| rows::text(&row, name).map(std::borrow::Cow::into_owned);
            let (Some(audio), Some(text)) = (field(AUDIO), field(TEXT)) else {
                bail!("row {number} lacks `{AUDIO}` or `{TEXT}`");
            };
            ensure!(!text.trim().is_empty(), "row {number} has an empty `{TEXT}`");
            let path = folder.join(audio);
            let bytes = fs::read(&path).with_context(|| format!("failed to read row {number}"))?;
            let group = field(GROUP).unwrap_or_else(|| text.clone());
            let source = field(SOURCE).unwrap_or_default();
            let sha256 = Sha256::digest(&bytes).into();
            clips.push(Clip { path, text: Private::new(text), source, group, sha256 });
        }
        Clips::divide(clips, recipe)
    }

    /// Whole groups, in an order that the seed decides, until the dev part is large enough.
    fn divide(clips: Vec<Clip>, recipe: &Recipe) -> anyhow::Result<Clips> {
        let mut groups: Vec<String> = clips.iter().map(|it| it.group.clone()).collect();
        groups.sort_unstable();
        groups.dedup();
        Chance::new(recipe.seed).shuffle(&mut groups);
        let wanted = clips.len() as f64 * recipe.whisper.dev_share;
        let (mut dev, mut train) = (Vec::new(), clips);
        for group in groups {
            if wanted <= dev.len() as f64 {
                break;
            }
            let (more, rest) = train.into_iter().partition(|it| it.group == group);
            dev.extend::<Vec<Clip>>(more);
            train = rest;
        }
        ensure!(
            !train.is_empty() && !dev.is_empty(),
            "too few groups of clips for a training and a dev part"
        );
        Ok(Clips { train, dev })
    }
}

impl Clip {
    /// Its samples at 16 kHz, as they are (0) or as in one of its telephone copies.
    pub(crate) fn samples(
        &self,
        copy: usize,
        augment: &AugmentPart,
        seed: u64,
    ) -> anyhow::Result<Vec<f32>> {
        let shown = self.path.display();
        let bytes = fs::read(&self.path).with_context(|| format!("failed to read {shown}"))?;
        let samples = decode(&bytes).with_context(|| format!("failed to read {shown}"))?;
        ensure!(
            !samples.is_empty() && samples.len() <= MAX_WINDOW,
            "{shown} is empty or longer than 30 s: cut it"
        );
        if copy == 0 {
            return Ok(samples);
        }
        let [a, b, c, d, e, f, g, h, ..] = self.sha256;
        let salt = u64::from_le_bytes([a, b, c, d, e, f, g, h]).wrapping_add(copy as u64);
        decode(&telephoned(&samples, augment, &mut Chance::new(seed ^ salt)))
    }

    /// Adds what the clip is to what a run is made from.
    pub(crate) fn sign(&self, hasher: &mut Sha256) {
        hasher.update(self.sha256);
        hasher.update(self.text.expose().len().to_le_bytes());
        hasher.update(self.text.expose());
    }
}

/// A WAV file of what arrives at the other end of a line.
fn telephoned(samples: &[f32], augment: &AugmentPart, chance: &mut Chance) -> Vec<u8> {
    let between = |[low, high]: [f32; 2], share: f32| low + (high - low) * share;
    let law = if chance.below(2) == 0 { Law::Mu } else { Law::A };
    let mut heard = line(samples);
    if let Some(range) = augment.noise_db {
        let decibels = between(range, chance.share());
        heard = with_noise(&heard, decibels, &mut || chance.share());
    }
    let share = between(augment.loss, chance.share());
    g711(&with_loss(&heard, share, &mut || chance.share()), law)
}

/// The first channel.
fn decode(bytes: &[u8]) -> anyhow::Result<Vec<f32>> {
    let mut reader = AudioReader::open(Cursor::new(bytes), &AudioLimits::default())?;
    let (mut samples, mut chunk) = (Vec::new(), Chunk::default());
    while reader.read(&mut chunk)? {
        samples.extend(chunk.channels.first().into_iter().flatten());
    }
    Ok(samples)
}
