//! The key that signs checkpoints, and its public half.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Generate, Key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha256};

use super::AuditError;
use super::line::hex;

const KEY_FILE: &str = "audit.key";
const KEY_BYTES: usize = 32;

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Signs checkpoints. Its debug form shows nothing of it.
#[derive(Clone)]
pub struct AuditKey(SigningKey);

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[…]")
    }
}

impl AuditKey {
    /// Reads the key of `folder` (`data_dir/keys`), or makes one.
    ///
    /// # Errors
    /// When it cannot be read or made, has another length, or others may read it.
    pub fn open(folder: &Path) -> Result<AuditKey, AuditError> {
        let path = folder.join(KEY_FILE);
        match AuditKey::read(&path) {
            Err(AuditError::File { source, .. }) if source.kind() == ErrorKind::NotFound => (),
            found => return found,
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(AuditError::file("create the folder", folder))?;
        make(&path)?;
        AuditKey::read(&path)
    }

    fn read(path: &Path) -> Result<AuditKey, AuditError> {
        let unusable = |what| AuditError::Key { path: path.to_owned(), what };
        let file = File::open(path).map_err(AuditError::file("open", path))?;
        let mode = file.metadata().map_err(AuditError::file("read", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(unusable("others may read it; make it 0600"));
        }
        let mut bytes = Vec::new();
        let mut file = file.take(KEY_BYTES as u64 + 1);
        file.read_to_end(&mut bytes).map_err(AuditError::file("read", path))?;
        let bytes: [u8; KEY_BYTES] =
            bytes.try_into().map_err(|_| unusable("it has not 32 bytes"))?;
        Ok(AuditKey(SigningKey::from_bytes(&bytes)))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Base64 of the signature over `bytes`.
    pub(super) fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(bytes).to_bytes())
    }
}

/// Writes a fresh key in one step: of two processes that start together one wins, and neither reads half a key.
fn make(path: &Path) -> Result<(), AuditError> {
    let key = Key::<Aes256Gcm>::try_generate()
        .map_err(|_| AuditError::Key { path: path.to_owned(), what: "no randomness" })?;
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&key)?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let written = write();
    // The key is linked by now, or this has failed anyway.
    let _ = fs::remove_file(&draft);
    written.map_err(AuditError::file("write", path))
}

/// Checks signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a PEM file, as [`PublicKey::to_pem`] writes it.
    ///
    /// # Errors
    /// When it cannot be read or is no Ed25519 key.
    pub fn read(path: &Path) -> Result<PublicKey, AuditError> {
        let text = fs::read_to_string(path).map_err(AuditError::file("read", path))?;
        PublicKey::from_pem(&text).ok_or(AuditError::Key {
            path: path.to_owned(),
            what: "it is no Ed25519 public key (PEM): write one with `fenwen audit key`",
        })
    }

    fn from_pem(text: &str) -> Option<PublicKey> {
        let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
        let inner: String = inner.split_whitespace().collect();
        let bytes = STANDARD.decode(inner).ok()?;
        let key: [u8; KEY_BYTES] = bytes.strip_prefix(&SPKI)?.try_into().ok()?;
        VerifyingKey::from_bytes(&key).ok().map(PublicKey)
    }

    /// `SubjectPublicKeyInfo` as PEM (RFC 8410), which other tools read too.
    pub fn to_pem(&self) -> String {
        let bytes = [&SPKI[..], self.0.as_bytes()].concat();
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(bytes))
    }

    /// Names the key: 16 hexadecimal digits.
    pub fn id(&self) -> String {
        let mut id = hex(&Sha256::digest(self.0.as_bytes()).into());
        id.truncate(16);
        id
    }

    /// Whether `signature` (Base64) is over `bytes`.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: &str) -> bool {
        let signature =
            STANDARD.decode(signature).ok().and_then(|it| Signature::from_slice(&it).ok());
        signature.is_some_and(|it| self.0.verify(bytes, &it).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_checked_with_its_public_half() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::open(dir.path()).unwrap();
        let signature = key.sign(b"m");
        let again = AuditKey::open(dir.path()).unwrap().public();
        assert!(again.has_signed(b"m", &signature) && !again.has_signed(b"n", &signature));
        assert!(!again.has_signed(b"m", "AA=="));
        let pem = dir.path().join("public.pem");
        fs::write(&pem, again.to_pem()).unwrap();
        assert_eq!(PublicKey::read(&pem).unwrap(), key.public());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        AuditKey::open(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = AuditKey::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("0600"), "{error}");
        fs::write(dir.path().join("x.pem"), "no key").unwrap();
        assert!(PublicKey::read(&dir.path().join("x.pem")).is_err());
    }
}
