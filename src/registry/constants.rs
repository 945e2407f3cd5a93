//! The numbers a manifest carries: pre- and post-processing, batch limits, the golden answer.

use serde::Deserialize;

use super::manifest::ManifestError;

/// How an image becomes an input: resized, then `(value / 255 - mean) / std` per channel, rows × channels × height × width.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Order of the channels.
    pub channels: ChannelOrder,
    /// Mean per channel, in that order.
    pub mean: [f32; 3],
    /// Standard deviation per channel, in that order.
    pub std: [f32; 3],
    /// To which size.
    pub resize: Resize,
}

/// Order of colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// The size of an input, in pixels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resize {
    /// The shorter side grows to at least `min_side`, the longer shrinks to at most `max_side`,
    /// both are rounded to `multiple_of`.
    Sides {
        /// Least length of the shorter side.
        min_side: u32,
        /// Greatest length of the longer side.
        max_side: u32,
        /// Both sides are multiples of this.
        multiple_of: u32,
    },
    /// Fixed height, width in proportion.
    Height {
        /// Height.
        height: u32,
    },
    /// Fixed height and width; narrower images are padded on the right.
    Padded {
        /// Height.
        height: u32,
        /// Width.
        width: u32,
    },
    /// The shorter side becomes `short_side`, then the middle is cut out.
    CentreCrop {
        /// Length of the shorter side before the cut.
        short_side: u32,
        /// Side of the square cut out.
        side: u32,
    },
}

/// How an output is read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Postprocess {
    /// A map of text probability becomes boxes.
    Db {
        /// Least probability of a text pixel.
        threshold: f32,
        /// Least mean probability of a box.
        box_threshold: f32,
        /// How far a box grows: area × ratio / perimeter.
        unclip_ratio: f32,
        /// Whether the map is dilated by 2 × 2 pixels first.
        dilation: bool,
        /// Boxes examined at most.
        max_candidates: u32,
    },
    /// Steps of class probabilities become text: repeats collapse, blanks drop.
    Ctc {
        /// Index of the blank.
        blank: u32,
        /// Key of the ONNX metadata that holds the characters, one a line, from index 1.
        characters: String,
        /// Least mean probability of a line that is kept.
        min_score: f32,
    },
    /// Class probabilities; the best class counts from `threshold` on.
    Classes {
        /// Least probability of a class that is acted on.
        threshold: f32,
    },
}

/// How much a model may be given at once, on the processor and on a CUDA device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchLimits {
    /// Rows at most.
    pub max_rows: u32,
    /// Padded input values at most, all rows together.
    pub max_values: u32,
    /// Other limits on a CUDA device, which is idle when given little.
    pub cuda: Option<CudaLimits>,
}

/// How much a model may be given at once on a CUDA device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CudaLimits {
    /// Rows at most.
    pub max_rows: u32,
    /// Padded input values at most, all rows together.
    pub max_values: u32,
}

impl BatchLimits {
    /// Most rows and most values.
    pub fn on(&self, is_cuda: bool) -> (usize, usize) {
        let (rows, values) = match &self.cuda {
            Some(it) if is_cuda => (it.max_rows, it.max_values),
            _ => (self.max_rows, self.max_values),
        };
        (rows as usize, values as usize)
    }
}

/// Isotonic calibration, straight lines between its points (`fenwen train calibrate-idcard`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationTable {
    /// Outcomes it was fitted on.
    pub n: u32,
    /// `[raw score, probability]`, both within 0 to 1, rising.
    pub points: Vec<[f32; 2]>,
}

/// A synthetic input and what the model must answer to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Rows, channels, height, width of the input.
    pub shape: [usize; 4],
    /// Side of the input's squares.
    pub cell: usize,
    /// Which pattern.
    pub seed: u32,
    /// Shape of the first output.
    pub output_shape: Vec<usize>,
    /// Sum of the first output.
    pub sum: f64,
    /// Some values of the first output, `[index, value]`.
    pub points: Vec<(usize, f32)>,
    /// Greatest difference of a value; of the sum, relative to it.
    pub tolerance: f32,
}

impl Golden {
    /// Greatest number of input values.
    pub const MAX_VALUES: usize = 1 << 22;

    /// The input: a white page (1) with a line of black squares (-1), something like print.
    ///
    /// The line fills the middle half of the height and three quarters of the width; each of its squares is black
    /// with a chance of one in four, decided by a hash of the square.
    pub fn input(&self) -> Vec<f32> {
        let [rows, channels, height, width] = self.shape;
        let cell = self.cell.max(1);
        let mut plane = vec![1.0; height * width];
        for (y, row) in plane.chunks_exact_mut(width.max(1)).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                let is_in_line = (height / 4..height - height / 4).contains(&y)
                    && (width / 8..width - width / 8).contains(&x);
                if is_in_line && self.is_ink(y / cell, x / cell) {
                    *value = -1.0;
                }
            }
        }
        plane.repeat(rows * channels)
    }

    /// The first difference between an output and the golden answer, in words.
    pub fn difference(&self, shape: &[usize], values: &[f32]) -> Option<String> {
        if shape != self.output_shape {
            return Some(format!("shape {shape:?} instead of {:?}", self.output_shape));
        }
        let different = different_point(&self.points, values, self.tolerance);
        if different.is_some() {
            return different;
        }
        let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
        let is_close = (sum - self.sum).abs() <= self.sum.abs() * f64::from(self.tolerance);
        (!is_close).then(|| format!("the sum is {sum} instead of {}", self.sum))
    }

    pub(super) fn check_shape(&self) -> Result<(), ManifestError> {
        let product = self.shape.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
        match product {
            Some(1..=Golden::MAX_VALUES) => Ok(()),
            _ => Err(ManifestError::GoldenShape),
        }
    }

    /// A fixed hash of seed and square, so that every machine draws the same pattern.
    fn is_ink(&self, row: usize, column: usize) -> bool {
        let low = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut hash = self.seed.wrapping_mul(0x9E37_79B1)
            ^ low(row).wrapping_mul(0x85EB_CA6B)
            ^ low(column).wrapping_mul(0xC2B2_AE35);
        hash ^= hash >> 15;
        hash = hash.wrapping_mul(0x2C1B_3C6D);
        hash ^= hash >> 12;
        hash & 3 == 0
    }
}

