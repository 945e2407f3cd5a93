//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod batch;
mod bench_tmp;
mod cli;
#[cfg(all(feature = "candle", feature = "ort", feature = "rten"))]
mod encoder;
#[cfg(all(feature = "ort", feature = "rten"))]
mod engine;
mod faults;
mod generated;
mod http;
#[cfg(all(feature = "ort", feature = "rten"))]
mod idcard;
mod image;
mod kill;
mod licences;
mod read_page;
mod registry;
#[cfg(feature = "postgres")]
mod servers;
mod source;
mod store;
#[cfg(all(feature = "ort", feature = "rten"))]
mod support;
mod tidy;
#[cfg(all(feature = "ort", feature = "rten"))]
mod worker;
