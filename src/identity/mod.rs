//! Who calls: registered clients, their keys and tokens, and the gate that proves them before the policy decides.
//!
//! Credentials are never logged, kept or answered; a key is known by its hash only.

mod client;
mod gate;
#[cfg(feature = "jwt")]
mod issuer;
mod key;
mod lockout;
mod member;
#[cfg(feature = "jwt")]
mod token;
mod tokens;
#[cfg(feature = "jwt")]
mod verifier;

pub use client::Hours;
pub use gate::{Gate, GateSettings, Shown};
pub use key::{NewKey, NoRandomness};
pub use member::Member;
pub use tokens::{IssuerSettings, KeySource};
