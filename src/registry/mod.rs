//! Models: manifests, sources, pull, verification. The only module that fetches anything, and only in `pull`.
//!
//! A [`ModelManifest`] says what a model is and where its files can be had. [`ModelRegistry::pull`] brings them into a
//! content-addressed store; [`ModelRegistry::verified`] hashes them and hands out a [`VerifiedModel`], which cannot be
//! had otherwise: no hash, no load.

mod digest;
mod source;

mod constants;
mod convert;
mod manifest;

mod error;
mod progress;
mod settings;
mod store;
mod verified;
mod versions;

mod fetch;

mod builtin;
mod catalog;

pub use catalog::{Model, ModelRegistry, ModelState, PullReport};
pub use constants::{
    BatchLimits, CalibrationTable, ChannelOrder, Golden, GoldenText, Postprocess, Preprocess,
    Resize,
};
pub use convert::{
    Conversion, ConvertError, Quantisation, Recipe, Values, WhisperFile, convert as convert_parts,
};
pub use digest::{Digest, DigestError};
pub use error::{RegistryError, SourceError};
pub use fetch::Tools;
pub use manifest::{
    Archive, FileRole, ManifestError, ModelEngine, ModelFile, ModelId, ModelManifest, ModelTask,
};
pub use progress::{Note, Progress};
pub use settings::{Mirror, MirrorError, Settings};
pub use source::{Package, Source, SourceSyntaxError};
pub use store::Leftover;
pub use verified::{VerifiedFile, VerifiedModel, VerifyError};
pub use versions::{LoadedVersion, VersionError, VersionFiles, Versions};
