//! Composition root: commands.

pub mod models;
mod progress;
