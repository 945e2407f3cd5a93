//! The files of a chain: segments of rows, signed marks, a lock.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::AuditError;
use super::mark::Mark;

/// Checkpoints, a line each.
pub(super) const CHECKPOINTS: &str = "checkpoints.jsonl";
/// Where what is left begins; the last line counts.
pub(super) const START: &str = "start.jsonl";
/// Held by the process that writes.
pub(super) const LOCK: &str = "lock";

const EXTENSION: &str = "jsonl";
/// Digits in the name of a segment: names sort as numbers.
const DIGITS: usize = 20;

/// One file of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Number of its first row.
    pub(super) first: u64,
    /// The file.
    pub(super) path: PathBuf,
}

impl Segment {
    /// The segment of `folder` that begins with this row.
    pub(super) fn of(folder: &Path, first: u64) -> Segment {
        let path = folder.join(format!("{first:0DIGITS$}.{EXTENSION}"));
        Segment { first, path }
    }

    /// The whole file, in place of what `bytes` holds: fresh memory for each segment costs more than hashing it.
    pub(super) fn read_into(&self, bytes: &mut Vec<u8>) -> Result<(), AuditError> {
        bytes.clear();
        let read = File::open(&self.path).and_then(|mut it| it.read_to_end(bytes));
        read.map(drop).map_err(AuditError::file("read", &self.path))
    }

    /// Bytes of it by now.
    pub(super) fn n_bytes(&self) -> Result<usize, AuditError> {
        let found = fs::metadata(&self.path).map_err(AuditError::file("read", &self.path))?;
        Ok(usize::try_from(found.len()).unwrap_or(usize::MAX))
    }

    /// The whole file.
    pub(super) fn read(&self) -> Result<Vec<u8>, AuditError> {
        fs::read(&self.path).map_err(AuditError::file("read", &self.path))
    }
}

/// The segments of a chain, oldest first.
pub(super) fn segments(folder: &Path) -> Result<Vec<Segment>, AuditError> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let digits = name.strip_suffix(EXTENSION).and_then(|it| it.strip_suffix('.'));
        let first = digits.filter(|it| it.len() == DIGITS).and_then(|it| it.parse().ok());
        if let Some(first) = first {
            found.push(Segment::of(folder, first));
        }
    }
    found.sort_by_key(|it| it.first);
    Ok(found)
}

/// Names and folders of the chains below `folder`.
pub(super) fn chains(folder: &Path) -> Result<Vec<(String, PathBuf)>, AuditError> {
    let mut found: Vec<(String, PathBuf)> = names(folder)?
        .into_iter()
        .map(|name| (name.clone(), folder.join(name)))
        .filter(|(_, path)| path.is_dir())
        .collect();
    found.sort();
    Ok(found)
}

fn names(folder: &Path) -> Result<Vec<String>, AuditError> {
    let failed = || AuditError::file("list", folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        names.extend(entry.map_err(failed())?.file_name().into_string());
    }
    Ok(names)
}

/// The marks of a file; `None` for a line that is none. No file, no marks.
pub(super) fn marks(path: &Path) -> Result<Vec<Option<Mark>>, AuditError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        read => read.map_err(AuditError::file("read", path))?,
    };
    // What is not ended was being written when the process died: it was never a mark.
    let whole = text.iter().rposition(|&it| it == b'\n').map_or(0, |it| it + 1);
    let lines = text.get(..whole).unwrap_or_default().split(|&it| it == b'\n');
    Ok(lines.filter(|it| !it.is_empty()).map(|it| serde_json::from_slice(it).ok()).collect())
}

/// Adds a mark to a file and waits for the disk.
pub(super) fn add_mark(path: &Path, mark: &Mark) -> Result<(), AuditError> {
    let write = || {
        let mut file = appending(path)?;
        let text = fs::read(path)?;
        // A line that a crash has left half-way must not swallow this one.
        if text.last().is_some_and(|&it| it != b'\n') {
            let whole = text.iter().rposition(|&it| it == b'\n').map_or(0, |it| it + 1);
            file.set_len(whole as u64)?;
        }
        file.write_all(format!("{}\n", mark.line()).as_bytes())?;
        file.sync_data()
    };
    write().map_err(AuditError::file("write", path))
}

/// Opens a file of our own for writing at its end.
pub(super) fn appending(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Makes a folder that only its owner may enter, also those above it.
pub(super) fn make_folder(folder: &Path) -> Result<(), AuditError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(AuditError::file("create the folder", folder))
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), AuditError> {
    File::open(folder).and_then(|it| it.sync_all()).map_err(AuditError::file("write", folder))
}
