//! ID images: a picture in, typed and checked fields out.
//!
//! Stages, each public and inspectable: [`read::read_page`] (picture → upright lines; its parts are the modules that
//! follow it), then [`interpret`] (lines → fields).

pub mod read;

pub mod components;
pub mod crop;
pub mod detect;
pub mod face;
pub mod lexicon;
pub mod line;
pub mod locate;
pub mod networks;
pub mod orient;
pub mod quality;
pub mod recognise;
pub mod redact;
pub mod sample;

mod text;

mod mrz;

mod label;
mod value;

mod layout;

mod assign;
mod classify;
mod verdict;
mod zone;

mod interpret;

mod recognise_id;

pub use interpret::{Document, interpret, interpret_with};
pub use recognise_id::{IdCardPipeline, PipelineError};
pub use verdict::Calibration;
