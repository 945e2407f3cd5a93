//! ID images: a picture in, typed and checked fields out.
//!
//! Stages, each public and inspectable, in the order they run.

pub mod lexicon;
pub mod line;

pub mod check;
mod label;
mod layout;
pub mod mrz;
mod read;
mod text;
