//! Makes a backup while others write.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::audit::{self, AuditEvent, AuditKey, Head, Word};
use crate::base::{Clock, SystemClock, rfc3339};
use crate::config::{Config, StoreEngine};
use crate::registry::{ModelRegistry, ModelState};
use crate::store::Store;
use crate::store::blobs::Blobs;

use super::manifest::{self, FORMAT, KEYS_NOTE, Manifest, ModelEntry, NeededKey};
use super::prune::prune;
use super::{AUDIT, AUDIT_KEY, BLOBS, BackupOptions, DATABASE, FOLDERS};
use crate::cli::audit::{by_operator, on_record, settings};
use crate::cli::{jobs, models, retention};

/// Copies of the audit log until one verifies: expired segments may be removed under the first.
const AUDIT_COPIES: usize = 3;

/// Runs the command.
pub(in crate::cli) fn backup(options: &BackupOptions, config: &Config) -> anyhow::Result<()> {
    let dir = &options.dir;
    ensure!(!dir.try_exists()?, "{} 已存在:請指定新的資料夾", dir.display());
    let row = by_operator(AuditEvent::BackupMade, "backup");
    require_data(config)?;
    let manifest = on_record(config, row, |row| {
        let manifest = make_whole(dir, config)?;
        row.count = Some(manifest.files.len() as u64);
        row.object = Word::new(&format!("backups/{}", Manifest::digest(dir)?));
        Ok(manifest)
    })?;
    let mut out = std::io::stdout().lock();
    let n_bytes: u64 = manifest.files.iter().map(|it| it.size).sum();
    writeln!(out, "已備份至 {}:{} 個檔案,{n_bytes} 位元組。", dir.display(), manifest.files.len())?;
    writeln!(out, "{KEYS_NOTE}。")?;
    if manifest.engine == "postgres" {
        writeln!(
            out,
            "資料庫請另以 pg_dump 備份:pg_dump --format=custom --file={}/store.dump --dbname=<store.url>",
            dir.display()
        )?;
    }
    // Never before there is a newer one.
    if let Some(days) = options.keep_days {
        let row = by_operator(AuditEvent::DataPurged, "backup");
        let pruned = on_record(config, row, |row| {
            let pruned = prune(dir, days, SystemClock.unix_time())?;
            row.count = Some(pruned.len() as u64);
            Ok(pruned)
        })?;
        for path in pruned {
            writeln!(out, "已刪除滿 {days} 天的備份 {}。", path.display())?;
        }
    }
    Ok(())
}

/// Where nothing was ever kept there is nothing to copy: a new database would be made, and copied for the right one.
fn require_data(config: &Config) -> anyhow::Result<()> {
    let path = config.data_dir().join(DATABASE);
    ensure!(
        config.store.engine != StoreEngine::Sqlite || path.try_exists()?,
        "找不到 {}:請以 --config 或 --data-dir 指定服務的資料目錄",
        path.display()
    );
    Ok(())
}

/// A backup that failed is not left behind: half of one is worth nothing, and stands in the way of the next.
fn make_whole(dir: &Path, config: &Config) -> anyhow::Result<Manifest> {
    make(dir, config).inspect_err(|_| {
        if let Err(error) = std::fs::remove_dir_all(dir)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "failed to remove the backup that was not finished");
        }
    })
}

