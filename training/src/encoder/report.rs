//! The report beside a fine-tuned encoder: what it was made from, how it learned, what it scores on the dev part.

use std::fmt::Write as _;

use crate::linear::confidence::{answers, automatic, macro_f1, top_3};
use crate::linear::rows::Rows;

use super::output::{self, Made};
use super::trainer::Trainer;
use super::{Prepared, Task};

/// What was measured at the end.
pub(super) struct Measured<'a> {
    /// What was written.
    pub(super) made: &'a Made,
    /// Of the whole run since it was last begun.
    pub(super) seconds: f64,
}

/// Writes `report.md`; no text of a row is in it.
pub(super) fn write(
    task: &Task,
    rows: &Rows,
    prepared: &Prepared,
    trainer: &Trainer<'_>,
    measured: &Measured<'_>,
) -> anyhow::Result<()> {
    let mut text = format!("# {}\n\n", task.recipe.name);
    let file = task.job.data.file_name();
    let file = file.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let _ = writeln!(
        text,
        "資料 `{file}`,文字欄 `{}`,標籤欄 `{}`:{} 列,近似重複歸為 {} 組,{} 個標籤;\
         學習 {} 列,驗證 {} 列;{} 個詞元;{:.1} 秒,{} 執行緒。\n",
        task.job.text.join(","),
        task.job.label,
        rows.rows.len(),
        prepared.n_groups,
        rows.labels.len(),
        prepared.examples.train.len(),
        prepared.examples.dev.len(),
        prepared.vocabulary.ids().len(),
        measured.seconds,
        task.job.threads
    );
    for note in &rows.notes {
        let _ = writeln!(text, "- {note}");
    }
    curve(&mut text, trainer);
    result(&mut text, rows, trainer, measured.made);
    output::write_whole(&task.job.out, "report.md", text.as_bytes())
}

fn curve(text: &mut String, trainer: &Trainer<'_>) {
    *text += "\n| 回 | 訓練損失 | 驗證損失 | 驗證正確率 | 驗證宏平均 F1 | 梯度長 | 秒 |\n|---|---|---|---|---|---|---|\n";
    for (number, it) in (1..).zip(&trainer.state.rounds) {
        let _ = writeln!(
            text,
            "| {number} | {:.4} | {:.4} | {:.4} | {:.4} | {:.3} | {:.1} |",
            it.train_loss, it.dev_loss, it.accuracy, it.macro_f1, it.gradient, it.seconds
        );
    }
}

fn result(text: &mut String, rows: &Rows, trainer: &Trainer<'_>, made: &Made) {
    let confidence = &made.notes.confidence;
    let answers = answers(&made.dev, confidence);
    let (share, precision) = automatic(&answers, confidence, &rows.labels);
    let _ = writeln!(
        text,
        "\n採用第 {} 回。以下由推論引擎計算;同一批驗證資料也用來決定何時停止與校準,因此偏樂觀,\
         請以未參與訓練的資料另行評分。\n\n\
         | 正確率 | 宏平均 F1 | 前三名 | 承諾精確度 | 門檻 | 自動比例 | 實測精確度 | 與訓練的最大分數差 |\n\
         |---|---|---|---|---|---|---|---|\n\
         | {:.4} | {:.4} | {:.4} | {} | {:.3} | {:.3} | {:.4} | {:.1e} |",
        trainer.state.best_round,
        made.accuracy(),
        macro_f1(&made.dev, rows.labels.len()),
        top_3(&made.dev),
        confidence.precision,
        confidence.threshold,
        share,
        precision,
        made.difference
    );
}
