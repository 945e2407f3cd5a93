//! Version 1 of the API's documents.

pub mod compare;
pub mod meta;
pub mod recognition;
