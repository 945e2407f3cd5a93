//! Versions of classifiers: the one that is part of the program, and those that the ministry trained itself, kept whole
//! and switched by one small file.
//!
//! `ROOT/<name>/<n>/` holds a version and its hashes, `ROOT/<name>/active` names the one that answers. Both are
//! written beside their place and renamed into it, so that a reader sees the old state or the new one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::builtin;
use super::digest::Digest;
use super::manifest::ModelManifest;
use super::release::{ReleaseError, Trust, digest_of};

const ACTIVE: &str = "active";
const HASHES: &str = "version.json";
const LOCK: &str = ".lock";
/// Lies in a version that was let in once.
const ANSWERED: &str = "answered";

/// Number of the version that is part of the program.
const BUILT_IN: u32 = 0;

/// Files that a version may have, and whether it must; others of a folder are left behind.
pub type VersionFiles = &'static [(&'static str, bool)];

/// Files of a classifier.
const CLASSIFIER: VersionFiles = &[
    ("linear.safetensors", true),
    ("classifier.json", true),
    ("dense.safetensors", false),
    ("labels.json", false),
    ("recipe.toml", false),
    ("report.md", false),
];

/// Most bytes of one file.
const MAX_BYTES: u64 = 1 << 30;

/// Why a version cannot be added, read or switched to.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// A folder or file.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A trained folder without one of its files.
    #[error("`{}` is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Larger than any version.
    #[error("`{}` has more than {MAX_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The hashes cannot be read, or a file has another hash.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The signed release does not name it.
    #[error("version {number} of `{name}` is refused")]
    Untrusted {
        /// Of what.
        name: String,
        /// Its number.
        number: u32,
        /// Why.
        source: ReleaseError,
    },
    /// No such version, or none before the active one.
    #[error("`{name}` has no version {wanted}")]
    Unknown {
        /// Of what.
        name: String,
        /// `3`, or `before the active one`.
        wanted: String,
    },
}

/// What a version consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hashes {
    /// SHA-256 by file name.
    files: BTreeMap<String, Digest>,
}

/// A version whose files had the expected hashes.
#[derive(Clone, Debug)]
pub struct LoadedVersion {
    /// Its number.
    pub number: u32,
    /// SHA-256 over the names and hashes of its files.
    pub sha256: String,
    /// Content by file name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The versions of one classifier, or of anything else that is kept the same way.
#[derive(Clone, Debug)]
pub struct Versions {
    name: String,
    /// The agency whose they are; none for the house.
    agency: Option<String>,
    root: PathBuf,
    files: VersionFiles,
    has_built_in: bool,
    trust: Trust,
}

impl Versions {
    /// The versions of `name` under `root`; nothing is read or made yet.
    pub fn at(root: &Path, name: &str) -> Versions {
        Versions::of_files(root, name, CLASSIFIER)
    }

    /// The versions of `name` under `root`, each of these files.
    pub fn of_files(root: &Path, name: &str, files: VersionFiles) -> Versions {
        let has_built_in = builtin::manifest(name).is_some();
        let (name, root) = (name.to_owned(), root.join(name));
        Versions { name, agency: None, root, files, has_built_in, trust: Trust::default() }
    }

    /// The same as those of an agency with units of its own: only what was signed for it may answer there.
    pub fn of_agency(self, agency: Option<String>) -> Versions {
        Versions { agency, ..self }
    }

    /// The same without the version that is part of the program: its labels are the ministry's units.
    pub fn without_built_in(self) -> Versions {
        Versions { has_built_in: false, ..self }
    }

    /// The same, where only what was signed may answer.
    pub fn trusting(self, trust: Trust) -> Versions {
        Versions { trust, ..self }
    }

