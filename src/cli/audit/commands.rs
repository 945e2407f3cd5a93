//! `fenwen audit`: verify, export, report, search; and the public key.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::{by_operator, on_record, settings};
use crate::audit::{self, AuditEvent, AuditKey, Excerpt, Query, RowBody, Word};
use crate::base::{Clock, Date, PublicKey, SystemClock, rfc3339};
use crate::config::Config;

/// Taiwan is 8 hours ahead of UTC, all year.
const TAIPEI_OFFSET: u64 = 8 * 60 * 60;
const DAY: u64 = 24 * 60 * 60;

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuditCommand {
    /// 驗證稽核紀錄未被改動、移除、調換、插入或截去
    Verify {
        /// 稽核目錄或匯出的目錄;預設為資料目錄下的 audit
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// 公開金鑰(PEM);預設為該目錄的 public.pem,否則為本機金鑰
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// 匯出一段期間的紀錄;附公開金鑰與檢查點,可在他處驗證
    Export {
        #[command(flatten)]
        days: Days,
        /// 輸出目錄,須尚未存在
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// 產生月報(Markdown),供定期審閱
    Report {
        /// 月份(臺灣時間),YYYY-MM
        #[arg(long, value_name = "MONTH")]
        month: String,
    },
    /// 查詢行為人於期間內碰觸的對象與案件(JSON,一列一筆)
    Search {
        #[command(flatten)]
        days: Days,
        /// 行為人或介接系統的識別碼
        #[arg(long, value_name = "ID")]
        actor: Option<String>,
        /// 對象,例如 jobs/019a…
        #[arg(long, value_name = "OBJECT")]
        object: Option<String>,
        /// 案號
        #[arg(long, value_name = "NO")]
        case: Option<String>,
    },
    /// 輸出公開金鑰(PEM),請另存他處供驗證
    Key,
}

/// Days in Taiwan.
#[derive(Debug, Args)]
pub(in crate::cli) struct Days {
    /// 首日(臺灣時間),YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    from: String,
    /// 末日(臺灣時間,含當日),YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    to: String,
}

impl Days {
    fn time(&self) -> anyhow::Result<Range<Duration>> {
        let (from, to) = (day(&self.from)?, day(&self.to)?);
        ensure!(from <= to, "--from {from} 晚於 --to {to}");
        Ok(begin(from)..begin(to.next_day()))
    }
}

fn day(text: &str) -> anyhow::Result<Date> {
    Date::parse_iso(text).with_context(|| format!("「{text}」不是日期:請寫成 YYYY-MM-DD"))
}

/// When a day begins in Taiwan, since 1970-01-01T00:00:00Z.
fn begin(day: Date) -> Duration {
    Duration::from_secs((u64::from(day.unix_days()) * DAY).saturating_sub(TAIPEI_OFFSET))
}

/// Runs a command. Whoever reads the log is recorded in it.
pub(in crate::cli) fn run(command: AuditCommand, config: &Config) -> anyhow::Result<()> {
    let folder = settings(config).folder;
    match command {
        AuditCommand::Verify { dir, key } => {
            let dir = dir.unwrap_or(folder);
            verify(&dir, &public_key(key, &dir, config)?)
        }
        AuditCommand::Key => {
            let key = AuditKey::open(&settings(config).keys)?.public();
            write!(std::io::stdout(), "{}", key.to_pem())?;
            Ok(())
        }
        AuditCommand::Export { days, out } => {
            let time = days.time()?;
            let row = by_operator(AuditEvent::AuditExported, "audit export");
            let n =
                on_record(config, row, |row| export(&folder, time, &out, config, &mut row.count))?;
            writeln!(std::io::stdout(), "已匯出 {n} 列至 {}。", out.display())?;
            Ok(())
        }
        AuditCommand::Report { month } => {
            let time = month_of(&month)?;
            let row = by_operator(AuditEvent::AuditRead, "audit report");
            let sheet = on_record(config, row, |_| Ok(audit::report(&folder, time)?))?;
            write!(std::io::stdout(), "{}", sheet.to_markdown(&month))?;
            Ok(())
        }
        AuditCommand::Search { days, actor, object, case } => {
            let query = Query { time: days.time()?, actor, object, case_no: case };
            let row = by_operator(AuditEvent::AuditRead, "audit search");
            on_record(config, row, |row| {
                // Who looked for which case is part of the record.
                row.case_no = query.case_no.as_deref().and_then(Word::new);
                row.object = query.object.as_deref().and_then(Word::new);
                row.count = Some(search(&folder, &query)?);
                Ok(())
            })
        }
    }
}

fn public_key(named: Option<PathBuf>, dir: &Path, config: &Config) -> anyhow::Result<PublicKey> {
    let beside = dir.join("public.pem");
    match named.or_else(|| beside.is_file().then_some(beside)) {
        Some(path) => Ok(PublicKey::read(&path)?),
        None => Ok(AuditKey::open(&settings(config).keys)?.public()),
    }
}

fn verify(dir: &Path, key: &PublicKey) -> anyhow::Result<()> {
    let reports = audit::verify(dir, key)?;
    let mut out = std::io::stdout().lock();
    let mut n_wrong = 0;
    for report in &reports {
        let n_rows = report.last - report.before;
        let chain = &report.chain;
        match report.finding {
            None => writeln!(
                out,
                "{chain}:正確,第 {} 列至第 {} 列共 {n_rows} 列,檢查點 {} 個,其後 {} 列尚未簽署",
                report.before + 1,
                report.last,
                report.n_checkpoints,
                report.n_unsigned
            )?,
            Some(finding) => {
                n_wrong += 1;
                writeln!(out, "{chain}:不正確,{finding}")?;
            }
        }
    }
    ensure!(!reports.is_empty(), "{} 沒有稽核紀錄:請以 --dir 指定其資料夾", dir.display());
    ensure!(n_wrong == 0, "{n_wrong} 條鏈不正確:請保全檔案,並與轉送端的紀錄比對");
    Ok(())
}

fn export(
    folder: &Path,
    time: Range<Duration>,
    out: &Path,
    config: &Config,
    count: &mut Option<u64>,
) -> anyhow::Result<u64> {
    let key = AuditKey::open(&settings(config).keys)?;
    let ts = rfc3339(SystemClock.unix_time());
    let n = audit::excerpt(&Excerpt { folder, time, key: &key, ts: &ts }, out)?;
    *count = Some(n);
    Ok(n)
}

/// `2026-11` as a time in Taiwan.
fn month_of(text: &str) -> anyhow::Result<Range<Duration>> {
    let first = Date::parse_iso(&format!("{text}-01"));
    let first = first.with_context(|| format!("「{text}」不是月份:請寫成 YYYY-MM"))?;
    let mut next = first.next_day();
    while next.day != 1 {
        next = next.next_day();
    }
    Ok(begin(first)..begin(next))
}

fn search(folder: &Path, query: &Query) -> anyhow::Result<u64> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let found = audit::search(folder, query, |row: RowBody| {
        let line = serde_json::to_string(&row).unwrap_or_default();
        failed = failed.take().or(writeln!(out, "{line}").err());
    })?;
    failed.map_or_else(|| out.flush(), Err)?;
    if 0 < found.n_unreadable {
        let n = found.n_unreadable;
        writeln!(std::io::stderr(), "有 {n} 列無法讀取,請執行 fenwen audit verify")?;
    }
    Ok(found.n_rows)
}
