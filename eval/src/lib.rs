//! Evaluation of fenwen: generators of synthetic input, suites that score a reader on it, reports.

pub mod cards;
pub mod classify;
pub mod encoder;
pub mod idcard;
pub mod qa;
pub mod serving;
pub mod speech;