    /// Numbers of the versions, oldest first; the built-in one is 0.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<u32>, VersionError> {
        let mut found = Vec::new();
        found.extend(self.has_built_in.then_some(BUILT_IN));
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(failed("list", &self.root))?,
        };
        for entry in entries {
            let name = entry.map_err(failed("list", &self.root))?.file_name();
            found.extend(name.to_str().and_then(number).filter(|it| *it != BUILT_IN));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The version that answers: without a pointer the built-in one; none where there is none.
    ///
    /// # Errors
    /// When the pointer cannot be read or names no version.
    pub fn active(&self) -> Result<Option<u32>, VersionError> {
        let path = self.root.join(ACTIVE);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(self.has_built_in.then_some(BUILT_IN))
            }
            text => match number(text.map_err(failed("read", &path))?.trim()) {
                Some(number) => Ok(Some(number)),
                None => Err(VersionError::Damaged { path }),
            },
        }
    }

    /// Reads a version and checks every hash.
    ///
    /// # Errors
    /// When it is not there, damaged, or not in the signed release.
    pub fn load(&self, number: u32) -> Result<LoadedVersion, VersionError> {
        if number == BUILT_IN && self.has_built_in {
            return self.load_built_in();
        }
        let folder = self.root.join(number.to_string());
        let path = folder.join(HASHES);
        let unknown =
            || VersionError::Unknown { name: self.name.clone(), wanted: number.to_string() };
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            text => text.map_err(failed("read", &path))?,
        };
        let hashes: Hashes = serde_json::from_slice(&text)
            .map_err(|_| VersionError::Damaged { path: path.clone() })?;
        let mut files = BTreeMap::new();
        for (name, expected) in &hashes.files {
            let path = folder.join(name);
            let is_known = self.files.iter().any(|(known, _)| known == name);
            let bytes = if is_known { read(&path)? } else { Vec::new() };
            if !is_known || digest_of(&bytes) != *expected {
                return Err(VersionError::Damaged { path });
            }
            files.insert(name.clone(), bytes);
        }
        let sum = hashes.sum();
        let path = match &self.agency {
            Some(agency) => format!("{agency}/{}", self.name),
            None => self.name.clone(),
        };
        let trusted = self.trust.require_classifier(&path, &sum);
        trusted.map_err(|source| self.untrusted(number, source))?;
        Ok(LoadedVersion { number, sha256: sum.to_string(), files })
    }

    fn load_built_in(&self) -> Result<LoadedVersion, VersionError> {
        let wanted = BUILT_IN.to_string();
        let unknown = || VersionError::Unknown { name: self.name.clone(), wanted };
        let text = builtin::manifest(&self.name).ok_or_else(unknown)?;
        let trusted = self.trust.require_model(&self.name, &digest_of(text.as_bytes()));
        trusted.map_err(|source| self.untrusted(BUILT_IN, source))?;
        let path = || PathBuf::from(&self.name).join("model.toml");
        let manifest =
            ModelManifest::parse(text).map_err(|_| VersionError::Damaged { path: path() })?;
        let mut hashes = Hashes { files: BTreeMap::new() };
        let mut files = BTreeMap::new();
        for file in manifest.files {
            let bytes = builtin::embedded(&self.name, &file.name).unwrap_or_default();
            if digest_of(bytes) != file.sha256 {
                return Err(VersionError::Damaged { path: path().with_file_name(file.name) });
            }
            files.insert(file.name.clone(), bytes.to_vec());
            hashes.files.insert(file.name, file.sha256);
        }
        Ok(LoadedVersion { number: BUILT_IN, sha256: hashes.sum().to_string(), files })
    }

    fn untrusted(&self, number: u32, source: ReleaseError) -> VersionError {
        VersionError::Untrusted { name: self.name.clone(), number, source }
    }

    /// Copies the trained folder `from` in as the next version, without making it active.
    ///
    /// # Errors
    /// When a file is missing or cannot be copied; nothing is left of the version then.
    pub fn add(&self, from: &Path) -> Result<u32, VersionError> {
        let _lock = self.lock()?;
        let mut files = BTreeMap::new();
        for (name, is_needed) in self.files {
            let path = from.join(name);
            match path.try_exists().map_err(failed("read", &path))? {
                true => drop(files.insert((*name).to_owned(), read(&path)?)),
                false if *is_needed => return Err(VersionError::Missing { path }),
                false => (),
            }
        }
        let number = self.list()?.last().map_or(1, |it| it + 1);
        let work = tempfile::Builder::new().prefix(".new-").tempdir_in(&self.root);
        let work = work.map_err(failed("create a folder in", &self.root))?;
        let mut hashes = Hashes { files: BTreeMap::new() };
        for (name, bytes) in &files {
            write_synced(&work.path().join(name), bytes)?;
            hashes.files.insert(name.clone(), digest_of(bytes));
        }
        let text = serde_json::to_vec_pretty(&hashes).unwrap_or_default();
        write_synced(&work.path().join(HASHES), &text)?;
        let place = self.root.join(number.to_string());
        fs::rename(work.keep(), &place).map_err(failed("rename into", &place))?;
        Ok(number)
    }

    /// Makes a version the one that answers.
    ///
    /// # Errors
    /// When it is not there or the pointer cannot be written.
    pub fn activate(&self, number: u32) -> Result<(), VersionError> {
        let _lock = self.lock()?;
        if !self.list()?.contains(&number) {
            let wanted = number.to_string();
            return Err(VersionError::Unknown { name: self.name.clone(), wanted });
        }
        if number != BUILT_IN {
            write_synced(&self.root.join(number.to_string()).join(ANSWERED), b"")?;
        }
        let beside = self.root.join(format!(".{ACTIVE}"));
        write_synced(&beside, format!("{number}\n").as_bytes())?;
        let path = self.root.join(ACTIVE);
        fs::rename(&beside, &path).map_err(failed("rename into", &path))?;
        if let Ok(folder) = File::open(&self.root) {
            folder.sync_all().map_err(failed("write", &self.root))?;
        }
        Ok(())
    }

    /// Takes a version away again; the one that answers stays.
    ///
    /// # Errors
    /// When it answers or cannot be removed.
    pub fn remove(&self, number: u32) -> Result<(), VersionError> {
        let _lock = self.lock()?;
        if self.active()? == Some(number) {
            let wanted = format!("{number} that may be removed");
            return Err(VersionError::Unknown { name: self.name.clone(), wanted });
        }
        let path = self.root.join(number.to_string());
        fs::remove_dir_all(&path).map_err(failed("remove", &path))
    }

    /// The newest version before the active one that may answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn before_active(&self, may_answer: impl Fn(u32) -> bool) -> Result<u32, VersionError> {
        let active = self.active()?.unwrap_or(BUILT_IN);
        let before = self.list()?.into_iter().rfind(|it| *it < active && may_answer(*it));
        before.ok_or_else(|| VersionError::Unknown {
            name: self.name.clone(),
            wanted: "before the active one".to_owned(),
        })
    }

    /// Versions before `number` that were let in once, the newest first: what may stand in for it when it is refused.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn let_in_before(&self, number: u32) -> Result<Vec<u32>, VersionError> {
        let answered =
            |it: u32| it == BUILT_IN || self.root.join(it.to_string()).join(ANSWERED).is_file();
        let listed = self.list()?.into_iter();
        Ok(listed.rev().filter(|it| *it < number && answered(*it)).collect())
    }

    /// Keeps other commands out until dropped.
    fn lock(&self) -> Result<File, VersionError> {
        fs::create_dir_all(&self.root).map_err(failed("create the folder", &self.root))?;
        let path = self.root.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(failed("open", &path))?;
        file.lock().map_err(failed("lock", &path))?;
        Ok(file)
    }
}

