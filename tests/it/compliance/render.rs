//! The table as a page for people who review it.

use std::fmt::Write;

use super::evidence::Evidence;
use super::{Controls, Map, Row};

const HEAD: &str = "# 法遵對照\n\n\
本頁由 `controls.toml` 產生(`UPDATE_EXPECT=1 cargo test --test it compliance`),測試確認每個編號各有一列、每項證據都存在;\
`make compliance` 列出全部並於缺漏時失敗。防護基準以「高」級為目標。\n\n\
狀態:「符合」為證據齊全;「部分」為尚有未達之處,列於說明。\n\n";

/// The whole page.
pub(super) fn page(controls: &Controls) -> String {
    let mut page = HEAD.to_owned();
    let (baseline, plan): (Vec<&Row>, Vec<&Row>) =
        controls.row.iter().partition(|it| it.is_baseline());
    for (title, rows) in [("資通系統防護基準", &baseline), ("計畫需求", &plan)] {
        let count = |state: &str| rows.iter().filter(|it| it.state() == state).count();
        let counts: Vec<String> = ["符合", "部分"].map(|it| format!("{it} {}", count(it))).to_vec();
        let _ = write!(page, "## {title}\n\n共 {} 項:{}。\n\n", rows.len(), counts.join("、"));
        page.push_str(
            "| 編號 | 級別 | 控制措施 | 作法 | 證據 | 狀態 |\n|---|---|---|---|---|---|\n",
        );
        for row in rows {
            page.push_str(&line(row));
        }
        page.push('\n');
    }
    for map in &controls.map {
        page.push_str(&standard(map));
    }
    let _ = page.pop();
    page
}

fn line(row: &Row) -> String {
    let evidence: Vec<String> = row.evidence.iter().map(link).collect();
    let mut state = row.state().to_owned();
    if let Some(note) = &row.gap {
        let _ = write!(state, ":{note}");
    }
    format!(
        "| {} | {} | {} | {} | {} | {state} |\n",
        row.id,
        row.level,
        row.control,
        row.how,
        evidence.join("<br>")
    )
}

/// A link from `docs/compliance/`.
fn link(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Test { file, function } => format!("[{function}](../../{file})"),
        Evidence::Doc { file, heading } => {
            let name = file.rsplit('/').next().unwrap_or(file);
            let title = heading.as_deref().unwrap_or(name);
            format!("[{title}](../../{file})")
        }
        Evidence::Setting(key) => format!("設定 `{key}`"),
        Evidence::Make(target) => format!("`make {target}`"),
        Evidence::Sibling { who, why } => format!("{who}:{why}"),
    }
}

fn standard(map: &Map) -> String {
    let mut text = format!("## {}\n\n| 條次 | 項目 | 對應 |\n|---|---|---|\n", map.standard);
    for entry in &map.entries {
        let _ = writeln!(text, "| {} | {} | {} |", entry.id, entry.title, entry.rows.join("、"));
    }
    text.push('\n');
    text
}
