//! Webhooks: events to callers who speak HTTP only, by the rules of Standard Webhooks 1.0.
//!
//! A payload is thin: type, time and the event's data, which are ids and codes. Whoever wants more fetches it with its
//! own rights. A receiver's address is checked each time, and the checked address is the one that is called.

mod deliver;
mod guard;
mod memory;
mod schedule;
#[cfg(feature = "webhooks")]
mod send;
mod sign;
mod store;

pub use deliver::{Deliverer, Post, Posted, Sender};
pub use guard::{Guard, GuardError, Network, Resolve, SystemResolver, Target};
pub use memory::MemoryWebhooks;
pub use schedule::{DELAYS, delay_before};
#[cfg(feature = "webhooks")]
pub use send::{HttpSender, SenderError};
pub use sign::{SignError, SigningKey, signature_header};
pub use store::{Attempt, Delivery, DeliveryState, Failure, Webhook, WebhookError, WebhookStore};
