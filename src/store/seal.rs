//! Texts sealed with AES-256-GCM under keys that lie beside the database, readable by their owner only.
//!
//! There may be several such keys, by number: the newest seals, every one opens. What is sealed begins with the number of
//! its key. What was sealed before keys had numbers has none, and opens with the first.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, AeadInOut, Generate, Key, KeyInit, Nonce, Payload};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::{Secret, hex};

use super::{KEY_CHECK, StoreError};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const GCM_TAG_BYTES: usize = 16;

/// What stands before the number of a key.
const MARK: [u8; 2] = *b"FK";

/// Bytes of [`MARK`] and the number.
const TAG_BYTES: usize = 4;

/// A key that seals others.
struct Kek {
    cipher: Aes256Gcm,
    fingerprint: String,
}

type Keyring = BTreeMap<u16, Kek>;

/// Seals and opens texts.
pub(super) struct Sealer {
    folder: PathBuf,
    /// Replaced as a whole when the folder is read anew.
    keys: RwLock<Arc<Keyring>>,
}

impl Sealer {
    /// Reads the keys of `folder`, or makes the first.
    pub(super) fn open(folder: &Path) -> Result<Sealer, StoreError> {
        make_folder(folder)?;
        let mut keys = read_all(folder)?;
        if keys.is_empty() {
            keys.insert(1, Kek::new(open_or_make(folder, &file_name(1))?)?);
        }
        Ok(Sealer { folder: folder.to_owned(), keys: RwLock::new(Arc::new(keys)) })
    }

    /// Reads the keys of `folder`, and makes none where there are none.
    pub(super) fn find(folder: &Path) -> Result<Sealer, StoreError> {
        let keys = if is_there(folder)? { read_all(folder)? } else { Keyring::new() };
        Ok(Sealer { folder: folder.to_owned(), keys: RwLock::new(Arc::new(keys)) })
    }

    fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the folder anew: another process may have made a key, or put one away.
    pub(super) fn refresh(&self) -> Result<(), StoreError> {
        let keys = Arc::new(read_all(&self.folder)?);
        // A folder that is empty for a moment must not leave us without a key.
        if !keys.is_empty() {
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }

    /// Makes the next key, which seals from now on; its number.
    pub(super) fn add(&self) -> Result<u16, StoreError> {
        self.refresh()?;
        let next = self.current()?.checked_add(1).ok_or(StoreError::Sealed)?;
        let path = self.folder.join(file_name(next));
        if !make(&self.folder, &file_name(next))? {
            return Err(StoreError::Key { path, what: "another process has just made it" });
        }
        self.refresh()?;
        Ok(next)
    }

    /// Puts a key away: it is not read any longer.
    pub(super) fn put_away(&self, number: u16) -> Result<PathBuf, StoreError> {
        let name = file_name(number);
        let (from, to) = (self.folder.join(&name), self.folder.join(format!("retired.{name}")));
        fs::rename(&from, &to).map_err(failed("rename", &from))?;
        self.refresh()?;
        Ok(to)
    }

    /// Numbers and fingerprints of the keys, the oldest first.
    pub(super) fn list(&self) -> Vec<(u16, String)> {
        self.keys().iter().map(|(number, key)| (*number, key.fingerprint.clone())).collect()
    }

    /// The file of a key.
    pub(super) fn path(&self, number: u16) -> PathBuf {
        self.folder.join(file_name(number))
    }

    /// Number of the key that seals.
    pub(super) fn current(&self) -> Result<u16, StoreError> {
        self.keys().last_key_value().map(|(number, _)| *number).ok_or(StoreError::Sealed)
    }

    /// What everything begins with that the newest key has sealed.
    pub(super) fn tag(&self) -> Result<[u8; TAG_BYTES], StoreError> {
        self.current().map(tag)
    }

    /// Tag, nonce and sealed text, bound to `owner`: it opens for no other.
    pub(super) fn seal(&self, text: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
        let keys = self.keys();
        let (number, key) = keys.last_key_value().ok_or(StoreError::Sealed)?;
        Ok([&tag(*number)[..], &seal(&key.cipher, text, owner)?].concat())
    }

    /// The text that [`Sealer::seal`] sealed for `owner`.
    pub(super) fn unseal(&self, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
        if let Some((number, rest)) = tagged(sealed) {
            let open = |keys: &Keyring| {
                let key = keys.get(&number).ok_or(StoreError::Sealed)?;
                unseal(&key.cipher, rest, owner)
            };
            if !self.keys().contains_key(&number) {
                // Another process may have made it a moment ago.
                self.refresh()?;
            }
            if let Ok(text) = open(&self.keys()) {
                return Ok(text);
            }
        }
        // Sealed before there were tags; a nonce may begin like one.
        let keys = self.keys();
        unseal(&keys.get(&1).ok_or(StoreError::Sealed)?.cipher, sealed, owner)
    }
}

impl Kek {
    fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Result<Kek, StoreError> {
        let cipher = Aes256Gcm::new_from_slice(&key[..]).map_err(|_| StoreError::Sealed)?;
        let digest = Sha256::new().chain_update(b"fenwen key ").chain_update(&key[..]).finalize();
        Ok(Kek { cipher, fingerprint: hex(&digest).chars().take(16).collect() })
    }
}

fn tag(number: u16) -> [u8; TAG_BYTES] {
    let ([first, second], [high, low]) = (MARK, number.to_be_bytes());
    [first, second, high, low]
}

fn tagged(sealed: &[u8]) -> Option<(u16, &[u8])> {
    let rest = sealed.strip_prefix(&MARK)?;
    let (number, rest) = rest.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// `store.key`, then `store.2.key`, ….
fn file_name(number: u16) -> String {
    if number == 1 { "store.key".to_owned() } else { format!("store.{number}.key") }
}

fn number_of(name: &str) -> Option<u16> {
    let number = match name.strip_prefix("store.")?.strip_suffix("key")? {
        "" => 1,
        rest => rest.strip_suffix('.')?.parse().ok()?,
    };
    // One number has one name.
    (file_name(number) == name).then_some(number)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { action, path, source }
}

pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(failed("create the folder", folder))
}

fn read_all(folder: &Path) -> Result<Keyring, StoreError> {
    let mut keys = Keyring::new();
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let entry = entry.map_err(failed("list", folder))?;
        if let Some(number) = entry.file_name().to_str().and_then(number_of) {
            keys.insert(number, Kek::new(read(&entry.path())?)?);
        }
    }
    Ok(keys)
}

/// A key of 32 bytes in a file of its own, made when there is none.
pub(super) fn open_or_make(
    folder: &Path,
    name: &str,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, StoreError> {
    make_folder(folder)?;
    let path = folder.join(name);
    if !is_there(&path)? {
        // Whoever makes it first: there is one then.
        make(folder, name)?;
    }
    read(&path)
}

/// The key of a file, if there is one.
pub(super) fn find(path: &Path) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, StoreError> {
    if is_there(path)? { read(path).map(Some) } else { Ok(None) }
}

fn is_there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(failed("look for", path))
}

/// Refuses keys under which `sealed`, by which a database shows which are its own, does not open.
pub(super) fn require_key(sealer: &Sealer, sealed: &[u8], folder: &Path) -> Result<(), StoreError> {
    if sealer.unseal(sealed, KEY_CHECK.as_bytes()).is_ok() {
        return Ok(());
    }
    let what = "the database was sealed under another key";
    Err(StoreError::Key { path: folder.to_owned(), what })
}

