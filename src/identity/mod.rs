//! Who calls: registered clients, their keys and tokens, and the gate that proves them before the policy decides.
//!
//! Credentials are never logged, kept or answered; a key is known by its hash only.

mod application;
mod client;
mod gate;
#[cfg(feature = "jwt")]
mod id_token;
#[cfg(feature = "jwt")]
mod issuer;
mod key;
mod lockout;
#[cfg(feature = "jwt")]
mod login;
mod member;
#[cfg(feature = "jwt")]
mod provider;
#[cfg(feature = "jwt")]
mod token;
mod tokens;
#[cfg(feature = "jwt")]
mod verifier;

pub use application::{Application, ApplicationError, Applications};
pub use client::Hours;
pub use gate::{Gate, GateSettings, Registration, Shown, SignedIn};
pub use key::{NewKey, NoRandomness};
#[cfg(feature = "jwt")]
pub use login::{BegunLogin, ClaimNames, Ended, LoginError, LoginSettings, Logins, Person};
pub use member::Member;
pub use tokens::{IssuerSettings, KeySource};
