//! The chain of one process: its last row, the segment that it writes, and how both are found again after a crash.

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::files::{self, CHECKPOINTS, LOCK, START, Segment};
use super::key::AuditKey;
use super::line::{Line, genesis};
use super::mark::{Mark, MarkKind, Place};
use super::{AuditError, Commit};

/// Processes of one node that may write at one time, each its own chain.
const MAX_CHAINS: usize = 16;

/// A chain that this process writes.
pub(super) struct Chain {
    /// Its name.
    pub(super) name: String,
    folder: PathBuf,
    /// Keeps other processes away for as long as it is open.
    _lock: File,
    active: Option<Active>,
    /// The last row that is on the disk.
    pub(super) place: Place,
    /// When that row was written.
    pub(super) ts: String,
}

/// The segment that rows are added to.
struct Active {
    file: File,
    path: PathBuf,
    /// Device and number of the file.
    identity: (u64, u64),
    n_bytes: u64,
    /// Whether all of it is on the disk.
    is_synced: bool,
}

/// What was found on the disk.
struct Found {
    place: Place,
    ts: String,
    active: Option<Active>,
    /// Bytes behind the last whole row, which were moved aside.
    n_torn: u64,
}

impl Chain {
    /// Takes the first chain of `node` below `folder` that no other process writes. Also tells how many bytes of an
    /// unfinished row were moved aside.
    pub(super) fn open(folder: &Path, node: &str) -> Result<(Chain, u64), AuditError> {
        for nth in 1..=MAX_CHAINS {
            let name = if nth == 1 { node.to_owned() } else { format!("{node}-{nth}") };
            let own = folder.join(&name);
            files::make_folder(&own)?;
            let lock = own.join(LOCK);
            let file = files::appending(&lock).map_err(AuditError::file("open", &lock))?;
            match file.try_lock() {
                Ok(()) => return Chain::locked(name, own, file),
                Err(TryLockError::WouldBlock) => (),
                Err(TryLockError::Error(source)) => {
                    return Err(AuditError::File { action: "lock", path: lock, source });
                }
            }
        }
        Err(AuditError::InUse { folder: folder.to_owned() })
    }

    fn locked(name: String, folder: PathBuf, lock: File) -> Result<(Chain, u64), AuditError> {
        let Found { place, ts, active, n_torn } = find(&folder, &name)?;
        Ok((Chain { name, folder, _lock: lock, active, place, ts }, n_torn))
    }

    /// Bytes of the segment that rows are added to.
    pub(super) fn n_bytes(&self) -> u64 {
        self.active.as_ref().map_or(0, |it| it.n_bytes)
    }

    /// Bytes of all segments.
    pub(super) fn total_bytes(&self) -> Result<u64, AuditError> {
        let mut n_bytes = 0;
        for segment in files::segments(&self.folder)? {
            let found = fs::metadata(&segment.path);
            n_bytes += found.map_err(AuditError::file("read", &segment.path))?.len();
        }
        Ok(n_bytes)
    }

    /// Adds lines, of which the last is `place`, and waits until they are on the disk if `commit` says so.
    pub(super) fn append(
        &mut self,
        lines: &[u8],
        place: Place,
        ts: String,
        commit: Commit,
    ) -> Result<(), AuditError> {
        let active = match &mut self.active {
            Some(active) => active,
            None => {
                let segment = Segment::of(&self.folder, self.place.seq + 1);
                let active = Active::begin(segment.path)?;
                files::sync_folder(&self.folder)?;
                self.active.insert(active)
            }
        };
        active.write(lines, commit).map_err(AuditError::file("write", &active.path))?;
        (self.place, self.ts) = (place, ts);
        Ok(())
    }

    /// That the file of the last rows is where it was.
    pub(super) fn require_file(&self) -> Result<(), AuditError> {
        let Some(active) = &self.active else { return Ok(()) };
        active.require_named().map_err(AuditError::file("write", &active.path))
    }

    /// Waits until every row is on the disk.
    pub(super) fn sync(&mut self) -> Result<(), AuditError> {
        let Some(active) = &mut self.active else { return Ok(()) };
        active.sync().map_err(AuditError::file("write", &active.path))
    }

    /// The next row begins a new segment. What it holds must be on the disk before.
    pub(super) fn end_segment(&mut self) {
        self.active = None;
    }

    /// Finds the files again after a failure. What is behind the last row that is known to be on the disk is moved
    /// aside: whoever asked for it was told that it is not written.
    pub(super) fn repair(&mut self) -> Result<(), AuditError> {
        if let Some(active) = self.active.take() {
            // The file may be the reason of the failure: then finding it again fails too.
            let _ = active.file.set_len(active.n_bytes);
        }
        files::make_folder(&self.folder)?;
        let found = find(&self.folder, &self.name)?;
        if found.place == self.place {
            self.active = found.active;
        } else {
            let (seq, known) = (found.place.seq, self.place.seq);
            tracing::error!(seq, known, "audit rows have gone from the disk: the chain goes on");
        }
        Ok(())
    }

    /// Signs the last row.
    pub(super) fn checkpoint(&self, key: &AuditKey, ts: String) -> Result<(), AuditError> {
        let mark = Mark::sign(key, MarkKind::Checkpoint, &self.name, self.place, ts);
        files::add_mark(&self.folder.join(CHECKPOINTS), &mark)
    }

