//! The sheet of a monthly review: how often what happened, by whom, with which outcome.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::row::{ActorKind, Outcome, Phase};
use super::{AuditError, AuditEvent, Query, search};

/// Actors of the sheet; the rest are counted together.
const MAX_ACTORS: usize = 50;

/// Counts of a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonthReport {
    /// Events and how they ended; a call is counted once.
    pub events: BTreeMap<(AuditEvent, Option<Outcome>), u64>,
    /// Actors and how what they did ended.
    pub actors: BTreeMap<(ActorKind, String), BTreeMap<Option<Outcome>, u64>>,
    /// Actors who read what is kept of persons while offices were closed, and how often.
    pub off_hours: BTreeMap<(ActorKind, String), u64>,
    /// Calls that were opened and not closed: a crash, or they still run.
    pub n_open: u64,
    /// Lines that are no rows.
    pub n_unreadable: u64,
}

/// Counts the rows of every chain below `folder`.
///
/// # Errors
/// When a file cannot be read.
pub fn report(folder: &Path, time: Range<Duration>) -> Result<MonthReport, AuditError> {
    let mut report = MonthReport::default();
    let (mut n_opened, mut n_closed) = (0_u64, 0);
    let query = Query { time, ..Query::default() };
    let touched = search(folder, &query, |row| {
        match row.phase {
            Some(Phase::Open) => {
                n_opened += 1;
                return;
            }
            Some(Phase::Close) => n_closed += 1,
            None => (),
        }
        *report.events.entry((row.event, row.outcome)).or_default() += 1;
        let actor = (row.actor.kind, row.actor.id);
        if row.off_hours && row.outcome == Some(Outcome::Success) {
            *report.off_hours.entry(actor.clone()).or_default() += 1;
        }
        let actor = report.actors.entry(actor).or_default();
        *actor.entry(row.outcome).or_default() += 1;
    })?;
    report.n_open = n_opened.saturating_sub(n_closed);
    report.n_unreadable = touched.n_unreadable;
    Ok(report)
}

impl MonthReport {
    /// The sheet as Markdown.
    pub fn to_markdown(&self, title: &str) -> String {
        let mut out = format!(
            "# 稽核紀錄月報:{title}\n\n## 事件\n\n| 事件 | 說明 | 結果 | 次數 |\n|---|---|---|---|\n"
        );
        for ((event, outcome), n) in &self.events {
            let (name, title) = (event.name(), event.title());
            // Writing to a string cannot fail.
            let _ = writeln!(out, "| `{name}` | {title} | {} | {n} |", outcome_title(*outcome));
        }
        let _ = writeln!(
            out,
            "\n已受理而無結束紀錄的呼叫:{}(程序中斷,或仍在處理)。無法讀取的列:{}。",
            self.n_open, self.n_unreadable
        );
        out.push_str("\n## 行為人\n\n| 種類 | 識別碼 | 次數 | 其中遭拒(denied) | 其中失敗(failed) |\n|---|---|---|---|---|\n");
        let mut actors: Vec<_> = self.actors.iter().collect();
        actors.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.values().sum::<u64>()));
        for ((kind, id), counts) in actors.iter().take(MAX_ACTORS) {
            let n = counts.values().sum::<u64>();
            let of = |it| counts.get(&Some(it)).copied().unwrap_or_default();
            let (denied, failed) = (of(Outcome::Denied), of(Outcome::Failed));
            let id = id.replace('|', "\\|");
            let _ = writeln!(out, "| {} | {id} | {n} | {denied} | {failed} |", actor_title(*kind));
        }
        if MAX_ACTORS < actors.len() {
            let _ = writeln!(out, "\n另有 {} 個行為人未列。", actors.len() - MAX_ACTORS);
        }
        self.write_off_hours(&mut out);
        out.push_str("\n## 審閱\n\n- [ ] 無異常\n- [ ] 有異常,處理情形:\n\n審閱人:____________ 日期:____________\n");
        out
    }
}

impl MonthReport {
    /// Who read while offices were closed, the most first.
    fn write_off_hours(&self, out: &mut String) {
        let n: u64 = self.off_hours.values().sum();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n## 非上班時間讀取個資\n\n共 {n} 次。");
        if n == 0 {
            return;
        }
        out.push_str("\n| 種類 | 識別碼 | 次數 |\n|---|---|---|\n");
        let mut actors: Vec<_> = self.off_hours.iter().collect();
        actors.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        for ((kind, id), n) in actors.into_iter().take(MAX_ACTORS) {
            let id = id.replace('|', "\\|");
            let _ = writeln!(out, "| {} | {id} | {n} |", actor_title(*kind));
        }
    }
}

fn outcome_title(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Success) => "成功",
        Some(Outcome::Denied) => "無權限",
        Some(Outcome::Refused) => "拒收",
        Some(Outcome::Failed) => "失敗",
        Some(Outcome::Timeout) => "逾時",
        Some(Outcome::Abandoned) => "對方離開",
        None => "–",
    }
}

fn actor_title(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::System => "介接系統",
        ActorKind::Person => "人員",
        ActorKind::Operator => "維運人員",
        ActorKind::Service => "本服務",
        ActorKind::Unknown => "不明",
    }
}
