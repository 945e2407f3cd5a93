//! The models this program knows, and whether their files are here and right.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::builtin::BUILTIN;
use super::digest::Digest;
use super::error::RegistryError;
use super::fetch::Fetcher;
use super::manifest::{FileRole, ManifestError, ModelFile, ModelId, ModelManifest};
use super::progress::Progress;
use super::release::digest_of;
use super::settings::Settings;
use super::store::{Leftover, Store};
use super::verified::{VerifiedFile, VerifiedModel, VerifyError};

/// Longest manifest or card that is read from a folder.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// The known models and the store of their files.
#[derive(Debug)]
pub struct ModelRegistry {
    settings: Settings,
    models: BTreeMap<ModelId, Model>,
    store: Store,
    /// Files hashed since the start; each is hashed once.
    verified: Mutex<HashMap<Digest, VerifiedFile>>,
}

/// A known model.
#[derive(Clone, Debug)]
pub struct Model {
    /// What it is.
    pub manifest: Arc<ModelManifest>,
    /// SHA-256 of the text of that.
    pub sha256: Digest,
    /// Its card, Markdown.
    pub card: String,
    /// The folder with its files, where they do not lie in the store.
    place: Option<PathBuf>,
}

/// Whether a model can be used.
#[derive(Debug)]
pub enum ModelState {
    /// Every file is here, and hashes as it should.
    Ready,
    /// A file is not here.
    Missing,
    /// A file is here but wrong, or the signed release does not name the model.
    Broken(RegistryError),
    /// It is not for this kind of machine.
    Foreign,
}

/// What a pull achieved.
#[derive(Debug, Default)]
pub struct PullReport {
    /// Models whose files are all here now.
    pub ready: Vec<ModelId>,
    /// Models that are not for this kind of machine.
    pub foreign: Vec<ModelId>,
    /// Models that could not be fetched, and why.
    pub failed: Vec<(ModelId, RegistryError)>,
}

impl ModelRegistry {
    /// Reads the built-in manifests and those of the configured folder. Touches neither the store nor the network.
    pub fn open(settings: Settings) -> Result<ModelRegistry, RegistryError> {
        let mut models = BTreeMap::new();
        for (id, manifest, card) in BUILTIN {
            let model = Model::new(id, manifest, (*card).to_owned())
                .map_err(|source| RegistryError::Manifest { origin: (*id).to_owned(), source })?;
            models.insert(model.manifest.id.clone(), model);
        }
        if let Some(folder) = &settings.manifests {
            for model in read_folder(folder)? {
                models.insert(model.manifest.id.clone(), model);
            }
        }
        for folder in &settings.trained {
            for model in read_trained(folder)? {
                match models.entry(model.manifest.id.clone()) {
                    Entry::Vacant(entry) => drop(entry.insert(model)),
                    // The same one may be described in the folder of manifests too; another one does not take its name.
                    Entry::Occupied(mut entry) if entry.get().sha256 == model.sha256 => {
                        entry.get_mut().place = model.place;
                    }
                    Entry::Occupied(_) => (),
                }
            }
        }
        let store = Store::at(settings.store.clone());
        Ok(ModelRegistry { settings, models, store, verified: Mutex::default() })
    }

    /// Every known model, by id.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    /// The model with this id.
    pub fn model(&self, id: &str) -> Result<&Model, RegistryError> {
        self.models.get(id).ok_or_else(|| {
            let known: Vec<&str> = self.models.keys().map(ModelId::as_str).collect();
            RegistryError::Unknown { id: id.to_owned(), known: known.join(", ") }
        })
    }

    /// The model with all its files hashed: the only way to something an engine loads.
    pub fn verified(&self, id: &str) -> Result<VerifiedModel, RegistryError> {
        let Model { manifest, sha256, .. } = self.model(id)?;
        if !manifest.fits_this_machine() {
            let (id, platforms) = (manifest.id.clone(), manifest.platforms.join(", "));
            return Err(RegistryError::Platform { id, platforms });
        }
        self.settings
            .trust
            .require_model(id, sha256)
            .map_err(|source| RegistryError::Untrusted { id: manifest.id.clone(), source })?;
        let mut files = BTreeMap::new();
        for file in &manifest.files {
            files.insert(file.role, self.verified_file(&manifest.id, file)?);
        }
        Ok(VerifiedModel::new(Arc::clone(manifest), files))
    }

    /// The model whose weights have this hash, by its manifest.
    pub fn by_weights(&self, sha256: &str) -> Option<&Model> {
        self.models().find(|it| it.has_weights(sha256))
    }

