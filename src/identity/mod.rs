//! Who calls: registered clients, their keys and tokens, and the gate that proves them before the policy decides.
//!
//! Credentials are never logged, kept or answered; a key is known by its hash only.

mod application;
mod client;
mod gate;
mod grant;
#[cfg(feature = "jwt")]
mod id_token;
#[cfg(feature = "jwt")]
mod inspection;
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

pub use crate::store::{ApplicationRow as KeptApplication, SignOut};
pub use application::{Application, ApplicationError, Applications};
pub use gate::{
    Gate, GateSettings, Onboarding, OnboardingError, Registration, Shown, SignedIn, Standing,
};
pub use grant::Unfit;
#[cfg(feature = "jwt")]
pub use inspection::{CLOCK_LEEWAY, IssuerReport, discover_keys, discover_login, inspect_keys};
pub use key::{NewKey, NoRandomness};
#[cfg(feature = "jwt")]
pub use login::{BegunLogin, ClaimNames, LoginError, LoginSettings, Logins, Logout, Person};
pub use member::{Member, shares_partner};
pub use tokens::{IssuerSettings, KeySource};
