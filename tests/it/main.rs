//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod api;
mod batch;
mod bus;
mod cli;
#[cfg(all(feature = "candle", feature = "ort", feature = "rten"))]
mod encoder;
#[cfg(all(feature = "ort", feature = "rten"))]
mod engine;
mod generated;
mod http;
#[cfg(all(feature = "ort", feature = "rten"))]
mod idcard;
mod image;
mod licences;
#[cfg(feature = "nats")]
mod nats_server;
mod read_page;
mod registry;
mod source;
#[cfg(all(feature = "ort", feature = "rten"))]
mod support;
mod tidy;
#[cfg(feature = "webhooks")]
mod webhooks;
#[cfg(all(feature = "ort", feature = "rten"))]
mod worker;
