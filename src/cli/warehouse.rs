//! `fenwen export`: days of statistics for the data warehouse.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;

use crate::audit::{self, AuditEvent, AuditKey, Phase, Query};
use crate::base::{Date, RequestId, SystemClock};
use crate::config::{Bucket, Config};
use crate::service::events::{Event, ExportReady};
use crate::store::Store;
use crate::warehouse::{self, Call, Day, Exported};

use super::audit::{by_operator, on_record};

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 哪一天(臺灣時間),YYYY-MM-DD;須已結束。未指定時匯出尚未匯出的各日,並重做最近數日
    #[arg(long, value_name = "DATE")]
    day: Option<String>,
    /// 未指定日期時,重做最近幾日:其後才結束的工作補入當日統計
    #[arg(long, value_name = "DAYS", default_value_t = 3, conflicts_with = "day")]
    again: u32,
    /// 輸出目錄;預設為資料目錄下的 exports
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// 其他節點的稽核紀錄目錄(data_dir/audit),其呼叫一併計入 ai_usage_daily;可重複
    #[arg(long, value_name = "DIR")]
    audit: Vec<PathBuf>,
}

/// Exports the days and tells what was written where.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let today = super::routing::today(&SystemClock);
    let out = options.out.clone().unwrap_or_else(|| config.data_dir().join("exports"));
    let days = match &options.day {
        Some(day) => vec![ended(day, today)?],
        None => warehouse::due(&out, today, options.again)
            .with_context(|| format!("無法查看 {} 已匯出的資料", out.display()))?,
    };
    let store = super::jobs::store(config)?;
    let row = by_operator(AuditEvent::ExportMade, "export");
    let exported = on_record(config, row, |row| {
        let mut all = Vec::new();
        for day in days {
            let exported = export(&store, config, (day, &options.audit), &out)?;
            let n_delivered = deliver(config, &exported)?;
            // Who asks for a day by name may do so because its event was lost.
            if options.day.is_some() || 0 < n_delivered || exported.iter().any(|it| it.is_new) {
                tell(&store, day, &exported)?;
            }
            all.extend(exported);
            row.count = Some(all.iter().map(|it| it.n_rows).sum());
        }
        Ok(all)
    })?;
    let mut stdout = std::io::stdout().lock();
    for it in exported {
        let what = if it.is_new { "" } else { "(未變)" };
        writeln!(stdout, "{:<18} {:>8}  {}{what}", it.table, it.n_rows, it.folder.display())?;
    }
    Ok(())
}

/// A day that is over.
fn ended(day: &str, today: Date) -> anyhow::Result<Date> {
    let parsed = Date::parse_iso(day).filter(|it| it.is_real());
    let parsed = parsed.with_context(|| format!("「{day}」不是日期:請寫成 YYYY-MM-DD"))?;
    ensure!(parsed < today, "{parsed} 尚未結束(臺灣時間):請明日再匯出");
    Ok(parsed)
}

/// Writes a day, with the calls of this node and of the nodes whose audit logs are told.
fn export(
    store: &Store,
    config: &Config,
    (day, audits): (Date, &[PathBuf]),
    out: &Path,
) -> anyhow::Result<Vec<Exported>> {
    let calls =
        calls(config, audits, day).with_context(|| format!("無法讀取稽核紀錄中 {day} 的呼叫"))?;
    // The key of the audit log's checkpoints: whoever receives both needs one public key.
    let key = AuditKey::open(&config.data_dir().join("keys")).context("無法開啟簽章金鑰")?;
    let sign = |bytes: &[u8]| key.sign(bytes);
    warehouse::export(store, &Day { day, calls: &calls, sign: &sign }, out)
        .with_context(|| format!("無法匯出 {day} 至 {}", out.display()))
}

/// Brings a day to the bucket of the settings; how many tables of it were not there as they are.
fn deliver(config: &Config, exported: &[Exported]) -> anyhow::Result<usize> {
    if !config.warehouse.delivers() {
        return Ok(0);
    }
    deliver_to(&config.warehouse.s3, exported).context("無法送至 warehouse.s3")
}

#[cfg(feature = "s3")]
fn deliver_to(settings: &Bucket, exported: &[Exported]) -> anyhow::Result<usize> {
    let bucket = super::jobs::bucket(settings)?;
    super::retention::runtime()?.block_on(async {
        let mut n_delivered = 0;
        for it in exported {
            n_delivered += usize::from(warehouse::deliver(it, &bucket).await?);
        }
        Ok(n_delivered)
    })
}

#[cfg(not(feature = "s3"))]
fn deliver_to(settings: &Bucket, _: &[Exported]) -> anyhow::Result<usize> {
    // Says that this program cannot.
    super::jobs::bucket(settings).map(|_| 0)
}

/// The calls of a day that this node answered, and those of the other audit logs.
fn calls(config: &Config, others: &[PathBuf], day: Date) -> anyhow::Result<Vec<Call>> {
    let own = config.data_dir().join("audit");
    // A folder that is told is there; a new node has none yet. What is told twice is counted once.
    let mut folders = BTreeSet::new();
    for other in others {
        let found =
            other.canonicalize().with_context(|| format!("無法讀取 {}", other.display()))?;
        ensure!(found.is_dir(), "{} 不是資料夾", other.display());
        folders.insert(found);
    }
    folders.extend(own.canonicalize().ok().filter(|it| it.is_dir()));
    let time = day.midnight_in_taiwan()..day.next_day().midnight_in_taiwan();
    let mut calls = Vec::new();
    for folder in folders {
        audit::search(&folder, &Query { time: time.clone(), ..Query::default() }, |row| {
            let is_call = matches!(row.event, AuditEvent::ApiCalled | AuditEvent::BusCalled);
            if let (true, Some(Phase::Close), Some(status)) = (is_call, row.phase, row.status) {
                let took_ms = row.duration_ms.unwrap_or_default();
                calls.push(Call { client: row.client, operation: row.action, status, took_ms });
            }
        })?;
    }
    Ok(calls)
}

/// Tells whoever waits for the tables.
fn tell(store: &Store, day: Date, exported: &[Exported]) -> anyhow::Result<()> {
    let export_id = RequestId::fresh(&SystemClock).to_string();
    let event = ExportReady {
        export_id: export_id.clone(),
        day: day.to_string(),
        tables: u32::try_from(exported.len()).unwrap_or(u32::MAX),
        rows: exported.iter().map(|it| it.n_rows).sum(),
        manifest_sha256: warehouse::fingerprint(exported)?,
    };
    super::outbox::tell(store, &Event::ExportReady(event), format!("exports/{export_id}"))
        .context("資料表已寫入,但其事件未寫入:請以 --day 再匯出一次")
}
