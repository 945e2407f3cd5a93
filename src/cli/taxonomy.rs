//! `fenwen taxonomy`: the tree of units from a table of another system, as the next version.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use clap::Subcommand;

use crate::audit::{AuditEvent, Row, Word};
use crate::base::{Clock, Date, SystemClock};
use crate::config::Config;
use crate::pipeline::documents::taxonomy::Taxonomy;
use crate::pipeline::documents::unit_tree;
use crate::registry::digest_of;
use crate::service::routing::Routing;
use crate::task::call::CallError;
use crate::task::service::ServiceName;
use crate::task::taxonomy::TaxonomyComparison;

use super::audit::{by_operator, on_record};
use super::words::name;
use super::{jobs, routing};

/// Largest table, in bytes.
const MAX_TABLE: u64 = 4 << 20;

/// What operators do with units.
#[derive(Debug, Subcommand)]
pub(super) enum TaxonomyCommand {
    /// 由單位表(CSV:單位代碼、上級單位代碼、單位名稱,選填別名、起日、迄日、職掌)做成下一版;先只試算,--apply 才加入
    Import {
        /// 單位表(UTF-8)
        file: PathBuf,
        /// 新版本的名稱
        #[arg(long = "as", value_name = "VERSION", value_parser = name)]
        name: String,
        /// 自哪一日起適用(YYYY-MM-DD);表上沒有的單位於該日裁撤
        #[arg(long, value_name = "DAY")]
        on: String,
        /// 機關代碼
        #[arg(long, default_value = "301000000A", value_parser = name)]
        org: String,
        /// 將做成的版本寫入檔案,供簽署或檢視
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// 加入
        #[arg(long)]
        apply: bool,
    },
}

/// Runs the command.
pub(super) fn run(command: TaxonomyCommand, config: &Config) -> anyhow::Result<()> {
    let TaxonomyCommand::Import { file, name: version, on, org, out, apply } = command;
    let on = Date::parse_iso(&on).with_context(|| format!("--on {on}:請寫成 YYYY-MM-DD"))?;
    let store = jobs::store(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tenants = routing::open(config, &ServiceName::ALL, &store, &clock)?;
    let own = tenants.of(&org);
    own.refresh_taxonomy().context("無法讀取單位表的版本")?;
    let text = next(own, &table(&file)?, &version, on)?;
    let made = Taxonomy::parse(&text)?;
    ensure!(made.tenant() == org, "「{org}」沒有單位:請見 [[tenants]]");
    if let Some(out) = out {
        std::fs::write(&out, &text).with_context(|| format!("無法寫入 {}", out.display()))?;
    }
    let compared = own.compare_taxonomy(&text, on).map_err(told)?;
    print(&compared, &text)?;
    if !apply {
        writeln!(std::io::stdout(), "以上為試算,尚未加入;確認後加上 --apply。")?;
        return Ok(());
    }
    let object = Word::new(&format!("taxonomies/{org}"));
    let row = Row { object, ..by_operator(AuditEvent::TaxonomyAdded, "taxonomy import") };
    on_record(config, row, |_| own.add_taxonomy(&text, on).map_err(told))?;
    writeln!(std::io::stdout(), "已加入 {version},自 {on} 起適用。")?;
    Ok(())
}

fn table(file: &Path) -> anyhow::Result<String> {
    let failed = || format!("無法讀取 {}", file.display());
    let size = std::fs::metadata(file).with_context(failed)?.len();
    ensure!(size <= MAX_TABLE, "{} 大於 {MAX_TABLE} 位元組", file.display());
    let bytes = std::fs::read(file).with_context(failed)?;
    String::from_utf8(bytes).with_context(|| format!("{} 不是 UTF-8", file.display()))
}

/// The next version: the table's units, and the past of those that hold now.
fn next(own: &Routing, table: &str, version: &str, on: Date) -> anyhow::Result<String> {
    let before = own.taxonomy();
    Ok(unit_tree::from_csv(table, &before, version, on)?)
}

/// A refusal in one line.
fn told(error: CallError) -> anyhow::Error {
    anyhow!("{}", error.message)
}

fn print(found: &TaxonomyComparison, text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "版本 {}(sha256 {})", found.version, digest_of(text.as_bytes()))?;
    for path in &found.added {
        writeln!(out, "  新增 {path}")?;
    }
    for (path, fields) in &found.changed {
        let what = if fields.contains(&"to") { "裁撤或變更" } else { "變更" };
        writeln!(out, "  {what} {path}({})", fields.join("、"))?;
    }
    for path in &found.removed {
        writeln!(out, "  移除 {path}")?;
    }
    for it in &found.labels {
        let unit = |it: &Option<String>| it.clone().unwrap_or("無".to_owned());
        writeln!(
            out,
            "  標籤 {} {}:{} → {}",
            it.service,
            it.label,
            unit(&it.before),
            unit(&it.after)
        )?;
    }
    writeln!(out, "  不變 {} 個單位", found.n_equal)?;
    Ok(())
}
