//! Letters to the minister: what can be said of one by rule, before and beside any model.
//!
//! Every position is a Unicode code-point offset into the text that was given, end exclusive, so that a caller can
//! mark its own copy.

pub mod flags;
pub mod pii;
pub mod read;
pub mod similar;
