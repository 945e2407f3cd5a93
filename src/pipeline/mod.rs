//! From a validated input to a validated output: prepare, infer, interpret. Knows no caller, no transport, no store.

pub mod answers;
pub mod classify;
pub mod compose;
pub mod documents;
pub mod encode;
pub mod fold;
pub mod idcard;
pub mod letters;
pub mod speech;
