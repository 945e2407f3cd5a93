//! A part of the log that proves itself elsewhere: rows of a time, signed at both ends, with the public key.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::files::{self, CHECKPOINTS, START, Segment};
use super::key::AuditKey;
use super::line;
use super::mark::{Mark, MarkKind, Place};
use super::{AuditError, query};

/// Name of the public key beside the chains.
const PUBLIC_KEY: &str = "public.pem";

/// Which part, and who signs it.
#[derive(Clone, Debug)]
pub struct Excerpt<'a> {
    /// Folder of the chains.
    pub folder: &'a Path,
    /// Times since 1970-01-01T00:00:00Z; the end is not in it.
    pub time: Range<Duration>,
    /// Signs both ends.
    pub key: &'a AuditKey,
    /// When it is signed: RFC 3339, UTC.
    pub ts: &'a str,
}

/// Writes the rows to the new folder `out`. Tells how many.
///
/// # Errors
/// When `out` is there already, a file cannot be read or written, or a line is no row.
pub fn excerpt(asked: &Excerpt<'_>, out: &Path) -> Result<u64, AuditError> {
    fs::create_dir(out).map_err(AuditError::file("create the folder", out))?;
    let key = out.join(PUBLIC_KEY);
    fs::write(&key, asked.key.public().to_pem()).map_err(AuditError::file("write", &key))?;
    let mut n_rows = 0;
    for (chain, folder) in files::chains(asked.folder)? {
        n_rows += copy(asked, &chain, &folder, &out.join(&chain))?;
    }
    Ok(n_rows)
}

fn copy(asked: &Excerpt<'_>, chain: &str, folder: &Path, out: &Path) -> Result<u64, AuditError> {
    let mut rows = Vec::new();
    let (mut before, mut last) = (None, None);
    let mut is_damaged = false;
    query::lines_of(folder, &asked.time, &mut |found| {
        let Some(found) = found else {
            is_damaged = true;
            return;
        };
        line::write(&mut rows, found.seq, &found.prev, |out| out.extend_from_slice(found.body));
        let start = Place { seq: found.seq.saturating_sub(1), hash: found.prev };
        before.get_or_insert(start);
        last = Some(Place { seq: found.seq, hash: found.hash });
    })?;
    if is_damaged {
        return Err(AuditError::Damaged { path: folder.to_owned() });
    }
    let Some((before, last)) = before.zip(last) else { return Ok(0) };
    files::make_folder(out)?;
    let segment = Segment::of(out, before.seq + 1);
    let write = || {
        let mut file = files::appending(&segment.path)?;
        file.write_all(&rows)?;
        file.sync_all()
    };
    write().map_err(AuditError::file("write", &segment.path))?;
    let sign = |kind, place| Mark::sign(asked.key, kind, chain, place, asked.ts.to_owned());
    files::add_mark(&out.join(START), &sign(MarkKind::Excerpt, before))?;
    for mark in files::marks(&folder.join(CHECKPOINTS))?.into_iter().flatten() {
        if before.seq < mark.seq && mark.seq <= last.seq {
            files::add_mark(&out.join(CHECKPOINTS), &mark)?;
        }
    }
    files::add_mark(&out.join(CHECKPOINTS), &sign(MarkKind::Checkpoint, last))?;
    Ok(last.seq - before.seq)
}
