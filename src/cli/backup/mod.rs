//! `fenwen backup` and `fenwen restore`: everything but the keys, taken while the service runs, and put back checked.

mod make;
mod manifest;
mod prune;
mod restore;

use std::path::PathBuf;

use clap::Args;

pub(super) use make::backup;
pub(super) use restore::restore;

/// Folders of the data directory that are copied as they are.
const FOLDERS: [&str; 4] = ["classifiers", "encoders", "answers", "reviews"];

/// Folder of the sealed parts of blobs in a backup.
const BLOBS: &str = "blobs";

/// Folder of the audit log, in a backup and in the data directory.
const AUDIT: &str = "audit";

/// The public key by which the audit log of a backup is verified.
const AUDIT_KEY: &str = "audit-public.pem";

/// Name of the database.
const DATABASE: &str = "store.sqlite";

/// Where to.
#[derive(Debug, Args)]
pub(super) struct BackupOptions {
    /// 輸出目錄,須尚未存在
    dir: PathBuf,
    /// 備份成功後,刪除同一個上層目錄內滿這個天數的其他備份(臺灣日期)
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    keep_days: Option<u32>,
}

/// Where from.
#[derive(Debug, Args)]
pub(super) struct RestoreOptions {
    /// 備份目錄
    dir: PathBuf,
    /// 還原後逐一核對筆數、稽核鏈與內容雜湊
    #[arg(long)]
    verify: bool,
    /// 由保險箱取回的金鑰目錄;未指定時,金鑰須已在資料目錄的 keys
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// 還原後須重新執行的刪除清單(fenwen subject erasures --out)
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
}
