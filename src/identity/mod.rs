//! Who calls: registered clients, their keys, and the gate that proves them before the policy decides.
//!
//! Credentials are never logged, kept or answered; a key is known by its hash only.

mod client;
mod gate;
mod key;
mod lockout;

pub use client::Hours;
pub use gate::{Gate, GateSettings, Registration, Shown, SignedIn};
pub use key::{NewKey, NoRandomness};
