//! The report beside a trained model: what it was made from, and what it scored out of fold.

use std::fmt::Write as _;

use fenwen::pipeline::classify::Confidence;

use super::confidence::{self, Scored, answers, automatic, by_label, macro_f1, top_3};
use super::fusion::Fused;
use super::rows::Rows;
use super::{Job, Outcome};

/// Writes the report; no text of a row is in it.
pub(super) fn markdown(job: &Job, rows: &Rows, outcome: &Outcome) -> String {
    let confidence = &outcome.settings.linear;
    let answers = answers(&outcome.out_of_fold, confidence);
    let n = answers.len();
    let mut text = format!("# {}\n\n", job.recipe.name);
    let name = job.data.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let _ = writeln!(
        text,
        "資料 `{name}`,文字欄 `{}`,標籤欄 `{}`:{n} 列,近似重複歸為 {} 組,{} 個標籤;訓練 {:.1} 秒。\n",
        job.text.join(","),
        job.label,
        outcome.groups,
        rows.labels.len(),
        outcome.seconds
    );
    for note in &rows.notes {
        let _ = writeln!(text, "- {note}");
    }
    let _ = writeln!(
        text,
        "\n以下為 {} 折交叉驗證(近似重複不跨折)的結果,不是封存資料的結果。\n\n\
         | 方法 | 正確率 | 宏平均 F1 | 前三名 | 承諾精確度 | 門檻 | 自動比例 | 實測精確度 |\n\
         |---|---|---|---|---|---|---|---|",
        job.recipe.confidence.folds,
    );
    text += &line("線性", &outcome.out_of_fold, confidence, &rows.labels);
    if let Some(fused) = &outcome.fused {
        let alone = fused.dense.alone(&outcome.out_of_fold);
        let own = confidence::fit(&alone, &rows.labels, &job.recipe.confidence);
        text += &line("語意向量(單獨)", &alone, &own, &rows.labels);
        let name = format!("融合(語意向量權重 {:.2})", fused.fusion.weight);
        text += &line(&name, &fused.scored, &fused.fusion.confidence, &rows.labels);
        text += &about(fused);
    }
    text.push('\n');
    text += "| 標籤 | 列數 | 判為此標籤 | 其中正確 |\n|---|---|---|---|\n";
    let given = by_label(&answers);
    for (class, label) in rows.labels.iter().enumerate() {
        let n_rows = rows.rows.iter().filter(|it| it.label == class).count();
        let (n_given, n_right) = given.get(&class).copied().unwrap_or_default();
        let _ = writeln!(text, "| {label} | {n_rows} | {n_given} | {n_right} |");
    }
    text
}

/// How the encoder's weight was chosen, and how an encoder of the classifier's own has learned.
fn about(fused: &Fused) -> String {
    let tried: Vec<String> =
        fused.tried.iter().map(|(weight, share)| format!("{weight:.2}:{share:.4}")).collect();
    let mut text = format!("\n各權重的正確率:{}。", tried.join("、"));
    if let Some(share) = fused.accuracy_apart {
        let _ = write!(text, "各折的權重改由其餘各折選定時,正確率 {share:.4}。");
    }
    text.push('\n');
    let Some(own) = &fused.dense.own else { return text };
    let _ = writeln!(
        text,
        "\n語句編碼器 `{}`(SHA-256 `{}`)與本模型一同微調;各折的編碼器只評未見過的列,回數固定、取最後一回。\
         推論引擎與訓練的最大分數差 {:.1e}。\n\n| 編碼器 | 各回訓練損失 |\n|---|---|",
        own.id, fused.dense.encoder, own.difference
    );
    for (fold, losses) in (1..).zip(&own.losses) {
        let name = if fold == own.losses.len() {
            "全部資料".to_owned()
        } else {
            format!("第 {fold} 折")
        };
        let losses: Vec<String> = losses.iter().map(|it| format!("{it:.4}")).collect();
        let _ = writeln!(text, "| {name} | {} |", losses.join("、"));
    }
    text
}

/// What one way of scoring is worth, as a row of the table.
fn line(name: &str, scored: &[Scored], confidence: &Confidence, labels: &[String]) -> String {
    let answers = answers(scored, confidence);
    let (share, precision) = automatic(&answers, confidence, labels);
    let n_right = answers.iter().filter(|it| it.is_right).count();
    format!(
        "| {name} | {:.4} | {:.4} | {:.4} | {} | {:.3} | {share:.3} | {precision:.4} |\n",
        n_right as f64 / answers.len().max(1) as f64,
        macro_f1(scored, labels.len()),
        top_3(scored),
        confidence.precision,
        confidence.threshold,
    )
}