impl Hashes {
    fn sum(&self) -> Digest {
        let mut hasher = Sha256::new();
        for (name, hash) in &self.files {
            hasher.update(format!("{hash}  {name}\n"));
        }
        Digest::of(hasher)
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> VersionError + 'a {
    move |source| VersionError::File { action, path: path.to_owned(), source }
}

fn number(text: &str) -> Option<u32> {
    let is_plain = text == "0" || !text.starts_with('0');
    let is_plain = is_plain && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn read(path: &Path) -> Result<Vec<u8>, VersionError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if MAX_BYTES < bytes.len() as u64 {
        return Err(VersionError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), VersionError> {
    let mut file = File::create(path).map_err(failed("create", path))?;
    file.write_all(bytes).map_err(failed("write", path))?;
    file.sync_all().map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SigningKey;
    use crate::registry::{Release, sign_release};

    fn trained(dir: &Path, weights: &[u8]) -> PathBuf {
        let folder = dir.join("trained");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("linear.safetensors"), weights).unwrap();
        fs::write(folder.join("classifier.json"), b"{}").unwrap();
        fs::write(folder.join("secret.txt"), b"left behind").unwrap();
        folder
    }

    #[test]
    fn versions_are_added_switched_and_rolled_back() {
        let dir = tempfile::tempdir().unwrap();
        let versions = Versions::at(dir.path(), "own");
        assert_eq!((versions.list().unwrap(), versions.active().unwrap()), (vec![], None));
        for (weights, number) in [(b"one", 1), (b"two", 2)] {
            assert_eq!(versions.add(&trained(dir.path(), weights)).unwrap(), number);
            versions.activate(number).unwrap();
        }
        assert_eq!(versions.active().unwrap(), Some(2));
        assert_eq!(versions.load(2).unwrap().files["linear.safetensors"], b"two");
        assert_eq!(versions.load(2).unwrap().files.len(), 2);
        let before = versions.before_active(|_| true).unwrap();
        versions.activate(before).unwrap();
        assert_eq!(versions.active().unwrap(), Some(1));
        assert!(matches!(versions.before_active(|_| true), Err(VersionError::Unknown { .. })));
        assert!(versions.remove(1).is_err(), "it answers");
        versions.remove(2).unwrap();
        assert_eq!(versions.list().unwrap(), [1]);
        assert!(matches!(versions.activate(2), Err(VersionError::Unknown { .. })));
    }

    #[test]
    fn the_built_in_version_answers_first_and_can_be_rolled_back_to() {
        let dir = tempfile::tempdir().unwrap();
        let versions = Versions::at(dir.path(), "letters");
        assert_eq!(versions.active().unwrap(), Some(0));
        let built_in = versions.load(0).unwrap();
        assert!(built_in.files.contains_key("linear.safetensors"));
        assert!(matches!(versions.before_active(|_| true), Err(VersionError::Unknown { .. })));
        versions.activate(versions.add(&trained(dir.path(), b"one")).unwrap()).unwrap();
        assert_eq!(
            (versions.active().unwrap(), versions.before_active(|_| true).unwrap()),
            (Some(1), 0)
        );
        versions.activate(0).unwrap();
        assert_eq!(versions.active().unwrap(), Some(0));
        assert_eq!(versions.load(0).unwrap().sha256, built_in.sha256);
    }

    #[test]
    fn damage_is_seen_and_a_half_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let versions = Versions::at(dir.path(), "own");
        let number = versions.add(&trained(dir.path(), b"one")).unwrap();
        fs::write(dir.path().join("own/1/linear.safetensors"), b"eno").unwrap();
        assert!(matches!(versions.load(number), Err(VersionError::Damaged { .. })));
        let half = dir.path().join("half");
        fs::create_dir(&half).unwrap();
        assert!(matches!(versions.add(&half), Err(VersionError::Missing { .. })));
        assert_eq!(versions.list().unwrap(), [1]);
        fs::write(dir.path().join("own/active"), b"../2").unwrap();
        assert!(matches!(versions.active(), Err(VersionError::Damaged { .. })));
    }

    #[test]
    fn only_what_was_signed_is_loaded_and_only_what_was_let_in_stands_in() {
        let dir = tempfile::tempdir().unwrap();
        let versions = Versions::at(dir.path(), "letters");
        for weights in [b"one", b"two", b"new"] {
            versions.add(&trained(dir.path(), weights)).unwrap();
        }
        versions.activate(1).unwrap();
        versions.activate(3).unwrap();
        // The second one was proposed and never let in.
        assert_eq!(versions.let_in_before(3).unwrap(), [1, 0]);
        let path = dir.path().join("release.key");
        SigningKey::make(&path).unwrap();
        let key = SigningKey::read(&path).unwrap();
        let mut release = Release::new(String::new(), digest_of(b""), digest_of(b""));
        let signed: Digest = versions.load(1).unwrap().sha256.parse().unwrap();
        release.classifiers.insert("letters/7".to_owned(), signed);
        let text = sign_release(&release.to_draft().unwrap(), &key);
        fs::write(dir.path().join("release.toml"), text).unwrap();
        let trust = Trust::pinned(key.public(), dir.path().join("release.toml"));
        let versions = versions.trusting(trust);
        assert_eq!(versions.load(1).unwrap().number, 1);
        for number in [0, 3] {
            assert!(matches!(versions.load(number), Err(VersionError::Untrusted { .. })));
        }
    }
}
