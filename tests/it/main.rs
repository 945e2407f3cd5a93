//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod cli;
mod generated;
mod licences;
mod source;
mod tidy;