    /// Removes segments whose last row was written before `limit`, but never the last segment. Tells how many rows.
    pub(super) fn purge(&self, key: &AuditKey, limit: &str, ts: &str) -> Result<u64, AuditError> {
        let segments = files::segments(&self.folder)?;
        let mut n_rows = 0;
        for pair in segments.windows(2) {
            let [segment, next] = pair else { continue };
            let bytes = segment.read()?;
            let is_expired = |it: &Line<'_>| it.ts().is_some_and(|ts| ts < limit);
            let last = last_line(&bytes).map(|(line, _)| line).filter(is_expired);
            let Some(line) = last.filter(|it| it.seq + 1 == next.first) else { break };
            // First the signed word where the rest begins, then the rows: a crash between leaves too much, not too little.
            let place = Place { seq: line.seq, hash: line.hash };
            let mark = Mark::sign(key, MarkKind::Purged, &self.name, place, ts.to_owned());
            files::add_mark(&self.folder.join(START), &mark)?;
            fs::remove_file(&segment.path).map_err(AuditError::file("remove", &segment.path))?;
            files::sync_folder(&self.folder)?;
            n_rows += line.seq + 1 - segment.first;
        }
        Ok(n_rows)
    }
}

impl Active {
    fn begin(path: PathBuf) -> Result<Active, AuditError> {
        let failed = AuditError::file("open", &path);
        let open = || {
            let file = files::appending(&path)?;
            let found = file.metadata()?;
            Ok((file, found.len(), identity(&found)))
        };
        let (file, n_bytes, identity) = open().map_err(failed)?;
        Ok(Active { file, path, identity, n_bytes, is_synced: true })
    }

    /// That the name still leads here: a file that was removed or replaced takes what is written and loses it.
    fn require_named(&self) -> io::Result<()> {
        if self.identity == identity(&fs::metadata(&self.path)?) {
            return Ok(());
        }
        Err(io::Error::other("another file has taken its place"))
    }

    fn write(&mut self, lines: &[u8], commit: Commit) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.is_synced = false;
        if commit == Commit::Disk {
            self.sync()?;
        }
        self.n_bytes += lines.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.sync_data()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Finds the end of a chain, which takes its last segment only; moves an unfinished row aside.
fn find(folder: &Path, name: &str) -> Result<Found, AuditError> {
    let start = start(folder)?.unwrap_or(Place { seq: 0, hash: genesis(name) });
    let mut segments = files::segments(folder)?;
    let last = segments.pop();
    let mut n_torn = 0;
    let mut active = None;
    if let Some(segment) = last {
        let bytes = segment.read()?;
        let found = last_line(&bytes);
        let n_whole = found.map_or(0, |(_, end)| end);
        if n_whole < bytes.len() {
            n_torn = (bytes.len() - n_whole) as u64;
            move_aside(&segment, &bytes, n_whole)?;
        }
        let opened = Active::begin(segment.path)?;
        if let Some((line, _)) = found {
            let ts = line.ts().unwrap_or_default().to_owned();
            let place = Place { seq: line.seq, hash: line.hash };
            return Ok(Found { place, ts, active: Some(opened), n_torn });
        }
        active = Some((segment.first, opened));
    }
    let mut place = start;
    let mut ts = String::new();
    if let Some(segment) = segments.pop() {
        let bytes = segment.read()?;
        let (line, _) = last_line(&bytes).ok_or(AuditError::Damaged { path: segment.path })?;
        place = Place { seq: line.seq, hash: line.hash };
        line.ts().unwrap_or_default().clone_into(&mut ts);
    }
    let active = active.filter(|(first, _)| *first == place.seq + 1).map(|(_, it)| it);
    Ok(Found { place, ts, active, n_torn })
}

/// The last line that is whole, and where it ends with its end of line.
fn last_line(bytes: &[u8]) -> Option<(Line<'_>, usize)> {
    let mut end = bytes.iter().rposition(|&it| it == b'\n')?;
    loop {
        let begin = bytes.get(..end)?.iter().rposition(|&it| it == b'\n').map_or(0, |it| it + 1);
        let line = bytes.get(begin..end).and_then(Line::parse).filter(Line::is_whole);
        if let Some(line) = line {
            return Some((line, end + 1));
        }
        end = begin.checked_sub(1)?;
    }
}

/// Keeps the bytes behind `n_whole` in a file beside the segment, and cuts them off.
fn move_aside(segment: &Segment, bytes: &[u8], n_whole: usize) -> Result<(), AuditError> {
    let aside = segment.path.with_extension(format!("torn-{n_whole}"));
    let keep = || {
        let mut file = files::appending(&aside)?;
        file.write_all(bytes.get(n_whole..).unwrap_or_default())?;
        file.sync_all()
    };
    keep().map_err(AuditError::file("write", &aside))?;
    let cut = || {
        let file = files::appending(&segment.path)?;
        file.set_len(n_whole as u64)?;
        file.sync_all()
    };
    cut().map_err(AuditError::file("cut", &segment.path))
}

/// Where what is left of a chain begins.
pub(super) fn start(folder: &Path) -> Result<Option<Place>, AuditError> {
    let marks = files::marks(&folder.join(START))?;
    Ok(marks.last().and_then(|it| it.as_ref()?.place()))
}
