//! From a question to the approved source that answers it: words and meanings compared, fused, and a piece quoted.

pub mod assist;
mod dense;
pub mod evidence;
mod focus;
pub mod index;
pub mod lexical;
mod named;
pub mod quote;
pub mod rank;
pub mod spoken;
pub mod summary;
pub mod topic;
pub mod transcript;
