//! The signed manifest of a release: everything that this installation may load, by its hash.
//!
//! The first line of the file is `signature = "…"`: Ed25519, in Base64, over every byte behind that line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::{PublicKey, SigningKey};

use super::digest::Digest;

const SCHEMA: u32 = 1;
const BEGIN: &str = "signature = \"";
const END: &str = "\"\n";
/// Longest file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    schema: u32,
    /// Version of the program.
    pub version: String,
    /// The day it was made, `2026-11-26`.
    pub date: String,
    /// SHA-256 of the program.
    pub program: Digest,
    /// SHA-256 of the descriptions of the interfaces: OpenAPI, then AsyncAPI.
    pub contract: Digest,
    /// Manifest of each model, by id.
    pub models: BTreeMap<String, Digest>,
    /// Files of the models, by `<id>/<name>`. Their manifests name the same; they are here for other tools.
    pub files: BTreeMap<String, Digest>,
    /// Versions that were trained here, by `[<agency>/]<classifier>/<number>`.
    pub classifiers: BTreeMap<String, Digest>,
    /// Tables of the settings, such as the taxonomy, by the setting that names them.
    pub tables: BTreeMap<String, Digest>,
}

/// Why something is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The manifest cannot be read.
    #[error("failed to read the release manifest {}: put the signed one there (release.manifest)", path.display())]
    Read {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The pinned key has not signed it.
    #[error("{} is not signed with the pinned key (release.public_key): sign it with `fenwen release sign`", path.display())]
    Signature {
        /// Its file.
        path: PathBuf,
    },
    /// It was signed, but is of another form.
    #[error("{} is no release manifest of this program: {reason}", path.display())]
    Form {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It does not name what is to be loaded.
    #[error("{what} is not in the signed release: review it, then `fenwen release sign`")]
    Unlisted {
        /// What.
        what: String,
    },
}

impl Release {
    /// An empty release of this program.
    pub fn new(date: String, program: Digest, contract: Digest) -> Release {
        Release {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            date,
            program,
            contract,
            models: BTreeMap::new(),
            files: BTreeMap::new(),
            classifiers: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// As it is reviewed before it is signed.
    ///
    /// # Errors
    /// None in practice: every field is text.
    pub fn to_draft(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// Reads what [`Release::to_draft`] wrote.
    ///
    /// # Errors
    /// When it is of another form, with the reason.
    pub fn parse(text: &str) -> Result<Release, String> {
        let release: Release = toml::from_str(text).map_err(|it| it.to_string())?;
        if release.schema == SCHEMA {
            Ok(release)
        } else {
            Err(format!("schema {} is not supported, only {SCHEMA}", release.schema))
        }
    }
}

/// The file of a reviewed draft, signed.
pub fn sign_release(draft: &str, key: &SigningKey) -> String {
    format!("{BEGIN}{}{END}{draft}", key.sign(draft.as_bytes()))
}

/// The SHA-256 of some bytes.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of(Sha256::new().chain_update(bytes))
}

/// The SHA-256 of a file.
///
/// # Errors
/// When it cannot be read.
pub fn digest_of_file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest::of(hasher)),
            n_bytes => hasher.update(buffer.get(..n_bytes).unwrap_or_default()),
        }
    }
}

/// Whom this installation trusts: without a pinned key, whatever has the hash that it should.
///
/// The manifest is read whenever something is to be loaded, so that a new one counts at once.
#[derive(Clone, Debug, Default)]
pub struct Trust(Option<Pinned>);

#[derive(Clone, Debug)]
struct Pinned {
    key: PublicKey,
    manifest: PathBuf,
}

impl Trust {
    /// Only what is in a manifest that this key has signed.
    pub fn pinned(key: PublicKey, manifest: PathBuf) -> Trust {
        Trust(Some(Pinned { key, manifest }))
    }

    /// The signed release; none where no key is pinned.
    ///
    /// # Errors
    /// When it cannot be read, was not signed with the pinned key, or is of another form.
    pub fn release(&self) -> Result<Option<Release>, ReleaseError> {
        self.0.as_ref().map(Pinned::release).transpose()
    }

    /// Refuses a model whose manifest was not signed.
    pub(super) fn require_model(&self, id: &str, manifest: &Digest) -> Result<(), ReleaseError> {
        let Some(release) = self.release()? else { return Ok(()) };
        listed(release.models.get(id) == Some(manifest), || format!("model `{id}`"))
    }

