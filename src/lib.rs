//! fenwen (分文): an AI inference service for the Ministry of the Interior.
//!
//! A request goes transport → [`service`] → [`pipeline`] → [`batch`] → [`engine`], never any other way.
//! The modules below are in reading order: each uses only those above it (`tests/it/tidy.rs` holds the table).

pub mod audit;
pub mod base;
pub mod batch;
pub mod bus;
pub mod cli;
pub mod config;
#[cfg(feature = "console")]
pub mod console;
pub mod engine;
pub mod http;
pub mod identity;
pub mod media;
pub mod pipeline;
pub mod policy;
pub mod registry;
pub mod rpc;
pub mod service;
pub mod store;
pub mod task;
pub mod tensor;
pub mod warehouse;
pub mod wire;
