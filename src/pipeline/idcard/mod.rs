//! ID images: a picture in, typed and checked fields out.
//!
//! Stages, each public and inspectable, in the order they run.

pub mod components;
pub mod crop;
pub mod detect;
pub mod line;
pub mod orient;
pub mod read;
pub mod recognise;
pub mod sample;
