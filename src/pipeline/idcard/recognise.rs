//! Line recognition: what the network says of each column of a line → glyphs with alternatives.
//!
//! The network answers a probability for each of 18 710 classes at each step (CTC, Graves 2006). [`Alphabet::reduce`]
//! runs on the inference thread over the engine's own buffer: megabytes stay where they are, a few glyphs leave.

use crate::tensor::View;

use super::crop::LINE_HEIGHT;
use super::line::Glyph;

/// The class of "no character here".
const BLANK: usize = 0;
/// What stands for it among the characters.
const NO_CHAR: char = '\0';
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
        let mut chars = vec![NO_CHAR];
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

    /// The likeliest class that may be read, and what the network says of it.
    fn best(&self, row: &[f32]) -> (usize, f32) {
        let blank = row.first().copied().unwrap_or(0.0);
        let best =
            blocks(row, &self.mask).map(|(row, mask)| largest(row, mask)).fold(blank, f32::max);
        if best <= blank {
            return (BLANK, blank);
        }
        let mut classes = row.iter().zip(&self.mask);
        let class = classes.position(|(&probability, &mask)| best <= probability * mask);
        (class.unwrap_or(BLANK), best)
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
        let mut bar = MIN_OPTION;
        let mut total = 0.0;
        for ((row, mask), chars) in blocks(row, &self.mask).zip(self.chars.chunks(BLOCK)) {
            total += sum(row, mask);
            if largest(row, mask) <= bar {
                continue;
            }
            for ((&probability, &mask), &ch) in row.iter().zip(mask).zip(chars) {
                let probability = probability * mask;
                if probability <= bar || ch == NO_CHAR {
                    continue;
                }
                let rank = options.partition_point(|it| probability <= it.1);
                options.insert(rank, (ch, probability));
                options.truncate(Glyph::MAX_OPTIONS);
                if options.len() == Glyph::MAX_OPTIONS {
                    bar = options.last().map_or(bar, |it| it.1);
                }
            }
        }
        if 0.0 < total {
            for option in &mut options {
                option.1 = (option.1 / total).min(1.0);
            }
        }
        options
    }
}

/// Classes that are looked at together: nearly all of them hold nothing that matters.
const BLOCK: usize = 256;
/// Numbers that the processor computes with side by side.
const LANES: usize = 16;

/// Probabilities and what may be read, block by block.
fn blocks<'a>(row: &'a [f32], mask: &'a [f32]) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
    row.chunks(BLOCK).zip(mask.chunks(BLOCK))
}

/// The largest product of a number and its mask; 0 where all are less.
fn largest(row: &[f32], mask: &[f32]) -> f32 {
    lanes(row, mask, |largest, product| if largest < product { product } else { largest })
        .into_iter()
        .fold(0.0, f32::max)
}

/// The sum of the products of the numbers and their masks.
fn sum(row: &[f32], mask: &[f32]) -> f32 {
    lanes(row, mask, |sum, product| sum + product).into_iter().sum()
}

/// Folds the products of numbers and masks, every lane by itself, so that the compiler has no order to keep.
fn lanes(row: &[f32], mask: &[f32], fold: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    let (rows, masks) = (row.chunks_exact(LANES), mask.chunks_exact(LANES));
    let rest = rows.remainder().iter().zip(masks.remainder());
    for (row, mask) in rows.zip(masks) {
        for ((lane, probability), mask) in lanes.iter_mut().zip(row).zip(mask) {
            *lane = fold(*lane, probability * mask);
        }
    }
    for (lane, (probability, mask)) in lanes.iter_mut().zip(rest) {
        *lane = fold(*lane, probability * mask);
    }
    lanes
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Chance;

    /// Classes: blank, 國, 国, A, space.
    fn alphabet() -> Alphabet {
        Alphabet::new("國\n国\nA", |ch| ch != '国').unwrap()
    }

    #[track_caller]
    fn check(steps: &[[f32; 5]], real: usize, expected: &str) -> Vec<Glyph> {
        let shape = [steps.len(), 5];
        let flat = steps.as_flattened();
        let view = View::new(&shape, flat).unwrap();
        let width = RowWidth { real, padded: steps.len() * 8 };
        let glyphs = alphabet().reduce(view, width).unwrap().glyphs;
        assert_eq!(glyphs.iter().map(Glyph::best).collect::<String>(), expected);
        glyphs
    }

    const BLANK_STEP: [f32; 5] = [0.9, 0.0, 0.0, 0.1, 0.0];
    const A_STEP: [f32; 5] = [0.1, 0.0, 0.1, 0.8, 0.0];
    const STATE_STEP: [f32; 5] = [0.05, 0.15, 0.8, 0.0, 0.0];
    const SPACE_STEP: [f32; 5] = [0.1, 0.0, 0.0, 0.0, 0.9];

    #[test]
    fn repeats_collapse_and_blanks_part() {
        check(&[A_STEP, A_STEP], 16, "A");
        check(&[A_STEP, BLANK_STEP, A_STEP], 24, "AA");
        check(&[BLANK_STEP, SPACE_STEP, A_STEP], 24, " A");
    }

    #[test]
    fn forbidden_characters_give_way_to_allowed_ones() {
        let glyphs = check(&[STATE_STEP], 8, "國");
        assert_eq!(glyphs[0].options.len(), 1);
        assert!((glyphs[0].confidence() - 0.75).abs() < 1e-5);
    }

    #[test]
    fn padding_is_not_read() {
        check(&[A_STEP, BLANK_STEP, A_STEP], 12, "A");
    }

    #[test]
    fn glyphs_know_their_place() {
        let glyphs = check(&[BLANK_STEP, A_STEP, BLANK_STEP, A_STEP], 32, "AA");
        let middles: Vec<f32> = glyphs.iter().map(|it| (it.start + it.end) / 2.0).collect();
        assert!((glyphs[0].end - glyphs[1].start).abs() < 1e-6 && middles[0] < middles[1]);
    }

    #[test]
    fn classes_are_found_in_every_block() {
        let chars: Vec<char> = ('\u{4e00}'..).take(2 * BLOCK + LANES + 3).collect();
        let dictionary: Vec<String> = chars.iter().map(char::to_string).collect();
        let alphabet = Alphabet::new(&dictionary.join("\n"), |ch| u32::from(ch) % 3 != 0).unwrap();
        let mut chance = Chance::new(5);
        for _ in 0..100 {
            let row: Vec<f32> = (0..alphabet.n_classes()).map(|_| chance.share()).collect();
            let mut allowed: Vec<(usize, f32)> = row.iter().copied().enumerate().collect();
            allowed.retain(|it| alphabet.mask[it.0] == 1.0);
            let total: f32 = allowed.iter().map(|it| it.1).sum();
            allowed.sort_by(|a, b| b.1.total_cmp(&a.1));
            assert_eq!(alphabet.best(&row), allowed[0]);
            allowed.retain(|it| it.0 != BLANK);
            let found = alphabet.options(&row);
            assert_eq!(found.len(), Glyph::MAX_OPTIONS);
            for ((ch, probability), (class, expected)) in found.into_iter().zip(allowed) {
                assert_eq!(ch, alphabet.chars[class]);
                assert!((probability - expected / total).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn dictionaries_and_outputs_must_fit() {
        assert_eq!(Alphabet::new("A\n\nB", |_| true).err(), Some(AlphabetError { line: 2 }));
        let view = View::new(&[1, 3], &[0.0; 3]).unwrap();
        assert!(alphabet().reduce(view, RowWidth { real: 8, padded: 8 }).is_none());
    }
}
