//! The audit log from its settings, for servers and commands; and `fenwen audit`, for those who review it.

mod commands;
mod receivers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::audit::{
    Actor, ActorKind, AuditEvent, AuditSettings, Commit, Listener, Outcome, Recorder, Row, Word,
};
use crate::base::{Clock, SystemClock};
use crate::config::Config;

pub(super) use commands::{AuditCommand, run};
pub(super) use receivers::pumps;

/// How the log is kept, by the settings.
pub(super) fn settings(config: &Config) -> AuditSettings {
    let data_dir = config.data_dir();
    let audit = &config.audit;
    let node = audit.node.clone().unwrap_or_else(host);
    AuditSettings {
        segment_bytes: audit.segment_mib << 20,
        retention: Duration::from_secs(audit.retention_days * 24 * 60 * 60),
        min_free_mib: audit.min_free_mib,
        commit: if audit.waits_for_disk(config.profile) { Commit::Disk } else { Commit::System },
        ..AuditSettings::new(data_dir.join("audit"), data_dir.join("keys"), node)
    }
}

/// The name of this machine as a node: letters, digits and hyphens.
fn host() -> String {
    let is_safe = |it: &char| it.is_ascii_alphanumeric() || *it == '-';
    let name: String = super::serve::host().chars().filter(is_safe).take(48).collect();
    if name.is_empty() { "node".to_owned() } else { name }
}

/// Opens the log of this process.
pub(super) fn open(config: &Config) -> anyhow::Result<Arc<Recorder>> {
    let recorder = Recorder::open(settings(config), Arc::new(SystemClock))
        .context("無法開啟稽核紀錄:請檢查資料目錄的 audit 資料夾")?;
    Ok(Arc::new(recorder))
}

/// What an operator did on the command line of this machine.
pub(super) fn by_operator(event: AuditEvent, action: &'static str) -> Row {
    let id = format!("uid:{}", rustix::process::getuid().as_raw());
    let id = Word::new(&id).unwrap_or(Word::of("uid"));
    let actor = Actor::of(ActorKind::Operator, id);
    Row {
        outcome: Some(Outcome::Success),
        ..Row::new(event, Listener::Cli, actor, Word::of(action))
    }
}

/// Does something on record: not at all when the log cannot be opened, and with its outcome. The work may add to the
/// row.
pub(super) fn on_record<T>(
    config: &Config,
    mut row: Row,
    work: impl FnOnce(&mut Row) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let recorder = open(config)?;
    let begun = SystemClock.now();
    let done = work(&mut row);
    if done.is_err() {
        row.outcome = Some(Outcome::Failed);
    }
    row.duration = Some(SystemClock.now().saturating_duration_since(begun));
    let written = recorder.append(row).wait();
    let done = done?;
    written.map_err(|_| anyhow!("已完成,但無法寫入稽核紀錄:請檢查其資料夾"))?;
    Ok(done)
}

/// Records that the server did not start.
pub(super) fn refused(config: &Config) {
    let mut row = by_operator(AuditEvent::ConfigRefused, "serve");
    row.outcome = Some(Outcome::Refused);
    on_record_if_any(config, row);
}

/// Records why a server does not start, where there is a log to record it in.
pub(super) fn on_record_if_any(config: &Config, row: Row) {
    let folder = config.data_dir().join("audit");
    if !folder.is_dir() {
        return;
    }
    // The reason is told anyway; a log that cannot be opened is the lesser failure.
    if let Ok(recorder) = open(config) {
        let _ = recorder.append(row).wait();
    }
}
