//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod batch;
#[cfg(all(feature = "ort", feature = "rten"))]
mod engine;
#[cfg(feature = "ort")]
mod support;
mod tidy;
#[cfg(all(unix, feature = "ort"))]
mod worker;