/// A text and what a sentence encoder must answer to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenText {
    /// The text.
    pub text: String,
    /// Its token ids.
    pub ids: Vec<u32>,
    /// Shape of the output.
    pub output_shape: Vec<usize>,
    /// Some values of the output, `[index, value]`.
    pub points: Vec<(usize, f32)>,
    /// Greatest difference of a value.
    pub tolerance: f32,
}

impl GoldenText {
    /// The first difference between an answer and the golden one, in words.
    pub fn difference(&self, ids: &[u32], shape: &[usize], values: &[f32]) -> Option<String> {
        if ids != self.ids {
            return Some(format!("tokens {ids:?} instead of {:?}", self.ids));
        }
        if shape != self.output_shape {
            return Some(format!("shape {shape:?} instead of {:?}", self.output_shape));
        }
        different_point(&self.points, values, self.tolerance)
    }
}

/// The first of `points` that `values` miss by more than `tolerance`, in words.
fn different_point(points: &[(usize, f32)], values: &[f32], tolerance: f32) -> Option<String> {
    points.iter().find_map(|(idx, expected)| {
        let Some(found) = values.get(*idx) else { return Some(format!("no value {idx}")) };
        let is_close = (found - expected).abs() <= tolerance;
        (!is_close).then(|| format!("value {idx} is {found} instead of {expected}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Golden {
        Golden {
            shape: [1, 1, 8, 16],
            cell: 2,
            seed: 2,
            output_shape: vec![1, 2],
            sum: 1.0,
            points: vec![(0, 0.25)],
            tolerance: 0.01,
        }
    }

    #[test]
    fn the_input_is_a_line_of_squares_on_white() {
        let values = golden().input();
        assert_eq!(values.len(), 128);
        assert!(values[..32].iter().all(|value| *value == 1.0), "top margin");
        let n_ink = values.iter().filter(|value| **value == -1.0).count();
        assert!(n_ink > 0 && n_ink < 48 && n_ink % 4 == 0, "{n_ink}");
        let other = Golden { seed: 3, ..golden() };
        assert_ne!(other.input(), values);
    }

    #[test]
    fn differences_are_told() {
        let check = |shape: &[usize], values: &[f32], expected: Option<&str>| {
            let found = golden().difference(shape, values);
            match expected {
                None => assert_eq!(found, None),
                Some(text) => assert!(found.clone().unwrap().contains(text), "{found:?}"),
            }
        };
        check(&[1, 2], &[0.255, 0.745], None);
        check(&[2, 1], &[0.25, 0.75], Some("shape"));
        check(&[1, 2], &[0.30, 0.70], Some("value 0"));
        check(&[1, 2], &[0.25, 0.95], Some("sum"));
        check(&[1, 2], &[f32::NAN, 0.75], Some("value 0"));
        check(&[1, 2], &[0.25, f32::NAN], Some("sum"));
        check(&[1, 2], &[], Some("no value 0"));
    }

    #[test]
    fn differences_of_texts_are_told() {
        let golden = GoldenText {
            text: "甲".to_owned(),
            ids: vec![1, 7, 2],
            output_shape: vec![1, 2],
            points: vec![(1, 0.5)],
            tolerance: 0.01,
        };
        let check = |ids: &[u32], shape: &[usize], values: &[f32], expected: &str| {
            let found = golden.difference(ids, shape, values).unwrap_or_default();
            assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found}");
        };
        check(&[1, 7, 2], &[1, 2], &[9.0, 0.505], "");
        check(&[1, 8, 2], &[1, 2], &[9.0, 0.505], "tokens");
        check(&[1, 7, 2], &[2, 1], &[9.0, 0.505], "shape");
        check(&[1, 7, 2], &[1, 2], &[9.0, 0.52], "value 1");
        check(&[1, 7, 2], &[1, 2], &[9.0, f32::NAN], "value 1");
    }

    #[test]
    fn a_huge_or_empty_input_is_refused() {
        let check = |shape, good: bool| {
            let golden = Golden { shape, ..golden() };
            assert_eq!(golden.check_shape().is_ok(), good, "{shape:?}");
        };
        check([1, 3, 64, 64], true);
        check([0, 3, 64, 64], false);
        check([1, 3, 1 << 20, 64], false);
        check([usize::MAX, 3, 64, 64], false);
    }
}
