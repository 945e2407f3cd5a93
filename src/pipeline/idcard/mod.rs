//! ID images: a picture in, typed and checked fields out.
//!
//! Stages, each public and inspectable, in the order they run.

pub mod line;
pub mod sample;
pub mod components;
pub mod detect;
pub mod crop;
pub mod orient;
pub mod recognise;
pub mod read;
