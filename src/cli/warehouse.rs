//! `fenwen export`: a day of statistics for the data warehouse.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use crate::audit::AuditEvent;
use crate::base::{Date, RequestId, SystemClock};
use crate::config::Config;
use crate::service::events::{Event, ExportReady};
use crate::store::Store;
use crate::warehouse::{self, Exported};

use super::audit::{by_operator, on_record};

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 哪一天(臺灣時間),YYYY-MM-DD;須已結束
    #[arg(long, value_name = "DATE")]
    day: String,
    /// 輸出目錄;預設為資料目錄下的 exports
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Exports the day and tells what was written where.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let day = Date::parse_iso(&options.day).filter(|it| it.is_real());
    let day = day.with_context(|| format!("`{}` is no day: write YYYY-MM-DD", options.day))?;
    ensure!(
        day < super::routing::today(&SystemClock),
        "{day} is not over yet in Taiwan: export it tomorrow"
    );
    let store = super::jobs::store(config)?;
    let out = options.out.clone().unwrap_or_else(|| config.data_dir().join("exports"));
    let row = by_operator(AuditEvent::ExportMade, "export");
    let exported = on_record(config, row, |row| {
        let exported = warehouse::export(&store, day, &out)
            .with_context(|| format!("failed to export {day} to {}", out.display()))?;
        row.count = Some(exported.iter().map(|it| it.n_rows).sum());
        tell(&store, day, &exported)?;
        Ok(exported)
    })?;
    let mut stdout = std::io::stdout().lock();
    for it in exported {
        writeln!(stdout, "{:<18} {:>8}  {}", it.table, it.n_rows, it.folder.display())?;
    }
    Ok(())
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
        .context("the tables are written, but their event is not: export again")
}
