//! The documents that cross the wire, and nothing of how they travel.

pub mod call;
pub mod catalogue;
pub mod names;
pub mod problem;
pub mod v1;
