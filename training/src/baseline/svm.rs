//! Support vector machines by `linfa-svm`: linear kernel, one for each pair of labels, the label with most votes.

use anyhow::ensure;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_svm::Svm;
use ndarray::{Array1, Array2, Axis};

use super::{Setting, Split};
use crate::linear::recipe::SvmPart;

/// Most rows of two labels together: the library keeps all their products, 800 MB of them.
const MAX_PAIR: usize = 10_000;

/// Trains on a split and answers its test rows.
pub(super) fn answer(
    split: &Split,
    setting: Setting,
    part: &SvmPart,
) -> anyhow::Result<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); setting.n_classes];
    for (row, label) in split.labels.iter().enumerate() {
        members[*label].push(row);
    }
    let train = split.train.mapv(f64::from);
    let test = split.test.mapv(f64::from);
    // Votes, then the sum of margins, which decides between labels with as many votes.
    let mut votes = Array2::<f64>::zeros((test.nrows(), setting.n_classes));
    let mut margins = votes.clone();
    for (a, of_a) in members.iter().enumerate() {
        for (b, of_b) in members.iter().enumerate().skip(a + 1) {
            if of_a.is_empty() || of_b.is_empty() {
                continue;
            }
            let rows: Vec<usize> = of_a.iter().chain(of_b).copied().collect();
            ensure!(
                rows.len() <= MAX_PAIR,
                "兩個標籤合計 {} 列,超過 SVM 基準的上限 {MAX_PAIR} 列,請先抽樣",
                rows.len()
            );
            let targets: Array1<bool> = (0..rows.len()).map(|it| it < of_a.len()).collect();
            let pair = DatasetBase::new(train.select(Axis(0), &rows), targets);
            let svm = Svm::<f64, bool>::params()
                .pos_neg_weights(part.cost, part.cost)
                .linear_kernel()
                .fit(&pair)?;
            for (row, numbers) in test.axis_iter(Axis(0)).enumerate() {
                let margin = svm.weighted_sum(&numbers) - svm.rho;
                votes[[row, if 0.0 <= margin { a } else { b }]] += 1.0;
                margins[[row, a]] += margin;
                margins[[row, b]] -= margin;
            }
        }
    }
    let best = |row: usize| {
        let rank = |class: usize| (votes[[row, class]], margins[[row, class]]);
        let better = |best: usize, it: usize| if rank(best) < rank(it) { it } else { best };
        (0..setting.n_classes).reduce(better).unwrap_or(0)
    };
    Ok((0..test.nrows()).map(best).collect())
}
