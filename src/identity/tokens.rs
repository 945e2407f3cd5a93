//! Access tokens of whichever issuers the settings name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Clock;
use crate::policy::{ActingFor, Assurance, Denial, Scopes};

#[cfg(feature = "jwt")]
use super::{issuer::Issuer, token};

/// Where an issuer's keys (JWKS) are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Url(String),
}

/// An issuer as the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `aud` of tokens that are for us.
    pub audience: String,
    /// Where its keys are; they are fetched again when they are old, or when a token names an unknown one.
    pub keys: KeySource,
}

/// What an access token says, once its signature is proven.
pub(super) struct Token {
    /// The client system that calls.
    pub(super) client: String,
    /// Whom the token was issued for: the client itself, or a person.
    pub(super) subject: String,
    /// What it allows; names that are unknown here allow nothing.
    pub(super) scopes: Scopes,
    /// How the person's login was proven.
    pub(super) login: Assurance,
    /// The person behind the call (RFC 8693).
    pub(super) acting_for: Option<ActingFor>,
}

/// Proves tokens.
pub(super) struct Tokens {
    #[cfg(feature = "jwt")]
    issuers: Vec<Arc<Issuer>>,
}

#[cfg(feature = "jwt")]
impl Tokens {
    pub(super) fn new(issuers: Vec<IssuerSettings>, clock: &Arc<dyn Clock>) -> Tokens {
        let issuer = |it| Arc::new(Issuer::new(it, Arc::clone(clock)));
        Tokens { issuers: issuers.into_iter().map(issuer).collect() }
    }

    /// Proves a token, with keys of its issuer that are fetched first where need be.
    ///
    /// # Errors
    /// [`Denial::BadCredential`], or [`Denial::Expired`] for a good token at a wrong time.
    pub(super) async fn prove(
        &self,
        text: &str,
        certificate: Option<&[u8]>,
        now: Duration,
    ) -> Result<Token, Denial> {
        let claimed = token::claimed(text)?;
        let issuer = self.issuers.iter().find(|it| it.name == claimed.issuer);
        let issuer = Arc::clone(issuer.ok_or(Denial::BadCredential)?);
        if !issuer.is_settled(&claimed.key) {
            let asking = Arc::clone(&issuer);
            let key = claimed.key.clone();
            let asked = tokio::task::spawn_blocking(move || asking.look(&key)).await;
            asked.map_err(|_| Denial::Unavailable)?;
        }
        token::prove(text, &claimed, &issuer, certificate, now)
    }
}

/// Without the feature no issuer is known.
#[cfg(not(feature = "jwt"))]
impl Tokens {
    pub(super) fn new(_: Vec<IssuerSettings>, _: &Arc<dyn Clock>) -> Tokens {
        Tokens {}
    }

    #[expect(clippy::unused_async, reason = "as with the feature")]
    pub(super) async fn prove(
        &self,
        _: &str,
        _: Option<&[u8]>,
        _: Duration,
    ) -> Result<Token, Denial> {
        Err(Denial::BadCredential)
    }
}

#[cfg(test)]
#[cfg(feature = "jwt")]
mod tests;
