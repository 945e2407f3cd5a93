//! A copy of the log for a backup, taken while it is written; and the last row of each chain.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::AuditError;
use super::files::{self, CHECKPOINTS, START};
use super::line::{Line, hex};

/// The last row of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The chain.
    pub chain: String,
    /// Number of the row.
    pub last: u64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

/// The last row of every chain below `folder`; a chain without a row has none.
///
/// # Errors
/// When a file cannot be read.
pub fn heads(folder: &Path) -> Result<Vec<Head>, AuditError> {
    let mut heads = Vec::new();
    for (chain, folder) in files::chains(folder)? {
        for segment in files::segments(&folder)?.iter().rev() {
            let bytes = segment.read()?;
            let last = whole(&bytes).split(|it| *it == b'\n').rev().find(|it| !it.is_empty());
            if let Some(line) = last.and_then(Line::parse) {
                heads.push(Head { chain, last: line.seq, hash: hex(&line.hash) });
                break;
            }
        }
    }
    Ok(heads)
}

/// The lines that are ended.
fn whole(bytes: &[u8]) -> &[u8] {
    let n_whole = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
    bytes.get(..n_whole).unwrap_or_default()
}

/// Copies every chain below `from` to `to`, which is made. What is written meanwhile may be in it or not; what is in it
/// verifies.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<(), AuditError> {
    for (chain, folder) in files::chains(from)? {
        let copy = to.join(chain);
        files::make_folder(&copy)?;
        // Marks first: they sign rows that are there by now. A start that is missing is no failure.
        for name in [CHECKPOINTS, START] {
            let path = folder.join(name);
            if path.is_file() {
                let bytes = fs::read(&path).map_err(AuditError::file("read", &path))?;
                write(&copy.join(name), whole(&bytes))?;
            }
        }
        for segment in files::segments(&folder)? {
            let name = segment.path.file_name().unwrap_or_default();
            write(&copy.join(name), whole(&segment.read()?))?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), AuditError> {
    fs::write(path, bytes).map_err(AuditError::file("write", path))
}
