//! `fenwen retention`: how long data is kept, erasing it, legal holds; and the purge of a server.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::audit::{AuditEvent, Recorder, Row, Word};
use crate::base::{Clock, RequestId, SystemClock, rfc3339};
use crate::config::{Config, DATA_CLASSES};
use crate::service::retention::{Hold, HoldKind, Keep, Purge, Purged};
use crate::service::tenants::Tenants;
use crate::store::Store;

use super::audit::{by_operator, on_record};
use super::{jobs, subject};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a server erases what has expired.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// What operators do with times.
#[derive(Debug, Subcommand)]
pub(super) enum RetentionCommand {
    /// 顯示各類資料的保存期限與處置
    Show {
        /// 輸出個資盤點表(Markdown)
        #[arg(long)]
        inventory: bool,
    },
    /// 立即銷毀逾期的資料(伺服器每分鐘自動執行)
    Run,
    /// 設定保全:停止銷毀指定的資料,直到解除
    Hold(NewHold),
    /// 列出保全,含已解除者
    Holds,
    /// 解除保全
    Lift {
        /// 保全代碼
        id: String,
        /// 核准人
        #[arg(long, value_name = "NAME")]
        approved_by: String,
    },
}

/// A hold to lay.
#[derive(Debug, Args)]
pub(super) struct NewHold {
    #[command(flatten)]
    object: Object,
    /// 理由或公文文號,不得含個人資料
    #[arg(long)]
    reason: String,
    /// 核准人
    #[arg(long, value_name = "NAME")]
    approved_by: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Object {
    /// 工作代碼
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// 預測代碼
    #[arg(long, value_name = "ID")]
    prediction: Option<String>,
    /// 案號
    #[arg(long, value_name = "NO")]
    case: Option<String>,
    /// 當事人:自標準輸入讀取一個識別資料,這裡寫其種類
    #[arg(long, value_enum, value_name = "KIND")]
    subject: Option<subject::Kind>,
}

/// The purge of the store, by the settings.
pub(super) fn purge(config: &Config, store: Store, clock: Arc<dyn Clock>) -> anyhow::Result<Purge> {
    let blobs = jobs::blobs(config, &store)?;
    let days = |n: u64| DAY * u32::try_from(n).unwrap_or(u32::MAX);
    let keep = Keep {
        feedback: days(config.retention.feedback_days),
        events: days(config.retention.event_days),
        deliveries: days(config.retention.webhook_days),
        review_texts: days(config.retention.review_days),
        reviews: days(config.retention.prediction_days),
    };
    Ok(Purge::new(store, blobs, clock, keep))
}

/// Erases what has expired, for as long as it is polled. Each round that erased something is on record.
pub(super) async fn keep_clean(purge: Purge, tenants: Arc<Tenants>, audit: Arc<Recorder>) {
    let purge = Arc::new(purge);
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    let mut looked = purge.now();
    loop {
        ticks.tick().await;
        let record = |purged: &Purged| {
            tenants.forget(&purged.texts);
            // The log counts and tells what it could not write.
            drop(audit.append(row_of(purged)));
        };
        let now = purge.now();
        match rounds(&purge, record).await {
            Ok(0) => (),
            Ok(n) => {
                tracing::info!(n, "expired data was erased");
                blocking("the log of the database was not emptied", &purge, Purge::scrub).await;
            }
            Err(error) => tracing::error!(reason = %error, "expired data was not erased"),
        }
        match purge.erased_since(looked).await {
            Ok(erased) => {
                tenants.forget(&erased);
                looked = now;
            }
            Err(error) => tracing::error!(reason = %error, "erasures were not looked for"),
        }
        blocking("keys were not looked for", &purge, Purge::refresh_keys).await;
    }
}

async fn blocking(
    failure: &'static str,
    purge: &Arc<Purge>,
    work: fn(&Purge) -> Result<(), crate::store::StoreError>,
) {
    let purge = Arc::clone(purge);
    match tokio::task::spawn_blocking(move || work(&purge)).await {
        Ok(Ok(())) => (),
        Ok(Err(error)) => tracing::error!(reason = %error, "{failure}"),
        Err(_) => tracing::error!("{failure}"),
    }
}

/// Rounds until nothing is left; how much was erased.
async fn rounds(
    purge: &Purge,
    mut told: impl FnMut(&Purged),
) -> Result<u64, crate::store::StoreError> {
    let mut n_erased = 0;
    loop {
        let purged = purge.round().await?;
        if purged.total() == 0 {
            return Ok(n_erased);
        }
        n_erased += purged.total();
        told(&purged);
    }
}

fn row_of(purged: &Purged) -> Row {
    let mut row = Row::of_service(AuditEvent::DataPurged, "purge");
    row.count = Some(purged.total());
    row.counts = purged.counts().into_iter().filter(|(_, n)| 0 < *n).collect();
    row
}

/// Runs a command of an operator.
pub(super) fn run(command: RetentionCommand, config: &Config) -> anyhow::Result<()> {
    match command {
        RetentionCommand::Show { inventory: true } => {
            write!(std::io::stdout(), "{}", inventory(config))?;
            Ok(())
        }
        RetentionCommand::Show { inventory: false } => show(config),
        RetentionCommand::Run => run_now(config),
        RetentionCommand::Hold(new) => hold(new, config),
        RetentionCommand::Holds => holds(config),
        RetentionCommand::Lift { id, approved_by } => {
            require_name(&approved_by)?;
            let store = jobs::store(config)?;
            let row = by_operator(AuditEvent::RetentionLifted, "retention lift");
            on_record(config, row, |row| {
                row.object = Word::new(&format!("holds/{id}"));
                let is_lifted =
                    store.lift_hold(&id, &approved_by, SystemClock.unix_time()).wait()?;
                ensure!(is_lifted, "沒有這項有效的保全:請見 `fenwen retention holds`");
                Ok(())
            })?;
            writeln!(std::io::stdout(), "已解除 {id};逾期資料於下一輪銷毀。")?;
            Ok(())
        }
    }
}

fn show(config: &Config) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for class in DATA_CLASSES {
        let (least, most) = (class.in_words(class.range.0), class.in_words(class.range.1));
        let kept = class.in_words(class.value(config));
        writeln!(
            out,
            "{}:{kept}(核定範圍 {least}至 {most},{}),之後{}",
            class.name, class.setting, class.after
        )?;
    }
    Ok(())
}

