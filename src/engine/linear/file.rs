//! The model file: safetensors with 8-bit weights, everything checked on the way in.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::{HASH_VERSION, LinearModel, LinearSpec, MAX_ORDER, Rows, Table, View};

/// Key of the description in the file's metadata.
const METADATA: &str = "fenwen.linear";
const FORMAT: u32 = 1;

/// More than any model of ours has, and little enough to be multiplied without thought.
const MAX_CLASSES: usize = 4096;
const MAX_FEATURES: usize = 1 << 24;
const MAX_VIEWS: usize = 16;

/// A trained model before it is quantised and written.
#[derive(Clone, Debug)]
pub struct LinearParts {
    /// What it looks at, and its labels.
    pub spec: LinearSpec,
    /// Keys of the features, each once.
    pub keys: Vec<u32>,
    /// Weight of each feature before the norm.
    pub idf: Vec<f32>,
    /// `[feature][class]`.
    pub weights: Vec<f32>,
    /// One for each class.
    pub bias: Vec<f32>,
}

/// Why a model cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// Not a safetensors file, or a broken one.
    #[error("the file is no safetensors file")]
    Container(#[from] safetensors::SafeTensorError),
    /// The description is missing or cannot be read.
    #[error("the description in the file cannot be read")]
    Description(#[from] serde_json::Error),
    /// The description is missing.
    #[error("the file has no metadata `{METADATA}`")]
    NoDescription,
    /// Made by another version of this program.
    #[error("{what} is version {found}, this program knows version {known}")]
    Version {
        /// What differs.
        what: &'static str,
        /// In the file.
        found: u32,
        /// In this program.
        known: u32,
    },
    /// A number, a length or a value is not possible.
    #[error("{0}")]
    Invalid(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    hash: u32,
    #[serde(flatten)]
    spec: LinearSpec,
}

impl LinearParts {
    /// The bytes of the model file; the same parts give the same bytes.
    ///
    /// # Errors
    /// When the lengths do not fit, a number is not finite, or the model is larger than this program will load.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LinearError> {
        check_spec(&self.spec)?;
        let (n_features, n_classes) = (self.keys.len(), self.spec.classes.len());
        let fits = self.idf.len() == n_features
            && self.bias.len() == n_classes
            && self.weights.len() == n_features * n_classes;
        ensure(fits && n_features <= MAX_FEATURES, "the lengths do not fit")?;
        ensure(all_finite(&[&self.weights, &self.idf, &self.bias]), "a number is not finite")?;
        let (weights, scale) = quantise(&self.weights, n_classes);
        let description =
            Description { format: FORMAT, hash: HASH_VERSION, spec: self.spec.clone() };
        let metadata = HashMap::from([(METADATA.to_owned(), serde_json::to_string(&description)?)]);
        let keys: Vec<u8> = self.keys.iter().flat_map(|it| it.to_le_bytes()).collect();
        let floats =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|it| it.to_le_bytes()).collect() };
        let (idf, scale, bias) = (floats(&self.idf), floats(&scale), floats(&self.bias));
        let tensors = [
            ("bias", TensorView::new(Dtype::F32, vec![n_classes], &bias)?),
            ("idf", TensorView::new(Dtype::F32, vec![n_features], &idf)?),
            ("keys", TensorView::new(Dtype::U32, vec![n_features], &keys)?),
            ("scale", TensorView::new(Dtype::F32, vec![n_classes], &scale)?),
            ("weights", TensorView::new(Dtype::I8, vec![n_features, n_classes], &weights)?),
        ];
        Ok(serialize(tensors, Some(metadata))?)
    }
}

