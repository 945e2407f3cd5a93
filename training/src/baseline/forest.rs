//! A random forest by `smartcore`: trees on bootstrap samples, each split chosen among √width numbers.

use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::{Setting, Split};
use crate::linear::recipe::ForestPart;

/// Trains on a split and answers its test rows.
pub(super) fn answer(
    split: &Split,
    setting: Setting,
    part: &ForestPart,
) -> anyhow::Result<Vec<usize>> {
    let matrix = |it: &ndarray::Array2<f32>| {
        DenseMatrix::new(it.nrows(), it.ncols(), it.iter().copied().collect(), false)
    };
    let parameters = RandomForestClassifierParameters::default()
        .with_n_trees(part.trees)
        .with_min_samples_leaf(part.min_leaf)
        .with_seed(setting.seed);
    let forest = RandomForestClassifier::fit(&matrix(&split.train)?, &split.labels, parameters)?;
    Ok(forest.predict(&matrix(&split.test)?)?)
}
