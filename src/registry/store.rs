//! The content-addressed store: a file lies under its SHA-256, whole and checked, or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::error::{RegistryError, SourceError};
use super::manifest::ModelFile;
use super::progress::{Note, Progress};

const LOCK: &str = ".lock";
const PART: &str = ".part";
const WORK: &str = ".packages-";

/// A folder of files named by their hash.
#[derive(Clone, Debug)]
pub(super) struct Store {
    root: PathBuf,
}

impl Store {
    pub(super) fn at(root: PathBuf) -> Store {
        Store { root }
    }

    /// Where the file with this hash lies, or would lie.
    pub(super) fn path(&self, sha256: &Digest) -> PathBuf {
        self.root.join(sha256.as_str())
    }

    /// Waits until no other pull or collection uses the store, and keeps others out until dropped.
    pub(super) fn lock(&self, progress: &dyn Progress) -> Result<StoreLock<'_>, RegistryError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| RegistryError::Store { action, path, source }
        };
        fs::create_dir_all(&self.root).map_err(failed("create the folder", &self.root))?;
        let path = self.root.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(failed("open the lock", &path))?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                progress.note(&Note::Waiting);
                file.lock().map_err(failed("lock", &path))?;
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
        }
        Ok(StoreLock { store: self, _file: file })
    }
}

/// The right to change the store.
#[derive(Debug)]
pub(super) struct StoreLock<'a> {
    store: &'a Store,
    _file: File,
}

impl StoreLock<'_> {
    /// A scratch folder on the store's own disk, removed when dropped.
    pub(super) fn work_dir(&self) -> io::Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix(WORK).tempdir_in(&self.store.root)
    }

    /// Where the file with this hash lies, or would lie.
    pub(super) fn path(&self, sha256: &Digest) -> PathBuf {
        self.store.path(sha256)
    }

    /// Removes scratch folders that a killed pull left behind.
    pub(super) fn sweep(&self) -> Result<(), RegistryError> {
        for leftover in self.leftovers(&BTreeSet::new())? {
            if leftover.is_scratch {
                leftover.remove()?;
            }
        }
        Ok(())
    }

    /// Everything in the store that is not one of the files `kept`: unnamed files, partial ones, scratch folders.
    /// What the store did not make (any other name) is left alone.
    pub(super) fn leftovers(
        &self,
        kept: &BTreeSet<Digest>,
    ) -> Result<Vec<Leftover>, RegistryError> {
        let failed = |source| {
            let path = self.store.root.clone();
            RegistryError::Store { action: "list", path, source }
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.store.root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let digest = name.strip_suffix(PART).unwrap_or(name).parse::<Digest>();
            let is_scratch = name.starts_with(WORK);
            let is_unwanted = match digest {
                Ok(digest) => name.ends_with(PART) || !kept.contains(&digest),
                Err(_) => is_scratch,
            };
            if is_unwanted {
                let path = entry.path();
                let n_bytes = size_of(&path);
                found.push(Leftover { path, n_bytes, is_scratch });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Begins to receive `file` from its first byte.
    pub(super) fn receive<'f>(&self, file: &'f ModelFile) -> Result<Incoming<'f>, SourceError> {
        Incoming::open(self.store, file, false)
    }

    /// Begins to receive `file` after the bytes an earlier, broken transfer left.
    #[cfg(feature = "hub")]
    pub(super) fn resume<'f>(&self, file: &'f ModelFile) -> Result<Incoming<'f>, SourceError> {
        Incoming::open(self.store, file, true)
    }
}

/// Something in the store that nobody needs.
#[derive(Debug)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// How much space it takes.
    pub n_bytes: u64,
    is_scratch: bool,
}

impl Leftover {
    pub(super) fn remove(&self) -> Result<(), RegistryError> {
        let removed = if self.is_scratch {
            fs::remove_dir_all(&self.path)
        } else {
            fs::remove_file(&self.path)
        };
        removed.map_err(|source| {
            let path = self.path.clone();
            RegistryError::Store { action: "remove", path, source }
        })
    }
}

/// Makes the folder `path` anew, empty.
pub(super) fn fresh_dir(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        fs::remove_dir_all(path)?;
    }
    fs::create_dir(path)
}

/// Bytes of a file, or of all files under a folder; what cannot be read counts nothing.
pub(super) fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| size_of(&entry.path())).sum()
}

