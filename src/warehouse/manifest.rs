//! What goes with the rows: a manifest for each day, a dictionary for each table.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::base::{Date, hex};

use super::partition::write_whole;
use super::table::{TABLES, Table};
use super::{ExportError, MIN_GROUP, Sign};

/// Version of the tables. Within a version tables and columns are only added, columns behind the ones before; it rises when one
/// changes its meaning, its type or its place, or goes away.
pub const SCHEMA_VERSION: u32 = 1;

pub(super) const MANIFEST: &str = "manifest.json";
/// Base64 of the Ed25519 signature over the bytes of the manifest.
pub(super) const SIGNATURE: &str = "manifest.sig";
pub(super) const DICTIONARY: &str = "data-dictionary.json";

#[derive(Serialize)]
struct Manifest<'a> {
    schema_version: u32,
    table: &'a str,
    dt: String,
    rows: u64,
    purpose: &'static str,
    deidentification: Deidentification,
    files: Vec<ManifestFile<'a>>,
}

#[derive(Serialize)]
struct Deidentification {
    ids: &'static str,
    time: &'static str,
    free_text: bool,
    min_group: usize,
}

#[derive(Serialize)]
struct ManifestFile<'a> {
    name: &'a str,
    bytes: u64,
    sha256: String,
}

/// Writes the manifest of a day, which names every file with its hash, behind its signature; whether it differs from the one
/// before.
pub(super) fn write(
    table: &Table,
    (day, sign): (Date, &Sign<'_>),
    n_rows: u64,
    folder: &Path,
    names: &[&str],
) -> Result<bool, ExportError> {
    let files = names.iter().map(|name| file(folder, name)).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        table: table.name,
        dt: day.to_string(),
        rows: n_rows,
        purpose: "statistics",
        deidentification: Deidentification {
            ids: "hmac-sha-256, key kept by the sender",
            time: "day",
            free_text: false,
            min_group: MIN_GROUP,
        },
        files,
    };
    let before = std::fs::read(folder.join(MANIFEST)).ok();
    let text = json(&folder.join(MANIFEST), &manifest)?;
    write_whole(folder, SIGNATURE, (sign(text.as_bytes()) + "\n").as_bytes())?;
    write_whole(folder, MANIFEST, text.as_bytes())?;
    Ok(before.as_deref() != Some(text.as_bytes()))
}

fn file<'a>(folder: &Path, name: &'a str) -> Result<ManifestFile<'a>, ExportError> {
    let path = folder.join(name);
    let (bytes, hash) = hash(&path).map_err(|it| ExportError::write(&path, it))?;
    Ok(ManifestFile { name, bytes, sha256: hex(&hash) })
}

/// Length and SHA-256 of a file.
fn hash(path: &Path) -> io::Result<(u64, Vec<u8>)> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut hasher, mut n_bytes) = (Sha256::new(), 0);
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok((n_bytes, hasher.finalize().to_vec()));
        }
        hasher.update(piece);
        let n = piece.len();
        n_bytes += n as u64;
        file.consume(n);
    }
}

/// SHA-256 of the manifests in these folders, one after another, in lower-case hex.
pub(super) fn fingerprint<'a>(
    folders: impl Iterator<Item = &'a Path>,
) -> Result<String, ExportError> {
    let mut hasher = Sha256::new();
    for folder in folders {
        let path = folder.join(MANIFEST);
        hasher.update(std::fs::read(&path).map_err(|it| ExportError::write(&path, it))?);
    }
    Ok(hex(&hasher.finalize()))
}

#[derive(Serialize)]
struct Dictionary<'a> {
    schema_version: u32,
    table: &'a str,
    title: &'a str,
    sensitivity: &'static str,
    columns: Vec<DictionaryColumn<'a>>,
}

#[derive(Serialize)]
struct DictionaryColumn<'a> {
    name: &'a str,
    title: &'a str,
    meaning: &'a str,
    r#type: &'static str,
}

/// Writes what the columns of a table mean.
pub(super) fn write_dictionary(table: &Table, folder: &Path) -> Result<(), ExportError> {
    let columns = table.columns.iter().map(|it| DictionaryColumn {
        name: it.name,
        title: it.title,
        meaning: it.meaning,
        r#type: it.kind.as_str(),
    });
    let dictionary = Dictionary {
        schema_version: SCHEMA_VERSION,
        table: table.name,
        title: table.title,
        // Rows under pseudonyms stay personal data inside the ministry; only aggregates are open.
        sensitivity: "內部使用:假名化資料,不含姓名、案號與全文",
        columns: columns.collect(),
    };
    let text = json(&folder.join(DICTIONARY), &dictionary)?;
    write_whole(folder, DICTIONARY, text.as_bytes())
}

fn json(path: &Path, value: &impl Serialize) -> Result<String, ExportError> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(|it| ExportError::write(path, it))? + "\n")
}

/// The tables with their columns and types, one a line, as committed in `docs/reference/warehouse.txt`.
pub fn schema() -> String {
    let mut lines = format!("schema_version {SCHEMA_VERSION}\n");
    for table in TABLES {
        for column in table.columns {
            let kind = column.kind.as_str();
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{}.{} {kind}", table.name, column.name);
        }
    }
    lines
}