/// The inventory of personal data, from the table of classes and the settings.
pub fn inventory(config: &Config) -> String {
    let mut text = String::from(
        "# 個資盤點表\n\n本表由 `fenwen retention show --inventory` 依保存期限的設定產生。證件影像與讀到的值只在記憶體中處理,不保存;留下的預測紀錄只有證件種類、欄位名稱、信心度與模型版本。\n\n\
         | 資料 | 個人資料類別 | 特定目的 | 存放與保護 | 保存期限 | 核定範圍 | 設定 | 逾期處置 |\n|---|---|---|---|---|---|---|---|\n",
    );
    for it in DATA_CLASSES {
        let (least, most) = (it.in_words(it.range.0), it.in_words(it.range.1));
        let kept = it.in_words(it.value(config));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {kept} | {least}至 {most} | `{}` | {} |\n",
            it.name, it.personal, it.purpose, it.place, it.setting, it.after
        ));
    }
    text
}

fn run_now(config: &Config) -> anyhow::Result<()> {
    let store = jobs::store(config)?;
    let purge = purge(config, store, Arc::new(SystemClock))?;
    let runtime = runtime()?;
    let audit = super::audit::open(config)?;
    let mut written = Vec::new();
    let record = |purged: &Purged| {
        let row = by_operator(AuditEvent::DataPurged, "retention run");
        let Row { count, counts, .. } = row_of(purged);
        written.push(audit.append(Row { count, counts, ..row }));
    };
    let n_erased = runtime.block_on(rounds(&purge, record))?;
    purge.scrub()?;
    for row in written {
        row.wait().context("已完成,但無法寫入稽核紀錄")?;
    }
    writeln!(std::io::stdout(), "已銷毀 {n_erased} 筆逾期資料。")?;
    Ok(())
}

/// A runtime for a command.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("無法啟動執行環境")
}

fn hold(new: NewHold, config: &Config) -> anyhow::Result<()> {
    require_name(&new.approved_by)?;
    require_name(&new.reason).context("--reason")?;
    let store = jobs::store(config)?;
    let Object { job, prediction, case, subject } = new.object;
    let (kind, object) = match (job, prediction, case, subject) {
        (Some(id), ..) => (HoldKind::Job, id),
        (_, Some(id), ..) => (HoldKind::Prediction, id),
        (_, _, Some(no), _) => (HoldKind::Case, no),
        (.., Some(kind)) => (HoldKind::Subject, kind.read(&store)?.as_str().to_owned()),
        (None, None, None, None) => anyhow::bail!("請指定保全對象:--job、--case 等"),
    };
    let created = SystemClock.unix_time();
    let id = RequestId::at(created).to_string();
    let hold = Hold {
        id: id.clone(),
        kind,
        object,
        reason: new.reason,
        approver: new.approved_by,
        created,
        lifted: None,
        org: None,
    };
    let row = by_operator(AuditEvent::RetentionHeld, "retention hold");
    on_record(config, row, |row| {
        row.object = Word::new(&format!("holds/{id}"));
        row.case_no = (kind == HoldKind::Case).then(|| Word::new(&hold.object)).flatten();
        Ok(store.add_hold(hold).wait()?)
    })?;
    writeln!(std::io::stdout(), "已設定保全 {id}。")?;
    Ok(())
}

fn holds(config: &Config) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for it in jobs::store(config)?.holds().wait()? {
        let lifted = it.lifted.map(|(at, by)| format!(" lifted={} by={by}", rfc3339(at)));
        writeln!(
            out,
            "{} {} {} since={} approved_by={} reason={}{}",
            it.id,
            it.kind.as_str(),
            it.object,
            rfc3339(it.created),
            it.approver,
            it.reason,
            lifted.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// A name or a reason: 1 to 128 characters, none of them a control character, and no blanks around it: with them one person
/// could be two.
pub(super) fn require_name(text: &str) -> anyhow::Result<()> {
    let is_word = !text.is_empty() && text.trim() == text && Word::new(text).is_some();
    ensure!(is_word, "請寫 1 至 128 個字元,不含換行,前後不可有空格");
    Ok(())
}