fn make(dir: &Path, config: &Config) -> anyhow::Result<Manifest> {
    manifest::make_folder(dir)?;
    let store = jobs::existing_store(config)?;
    let blobs = jobs::blobs(config, &store)?;
    let made = rfc3339(SystemClock.unix_time());
    let snapshot = store.snapshot(&dir.join(DATABASE)).context("無法複製資料庫")?;
    let parts = match &snapshot {
        Some(snapshot) => snapshot.part_places()?,
        None => store.part_places().wait()?,
    };
    let gone = retention::runtime()?.block_on(copy_blobs(&parts, (&store, &blobs), dir))?;
    let mut counts = std::collections::BTreeMap::new();
    if let Some(snapshot) = &snapshot {
        for blob in &gone {
            snapshot.destroy(blob)?;
        }
        counts = snapshot.counts()?;
    }
    let engine = if snapshot.is_some() { "sqlite" } else { "postgres" };
    drop(snapshot);
    for name in FOLDERS {
        manifest::copy_all(&config.data_dir().join(name), &dir.join(name))?;
    }
    let chains = copy_audit(dir, config)?;
    // Secrets are shown as `[…]`.
    manifest::write(&dir.join("fenwen.toml"), toml::to_string(config)?.as_bytes())?;
    let key =
        |it: crate::store::StoreKey| NeededKey { number: it.number, fingerprint: it.fingerprint };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        made,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine.to_owned(),
        note: KEYS_NOTE.to_owned(),
        keys: store.keys().into_iter().map(key).collect(),
        counts,
        chains,
        models: installed(config)?,
        files: manifest::entries(dir)?,
    };
    manifest.write(dir)?;
    Ok(manifest)
}

/// Copies the sealed parts of blobs; the blobs that were destroyed meanwhile.
async fn copy_blobs(
    parts: &[crate::store::PartPlace],
    (store, blobs): (&Store, &Blobs),
    dir: &Path,
) -> anyhow::Result<Vec<String>> {
    let mut gone: Vec<String> = Vec::new();
    for part in parts {
        let (blob, place) = part;
        if gone.contains(blob) {
            continue;
        }
        match blobs.sealed_part(part).await {
            Ok(sealed) => manifest::write(&dir.join(BLOBS).join(blob).join(place), &sealed)?,
            // Destroyed, or the part was replaced in a blob that is still being uploaded.
            Err(error) if is_gone(part, store).await? => {
                tracing::debug!(reason = %error, "a blob was destroyed during the backup");
                gone.push(blob.clone());
            }
            Err(error) => return Err(error).context("內容的一部分無法讀取"),
        }
    }
    for blob in &gone {
        let folder = dir.join(BLOBS).join(blob);
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("無法刪除 {}", folder.display()))?;
        }
    }
    Ok(gone)
}

/// Whether a part is no longer where it was, by the database of now.
async fn is_gone(part: &crate::store::PartPlace, store: &Store) -> anyhow::Result<bool> {
    Ok(!store.part_places().await?.contains(part))
}

fn copy_audit(dir: &Path, config: &Config) -> anyhow::Result<Vec<Head>> {
    let key = AuditKey::open(&settings(config).keys)?.public();
    manifest::write(&dir.join(AUDIT_KEY), key.to_pem().as_bytes())?;
    let (from, to) = (settings(config).folder, dir.join(AUDIT));
    for _ in 0..AUDIT_COPIES {
        if to.is_dir() {
            std::fs::remove_dir_all(&to)?;
        }
        audit::copy(&from, &to)?;
        let reports = audit::verify(&to, &key)?;
        if reports.iter().all(|it| it.finding.is_none()) {
            return Ok(audit::heads(&to)?);
        }
    }
    anyhow::bail!("稽核紀錄未通過驗證:備份前請先執行 `fenwen audit verify`")
}

/// Models whose files are here and right.
fn installed(config: &Config) -> anyhow::Result<Vec<ModelEntry>> {
    let registry = ModelRegistry::open(models::settings(config)?)?;
    let mut found = Vec::new();
    for model in registry.models() {
        let manifest = &model.manifest;
        if matches!(registry.check(manifest.id.as_str())?, ModelState::Ready) {
            found.push(ModelEntry {
                id: manifest.id.as_str().to_owned(),
                version: manifest.version.clone(),
                sha256: manifest.files.iter().map(|it| it.sha256.as_str().to_owned()).collect(),
            });
        }
    }
    Ok(found)
}
