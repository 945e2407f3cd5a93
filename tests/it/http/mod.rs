//! The HTTP surface over real sockets, with a fake recogniser.

pub(crate) mod card;
mod card_checks;
pub(crate) mod client;
mod clients;
mod commands;
mod description;
mod drain;
mod elsewhere;
mod embeddings;
mod events;
#[cfg(all(feature = "tls", feature = "jwt"))]
mod exchange;
pub(crate) mod fake;
mod grpc;
pub(crate) mod guard;
mod hostile;
mod infer;
pub(crate) mod later;
mod load;
#[cfg(feature = "console")]
mod many_reviews;
mod modes;
mod proposals;
mod recognition;
mod recorded;
#[cfg(feature = "console")]
mod review_screens;
mod reviews;
mod scan;
pub(crate) mod speech;
pub(crate) mod subjects;
mod swap;
pub(crate) mod texts;
#[cfg(all(feature = "tls", feature = "jwt"))]
pub(crate) mod tls;
mod trials;
mod webhooks;
mod wire;
