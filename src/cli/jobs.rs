//! Jobs from their settings, for a server; and `fenwen jobs`, for operators.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Subcommand;

use crate::audit::{AuditEvent, Word};
use crate::base::{Clock, SystemClock, rfc3339};
use crate::config::{self, BlobEngine, Config, StoreEngine};
use crate::service::jobs::{
    Blobs, Job, JobFilter, JobKind, JobParts, JobRetention, JobSettings, JobState, Jobs,
};
#[cfg(feature = "postgres")]
use crate::store::PostgresTls;
#[cfg(feature = "s3")]
use crate::store::blobs::BlobBucket;
use crate::store::blobs::{BlobFiles, BlobFolder};
use crate::store::{Inspection, Store};

use super::audit::{by_operator, on_record};

/// What operators do with jobs.
#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// 列出工作,新的在前
    List {
        /// 只列出這個狀態:queued、running、succeeded、failed、cancelled、dead
        #[arg(long)]
        state: Option<String>,
        /// 只列出這個服務
        #[arg(long)]
        service: Option<String>,
        /// 只列出這個機關
        #[arg(long)]
        org: Option<String>,
        /// 筆數
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// 顯示一件工作與其經過
    Show {
        /// 工作代碼
        id: String,
    },
    /// 取消工作
    Cancel {
        /// 工作代碼
        id: String,
    },
    /// 將失敗、取消或 dead 的工作重新排隊
    Requeue {
        /// 工作代碼
        id: String,
    },
}

/// Opens the store by the settings.
pub fn store(config: &Config) -> anyhow::Result<Store> {
    let data_dir = config.data_dir();
    std::fs::create_dir_all(&data_dir)
        .with_context(|| format!("無法建立資料目錄 {}", data_dir.display()))?;
    match config.store.engine {
        StoreEngine::Sqlite => Store::open(&data_dir)
            .with_context(|| format!("無法開啟資料庫({})", data_dir.display())),
        StoreEngine::Postgres => postgres(config),
    }
}

/// Opens the store of an installation that is there: a mistyped folder becomes no new one.
pub(super) fn existing_store(config: &Config) -> anyhow::Result<Store> {
    let data_dir = config.data_dir();
    let is_there = config.store.engine != StoreEngine::Sqlite || Store::is_in(&data_dir);
    ensure!(
        is_there,
        "{} 沒有 fenwen 的資料庫:請檢查 --data-dir 或設定檔的 data_dir;新安裝請先執行 fenwen serve",
        data_dir.display()
    );
    store(config)
}

/// Looks at the store of the settings without changing anything.
pub(super) fn inspect(config: &Config) -> anyhow::Result<Inspection> {
    let data_dir = config.data_dir();
    match config.store.engine {
        StoreEngine::Sqlite => Store::inspect(&data_dir)
            .with_context(|| format!("無法開啟資料庫({})", data_dir.display())),
        StoreEngine::Postgres => inspect_postgres(config),
    }
}

#[cfg(feature = "postgres")]
const UNREACHED: &str = "無法開啟 PostgreSQL 資料庫:請檢查 store.url 以及伺服器是否執行中";

#[cfg(feature = "postgres")]
fn postgres(config: &Config) -> anyhow::Result<Store> {
    let (url, tls) = server(config)?;
    Store::connect_over(&tls, &config.data_dir(), url, config.store.connections).context(UNREACHED)
}

#[cfg(feature = "postgres")]
fn inspect_postgres(config: &Config) -> anyhow::Result<Inspection> {
    let (url, tls) = server(config)?;
    Store::inspect_over(&tls, &config.data_dir(), url).context(UNREACHED)
}

/// Address of the database server, and how connections to it are encrypted.
#[cfg(feature = "postgres")]
fn server(config: &Config) -> anyhow::Result<(&str, PostgresTls)> {
    let settings = &config.store;
    let url = settings.url.as_ref().context("缺少 store.url:使用 PostgreSQL 時須設定")?;
    let tls = PostgresTls {
        ca: settings.ca.clone(),
        identity: settings.certificate.clone().zip(settings.key.clone()),
        server_name: settings.server_name.clone(),
    };
    Ok((url.expose(), tls))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &Config) -> anyhow::Result<Store> {
    anyhow::bail!(NO_POSTGRES)
}

#[cfg(not(feature = "postgres"))]
fn inspect_postgres(_: &Config) -> anyhow::Result<Inspection> {
    anyhow::bail!(NO_POSTGRES)
}

#[cfg(not(feature = "postgres"))]
const NO_POSTGRES: &str = "本程式未含 PostgreSQL:請以 feature `postgres` 建置";

/// Jobs over the store, with what can be done.
pub(super) fn jobs(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
    kinds: Vec<Arc<dyn JobKind>>,
) -> anyhow::Result<Arc<Jobs>> {
    let blobs = blobs(config, &store)?;
    let settings = settings(config, clock.as_ref());
    Ok(Jobs::new(JobParts { store, blobs, kinds, clock, settings }))
}

/// The blobs of the store, by the settings.
pub(super) fn blobs(config: &Config, store: &Store) -> anyhow::Result<Blobs> {
    let files: Arc<dyn BlobFiles> = match config.store.blobs {
        BlobEngine::Files => Arc::new(BlobFolder::new(config.data_dir().join("blobs"))),
        BlobEngine::S3 => Arc::new(bucket(&config.store.s3).context("store.s3")?),
    };
    Ok(Blobs::new(store.clone(), files))
}

