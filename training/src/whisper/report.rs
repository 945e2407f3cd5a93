//! The report and the card of a Whisper that has learned: from what, how, and what it hears. No text of a clip is in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::encoder::output::write_whole;

use super::Task;
use super::clips::{Clip, Clips};
use super::output::{ADAPTERS, MERGED, Made, SERVED};
use super::trainer::Trainer;

/// Writes `report.md`.
pub(super) fn write(
    task: &Task,
    clips: &Clips,
    trainer: &Trainer<'_>,
    made: &Made,
    seconds: f64,
) -> anyhow::Result<()> {
    let mut text = format!("# {}\n\n", task.recipe.name);
    let _ = writeln!(
        text,
        "學習 {} 段、驗證 {} 段錄音,每段另有 {} 份電話副本;{seconds:.1} 秒,{} 執行緒。\n\n\
         | 回 | 訓練損失 | 驗證損失 | 驗證字元錯誤率 | 梯度長 | 秒 |\n|---|---|---|---|---|---|",
        clips.train.len(),
        clips.dev.len(),
        task.recipe.augment.copies,
        task.places.threads
    );
    for (number, it) in (1..).zip(&trainer.state.rounds) {
        let _ = writeln!(
            text,
            "| {number} | {:.4} | {:.4} | {:.4} | {:.3} | {:.1} |",
            it.train_loss, it.dev_loss, it.dev_cer, it.gradient, it.seconds
        );
    }
    let _ = writeln!(text, "\n採用第 {} 回。\n\n{}", trainer.state.best_round, errors(made));
    write_whole(&task.places.out, "report.md", text.as_bytes())
}

fn errors(made: &Made) -> String {
    let percent = |it: f64| format!("{:.2} %", 100.0 * it);
    let mut text = "由推論引擎(candle,貪婪解碼)計算;同一批驗證資料也用來決定何時停止,因此偏樂觀,\
                    請以未參與訓練的錄音另行評測(`fenwen eval speech`)。\n\n\
                    | 字元錯誤率 | 訓練前 | 訓練後 | 字數 |\n|---|---|---|---|\n"
        .to_owned();
    let rows = [
        ("原音", made.before.clean, made.after.clean),
        ("電話副本", made.before.telephone, made.after.telephone),
    ];
    for (name, before, after) in rows.into_iter().filter(|it| 0 < it.1.n_chars) {
        let (old, new) = (percent(before.rate()), percent(after.rate()));
        let _ = writeln!(text, "| {name} | {old} | {new} | {} |", before.n_chars);
    }
    text
}

/// The text of `CARD.md`.
pub(super) fn card(task: &Task, clips: &Clips, made: &Made) -> String {
    let Task { recipe, base, .. } = task;
    let part = &recipe.whisper;
    let mut text = format!("# {}\n\n", recipe.name);
    let _ = writeln!(
        text,
        "以 `{}`(SHA-256 `{}`)為基礎,凍結編碼器,以 LoRA(秩 {},對象 {:?})微調解碼器後併入權重。授權:{}。\n\n\
         | 檔案 | 內容 |\n|---|---|\n\
         | `{SERVED}` | 服務使用的權重,whisper.cpp 與 candle 皆可載入;SHA-256 `{}` |\n\
         | `{MERGED}` | 併入後的權重(單精度) |\n\
         | `{ADAPTERS}` | 僅所學的部分 |\n\n\
         安裝:將上一層目錄設為 `models.manifests`,執行 `fenwen models pull {} --from <本目錄>`,再設 `speech.model`。\n\n\
         ## 資料來源\n\n| 來源 | 學習 | 驗證 |\n|---|---|---|",
        part.model,
        base.sha256(),
        part.rank,
        part.targets,
        part.licence,
        made.sha256,
        recipe.name
    );
    let mut sources: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (side, clips) in [&clips.train, &clips.dev].into_iter().enumerate() {
        for Clip { source, .. } in clips {
            let name = if source.is_empty() { "未註明" } else { source };
            sources.entry(name).or_default()[side] += 1;
        }
    }
    for (name, [train, dev]) in sources {
        let _ = writeln!(text, "| {} | {train} | {dev} |", name.replace('|', "/"));
    }
    let _ = writeln!(text, "\n## 驗證\n\n{}", errors(made));
    text
}
