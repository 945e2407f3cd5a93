//! Puts a backup back into an empty data directory, and checks that all of it is there.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::audit::{self, AuditEvent, Word};
use crate::base::PublicKey;
use crate::config::Config;
use crate::store::{Snapshot, Store};

use super::manifest::{self, Manifest, NeededKey};
use super::{AUDIT, AUDIT_KEY, BLOBS, DATABASE, FOLDERS, RestoreOptions};
use crate::cli::audit::{by_operator, on_record};
use crate::cli::{jobs, retention, subject};

/// Runs the command.
pub(in crate::cli) fn restore(options: &RestoreOptions, config: &Config) -> anyhow::Result<()> {
    let data = config.data_dir();
    let manifest = Manifest::checked(&options.dir)?;
    require_empty(&data)?;
    if let Some(keys) = &options.keys {
        ensure!(keys.is_dir(), "{} 不是資料夾:請以 --keys 指定金鑰的資料夾", keys.display());
    }
    put_all(options, &manifest, config).with_context(|| {
        let data = data.display();
        format!(
            "未完成還原:請勿以 {data} 啟動服務;依原因處理(金鑰由保險箱取回,以 --keys 指定),清空其中金鑰以外的內容後再試"
        )
    })
}

fn put_all(options: &RestoreOptions, manifest: &Manifest, config: &Config) -> anyhow::Result<()> {
    let (dir, data) = (&options.dir, config.data_dir());
    if let Some(keys) = &options.keys {
        manifest::copy_all(keys, &data.join("keys"))?;
    }
    put_back(dir, &data, config)?;
    if options.verify && manifest.engine == "sqlite" {
        let counts = Snapshot::open(&data.join(DATABASE))?.counts()?;
        ensure!(counts == manifest.counts, "有資料表的列數與寫入時不同");
    }
    let store = jobs::store(config).context("金鑰與備份不符")?;
    require_keys(&manifest.keys, &store)?;
    let n_blobs = put_blobs(dir, &store, config)?;
    let n_whole = if options.verify { verify(dir, manifest, &store, config)? } else { 0 };
    let row = by_operator(AuditEvent::BackupRestored, "restore");
    let n_erased = on_record(config, row, |row| {
        row.object = Word::new(&format!("backups/{}", Manifest::digest(dir)?));
        subject::replay(options.erasures.as_deref(), &store, config)
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "已還原 {} 的備份:{n_blobs} 段內容。", manifest.made)?;
    if options.verify {
        writeln!(
            out,
            "核對相符:{} 張資料表、{} 條稽核鏈、{n_whole} 份內容。",
            manifest.counts.len(),
            manifest.chains.len()
        )?;
    }
    writeln!(out, "重新執行刪除清單,刪除 {n_erased} 筆。")?;
    if options.erasures.is_none() {
        writeln!(out, "未指定 --erasures:備份之後核准的刪除,請取得清單後再執行。")?;
    }
    Ok(())
}

/// A data directory with anything but keys in it is somebody's.
fn require_empty(data: &Path) -> anyhow::Result<()> {
    if !data.try_exists()? {
        return Ok(());
    }
    for it in fs::read_dir(data).with_context(|| format!("無法列出 {}", data.display()))? {
        let name = it?.file_name();
        ensure!(name == "keys", "{} 不是空的:請還原至只有金鑰的新資料目錄", data.display());
    }
    Ok(())
}

fn put_back(dir: &Path, data: &Path, config: &Config) -> anyhow::Result<()> {
    manifest::make_folder(&data.join(AUDIT))?;
    for name in FOLDERS.iter().chain([&AUDIT]) {
        manifest::copy_all(&dir.join(name), &data.join(name))?;
    }
    let database = dir.join(DATABASE);
    if database.is_file() {
        ensure!(
            config.store.engine == crate::config::StoreEngine::Sqlite,
            "備份來自 SQLite:請設定 store.engine = \"sqlite\""
        );
        manifest::copy(&database, &data.join(DATABASE))?;
    }
    Ok(())
}

fn require_keys(needed: &[NeededKey], store: &Store) -> anyhow::Result<()> {
    let here = store.keys();
    let is_here = |it: &NeededKey| {
        here.iter().any(|key| key.number == it.number && key.fingerprint == it.fingerprint)
    };
    let missing: Vec<String> = needed
        .iter()
        .filter(|it| !is_here(it))
        .map(|it| format!("{} {}", it.number, it.fingerprint))
        .collect();
    ensure!(missing.is_empty(), "缺少備份所用的金鑰:{}", missing.join(", "));
    Ok(())
}

/// Puts the sealed parts back where the settings say; how many.
fn put_blobs(dir: &Path, store: &Store, config: &Config) -> anyhow::Result<usize> {
    let blobs = jobs::blobs(config, store)?;
    let runtime = retention::runtime()?;
    let parts = store.part_places().wait()?;
    for part in &parts {
        let path = dir.join(BLOBS).join(&part.0).join(&part.1);
        let sealed =
            fs::read(&path).with_context(|| format!("備份缺少內容的一部分:{}", path.display()))?;
        runtime.block_on(blobs.put_sealed_part(part, sealed))?;
    }
    Ok(parts.len())
}

/// Compares the chains of the audit log, and opens and hashes every blob; how many.
fn verify(
    dir: &Path,
    manifest: &Manifest,
    store: &Store,
    config: &Config,
) -> anyhow::Result<usize> {
    let folder = config.data_dir().join(AUDIT);
    let key = PublicKey::read(&dir.join(AUDIT_KEY))?;
    let reports = audit::verify(&folder, &key)?;
    if let Some((report, finding)) =
        reports.iter().find_map(|it| it.finding.map(|finding| (it, finding)))
    {
        anyhow::bail!("稽核鏈 {} 不完整:{finding}", report.chain);
    }
    ensure!(audit::heads(&folder)? == manifest.chains, "稽核鏈的末端與寫入時不同");
    let blobs = jobs::blobs(config, store)?;
    let runtime = retention::runtime()?;
    let complete = store.complete_blobs().wait()?;
    for id in &complete {
        let is_whole = runtime.block_on(blobs.is_whole(id));
        ensure!(is_whole.with_context(|| format!("內容 {id} 無法解密"))?, "內容 {id} 與保存時不同");
    }
    Ok(complete.len())
}