/// Makes a key; `false` when there is one of this name. Nobody ever sees a half of it.
fn make(folder: &Path, name: &str) -> Result<bool, StoreError> {
    let (path, new) = (folder.join(name), folder.join(format!(".{name}.{}", std::process::id())));
    let unusable = |what| StoreError::Key { path: path.clone(), what };
    let key = Zeroizing::new(random().ok_or_else(|| unusable("no randomness"))?);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&key[..])?;
        file.sync_all()?;
        let is_first = match fs::hard_link(&new, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            made => made.map(|()| true)?,
        };
        fs::remove_file(&new)?;
        File::open(folder)?.sync_all()?;
        Ok(is_first)
    };
    write().map_err(failed("write", &path))
}

fn random() -> Option<[u8; KEY_BYTES]> {
    Key::<Aes256Gcm>::try_generate().ok().map(Into::into)
}

fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, StoreError> {
    let unusable = |what| StoreError::Key { path: path.to_owned(), what };
    let file = File::open(path).map_err(failed("open", path))?;
    let mode = file.metadata().map_err(failed("read", path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(unusable("others may read it; make it 0600"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * KEY_BYTES));
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice());
    key.map(Zeroizing::new).map_err(|_| unusable("it has not 32 bytes"))
}

/// 64 bytes that nobody can guess.
pub(super) fn secret() -> Result<Secret<Vec<u8>>, StoreError> {
    let half = || Key::<Aes256Gcm>::try_generate().map_err(|_| StoreError::Sealed);
    Ok(Secret::new([half()?, half()?].concat()))
}

/// The key of one blob; overwritten when it is dropped.
pub(super) struct BlobKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    cipher: Aes256Gcm,
}

impl BlobKey {
    /// A new key.
    pub(super) fn fresh() -> Result<BlobKey, StoreError> {
        BlobKey::new(random().ok_or(StoreError::Sealed)?)
    }

    fn new(key: [u8; KEY_BYTES]) -> Result<BlobKey, StoreError> {
        let key = Zeroizing::new(key);
        let cipher = Aes256Gcm::new_from_slice(&key[..]).map_err(|_| StoreError::Sealed)?;
        Ok(BlobKey { key, cipher })
    }

    /// The key that [`BlobKey::sealed`] sealed for the blob.
    pub(super) fn open(sealer: &Sealer, sealed: &[u8], blob: &str) -> Result<BlobKey, StoreError> {
        let key = Zeroizing::new(sealer.unseal(sealed, blob.as_bytes())?);
        BlobKey::new(key.as_slice().try_into().map_err(|_| StoreError::Sealed)?)
    }

    /// The key, sealed for the blob.
    pub(super) fn sealed(&self, sealer: &Sealer, blob: &str) -> Result<Vec<u8>, StoreError> {
        sealer.seal(&self.key[..], blob.as_bytes())
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
    // Sealed where it will lie: texts may be megabytes.
    let mut sealed = Vec::with_capacity(nonce.len() + text.len() + GCM_TAG_BYTES);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(text);
    let place = sealed.get_mut(NONCE_BYTES..).ok_or(StoreError::Sealed)?;
    let tag = cipher.encrypt_inout_detached(&nonce, owner, place.into());
    sealed.extend_from_slice(&tag.map_err(|_| StoreError::Sealed)?);
    Ok(sealed)
}

/// Openings of this process that failed, since it began.
static N_FAILURES: AtomicU64 = AtomicU64::new(0);

/// What this process could not unseal since it began: under a wrong key, or changed since it was sealed.
pub fn n_unsealing_failures() -> u64 {
    N_FAILURES.load(Ordering::Relaxed)
}

fn unseal(cipher: &Aes256Gcm, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
    let opened = open(cipher, sealed, owner);
    if opened.is_err() {
        N_FAILURES.fetch_add(1, Ordering::Relaxed);
    }
    opened
}

fn open(cipher: &Aes256Gcm, sealed: &[u8], owner: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(StoreError::Sealed)?;
    let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| StoreError::Sealed)?;
    let payload = Payload { msg: sealed, aad: owner };
    cipher.decrypt(&nonce, payload).map_err(|_| StoreError::Sealed)
}