    /// Refuses a version of the classifier `[<agency>/]<name>` that was not signed for it, under whatever number: nodes
    /// count for themselves.
    pub(super) fn require_classifier(
        &self,
        path: &str,
        sha256: &Digest,
    ) -> Result<(), ReleaseError> {
        let Some(release) = self.release()? else { return Ok(()) };
        let is_of_path = |key: &str| key.rsplit_once('/').is_some_and(|(it, _)| it == path);
        let is_listed = release.classifiers.iter().any(|(key, it)| it == sha256 && is_of_path(key));
        listed(is_listed, || format!("this version of classifier `{path}`"))
    }

    /// Refuses a table of the settings that was not signed.
    ///
    /// # Errors
    /// When the release does not name it, or is none.
    pub fn require_table(&self, setting: &str, bytes: &[u8]) -> Result<(), ReleaseError> {
        let Some(release) = self.release()? else { return Ok(()) };
        let is_listed = release.tables.get(setting) == Some(&digest_of(bytes));
        listed(is_listed, || format!("the file of `{setting}`"))
    }
}

impl Pinned {
    fn release(&self) -> Result<Release, ReleaseError> {
        let path = || self.manifest.clone();
        let read = |source| ReleaseError::Read { path: path(), source };
        let mut text = String::new();
        let file = File::open(&self.manifest).map_err(read)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(read)?;
        let parts = text.strip_prefix(BEGIN).and_then(|it| it.split_once(END));
        let (signature, body) = parts.ok_or_else(|| ReleaseError::Signature { path: path() })?;
        if MAX_BYTES < text.len() as u64 || !self.key.has_signed(body.as_bytes(), signature) {
            return Err(ReleaseError::Signature { path: path() });
        }
        Release::parse(body).map_err(|reason| ReleaseError::Form { path: path(), reason })
    }
}

fn listed(is_listed: bool, what: impl FnOnce() -> String) -> Result<(), ReleaseError> {
    if is_listed { Ok(()) } else { Err(ReleaseError::Unlisted { what: what() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(dir: &Path, name: &str) -> SigningKey {
        let path = dir.join(name);
        SigningKey::make(&path).unwrap();
        SigningKey::read(&path).unwrap()
    }

    fn release() -> Release {
        let date = "2026-11-26".to_owned();
        let mut release = Release::new(date, digest_of(b"program"), digest_of(b"contract"));
        release.models.insert("a-model".to_owned(), digest_of(b"manifest"));
        release.classifiers.insert("A04000000G/letters/3".to_owned(), digest_of(b"version"));
        release.tables.insert("documents.taxonomy".to_owned(), digest_of(b"units"));
        release
    }

    #[test]
    fn what_was_signed_is_trusted_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let key = key(dir.path(), "release.key");
        let path = dir.path().join("release.toml");
        std::fs::write(&path, sign_release(&release().to_draft().unwrap(), &key)).unwrap();
        let trust = Trust::pinned(key.public(), path);
        assert_eq!(trust.release().unwrap(), Some(release()));
        let check = |found: Result<(), ReleaseError>, is_trusted: bool| {
            assert_eq!(found.is_ok(), is_trusted, "{found:?}");
        };
        check(trust.require_model("a-model", &digest_of(b"manifest")), true);
        check(trust.require_model("a-model", &digest_of(b"another")), false);
        check(trust.require_model("b-model", &digest_of(b"manifest")), false);
        check(trust.require_classifier("A04000000G/letters", &digest_of(b"version")), true);
        check(trust.require_classifier("A04000000G/documents", &digest_of(b"version")), false);
        check(trust.require_classifier("A04000000G/letters", &digest_of(b"another")), false);
        // What was signed for one agency is neither the house's nor another's.
        check(trust.require_classifier("letters", &digest_of(b"version")), false);
        check(trust.require_classifier("A05000000H/letters", &digest_of(b"version")), false);
        check(trust.require_table("documents.taxonomy", b"units"), true);
        check(trust.require_table("documents.taxonomy", b"unit"), false);
        check(Trust::default().require_table("documents.taxonomy", b"unit"), true);
    }

    #[test]
    fn a_flipped_byte_is_found_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let signer = key(dir.path(), "release.key");
        let path = dir.path().join("release.toml");
        let signed = sign_release(&release().to_draft().unwrap(), &signer);
        let trust = Trust::pinned(signer.public(), path.clone());
        for idx in (0..signed.len()).step_by(29) {
            let mut bytes = signed.clone().into_bytes();
            bytes[idx] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            assert!(trust.release().is_err(), "byte {idx}");
        }
        std::fs::write(&path, &signed).unwrap();
        let other = Trust::pinned(key(dir.path(), "other.key").public(), path.clone());
        assert!(matches!(other.release(), Err(ReleaseError::Signature { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(trust.release(), Err(ReleaseError::Read { .. })));
    }
}
