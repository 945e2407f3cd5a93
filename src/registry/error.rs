//! Why a model cannot be described, fetched or trusted; each text names the remedy where there is one.

use std::io;
use std::path::PathBuf;

use super::convert::ConvertError;
use super::digest::Digest;
use super::manifest::{ManifestError, ModelId};
use super::release::ReleaseError;
use super::source::Source;
use super::verified::VerifyError;

/// A failure of the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A folder or file of manifests could not be read.
    #[error("failed to read {}", path.display())]
    ReadManifest {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest is wrong.
    #[error("bad model manifest {origin}")]
    Manifest {
        /// File, or id of a built-in manifest.
        origin: String,
        /// Why.
        source: ManifestError,
    },
    /// There is no such model.
    #[error("unknown model `{id}`; known are: {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// Every id, separated by commas.
        known: String,
    },
    /// The model was not pulled yet.
    #[error("model `{id}` is not on this machine (no {file}): run `fenwen models pull {id}`")]
    Missing {
        /// The model.
        id: ModelId,
        /// Its first missing file.
        file: String,
    },
    /// A file on disk is not the one the manifest names.
    #[error("model `{id}` is broken in {file}: run `fenwen models pull {id}`")]
    Broken {
        /// The model.
        id: ModelId,
        /// The file's name.
        file: String,
        /// What is wrong with it.
        source: VerifyError,
    },
    /// No source had the file.
    #[error("no source had {file} of model `{id}` ({} tried); fetch it elsewhere and run `fenwen models pull {id} --from DIR`", attempts.len())]
    Unobtainable {
        /// The model.
        id: ModelId,
        /// The file's name.
        file: String,
        /// Every source tried, in order, and why it failed.
        attempts: Vec<(Source, SourceError)>,
    },
    /// The model does not run on this kind of machine.
    #[error("model `{id}` is for {platforms} only")]
    Platform {
        /// The model.
        id: ModelId,
        /// The machines it is for.
        platforms: String,
    },
    /// The signed release does not name the model.
    #[error("model `{id}` is refused")]
    Untrusted {
        /// The model.
        id: ModelId,
        /// Why.
        source: ReleaseError,
    },
    /// The store could not be used.
    #[error("failed to {action} {}", path.display())]
    Store {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why one source did not give a file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder has no such file.
    #[error("neither the file nor an archive that holds it is in {}", .0.display())]
    NotInDir(PathBuf),
    /// The program carries no such file.
    #[error("this program carries no such file")]
    NotEmbedded,
    /// The manifest says nothing of parts, or one of them is not to be had.
    #[error("{part} is not to be had: {reason}")]
    NoPart {
        /// The part's name.
        part: String,
        /// Why the last source tried did not have it.
        reason: String,
    },
    /// The file could not be made of its parts.
    #[error("failed to make the file of its parts")]
    Convert(#[from] ConvertError),
    /// The program that fetches packages is not installed.
    #[error("{tool} is not installed (tried {tried}): {remedy}, or use --from DIR")]
    NoTool {
        /// `pip` or `npm`.
        tool: &'static str,
        /// The commands tried.
        tried: String,
        /// How to install it.
        remedy: &'static str,
    },
    /// The program that fetches packages failed.
    #[error("{tool} failed: {message}")]
    Tool {
        /// `pip` or `npm`.
        tool: &'static str,
        /// The last error line it printed.
        message: String,
    },
    /// The same archive could not be had for another file of this pull.
    #[error("failed before in this pull: {0}")]
    FailedBefore(String),
    /// The archive is not a readable zip or gzipped tar file.
    #[error("failed to read the archive {archive}: {message}")]
    Archive {
        /// File name of the archive.
        archive: String,
        /// What is wrong.
        message: String,
    },
    /// The archive has no such member.
    #[error("{archive} holds no file {member}")]
    NoMember {
        /// File name of the archive.
        archive: String,
        /// Name looked for.
        member: String,
    },
    /// The server answered something else than the file.
    #[error("the server answered {0}")]
    Status(u16),
    /// The server could not be reached or the transfer broke.
    #[error("the transfer failed: {0}")]
    Network(String),
    /// The source could not be read.
    #[error("failed to read {what}")]
    Read {
        /// The file or folder.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The store could not be written, for example because the disk is full.
    #[error("failed to write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The content ended early.
    #[error("the content is too short: expected {expected} bytes, found {found}")]
    Truncated {
        /// Bytes declared in the manifest.
        expected: u64,
        /// Bytes received.
        found: u64,
    },
    /// The content goes on after the declared size; reading stopped there.
    #[error("the content is longer than the {expected} bytes declared")]
    TooLong {
        /// Bytes declared in the manifest.
        expected: u64,
    },
    /// The content is another file.
    #[error("{file} has the wrong SHA-256: expected {expected}, found {found}")]
    WrongHash {
        /// The file's name.
        file: String,
        /// Hash of the manifest.
        expected: Digest,
        /// Hash of the content.
        found: Digest,
    },
    /// This build cannot use the source.
    #[error("this build has no network sources (cargo feature `hub`)")]
    NoNetwork,
}

impl SourceError {
    /// Whether the store, not the source, is at fault, so that another source would fail as well.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, SourceError::Write { .. })
    }
}
