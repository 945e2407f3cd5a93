//! A file whose hash was checked: no hash, no load.

use std::collections::BTreeMap;
use std::fs;
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

    /// Its file with this role, in a folder below `dir` where every file has its own name: a native library looks for
    /// its companions by their names, beside itself. The folder has links only, and is the same for the same files.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn laid_out(&self, dir: &Path, role: FileRole) -> io::Result<Option<VerifiedFile>> {
        let Some(asked) = self.files.get(&role) else { return Ok(None) };
        let folder = dir.join(&asked.sha256);
        fs::create_dir_all(&folder)?;
        let mut laid_out = None;
        for file in &self.manifest.files {
            let Some(verified) = self.files.get(&file.role) else { continue };
            let path = folder.join(&file.name);
            if !fs::read_link(&path).is_ok_and(|it| it == verified.path) {
                // Another process may do the same: a link is there whole, or not at all.
                let unfinished = tempfile::Builder::new()
                    .prefix(".link")
                    .make_in(&folder, |unfinished| link(&verified.path, unfinished))?;
                unfinished.persist(&path)?;
            }
            if file.role == role {
                laid_out = Some(VerifiedFile { path, sha256: verified.sha256.clone() });
            }
        }
        Ok(laid_out)
    }
}

/// Makes `link` lead to `file`.
fn link(file: &Path, link: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(file, link);
    #[cfg(not(unix))]
    fs::hard_link(file, link)
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

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        schema = 1
        id = "a-runtime"
        version = "1"
        task = "runtime"
        engine = "library"
        licence = "MIT"
        provenance = "made by hand"
        [[file]]
        role = "library"
        name = "liba.so.1"
        bytes = 1
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        sources = ["dir:/srv/models"]
        [[file]]
        role = "provider"
        name = "liba_cuda.so"
        bytes = 1
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        sources = ["dir:/srv/models"]
    "#;

    #[test]
    fn a_library_finds_its_companions_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = BTreeMap::new();
        for (role, content) in
            [(FileRole::Library, "a library"), (FileRole::Provider, "a provider")]
        {
            let path = dir.path().join(content.replace(' ', "-"));
            fs::write(&path, content).unwrap();
            let sha256 = digest_of_file(&path).unwrap().to_string();
            files.insert(role, VerifiedFile { path, sha256 });
        }
        let manifest = Arc::new(ModelManifest::parse(MANIFEST).unwrap());
        let model = VerifiedModel::new(manifest, files);
        let runtimes = dir.path().join("runtimes");
        let lay_out = || model.laid_out(&runtimes, FileRole::Library).unwrap().unwrap();

        let library = lay_out();
        let provider = library.path().with_file_name("liba_cuda.so");
        assert_eq!(library.path().file_name().unwrap(), "liba.so.1");
        assert_eq!(library.sha256(), model.file(FileRole::Library).unwrap().sha256());
        assert_eq!(fs::read_to_string(library.path()).unwrap(), "a library");
        assert_eq!(fs::read_to_string(&provider).unwrap(), "a provider");

        // What lies there is led back to the verified file, and nothing unfinished stays.
        fs::remove_file(&provider).unwrap();
        fs::write(&provider, "another provider").unwrap();
        assert_eq!(lay_out(), library);
        assert_eq!(fs::read_to_string(&provider).unwrap(), "a provider");
        assert_eq!(fs::read_dir(library.path().parent().unwrap()).unwrap().count(), 2);
        assert!(model.laid_out(&runtimes, FileRole::Weights).unwrap().is_none());
    }
}
