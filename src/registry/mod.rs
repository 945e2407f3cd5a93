//! Models: manifests, sources, pull, verification. The only module that fetches anything, and only in `pull`.

mod verified;

pub use verified::{VerifiedFile, VerifyError};
