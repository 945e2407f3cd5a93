//! `fenwen key`: the keys that seal what is kept.

use std::io::Write;
use std::time::Duration;

use anyhow::ensure;
use clap::Subcommand;

use crate::audit::{AuditEvent, Word};
use crate::base::{Clock, SystemClock};
use crate::config::Config;
use crate::store::{Progress, Store};

use super::audit::{by_operator, on_record};
use super::jobs;

/// How long a new key must be there before older ones are put away: servers look for it each minute.
const SETTLED: Duration = Duration::from_secs(10 * 60);

/// Passes over everything; what older servers sealed meanwhile is found by the next.
const MAX_PASSES: usize = 5;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// 列出金鑰的編號與指紋,以及尚由舊金鑰保護的筆數
    Status,
    /// 產生新金鑰,並以其重新保護所有資料;服務不需停止
    Rotate {
        /// 不產生新金鑰,只完成中斷的重新保護
        #[arg(long)]
        resume: bool,
    },
    /// 停用不再需要的舊金鑰;檔案改名保留,供還原舊備份
    Retire,
}

/// Runs a command of an operator.
pub(super) fn run(command: KeyCommand, config: &Config) -> anyhow::Result<()> {
    let store = jobs::store(config)?;
    match command {
        KeyCommand::Status => status(&store),
        KeyCommand::Rotate { resume } => rotate(resume, &store, config),
        KeyCommand::Retire => retire(&store, config),
    }
}

fn status(store: &Store) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let keys = store.keys();
    let newest = keys.last().map(|it| it.number);
    for key in &keys {
        let role = if Some(key.number) == newest { "使用中" } else { "只供解密" };
        writeln!(out, "{} {} {role} {}", key.number, key.fingerprint, key.path.display())?;
    }
    writeln!(out, "尚由舊金鑰保護:{} 筆。", store.sealed_before().wait()?)?;
    Ok(())
}

fn rotate(resume: bool, store: &Store, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::KeyRotated, "key rotate");
    let (number, n_sealed) = on_record(config, row, |row| {
        let newest = || store.keys().last().map_or(0, |it| it.number);
        let number = if resume { newest() } else { store.add_key()? };
        row.object = Word::new(&format!("keys/{number}"));
        let n_sealed = seal_all(store)?;
        row.count = Some(n_sealed);
        Ok((number, n_sealed))
    })?;
    let left = store.sealed_before().wait()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "金鑰 {number} 已啟用,重新保護 {n_sealed} 筆,尚餘 {left} 筆。")?;
    writeln!(out, "請將 {} 存入保險箱;多節點時先複製到各節點的金鑰目錄。", place(store))?;
    Ok(())
}

fn place(store: &Store) -> String {
    store.keys().last().map_or_else(String::new, |it| it.path.display().to_string())
}

/// Seals everything anew that the newest key has not sealed; how many values.
pub(super) fn seal_all(store: &Store) -> anyhow::Result<u64> {
    let mut n_sealed = 0;
    for _ in 0..MAX_PASSES {
        let mut progress = Progress::default();
        while let Some(next) = store.seal_anew(progress.clone()).wait()? {
            progress = next;
        }
        n_sealed += progress.n_sealed;
        if progress.n_sealed == 0 {
            break;
        }
    }
    Ok(n_sealed)
}

fn retire(store: &Store, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::KeyRetired, "key retire");
    let files = on_record(config, row, |row| {
        let retired = store.retire_keys(SystemClock.unix_time(), SETTLED);
        let retired = super::retention::runtime()?.block_on(retired)?;
        ensure!(
            retired.is_some(),
            "舊金鑰仍在使用,或最新的金鑰製作未滿 10 分鐘:請執行 `fenwen key rotate --resume`"
        );
        let files = retired.unwrap_or_default();
        row.count = Some(files.len() as u64);
        Ok(files)
    })?;
    let mut out = std::io::stdout().lock();
    for file in &files {
        writeln!(out, "已停用 {};請移入保險箱,最舊的備份銷毀後一併銷毀。", file.display())?;
    }
    writeln!(out, "停用 {} 把金鑰。", files.len())?;
    Ok(())
}
