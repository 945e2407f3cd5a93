//! What passes between the service's door and whoever recognises ID images.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::base::{Deadline, Private};
use crate::task::call::CallError;

use super::{IdImage, Recognition, Wanted};

/// Whoever recognises ID images: the pipeline, or a fake in tests.
///
/// Dropping the future of [`RecogniseId::recognise`] gives the work up: what has not begun never begins.
pub trait RecogniseId: Send + Sync {
    /// Recognises one picture; answers an error with code `Timeout` when `deadline` passes first.
    fn recognise(
        &self,
        image: IdImage,
        deadline: Deadline,
    ) -> BoxFuture<'static, Result<Recognition, CallError>>;

    /// How long until a picture is answered that arrives now, behind the pictures of `load`.
    fn estimate(&self, load: Load) -> Duration;

    /// Whether a picture handed over now would be recognised.
    fn health(&self) -> Health;

    /// Which models answer.
    fn model(&self) -> ModelInfo;
}

/// What stands before a picture, for [`RecogniseId::estimate`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Pictures admitted earlier and not answered yet.
    pub pictures_ahead: usize,
    /// Pixels of the picture asked about.
    pub pixels: u64,
}

/// State of a service's models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Loaded, warm and answering.
    Ready,
    /// Not answering; why, without personal data.
    Unavailable(String),
}

/// The model, or the set of models under one name, that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Identifier.
    pub name: String,
    /// Version.
    pub version: String,
    /// SHA-256 in lower-case hex: of the file, or of the sorted hashes of a set.
    pub sha256: String,
}

/// Pictures of one call, still encoded.
pub struct IdCall {
    /// One or two files, in the order sent.
    pub pictures: Vec<Private<Vec<u8>>>,
    /// Options, the same for every picture.
    pub wanted: Wanted,
}

/// What one picture of a call gave.
#[derive(Clone, Debug)]
pub struct IdAnswer {
    /// What was found.
    pub recognition: Recognition,
    /// Size as displayed: width and height in pixels.
    pub size: (u32, u32),
    /// Where the time went.
    pub timings: Timings,
}

/// Where the time of one picture went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for memory and for a decoding thread.
    pub queue: Duration,
    /// Decoding the file.
    pub decode: Duration,
    /// Recognition, its own queue included.
    pub infer: Duration,
}
