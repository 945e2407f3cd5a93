//! Webhooks: events to callers who speak HTTP only, by the rules of Standard Webhooks 1.0.
//!
//! A payload is thin: type, time and the event's data, which are ids and codes. Whoever wants more fetches it with its
//! own rights. A receiver's address is checked each time, and the checked address is the one that is called.

mod deliver;
mod guard;
mod manage;
mod schedule;
#[cfg(feature = "webhooks")]
mod send;
mod sign;

pub use crate::store::webhooks::{Attempt, Delivery, DeliveryState, Webhook, WebhookChange};

pub use deliver::{Deliverer, Failure, Post, Posted, Sender};
pub use guard::{Guard, GuardError, Resolve, SystemResolver, Target};
pub use manage::{WebhookSettings, Webhooks};
pub use schedule::{DELAYS, delay_before};
#[cfg(feature = "webhooks")]
pub use send::{HttpSender, SenderError};
pub use sign::{SigningKey, signature_header};
