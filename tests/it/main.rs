//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod batch;
mod cli;
mod engine;
mod generated;
mod http;
#[cfg(all(feature = "ort", feature = "rten"))]
mod idcard;
mod image;
mod licences;
mod read_page;
mod registry;
mod source;
mod support;
mod tidy;
mod worker;
