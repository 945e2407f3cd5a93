//! Line recognition: what the network says of each column of a line → glyphs with alternatives.
//!
//! The network answers a probability for each of 18 710 classes at each step (CTC, Graves 2006). [`Alphabet::reduce`]
//! runs on the inference thread over the engine's own buffer: megabytes stay where they are, a few glyphs leave.

use crate::tensor::View;

use super::crop::LINE_HEIGHT;
use super::line::Glyph;

/// The class of "no character here".
const BLANK: usize = 0;
/// Alternatives below this probability are not worth keeping.
const MIN_OPTION: f32 = 1e-4;

/// Characters of a recogniser by class, and which of them may be read.
#[derive(Clone)]
pub struct Alphabet {
    /// Character of each class; the first is the blank's and never read.
    chars: Vec<char>,
    /// 1 for classes that may be read, 0 for others; the blank is always 1.
    mask: Vec<f32>,
}

/// A dictionary that does not name one character for each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the dictionary is not a single character")]
pub struct AlphabetError {
    /// Line of the dictionary, counted from 1.
    pub line: usize,
}

/// What was read on one line, left to right. No `Debug`: it would print somebody's name.
#[derive(Clone, Default, PartialEq)]
pub struct Reading {
    /// Glyphs.
    pub glyphs: Vec<Glyph>,
}

impl Reading {
    /// Mean probability of the glyphs; 0 for an empty reading.
    pub fn confidence(&self) -> f32 {
        if self.glyphs.is_empty() {
            return 0.0;
        }
        self.glyphs.iter().map(Glyph::confidence).sum::<f32>() / self.glyphs.len() as f32
    }

    /// Lowest probability of a glyph; 0 for an empty reading.
    pub fn weakest(&self) -> f32 {
        self.glyphs.iter().map(Glyph::confidence).reduce(f32::min).unwrap_or(0.0)
    }
}

/// How wide a row was before and after it was padded to share a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowWidth {
    /// Columns of the line itself.
    pub real: usize,
    /// Columns with padding.
    pub padded: usize,
}

impl Alphabet {
    /// Reads a dictionary of one character a line; a space follows its last entry, as in training.
    ///
    /// `is_allowed` says which characters may be read at all.
    pub fn new(
        dictionary: &str,
        is_allowed: impl Fn(char) -> bool,
    ) -> Result<Alphabet, AlphabetError> {
        let mut chars = vec!['\0'];
        for (idx, line) in dictionary.lines().enumerate() {
            let mut entry = line.chars();
            match (entry.next(), entry.next()) {
                (Some(ch), None) => chars.push(ch),
                _ => return Err(AlphabetError { line: idx + 1 }),
            }
        }
        chars.push(' ');
        let mask = chars
            .iter()
            .enumerate()
            .map(|(class, &ch)| f32::from(u8::from(class == BLANK || is_allowed(ch))))
            .collect();
        Ok(Alphabet { chars, mask })
    }

    /// Number of classes, blank and space included.
    pub fn n_classes(&self) -> usize {
        self.chars.len()
    }

    /// Collapses probabilities, [steps, classes], into glyphs.
    ///
    /// Probabilities are those among the allowed characters: what a forbidden look-alike took is shared out.
    /// `None` when the number of classes is not the alphabet's.
    pub fn reduce(&self, probabilities: View<'_>, width: RowWidth) -> Option<Reading> {
        let &[n_steps, n_classes] = probabilities.shape() else { return None };
        if n_classes != self.n_classes() || width.padded == 0 {
            return None;
        }
        let columns_per_step = width.padded as f32 / n_steps.max(1) as f32;
        let mut peaks: Vec<Peak<'_>> = Vec::new();
        let mut previous = BLANK;
        for (step, row) in probabilities.data().chunks_exact(n_classes.max(1)).enumerate() {
            let column = (step as f32 + 0.5) * columns_per_step;
            if width.real as f32 <= column {
                break;
            }
            let (class, probability) = self.best(row);
            if class != BLANK {
                match peaks.last_mut() {
                    Some(peak) if class == previous => peak.extend(column, probability, row),
                    _ => peaks.push(Peak { probability, row, first: column, last: column }),
                }
            }
            previous = class;
        }
        Some(Reading { glyphs: self.glyphs(&peaks, width.real as f32) })
    }

    fn best(&self, row: &[f32]) -> (usize, f32) {
        let mut best = (BLANK, row.first().copied().unwrap_or(0.0));
        for (class, (&probability, &mask)) in row.iter().zip(&self.mask).enumerate() {
            if best.1 < probability * mask {
                best = (class, probability);
            }
        }
        best
    }

    fn glyphs(&self, peaks: &[Peak<'_>], width: f32) -> Vec<Glyph> {
        let centers: Vec<f32> = peaks.iter().map(Peak::center).collect();
        let reach = LINE_HEIGHT as f32 * 0.6;
        peaks
            .iter()
            .enumerate()
            .map(|(idx, peak)| {
                let center = peak.center();
                let before = idx.checked_sub(1).and_then(|it| centers.get(it));
                let after = centers.get(idx + 1);
                let left = before.map_or(reach, |it| (center - it) / 2.0).min(reach);
                let right = after.map_or(reach, |it| (it - center) / 2.0).min(reach);
                Glyph {
                    options: self.options(peak.row),
                    start: ((center - left) / width).clamp(0.0, 1.0),
                    end: ((center + right) / width).clamp(0.0, 1.0),
                }
            })
            .collect()
    }

    /// The most probable characters of one step, best first.
    fn options(&self, row: &[f32]) -> Vec<(char, f32)> {
        let mut options: Vec<(char, f32)> = Vec::with_capacity(Glyph::MAX_OPTIONS + 1);
        let mut total = row.first().copied().unwrap_or(0.0);
        let classes = row.iter().zip(&self.mask).zip(&self.chars).skip(1);
        for ((&probability, &mask), &ch) in classes {
            let probability = probability * mask;
            total += probability;
            let is_full = options.len() == Glyph::MAX_OPTIONS;
            let bar = if is_full { options.last().map_or(0.0, |it| it.1) } else { MIN_OPTION };
            if probability <= bar {
                continue;
            }
            let rank = options.partition_point(|it| probability <= it.1);
            options.insert(rank, (ch, probability));
            options.truncate(Glyph::MAX_OPTIONS);
        }
        if 0.0 < total {
            for option in &mut options {
                option.1 = (option.1 / total).min(1.0);
            }
        }
        options
    }
}

/// Neighbouring steps that say the same character.
struct Peak<'a> {
    probability: f32,
    /// The step that says it loudest.
    row: &'a [f32],
    first: f32,
    last: f32,
}

impl<'a> Peak<'a> {
    fn extend(&mut self, column: f32, probability: f32, row: &'a [f32]) {
        self.last = column;
        if self.probability < probability {
            self.probability = probability;
            self.row = row;
        }
    }

    fn center(&self) -> f32 {
        f32::midpoint(self.first, self.last)
    }
}
