//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod batch;
mod engine;
mod support;
mod tidy;
#[cfg(unix)]
mod worker;
