//! What a pull tells while it works. The registry prints nothing itself.

use super::error::SourceError;
use super::source::Source;

/// Receives the progress of a pull. `()` ignores it.
pub trait Progress: Sync {
    /// Something worth a line.
    fn note(&self, _note: &Note<'_>) {}
    /// A transfer begins, or begins again: `total` bytes if known, `done` of them already here.
    fn begin(&self, _what: &str, _total: Option<u64>, _done: u64) {}
    /// `n_bytes` more arrived.
    fn advance(&self, _n_bytes: u64) {}
    /// The transfer ended, well or not.
    fn end(&self) {}
}

impl Progress for () {}

/// A moment of a pull.
#[derive(Debug)]
pub enum Note<'a> {
    /// Another pull holds the store; this one waits for it.
    Waiting,
    /// A source is asked for a file.
    Trying {
        /// The file's name.
        file: &'a str,
        /// The source.
        source: &'a Source,
    },
    /// A source failed; the next one is tried.
    Failed {
        /// The source.
        source: &'a Source,
        /// Why.
        error: &'a SourceError,
    },
}
