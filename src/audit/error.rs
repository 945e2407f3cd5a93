//! Why the audit log fails.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::KeyFileError;

/// A failure of the log. Its text holds no row.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file or folder.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// Other processes of this machine hold every chain.
    #[error("every audit chain below `{}` is in use: stop a process", folder.display())]
    InUse {
        /// The folder of the chains.
        folder: PathBuf,
    },
    /// The volume has too little room to begin.
    #[error("`{}` has {free} MiB free, less than audit.min_free_mib = {wanted}", folder.display())]
    NoRoom {
        /// The folder of the chains.
        folder: PathBuf,
        /// MiB that are free.
        free: u64,
        /// MiB that must be.
        wanted: u64,
    },
    /// What is kept cannot be read as rows or marks: `fenwen audit verify` names the place.
    #[error("`{}` holds what is no row: run `fenwen audit verify`", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

impl AuditError {
    /// For `map_err`: what was tried, on which file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AuditError {
        move |source| AuditError::File { action, path: path.to_owned(), source }
    }
}

/// A row is not on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct NotWritten;
