//! The documents that cross the wire, and nothing of how they travel.

pub mod apis;
pub mod call;
pub mod catalogue;
pub mod names;
pub mod openai;
pub mod problem;
pub mod v1;
pub mod v2;