impl LinearModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// When the file is not one of ours, is damaged, or holds numbers that cannot be.
    pub fn load(bytes: &[u8]) -> Result<LinearModel, LinearError> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let text = header.metadata().as_ref().and_then(|it| it.get(METADATA));
        let description: Description =
            serde_json::from_str(text.ok_or(LinearError::NoDescription)?)?;
        check_version("the format", description.format, FORMAT)?;
        check_version("the hash", description.hash, HASH_VERSION)?;
        check_spec(&description.spec)?;
        let n_classes = description.spec.classes.len();
        let file = SafeTensors::deserialize(bytes)?;
        let keys = file.tensor("keys")?;
        let n_features = keys.shape().first().copied().unwrap_or(0);
        ensure(n_features <= MAX_FEATURES, "the model has too many features")?;
        let keys: Vec<u32> = words(&keys, Dtype::U32, n_features, u32::from_le_bytes)?;
        let floats = |name: &str, n: usize| -> Result<Vec<f32>, LinearError> {
            words(&file.tensor(name)?, Dtype::F32, n, f32::from_le_bytes)
        };
        let (idf, scale) = (floats("idf", n_features)?, floats("scale", n_classes)?);
        let bias = floats("bias", n_classes)?;
        ensure(all_finite(&[&idf, &scale, &bias]), "a number is not finite")?;
        let weights = file.tensor("weights")?;
        let fits = weights.dtype() == Dtype::I8 && weights.shape() == [n_features, n_classes];
        ensure(fits, "the weights have another type or shape")?;
        let rows = Rows::new(weights.data(), n_classes);
        let table = Table::new(&keys).ok_or(LinearError::Invalid("a feature comes twice"))?;
        Ok(LinearModel { spec: description.spec, table, idf, rows, scale, bias })
    }

    /// What the file holds, to train on from: the same parts make the same model again.
    pub fn parts(&self) -> LinearParts {
        let mut weights = Vec::with_capacity(self.n_features() * self.scale.len());
        for feature in (0..u32::MAX).take(self.n_features()) {
            let steps = |class: usize| f32::from(self.rows.weight(feature, class));
            weights.extend(self.scale.iter().enumerate().map(|(at, scale)| steps(at) * scale));
        }
        LinearParts {
            spec: self.spec.clone(),
            keys: self.table.keys(),
            idf: self.idf.clone(),
            weights,
            bias: self.bias.clone(),
        }
    }
}

fn check_version(what: &'static str, found: u32, known: u32) -> Result<(), LinearError> {
    if found == known { Ok(()) } else { Err(LinearError::Version { what, found, known }) }
}

fn check_spec(spec: &LinearSpec) -> Result<(), LinearError> {
    ensure(
        (1..=MAX_CLASSES).contains(&spec.classes.len()),
        "the number of classes is not possible",
    )?;
    ensure((1..=MAX_VIEWS).contains(&spec.views.len()), "the number of views is not possible")?;
    for view in &spec.views {
        ensure(view.input < spec.inputs.len(), "a view looks at no input")?;
        let known = view.orders.iter().all(|it| (1..=MAX_ORDER).contains(it));
        ensure(known && !view.orders.is_empty(), "a view has orders that are not possible")?;
    }
    check_shares(&spec.views)
}

/// All views have a share and keys of their own, or none has a share.
fn check_shares(views: &[View]) -> Result<(), LinearError> {
    let shares: Vec<f32> = views.iter().filter_map(|it| it.share).collect();
    if shares.is_empty() {
        return Ok(());
    }
    ensure(shares.len() == views.len(), "some views have a share and others have none")?;
    let possible = shares.iter().all(|it| 0.0 < *it && *it <= 1.0);
    ensure(possible, "a view has a share that is not possible")?;
    let mut fields: Vec<u32> = views.iter().map(|it| it.field).collect();
    fields.sort_unstable();
    let own = fields.windows(2).all(|it| it[0] != it[1]);
    ensure(own, "views with shares have keys in common")
}

fn ensure(holds: bool, what: &'static str) -> Result<(), LinearError> {
    if holds { Ok(()) } else { Err(LinearError::Invalid(what)) }
}

fn all_finite(lists: &[&[f32]]) -> bool {
    lists.iter().all(|list| list.iter().all(|it| it.is_finite()))
}

fn words<T>(
    tensor: &TensorView<'_>,
    dtype: Dtype,
    n: usize,
    from: fn([u8; 4]) -> T,
) -> Result<Vec<T>, LinearError> {
    ensure(tensor.dtype() == dtype && tensor.shape() == [n], "a tensor has another type or shape")?;
    let (words, rest) = tensor.data().as_chunks::<4>();
    ensure(words.len() == n && rest.is_empty(), "a tensor has another length")?;
    Ok(words.iter().map(|it| from(*it)).collect())
}

