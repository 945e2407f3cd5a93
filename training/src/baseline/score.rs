//! What a baseline is worth beside the linear classifier.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// Normal quantile of a 95 % interval.
const Z: f64 = 1.959_964;

/// Both methods on the same folds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Name of the recipe.
    pub(super) name: String,
    /// Name of the data file.
    pub(super) data: String,
    /// Kind of the baseline.
    pub(super) kind: &'static str,
    /// Rows.
    pub(super) n: usize,
    /// Labels.
    pub(super) n_labels: usize,
    /// Groups of near-duplicates, which no fold parts.
    pub(super) n_groups: usize,
    /// Folds.
    pub(super) n_folds: usize,
    /// Numbers of a projected text.
    pub(super) width: usize,
    /// The baseline.
    pub(super) baseline: Score,
    /// The linear classifier with the recipe's views and solver.
    pub(super) linear: Score,
    /// Rows that only the baseline got right.
    pub(super) only_baseline: usize,
    /// Rows that only the linear classifier got right.
    pub(super) only_linear: usize,
    /// Rows left out and why.
    pub(super) notes: Vec<String>,
}

/// Out-of-fold numbers of one method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Score {
    /// Share of rows that were answered rightly.
    pub(super) accuracy: f64,
    /// Its Wilson 95 % interval.
    pub(super) interval: (f64, f64),
    /// Mean over the labels of the harmonic mean of precision and recall.
    pub(super) macro_f1: f64,
    /// Training and answering of all folds.
    pub(super) seconds: f64,
}

impl Score {
    /// Compares answers with labels.
    pub(super) fn of(
        answers: &[usize],
        labels: &[usize],
        n_classes: usize,
        time: Duration,
    ) -> Score {
        let (mut given, mut held) = (vec![0_usize; n_classes], vec![0_usize; n_classes]);
        let mut right = vec![0_usize; n_classes];
        for (answer, label) in answers.iter().zip(labels) {
            given[*answer] += 1;
            held[*label] += 1;
            right[*label] += usize::from(answer == label);
        }
        let f1: Vec<f64> = (0..n_classes)
            .filter(|it| 0 < given[*it] + held[*it])
            .map(|it| 2.0 * right[it] as f64 / (given[it] + held[it]) as f64)
            .collect();
        let (n_right, n) = (right.iter().sum::<usize>(), labels.len());
        Score {
            accuracy: n_right as f64 / n.max(1) as f64,
            interval: wilson(n_right, n),
            macro_f1: f1.iter().sum::<f64>() / f1.len().max(1) as f64,
            seconds: (time.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

/// Wilson's 95 % interval of `k` of `n`.
fn wilson(k: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (n as f64, k as f64 / n as f64);
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

impl Report {
    /// As Markdown; no text of a row is in it.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "# {}\n\n比較用的基準模型:不能啟用於服務(`fenwen models activate` 不接受這個目錄),只用來與線性分類器比較。\n\n\
             資料 `{}`:{} 列,近似重複歸為 {} 組,{} 個標籤;{} 折交叉驗證(近似重複不跨折),兩種方法用同一份切分;\
             基準模型的特徵為字元片段投影成 {} 維。\n\n",
            self.name, self.data, self.n, self.n_groups, self.n_labels, self.n_folds, self.width
        );
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text += "\n| 方法 | 正確率(95 %) | 宏平均 F1 | 秒 |\n|---|---|---|---|\n";
        for (name, it) in [(self.kind, self.baseline), ("linear(本系統)", self.linear)] {
            let (low, high) = it.interval;
            let _ = writeln!(
                text,
                "| {name} | {:.4}({low:.3}–{high:.3}) | {:.4} | {:.1} |",
                it.accuracy, it.macro_f1, it.seconds
            );
        }
        let _ = writeln!(
            text,
            "\n只有基準模型答對 {} 列,只有線性分類器答對 {} 列。",
            self.only_baseline, self.only_linear
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_counted() {
        let score = Score::of(&[0, 0, 1, 1], &[0, 0, 0, 1], 3, Duration::from_millis(1234));
        assert_eq!((score.accuracy, score.seconds), (0.75, 1.2));
        assert!((score.macro_f1 - f64::midpoint(4.0 / 5.0, 2.0 / 3.0)).abs() < 1e-9);
        // Of statsmodels: proportion_confint(3, 4, method="wilson").
        let (low, high) = score.interval;
        assert!((low - 0.300_642).abs() < 1e-4 && (high - 0.954_413).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }
}
