//! Texts sealed with AES-256-GCM under a key that lies beside the database, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Generate, Key, KeyInit, Nonce, Payload};

use super::StoreError;

const KEY_FILE: &str = "store.key";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Seals and opens texts.
pub(super) struct Sealer {
    cipher: Aes256Gcm,
}

impl Sealer {
    /// Reads the key of `folder`, or makes one.
    pub(super) fn open(folder: &Path) -> Result<Sealer, StoreError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::File { action, path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed("create the folder", folder))?;
        let path = folder.join(KEY_FILE);
        let unusable = |what| StoreError::Key { path: path.clone(), what };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                let key =
                    Key::<Aes256Gcm>::try_generate().map_err(|_| unusable("no randomness"))?;
                file.write_all(&key).map_err(failed("write", &path))?;
                file.sync_all().map_err(failed("write", &path))?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (),
            Err(error) => return Err(failed("create", &path)(error)),
        }
        let file = File::open(&path).map_err(failed("open", &path))?;
        let mode = file.metadata().map_err(failed("read", &path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(unusable("others may read it; make it 0600"));
        }
        let mut key = Vec::new();
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key).map_err(failed("read", &path))?;
        let cipher =
            Aes256Gcm::new_from_slice(&key).map_err(|_| unusable("it has not 32 bytes"))?;
        Ok(Sealer { cipher })
    }

    /// Nonce and sealed text, bound to `owner`: it opens for no other.
    pub(super) fn seal(&self, text: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal(&self.cipher, text, owner)
    }

    /// The text that [`Sealer::seal`] sealed for `owner`.
    pub(super) fn unseal(&self, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
        unseal(&self.cipher, sealed, owner)
    }
}

/// The key of one blob.
pub(super) struct BlobKey {
    key: Key<Aes256Gcm>,
    cipher: Aes256Gcm,
}

impl BlobKey {
    /// A new key.
    pub(super) fn fresh() -> Result<BlobKey, StoreError> {
        let key = Key::<Aes256Gcm>::try_generate().map_err(|_| StoreError::Sealed)?;
        Ok(BlobKey { key, cipher: Aes256Gcm::new(&key) })
    }

    /// The key that [`BlobKey::sealed`] sealed for the blob.
    pub(super) fn open(sealer: &Sealer, sealed: &[u8], blob: &str) -> Result<BlobKey, StoreError> {
        let key = sealer.unseal(sealed, blob.as_bytes())?;
        let key = Key::<Aes256Gcm>::try_from(key.as_slice()).map_err(|_| StoreError::Sealed)?;
        Ok(BlobKey { key, cipher: Aes256Gcm::new(&key) })
    }

    /// The key, sealed for the blob.
    pub(super) fn sealed(&self, sealer: &Sealer, blob: &str) -> Result<Vec<u8>, StoreError> {
        sealer.seal(&self.key, blob.as_bytes())
    }

    /// As [`Sealer::seal`], under this key.
    pub(super) fn seal(&self, content: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal(&self.cipher, content, owner)
    }

    /// As [`Sealer::unseal`], under this key.
    pub(super) fn unseal(&self, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
        unseal(&self.cipher, sealed, owner)
    }
}

fn seal(cipher: &Aes256Gcm, text: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
    let nonce = Nonce::<Aes256Gcm>::try_generate().map_err(|_| StoreError::Sealed)?;
    let payload = Payload { msg: text, aad: owner };
    let sealed = cipher.encrypt(&nonce, payload).map_err(|_| StoreError::Sealed)?;
    Ok([&nonce[..], &sealed[..]].concat())
}

fn unseal(cipher: &Aes256Gcm, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(StoreError::Sealed)?;
    let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| StoreError::Sealed)?;
    let payload = Payload { msg: sealed, aad: owner };
    cipher.decrypt(&nonce, payload).map_err(|_| StoreError::Sealed)
}
