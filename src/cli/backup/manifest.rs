//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::Head;
use crate::base::hex;

/// Name of the manifest in its folder.
pub(super) const FILE: &str = "manifest.json";

/// The only form there is.
pub(super) const FORMAT: &str = "fenwen-backup/1";

/// What is told of keys, in every backup.
pub(super) const KEYS_NOTE: &str = "金鑰不在備份內:還原時須由保險箱取回指紋相符的金鑰";

/// A backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: String,
    /// When the database was copied (RFC 3339).
    pub(super) made: String,
    /// Version of the program.
    pub(super) program: String,
    /// `sqlite`, or `postgres`, whose database is not in it.
    pub(super) engine: String,
    /// What is told of keys.
    pub(super) note: String,
    /// Keys that are needed to read it.
    pub(super) keys: Vec<NeededKey>,
    /// Rows of each table.
    pub(super) counts: BTreeMap<String, u64>,
    /// Last rows of the audit log.
    pub(super) chains: Vec<Head>,
    /// Models that were there.
    pub(super) models: Vec<ModelEntry>,
    /// Every other file of the folder.
    pub(super) files: Vec<FileEntry>,
}

/// A key by its number and fingerprint.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NeededKey {
    pub(super) number: u16,
    pub(super) fingerprint: String,
}

/// A model by the hashes of its files.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEntry {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) sha256: Vec<String>,
}

/// A file by its path below the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl Manifest {
    /// Reads the manifest of a folder and checks every file that it names; a file too many is refused too.
    pub(super) fn checked(folder: &Path) -> anyhow::Result<Manifest> {
        let path = folder.join(FILE);
        let text = fs::read(&path)
            .with_context(|| format!("{} 不是備份:其中沒有 {FILE}", folder.display()))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .with_context(|| format!("無法讀取 {}", path.display()))?;
        ensure!(manifest.format == FORMAT, "備份來自另一個程式版本:{}", manifest.format);
        let (mut found, mut told) = (entries(folder)?, manifest.files.clone());
        found.sort();
        told.sort();
        let other = told.iter().find(|it| !found.contains(it));
        let other = other.or_else(|| found.iter().find(|it| !told.contains(it)));
        if let Some(file) = other {
            anyhow::bail!("{} 與寫入時不同:備份已損毀", file.path);
        }
        Ok(manifest)
    }

    /// Writes it; the last file of a backup.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        write(&folder.join(FILE), &text)
    }

    /// SHA-256 of the manifest of a folder.
    pub(super) fn digest(folder: &Path) -> anyhow::Result<String> {
        Ok(entry(folder, &folder.join(FILE))?.sha256)
    }
}

/// Every file below the folder, but the manifest.
pub(super) fn entries(folder: &Path) -> anyhow::Result<Vec<FileEntry>> {
    let mut found = Vec::new();
    for path in files(folder)? {
        if path != folder.join(FILE) {
            found.push(entry(folder, &path)?);
        }
    }
    Ok(found)
}

fn entry(folder: &Path, path: &Path) -> anyhow::Result<FileEntry> {
    let told = || format!("無法讀取 {}", path.display());
    let mut file = File::open(path).with_context(told)?;
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let n_read = file.read(&mut buffer).with_context(told)?;
        if n_read == 0 {
            break;
        }
        hasher.update(buffer.get(..n_read).unwrap_or_default());
        size += n_read as u64;
    }
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let path = relative.to_str().context("有檔案的名稱不是文字")?.to_owned();
    Ok(FileEntry { path, size, sha256: hex(&hasher.finalize()) })
}

/// Every file below a folder, in order; links are not followed. None when there is no such folder.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        let listed = fs::read_dir(&folder);
        for it in listed.with_context(|| format!("無法列出 {}", folder.display()))? {
            let it = it?;
            let kind = it.file_type()?;
            if kind.is_dir() {
                folders.push(it.path());
            } else if kind.is_file() {
                found.push(it.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Copies every file below a folder; only their owner reads the copies.
pub(super) fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    for path in files(from)? {
        let relative = path.strip_prefix(from).context("檔案不在其資料夾內")?;
        ensure!(
            relative.components().all(|it| matches!(it, Component::Normal(_))),
            "路徑超出其資料夾"
        );
        copy(&path, &to.join(relative))?;
    }
    Ok(())
}

/// Copies a file that only its owner reads.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let told = || format!("failed to copy {} to {}", from.display(), to.display());
    let mut source = File::open(from).with_context(told)?;
    let mut target = create(to)?;
    std::io::copy(&mut source, &mut target).with_context(told)?;
    target.sync_all().with_context(told)
}

/// Writes a new file that only its owner reads.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("無法寫入 {}", path.display()))
}

fn create(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.with_context(|| format!("無法建立 {}", path.display()))
}

/// A folder that only its owner enters.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("無法建立 {}", folder.display()))
}
