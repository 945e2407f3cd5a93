//! The HTTP surface over real sockets, with a fake recogniser.

pub(crate) mod client;
mod description;
mod drain;
pub(crate) mod fake;
mod hostile;
mod later;
mod load;
mod recognition;
pub(crate) mod texts;
mod wire;
