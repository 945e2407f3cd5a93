//! Ridge regression on dense vectors in closed form: one hyperplane for each class, ±1 as targets.

use anyhow::ensure;
use ndarray::{Array2, ArrayView1, Axis};

/// Hyperplanes over vectors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planes {
    /// `[class][width]`.
    pub(crate) weights: Array2<f64>,
    /// One for each class.
    pub(crate) bias: Vec<f64>,
}

/// Least `cost · Σ c (w·x + b − y)² + |w|² + b²` for each class, `c` the cost of a row's label.
///
/// `rows` names the rows of `vectors` to learn from, `labels` has the label of every row. Rows of one label cost
/// (rows / labels / its rows) to the power of `balance`.
pub(crate) fn solve(
    vectors: &Array2<f32>,
    labels: &[usize],
    rows: &[usize],
    n_classes: usize,
    Penalty { cost, balance }: Penalty,
) -> anyhow::Result<Planes> {
    let width = vectors.ncols();
    let mut counts = vec![0_usize; n_classes];
    rows.iter().for_each(|it| counts[labels[*it]] += 1);
    let cost_of = |label: usize| {
        cost * (rows.len() as f64 / n_classes as f64 / counts[label].max(1) as f64).powf(balance)
    };
    // A last column of ones makes the bias.
    let mut inputs = Array2::<f64>::ones((rows.len(), width + 1));
    let mut targets = Array2::<f64>::zeros((rows.len(), n_classes));
    for (place, row) in rows.iter().enumerate() {
        let root = cost_of(labels[*row]).sqrt();
        for (to, from) in inputs.row_mut(place).iter_mut().zip(vectors.row(*row)) {
            *to = f64::from(*from);
        }
        inputs.row_mut(place).mapv_inplace(|it| it * root);
        targets.row_mut(place).fill(-root);
        targets[[place, labels[*row]]] = root;
    }
    let mut matrix = inputs.t().dot(&inputs);
    matrix.diag_mut().mapv_inplace(|it| it + 1.0);
    let right = inputs.t().dot(&targets);
    let root = cholesky(matrix)?;
    let mut weights = Array2::zeros((n_classes, width));
    let mut bias = vec![0.0; n_classes];
    for (class, bias) in bias.iter_mut().enumerate() {
        let solved = substitute(&root, right.column(class));
        *bias = solved[width];
        weights.row_mut(class).iter_mut().zip(&solved).for_each(|(to, from)| *to = *from);
    }
    Ok(Planes { weights, bias })
}

/// What errors cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Penalty {
    /// Of an error against the size of the weights.
    pub(crate) cost: f64,
    /// How far rare labels are made up for: 0: not, 1: wholly.
    pub(crate) balance: f64,
}

impl Planes {
    /// One score for each class.
    pub(crate) fn scores(&self, vector: ArrayView1<'_, f32>) -> Vec<f32> {
        let score = |(weights, bias): (ArrayView1<'_, f64>, &f64)| {
            weights.iter().zip(vector).map(|(a, b)| a * f64::from(*b)).sum::<f64>() + bias
        };
        self.weights.axis_iter(Axis(0)).zip(&self.bias).map(|it| narrow(score(it))).collect()
    }
}

/// The lower triangle whose product with its transpose is `matrix`.
fn cholesky(mut matrix: Array2<f64>) -> anyhow::Result<Array2<f64>> {
    for row in 0..matrix.nrows() {
        for column in 0..=row {
            let product: f64 = (0..column).map(|it| matrix[[row, it]] * matrix[[column, it]]).sum();
            let rest = matrix[[row, column]] - product;
            if row == column {
                ensure!(0.0 < rest, "the vectors cannot be solved for");
                matrix[[row, row]] = rest.sqrt();
            } else {
                matrix[[row, column]] = rest / matrix[[column, column]];
            }
        }
    }
    Ok(matrix)
}

/// Solves for `right` with the triangle of [`cholesky`].
fn substitute(root: &Array2<f64>, right: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut values = right.to_vec();
    for row in 0..values.len() {
        let known: f64 = (0..row).map(|it| root[[row, it]] * values[it]).sum();
        values[row] = (values[row] - known) / root[[row, row]];
    }
    for row in (0..values.len()).rev() {
        let known: f64 = (row + 1..values.len()).map(|it| root[[it, row]] * values[it]).sum();
        values[row] = (values[row] - known) / root[[row, row]];
    }
    values
}

#[expect(clippy::cast_possible_truncation, reason = "scores are compared, seven digits suffice")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENALTY: Penalty = Penalty { cost: 2.0, balance: 0.0 };

    fn vectors() -> Array2<f32> {
        Array2::from_shape_vec((4, 2), vec![1.0, 0.0, 0.8, 0.6, 0.0, 1.0, 0.6, 0.8]).unwrap()
    }

    /// The gradient of what is minimised, by hand, is nothing.
    #[test]
    fn the_least_is_found() {
        let (vectors, labels) = (vectors(), [0, 0, 1, 1]);
        let found = solve(&vectors, &labels, &[0, 1, 2], 2, PENALTY).unwrap();
        for class in 0..2 {
            let mut gradient =
                [found.weights[[class, 0]], found.weights[[class, 1]], found.bias[class]];
            for row in 0..3 {
                let target = if labels[row] == class { 1.0 } else { -1.0 };
                let error = f64::from(found.scores(vectors.row(row))[class]) - target;
                gradient[0] += 2.0 * error * f64::from(vectors[[row, 0]]);
                gradient[1] += 2.0 * error * f64::from(vectors[[row, 1]]);
                gradient[2] += 2.0 * error;
            }
            assert!(gradient.iter().all(|it| it.abs() < 1e-5), "{gradient:?}");
        }
        let scores = found.scores(vectors.row(2));
        assert!(scores[0] < scores[1], "{scores:?}");
    }

    #[test]
    fn balance_makes_rare_labels_dear() {
        let labels = [0, 0, 0, 1];
        let bias = |balance: f64| {
            let penalty = Penalty { balance, ..PENALTY };
            solve(&vectors(), &labels, &[0, 1, 2, 3], 2, penalty).unwrap().bias[1]
        };
        assert!(bias(0.0) < bias(1.0));
    }
}
