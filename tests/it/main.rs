//! The integration tests: one binary, so that engines are linked once.
#![expect(clippy::unwrap_used, reason = "tests may")]

/// By this name the fuzz targets ask for their macro.
extern crate self as libfuzzer_sys;

mod api;
mod audit;
mod batch;
mod book;
mod bus;
#[cfg(all(feature = "nats", feature = "ort", feature = "rten"))]
mod bus_later;
mod canary;
mod cli;
mod compliance;
#[cfg(feature = "console")]
mod console;
mod dashboards;
mod drift;
#[cfg(all(feature = "candle", feature = "ort", feature = "rten"))]
mod encoder;
#[cfg(all(feature = "ort", feature = "rten"))]
mod engine;
mod faults;
#[cfg(all(feature = "audio", target_os = "linux"))]
mod ffmpeg;
mod fuzz_lock;
mod fuzz_targets;
mod generated;
#[cfg(all(feature = "candle", feature = "ort", feature = "rten"))]
mod graphs;
mod http;
#[cfg(all(feature = "ort", feature = "rten"))]
mod idcard;
mod image;
mod kill;
mod licences;
#[cfg(all(feature = "jwt", feature = "mail", feature = "tls", feature = "webhooks"))]
mod messages;
#[cfg(feature = "nats")]
mod nats_server;
#[cfg(feature = "console")]
mod oidc;
mod onboarding;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(all(feature = "candle", feature = "ort", feature = "rten"))]
mod own_encoder;
#[cfg(feature = "pdf")]
mod pdf;
mod privacy;
mod promotions;
mod read_page;
mod registry;
mod release;
mod sbom;
#[cfg(all(feature = "ort", feature = "rten"))]
mod sealed;
#[cfg(feature = "postgres")]
mod servers;
mod source;
#[cfg(all(feature = "candle", feature = "ort", feature = "rten", feature = "whisper"))]
mod speech;
mod store;
#[cfg(all(feature = "ort", feature = "rten"))]
mod support;
mod tidy;
#[cfg(feature = "webhooks")]
mod webhooks;
#[cfg(all(feature = "ort", feature = "rten"))]
mod worker;
