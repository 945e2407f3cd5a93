//! Tables for the data warehouse: one folder a table and day, de-identified, the same bytes when repeated.
//!
//! ```text
//! <out>/<table>/data-dictionary.json
//! <out>/<table>/dt=2026-11-25/{part-0.csv, part-0.parquet, manifest.sig, manifest.json}
//! ```
//!
//! A row lies in the day on which it happened: what an officer decides later about an older answer is in a later day, under
//! the pseudonym of the answer. Counts of jobs still change after their day; [`due`] names the days to write again.
//!
//! No free text, no names, no case numbers, no time finer than the day. Ids become pseudonyms (HMAC-SHA-256 under a key
//! that stays in the store), so that feedback still finds its answer. Groups below [`MIN_GROUP`] are left out.

mod deliver;
mod manifest;
mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod partition;
mod table;

use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::{Date, Secret, hex};
use crate::store::{Store, StoreError};

use pages::Source;
use partition::Partition;

pub use deliver::{Destination, deliver};
pub use manifest::{SCHEMA_VERSION, schema};
pub use table::{Column, ColumnKind, TABLES, Table};

/// Smallest group of an aggregate that is published.
pub const MIN_GROUP: usize = 5;

/// Bytes of a pseudonym.
const PSEUDONYM_BYTES: usize = 16;

/// Why a day was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error("the store or the bucket failed")]
    Store(#[from] StoreError),
    /// A folder or file.
    #[error("failed to write `{}`", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ExportError {
    fn write(
        path: &Path,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ExportError {
        ExportError::Write { path: path.to_owned(), source: source.into() }
    }
}

/// One table of one day, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The table's name.
    pub table: &'static str,
    /// Its rows of that day.
    pub n_rows: u64,
    /// The folder of the day.
    pub folder: PathBuf,
    /// Whether it differs from what lay there before.
    pub is_new: bool,
}

/// A call that was answered, as the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whose; none where nobody was proven.
    pub client: Option<String>,
    /// Its operation: method and template of the path, or the operation's name on the bus.
    pub operation: String,
    /// Status of the answer, as over HTTP.
    pub status: u16,
    /// Milliseconds.
    pub took_ms: u64,
}

/// Signs bytes: Base64 of an Ed25519 signature, always the same of the same bytes.
pub type Sign<'a> = dyn Fn(&[u8]) -> String + 'a;

/// What is exported of a day.
pub struct Day<'a> {
    /// Which, in Taiwan.
    pub day: Date,
    /// Its calls; those of this node.
    pub calls: &'a [Call],
    /// Signs the manifests, so that a receiver knows whose they are.
    pub sign: &'a Sign<'a>,
}

/// The days to export before `today`, in order: those after the newest that lies below `out`, and the `again` days up to it,
/// whose jobs may have ended meanwhile. Without any it is the day before `today`.
///
/// # Errors
/// When the folder cannot be read.
pub fn due(out: &Path, today: Date, again: u32) -> Result<Vec<Date>, ExportError> {
    let newest = partition::newest(&out.join(TABLES[0].name))?.filter(|it| *it < today);
    let first = match newest {
        Some(newest) => newest.unix_days().saturating_sub(again).saturating_add(1),
        None => today.unix_days().saturating_sub(1),
    };
    Ok((first..today.unix_days()).map(Date::from_unix_days).collect())
}

/// Writes every table of a day below `out`; what is there of that day is replaced.
///
/// Each file appears whole or not at all, the manifest last: a reader that checks its hashes never takes half a day.
///
/// # Errors
/// When the store cannot be read or a file cannot be written.
pub fn export(store: &Store, day: &Day<'_>, out: &Path) -> Result<Vec<Exported>, ExportError> {
    let pseudonyms = Pseudonyms { key: store.pseudonym_key()? };
    let source = Source { store, day: day.day, pseudonyms: &pseudonyms, calls: day.calls };
    TABLES.iter().map(|table| export_table(table, (&source, day.sign), out)).collect()
}

/// SHA-256 of the manifests of an export, by which a receiver knows it.
///
/// # Errors
/// When one cannot be read any more.
pub fn fingerprint(exported: &[Exported]) -> Result<String, ExportError> {
    manifest::fingerprint(exported.iter().map(|it| it.folder.as_path()))
}

fn export_table(
    table: &Table,
    (source, sign): (&Source<'_>, &Sign<'_>),
    out: &Path,
) -> Result<Exported, ExportError> {
    let folder = out.join(table.name);
    let mut partition = Partition::begin(table, &folder.join(format!("dt={}", source.day)))?;
    (table.read)(source, &mut |rows| partition.add(rows))?;
    manifest::write_dictionary(table, &folder)?;
    partition.finish(source.day, sign)
}

/// Names that stand for ids.
struct Pseudonyms {
    key: Secret<Vec<u8>>,
}

impl Pseudonyms {
    /// The pseudonym of an id of a kind: 32 hexadecimal digits.
    fn of(&self, kind: &str, id: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose()) else {
            return String::new();
        };
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(id.as_bytes());
        let digest = mac.finalize().into_bytes();
        hex(&digest[..PSEUDONYM_BYTES])
    }
}
