//! A file whose hash was checked: no hash, no load.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{FileRole, ModelManifest};
use super::release::digest_of_file;

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
        let found = digest_of_file(path).map_err(read)?.to_string();
        let path = path.to_owned();
        if found == sha256 {
            Ok(VerifiedFile { path, sha256: found })
        } else {
            Err(VerifyError::Mismatch { path, expected: sha256.to_owned(), found })
        }
    }

    /// Where the file lies. In the store its name is its hash, without an extension: tell its format from its content.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its hash, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// A model all of whose files had the expected hash. Only [`ModelRegistry::verified`] makes one.
///
/// [`ModelRegistry::verified`]: super::ModelRegistry::verified
#[derive(Clone, Debug)]
pub struct VerifiedModel {
    manifest: Arc<ModelManifest>,
    files: BTreeMap<FileRole, VerifiedFile>,
}

impl VerifiedModel {
    pub(super) fn new(
        manifest: Arc<ModelManifest>,
        files: BTreeMap<FileRole, VerifiedFile>,
    ) -> VerifiedModel {
        VerifiedModel { manifest, files }
    }

    /// What the model is.
    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Its file with this role.
    pub fn file(&self, role: FileRole) -> Option<&VerifiedFile> {
        self.files.get(&role)
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