    /// Hashes the files of a model again, whatever was hashed before.
    pub fn check(&self, id: &str) -> Result<ModelState, RegistryError> {
        let manifest = &self.model(id)?.manifest;
        self.forget(manifest);
        match self.verified(id) {
            Ok(_) => Ok(ModelState::Ready),
            Err(RegistryError::Missing { .. }) => Ok(ModelState::Missing),
            Err(RegistryError::Platform { .. }) => Ok(ModelState::Foreign),
            Err(error @ (RegistryError::Broken { .. } | RegistryError::Untrusted { .. })) => {
                Ok(ModelState::Broken(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Fetches what is missing or broken of the models `ids`. Waits for another pull; goes on after a failure.
    /// When nothing is to be done the store is only read.
    pub fn pull(
        &self,
        ids: &[ModelId],
        progress: &dyn Progress,
    ) -> Result<PullReport, RegistryError> {
        if let Some(report) = self.all_here(ids)? {
            return Ok(report);
        }
        let lock = self.store.lock(progress)?;
        lock.sweep()?;
        let path = self.settings.store.clone();
        let work_dir = lock.work_dir().map_err(|source| RegistryError::Store {
            action: "make a folder in",
            path,
            source,
        })?;
        let mut fetcher = Fetcher::new(&self.settings, &lock, work_dir.path(), progress);
        let mut report = PullReport::default();
        for id in ids {
            let manifest = &self.model(id.as_str())?.manifest;
            if !manifest.fits_this_machine() {
                report.foreign.push(id.clone());
                continue;
            }
            match self.pull_files(manifest, &mut fetcher) {
                Ok(()) => report.ready.push(id.clone()),
                Err(error) => report.failed.push((id.clone(), error)),
            }
        }
        Ok(report)
    }

    /// Removes from the store what no known model names, and what broken transfers left; tells what it was.
    pub fn collect(
        &self,
        only_look: bool,
        progress: &dyn Progress,
    ) -> Result<Vec<Leftover>, RegistryError> {
        let lock = self.store.lock(progress)?;
        let files = self.models().flat_map(|model| &model.manifest.files);
        let kept: BTreeSet<Digest> = files.map(|file| file.sha256.clone()).collect();
        let leftovers = lock.leftovers(&kept)?;
        if !only_look {
            leftovers.iter().try_for_each(Leftover::remove)?;
        }
        Ok(leftovers)
    }

    /// The report of a pull that finds everything in place.
    fn all_here(&self, ids: &[ModelId]) -> Result<Option<PullReport>, RegistryError> {
        let mut report = PullReport::default();
        for id in ids {
            match self.check(id.as_str())? {
                ModelState::Ready => report.ready.push(id.clone()),
                ModelState::Foreign => report.foreign.push(id.clone()),
                ModelState::Missing | ModelState::Broken(_) => return Ok(None),
            }
        }
        Ok(Some(report))
    }

    fn pull_files(
        &self,
        manifest: &ModelManifest,
        fetcher: &mut Fetcher<'_>,
    ) -> Result<(), RegistryError> {
        self.forget(manifest);
        for file in &manifest.files {
            if self.verified_file(&manifest.id, file).is_ok() {
                continue;
            }
            fetcher.fetch(manifest, file).map_err(|attempts| {
                let (id, file) = (manifest.id.clone(), file.name.clone());
                RegistryError::Unobtainable { id, file, attempts }
            })?;
            self.verified_file(&manifest.id, file)?;
        }
        Ok(())
    }

    fn verified_file(&self, id: &ModelId, file: &ModelFile) -> Result<VerifiedFile, RegistryError> {
        if let Some(known) = self.hashed().get(&file.sha256) {
            return Ok(known.clone());
        }
        let place = self.models.get(id).and_then(|it| it.place.as_ref());
        let beside = place.map(|it| it.join(&file.name)).filter(|it| it.is_file());
        let path = beside.unwrap_or_else(|| self.store.path(&file.sha256));
        let verified = VerifiedFile::check(&path, file.sha256.as_str()).map_err(|source| {
            let (id, file) = (id.clone(), file.name.clone());
            match source {
                VerifyError::Read { source, .. }
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    RegistryError::Missing { id, file }
                }
                source => RegistryError::Broken { id, file, source },
            }
        })?;
        self.hashed().insert(file.sha256.clone(), verified.clone());
        Ok(verified)
    }

    fn forget(&self, manifest: &ModelManifest) {
        let mut hashed = self.hashed();
        for file in &manifest.files {
            hashed.remove(&file.sha256);
        }
    }

    fn hashed(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, VerifiedFile>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    fn new(folder: &str, manifest: &str, card: String) -> Result<Model, ManifestError> {
        let sha256 = digest_of(manifest.as_bytes());
        let manifest = ModelManifest::parse(manifest)?;
        if manifest.id.as_str() != folder {
            return Err(ManifestError::Folder(folder.to_owned()));
        }
        Ok(Model { manifest: Arc::new(manifest), sha256, card, place: None })
    }

    fn has_weights(&self, sha256: &str) -> bool {
        let mut weights = self.manifest.files.iter().filter(|it| it.role == FileRole::Weights);
        weights.any(|it| it.sha256.as_str() == sha256)
    }
}

/// Reads every `<folder>/<id>/model.toml`; folders without one are not models.
fn read_folder(folder: &Path) -> Result<Vec<Model>, RegistryError> {
    let failed = |source| RegistryError::ReadManifest { path: folder.to_owned(), source };
    let mut models = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path().join("model.toml");
        let wrong = |source| RegistryError::Manifest { origin: path.display().to_string(), source };
        let Some(manifest) = read_text(&path)? else { continue };
        let card = read_text(&entry.path().join("CARD.md"))?;
        let card = card.ok_or_else(|| wrong(ManifestError::NoCard))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        models.push(Model::new(&name, &manifest, card).map_err(wrong)?);
    }
    Ok(models)
}

/// As [`read_folder`] of a folder that need not be there, whose models have their files beside their manifests.
fn read_trained(folder: &Path) -> Result<Vec<Model>, RegistryError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let models = read_folder(folder)?.into_iter();
    Ok(models.map(|it| Model { place: Some(folder.join(it.manifest.id.as_str())), ..it }).collect())
}

/// The text of a small file; none if there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, RegistryError> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let failed = |source| RegistryError::ReadManifest { path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_TEXT_BYTES {
        let (origin, source) = (path.display().to_string(), ManifestError::TooLong(MAX_TEXT_BYTES));
        return Err(RegistryError::Manifest { origin, source });
    }
    Ok(Some(text))
}