/// Weights as bytes, row by row, and the size of one step for each class.
fn quantise(weights: &[f32], n_classes: usize) -> (Vec<u8>, Vec<f32>) {
    let mut largest = vec![0.0_f32; n_classes];
    for row in weights.chunks_exact(n_classes) {
        for (largest, weight) in largest.iter_mut().zip(row) {
            *largest = largest.max(weight.abs());
        }
    }
    let scale: Vec<f32> =
        largest.iter().map(|it| if 0.0 < *it { it / f32::from(i8::MAX) } else { 1.0 }).collect();
    let mut bytes = Vec::with_capacity(weights.len());
    for row in weights.chunks_exact(n_classes) {
        bytes.extend(row.iter().zip(&scale).map(|(weight, scale)| step(weight / scale)));
    }
    (bytes, scale)
}

/// The byte of the nearest whole number from −127 to 127.
#[expect(clippy::cast_possible_truncation, reason = "the value was clamped to what the type holds")]
fn step(value: f32) -> u8 {
    let whole = value.round().clamp(-f32::from(i8::MAX), f32::from(i8::MAX)) as i8;
    let [byte] = whole.to_le_bytes();
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::linear::{Scratch, grams};

    fn spec() -> LinearSpec {
        let view = View { input: 0, head: None, orders: vec![1, 2], field: 0, share: None };
        LinearSpec {
            inputs: vec!["text".to_owned()],
            views: vec![view],
            classes: vec!["地政司".to_owned(), "役政司".to_owned()],
        }
    }

    /// Knows 土, 地, 土地 and 役; each speaks for its class.
    fn parts() -> LinearParts {
        let mut keys = Vec::new();
        grams(&['土', '地'], 0, 0b11, |key, _, _| keys.push(key));
        grams(&['役'], 0, 0b11, |key, _, _| keys.push(key));
        keys.swap(1, 2);
        let weights = vec![0.5, -0.5, 0.25, -0.25, 1.0, -1.0, -1.0, 2.0];
        LinearParts {
            spec: spec(),
            keys,
            idf: vec![1.0, 1.0, 2.0, 1.5],
            weights,
            bias: vec![-0.1, 0.2],
        }
    }

    fn model() -> LinearModel {
        LinearModel::load(&parts().to_bytes().unwrap()).unwrap()
    }

    #[test]
    fn scores_are_the_formula() {
        let model = model();
        let text = ['土', '地', '土', '的'];
        let features = model.features(&[&text], &mut Scratch::default());
        assert_eq!((features.len(), features.n_grams()), (3, 7));
        let values = [1.0 + 2.0_f32.ln(), 1.0, 2.0];
        let norm = values.iter().map(|it| it * it).sum::<f32>().sqrt();
        let expected = (0.5 * values[0] + 0.25 * values[1] + 1.0 * values[2]) / norm - 0.1;
        let scores = model.scores(&features);
        assert!((scores[0] - expected).abs() < 0.01, "{scores:?} {expected}");
        assert!(scores[1] < 0.0);
        assert_eq!(model.scores(&model.features(&[&['甲']], &mut Scratch::default())), [-0.1, 0.2]);
        assert_eq!(model.scores(&model.features(&[], &mut Scratch::default())), [-0.1, 0.2]);
    }

    #[test]
    fn a_model_taken_apart_and_put_together_is_the_same() {
        let bytes = parts().to_bytes().unwrap();
        assert_eq!(LinearModel::load(&bytes).unwrap().parts().to_bytes().unwrap(), bytes);
    }

    #[test]
    fn contributions_sum_up_to_the_score() {
        for parts in [parts(), with_shares()] {
            let model = LinearModel::load(&parts.to_bytes().unwrap()).unwrap();
            let text: Vec<char> = "役土地與役".chars().collect();
            let mut scratch = Scratch::default();
            let features = model.features(&[&text], &mut scratch);
            let scores = model.scores(&features);
            let mut sum = |class, other| {
                let parts = model.explain(&[&text], &features, (class, other), &mut scratch);
                assert!(parts.iter().any(|it| (it.start, it.end) == (1, 3)));
                parts.iter().map(|it| it.weight).sum::<f32>()
            };
            for (class, score) in scores.iter().enumerate() {
                assert!((sum(class, None) + model.bias[class] - score).abs() < 1e-5);
            }
            let expected = (scores[0] - model.bias[0]) - (scores[1] - model.bias[1]);
            assert!((sum(0, Some(1)) - expected).abs() < 1e-5);
            assert!((sum(0, Some(9)) + model.bias[0] - scores[0]).abs() < 1e-5);
            assert!(model.explain(&[&text], &features, (2, None), &mut scratch).is_empty());
        }
    }

    /// As [`parts`], and the beginning of a text is a view whose length counts nine times as much.
    fn with_shares() -> LinearParts {
        let mut parts = parts();
        parts.spec.views[0].share = Some(0.1);
        parts.spec.views.push(View {
            head: Some(2),
            field: 1,
            share: Some(0.9),
            ..parts.spec.views[0].clone()
        });
        grams(&['役'], 1, 0b1, |key, _, _| parts.keys.push(key));
        parts.idf.push(0.5);
        parts.weights.extend([-3.0, 3.0]);
        parts
    }

    #[test]
    fn views_have_their_shares_of_the_norm() {
        let model = LinearModel::load(&with_shares().to_bytes().unwrap()).unwrap();
        let mut scratch = Scratch::default();
        let mut values = |text: &str| {
            let chars: Vec<char> = text.chars().collect();
            model.features(&[&chars], &mut scratch).entries
        };
        let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
        let found = values("役土地土地");
        let squares = |of: &[(u32, f32)]| of.iter().map(|it| it.1 * it.1).sum::<f32>();
        let (last, others) = found.split_last().unwrap();
        assert_eq!((last.0, others.len()), (4, 4));
        // 役; 土, 地 and 土地 twice.
        let twice = 1.0 + 2.0_f32.ln();
        let told = [0.1 * (1.5_f32.powi(2) + 6.0 * twice.powi(2)).sqrt(), 0.9 * 0.5];
        let share = told[1] / told.iter().sum::<f32>();
        assert!(near(squares(&[*last]), share), "{found:?}");
        assert!(near(squares(others), 1.0 - share), "{found:?}");
        // Where a view knows nothing, the others are all there is.
        assert!(near(squares(&values("土地役")), 1.0));
        assert!(values("").is_empty());
    }

    #[test]
    fn the_same_parts_give_the_same_bytes() {
        assert_eq!(parts().to_bytes().unwrap(), parts().to_bytes().unwrap());
    }

    #[test]
    fn no_cut_or_flipped_file_panics() {
        let bytes = parts().to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(LinearModel::load(&bytes[..end]).is_err(), "cut at {end}");
        }
        for idx in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[idx] ^= 1 << bit;
                // Either refused, or a model that can be asked.
                if let Ok(model) = LinearModel::load(&flipped) {
                    let text = ['土', '地', '役'];
                    let features = model.features(&[&text], &mut Scratch::default());
                    assert_eq!(model.scores(&features).len(), model.classes().len());
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        fn check(change: impl FnOnce(&mut LinearParts)) {
            let mut parts = parts();
            change(&mut parts);
            let refused = match parts.to_bytes() {
                Ok(bytes) => LinearModel::load(&bytes).is_err(),
                Err(_) => true,
            };
            assert!(refused);
        }
        fn check_second(change: impl FnOnce(&mut View)) {
            check(|it| {
                it.spec = with_shares().spec;
                change(&mut it.spec.views[1]);
            });
        }
        check(|it| it.keys[0] = it.keys[1]);
        check(|it| it.idf[0] = f32::NAN);
        check(|it| it.weights[3] = f32::INFINITY);
        check(|it| it.weights.truncate(7));
        check(|it| it.bias.truncate(1));
        check(|it| it.spec.views[0].input = 1);
        check(|it| it.spec.views[0].orders = vec![9]);
        check(|it| it.spec.views.clear());
        check(|it| it.spec.classes.clear());
        check(|it| it.spec.views[0].share = Some(0.0));
        check(|it| it.spec.views[0].share = Some(f32::NAN));
        check(|it| it.spec.views[0].share = Some(1.5));
        check_second(|it| it.share = None);
        check_second(|it| it.field = 0);
    }

    #[test]
    fn another_hash_is_refused() {
        let bytes = parts().to_bytes().unwrap();
        let name = br#"hash\":"#;
        let at = bytes.windows(name.len()).position(|it| it == name).unwrap() + name.len();
        let mut other = bytes.clone();
        other[at] = b'2';
        assert!(matches!(LinearModel::load(&other), Err(LinearError::Version { found: 2, .. })));
    }
}
