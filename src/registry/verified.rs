//! A file whose hash was checked: no hash, no load.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A file that had the expected SHA-256 when it was checked. There is no other way to obtain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    path: PathBuf,
    sha256: String,
}

impl VerifiedFile {
    /// Hashes the file at `path` and compares.
    pub fn check(path: &Path, sha256: &str) -> Result<VerifiedFile, VerifyError> {
        let read = |source| VerifyError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n_bytes = file.read(&mut buffer).map_err(read)?;
            if n_bytes == 0 {
                break;
            }
            hasher.update(&buffer[..n_bytes]);
        }
        let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == sha256 {
            Ok(VerifiedFile { path: path.to_owned(), sha256: found })
        } else {
            Err(VerifyError::Mismatch { path: path.to_owned(), expected: sha256.to_owned(), found })
        }
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its hash, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// Why a file is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It could not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is another file.
    #[error("{} has the wrong SHA-256: expected {expected}, found {found}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Expected hash.
        expected: String,
        /// Hash of the file.
        found: String,
    },
}
