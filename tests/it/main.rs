//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod image;
mod read_page;
mod tidy;
