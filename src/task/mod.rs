//! The closed set of services, and their validated inputs and outputs. Nothing here knows JSON.

pub mod answers;
pub mod assist;
pub mod call;
pub mod comparison;
pub mod documents;
pub mod drift;
pub mod embeddings;
pub mod idcard;
pub mod infer;
pub mod job;
pub mod letters;
pub mod prediction;
pub mod review;
pub mod service;
pub mod speech;
pub mod taxonomy;
pub mod text;
