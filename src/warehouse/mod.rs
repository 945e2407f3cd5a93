//! Tables for the data warehouse: one folder a table and day, de-identified, the same bytes when repeated.
//!
//! ```text
//! <out>/<table>/data-dictionary.json
//! <out>/<table>/dt=2026-11-25/{part-0.csv, part-0.parquet, manifest.json}
//! ```
//!
//! No free text, no names, no case numbers, no time finer than the day. Ids become pseudonyms (HMAC-SHA-256 under a key
//! that stays in the store), so that feedback still finds its answer. Groups below [`MIN_GROUP`] are left out.

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

pub use table::{Column, ColumnKind, TABLES, Table};

/// Smallest group of an aggregate that is published.
pub const MIN_GROUP: usize = 5;

/// Bytes of a pseudonym.
const PSEUDONYM_BYTES: usize = 16;

/// Why a day was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store.
    #[error("failed to read the store")]
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
}

/// Writes every table of a day (in Taiwan) below `out`; what is there of that day is replaced.
///
/// Each file appears whole or not at all, the manifest last: a reader that checks its hashes never takes half a day.
///
/// # Errors
/// When the store cannot be read or a file cannot be written.
pub fn export(store: &Store, day: Date, out: &Path) -> Result<Vec<Exported>, ExportError> {
    let pseudonyms = Pseudonyms { key: store.pseudonym_key()? };
    let source = Source { store, day, pseudonyms: &pseudonyms };
    TABLES.iter().map(|table| export_table(table, &source, out)).collect()
}

/// SHA-256 of the manifests of an export, by which a receiver knows it.
///
/// # Errors
/// When one cannot be read any more.
pub fn fingerprint(exported: &[Exported]) -> Result<String, ExportError> {
    manifest::fingerprint(exported.iter().map(|it| it.folder.as_path()))
}

fn export_table(table: &Table, source: &Source<'_>, out: &Path) -> Result<Exported, ExportError> {
    let folder = out.join(table.name);
    let mut partition = Partition::begin(table, &folder.join(format!("dt={}", source.day)))?;
    (table.read)(source, &mut |rows| partition.add(rows))?;
    manifest::write_dictionary(table, &folder)?;
    let (n_rows, folder) = partition.finish(source.day)?;
    Ok(Exported { table: table.name, n_rows, folder })
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
