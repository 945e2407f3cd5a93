//! The key that signs checkpoints.

use std::io::ErrorKind;
use std::path::Path;

use crate::base::{KeyFileError, PublicKey, SigningKey};

use super::AuditError;

const KEY_FILE: &str = "audit.key";

/// Signs checkpoints. Its debug form shows nothing of it.
#[derive(Clone, Debug)]
pub struct AuditKey(SigningKey);

impl AuditKey {
    /// Reads the key of `folder` (`data_dir/keys`), or makes one.
    ///
    /// # Errors
    /// When it cannot be read or made, has another length, or others may read it.
    pub fn open(folder: &Path) -> Result<AuditKey, AuditError> {
        let path = folder.join(KEY_FILE);
        let found = match SigningKey::read(&path) {
            Err(KeyFileError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                SigningKey::make(&path)?;
                SigningKey::read(&path)
            }
            found => found,
        };
        Ok(AuditKey(found?))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// Base64 of the signature over `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> String {
        self.0.sign(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::open(dir.path()).unwrap();
        assert_eq!(AuditKey::open(dir.path()).unwrap().public(), key.public());
        let path = dir.path().join(KEY_FILE);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = AuditKey::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("0600"), "{error}");
    }
}