/// A file on its way into the store; it gets its final name only whole, checked and on the disk.
#[derive(Debug)]
pub(super) struct Incoming<'f> {
    expected: &'f ModelFile,
    target: PathBuf,
    part: PathBuf,
    file: File,
    hasher: Sha256,
    n_bytes: u64,
    keeps_partial: bool,
    is_done: bool,
}

impl<'f> Incoming<'f> {
    fn open(store: &Store, expected: &'f ModelFile, resumes: bool) -> Result<Self, SourceError> {
        let target = store.path(&expected.sha256);
        let part = store.root.join(format!("{}{PART}", expected.sha256));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(!resumes);
        let file = options.open(&part).map_err(|source| write_failed(&part, source))?;
        let hasher = Sha256::new();
        let mut incoming = Incoming {
            expected,
            target,
            part,
            file,
            hasher,
            n_bytes: 0,
            keeps_partial: resumes,
            is_done: false,
        };
        if resumes {
            incoming.read_back()?;
        }
        Ok(incoming)
    }

    /// Bytes received so far.
    #[cfg(feature = "hub")]
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Forgets what was received.
    pub(super) fn restart(&mut self) -> Result<(), SourceError> {
        self.hasher = Sha256::new();
        self.n_bytes = 0;
        let emptied = self.file.set_len(0).and_then(|()| io::Seek::rewind(&mut self.file));
        emptied.map_err(|source| write_failed(&self.part, source))
    }

    /// Appends everything `reader` gives, hashing on the way; stops at the declared size.
    pub(super) fn copy_from(
        &mut self,
        reader: &mut dyn Read,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        let mut buffer = vec![0; 1 << 16];
        while let Some(chunk) = self.read_chunk(reader, &mut buffer)? {
            let written = self.file.write_all(chunk);
            if let Err(source) = written {
                self.keeps_partial = false;
                return Err(write_failed(&self.part, source));
            }
            self.hasher.update(chunk);
            self.n_bytes += chunk.len() as u64;
            progress.advance(chunk.len() as u64);
        }
        Ok(())
    }

    /// Checks size and hash, and puts the file under its final name, read-only.
    pub(super) fn finish(mut self) -> Result<(), SourceError> {
        let expected = self.expected;
        if self.n_bytes < expected.bytes {
            return Err(SourceError::Truncated { expected: expected.bytes, found: self.n_bytes });
        }
        let found = Digest::of(std::mem::take(&mut self.hasher));
        if found != expected.sha256 {
            self.keeps_partial = false;
            let (file, expected) = (expected.name.clone(), expected.sha256.clone());
            return Err(SourceError::WrongHash { file, expected, found });
        }
        self.publish().map_err(|source| write_failed(&self.target, source))?;
        self.is_done = true;
        Ok(())
    }

    fn publish(&self) -> io::Result<()> {
        let mut permissions = self.file.metadata()?.permissions();
        permissions.set_readonly(true);
        self.file.set_permissions(permissions)?;
        self.file.sync_all()?;
        fs::rename(&self.part, &self.target)?;
        // The new name is durable only when the folder is.
        self.target.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    /// Hashes what an earlier transfer left; too much of it is thrown away.
    fn read_back(&mut self) -> Result<(), SourceError> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n_read = match self.file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n_read) => n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(read_failed(&self.part, source)),
            };
            self.n_bytes += n_read as u64;
            if self.n_bytes > self.expected.bytes {
                return self.restart();
            }
            self.hasher.update(buffer.get(..n_read).unwrap_or_default());
        }
    }

    fn read_chunk<'b>(
        &mut self,
        reader: &mut dyn Read,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, SourceError> {
        let n_read = loop {
            match reader.read(buffer) {
                Ok(n_read) => break n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(source) => {
                    return Err(SourceError::Read { what: self.expected.name.clone(), source });
                }
            }
        };
        if self.n_bytes + n_read as u64 > self.expected.bytes {
            self.keeps_partial = false;
            return Err(SourceError::TooLong { expected: self.expected.bytes });
        }
        Ok(buffer.get(..n_read).filter(|chunk| !chunk.is_empty()))
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        let keeps = self.keeps_partial && self.n_bytes > 0;
        if !self.is_done && !keeps {
            // Nothing can be done about a failure here; the next pull overwrites the file.
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn write_failed(path: &Path, source: io::Error) -> SourceError {
    SourceError::Write { path: path.to_owned(), source }
}

fn read_failed(path: &Path, source: io::Error) -> SourceError {
    SourceError::Read { what: path.display().to_string(), source }
}