/// The bucket of these settings.
#[cfg(feature = "s3")]
pub(super) fn bucket(settings: &config::Bucket) -> anyhow::Result<BlobBucket> {
    use crate::store::blobs::BucketPlace;

    let place = BucketPlace {
        endpoint: &settings.endpoint,
        region: &settings.region,
        bucket: &settings.bucket,
        prefix: &settings.prefix,
        access_key: &settings.access_key,
        secret_key: settings.secret_key.as_ref().context("缺少 secret_key")?,
    };
    BlobBucket::open(&place).context("無法開啟儲存桶:請檢查其設定")
}

#[cfg(not(feature = "s3"))]
pub(super) fn bucket(_: &config::Bucket) -> anyhow::Result<BlobFolder> {
    anyhow::bail!("本程式未含 S3:請以 feature `s3` 建置")
}

fn settings(config: &Config, clock: &dyn Clock) -> JobSettings {
    let (jobs, retention) = (&config.jobs, &config.retention);
    let hours = |n: u64| Duration::from_secs(n * 60 * 60);
    let now = clock.unix_time();
    JobSettings {
        lease: Duration::from_secs(jobs.lease_s),
        beat: Duration::from_secs(jobs.lease_s).min(Duration::from_secs(6)) / 3,
        slots: jobs.slots,
        max_attempts: jobs.max_attempts,
        max_queued: jobs.max_queued,
        retention: JobRetention {
            texts: hours(24 * retention.job_days),
            recordings: hours(24 * retention.recording_days),
            transcripts: hours(24 * retention.transcript_days),
        },
        upload: hours(retention.upload_hours),
        repetition: hours(retention.repetition_hours),
        // Nodes that start together must not pause alike.
        seed: now.as_secs() ^ u64::from(now.subsec_nanos()) << 32 ^ u64::from(std::process::id()),
        ..JobSettings::default()
    }
}

/// Runs a command of an operator.
pub(super) fn run(command: JobsCommand, config: &Config) -> anyhow::Result<()> {
    let store = existing_store(config)?;
    let now = SystemClock.unix_time();
    let mut out = std::io::stdout().lock();
    match command {
        JobsCommand::List { state, service, org, limit } => {
            let state = state.map(|it| it.parse::<JobState>());
            let state = state.transpose().map_err(|_| {
                anyhow::anyhow!(
                    "沒有這種狀態:應為 queued、running、succeeded、failed、cancelled、dead 之一"
                )
            })?;
            let filter = JobFilter { state, service, org, limit, ..JobFilter::default() };
            for job in store.jobs(filter).wait()? {
                writeln!(out, "{}", line(&job))?;
            }
        }
        JobsCommand::Show { id } => show(&id, &store, &mut out)?,
        JobsCommand::Cancel { id } => {
            let row = by_operator(AuditEvent::JobCancelled, "jobs cancel");
            let job = on_record(config, row, |row| {
                row.object = object(&id);
                let job = store.cancel(&id, now).wait()?.context(NO_SUCH_JOB)?;
                ensure!(job.cancel_requested, "工作 {id} 已結束,狀態為 {}", job.state);
                Ok(job)
            })?;
            writeln!(out, "{}", line(&job))?;
        }
        JobsCommand::Requeue { id } => {
            let row = by_operator(AuditEvent::JobRequeued, "jobs requeue");
            let job = on_record(config, row, |row| {
                row.object = object(&id);
                let before = store.job(&id).wait()?.context(NO_SUCH_JOB)?;
                store.requeue(&id, now).wait()?.with_context(|| {
                    format!("工作 {id} 無法重新排隊:狀態為 {},或輸入已銷毀", before.state)
                })
            })?;
            writeln!(out, "{}", line(&job))?;
        }
    }
    Ok(())
}

/// Shows a job and what became of it.
fn show(id: &str, store: &Store, out: &mut impl Write) -> anyhow::Result<()> {
    let job = store.job(id).wait()?.context(NO_SUCH_JOB)?;
    writeln!(out, "{}", line(&job))?;
    let mut after = 0;
    loop {
        let events = store.job_events(id, after).wait()?;
        let Some(last) = events.last() else { break };
        after = last.version;
        for event in &events {
            let share = event.progress.map(|it| format!(" {:.0}%", it * 100.0));
            writeln!(
                out,
                "  {} {}{}{}",
                rfc3339(event.created),
                event.state,
                share.unwrap_or_default(),
                event.error.as_ref().map(|it| format!(" {it}")).unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

/// A job in the audit log.
fn object(id: &str) -> Option<Word> {
    Word::new(&format!("jobs/{id}"))
}

/// What is told when an id is unknown.
const NO_SUCH_JOB: &str = "沒有這件工作,或已逾保存期限:請見 `fenwen jobs list`";

/// A job in one line; nothing of its content.
fn line(job: &Job) -> String {
    format!(
        "{} {:<9} {}.{} {} {} {}/{} {}",
        job.id,
        job.state.as_str(),
        job.service,
        job.operation,
        job.org,
        rfc3339(job.created),
        job.attempt,
        job.max_attempts,
        job.error.as_deref().unwrap_or("-"),
    )
}
