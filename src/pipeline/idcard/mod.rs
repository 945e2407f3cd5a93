//! ID images: a picture in, typed and checked fields out.
//!
//! Stages, each public and inspectable, in the order they run.

pub mod read;

pub mod components;
pub mod crop;
pub mod detect;
pub mod lexicon;
pub mod line;
pub mod locate;
pub mod networks;
pub mod orient;
pub mod quality;
pub mod recognise;
pub mod redact;
pub mod sample;

pub mod check;
pub mod mrz;
mod text;
