//! The HTTP surface over real sockets, with a fake recogniser.

mod client;
mod description;
mod drain;
mod fake;
mod hostile;
mod later;
mod load;
mod recognition;
mod texts;
mod wire;
