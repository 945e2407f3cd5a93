//! Whoever showed a credential once and goes on without it: by a session, until the credential no longer stands.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Secret;
use crate::identity::key::Presented;
use crate::policy::{Assurance, Denial, Method, Principal, Surface};

use super::{FRESH, Gate, Proof, RECENT, Shown, principal};

/// Somebody who was proven: what is kept is no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// By the API key of this id.
    Key(String),
    /// By a login at the provider.
    Person {
        /// Who, as of the login.
        principal: Box<Principal>,
        /// Session at the provider.
        sid: Option<String>,
    },
}

impl SignedIn {
    /// Whether this ends when the provider ends a session, or all of a person.
    pub fn is_ended_by(&self, subject: Option<&str>, session: Option<&str>) -> bool {
        let SignedIn::Person { principal, sid } = self else { return false };
        match session {
            Some(_) => sid.as_deref() == session,
            None => subject.is_some_and(|it| principal.subject == it),
        }
    }
}

impl Gate {
    /// Proves whoever signs in with an API key; bad ones are counted as those of calls are.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub async fn sign_in(
        &self,
        key: &Secret<String>,
        address: Option<IpAddr>,
    ) -> Result<(SignedIn, Principal), Denial> {
        let authorization = Secret::new(format!("Bearer {}", key.expose().trim()));
        let shown = Shown {
            authorization: Some(authorization.expose()),
            address,
            certificate: None,
            surface: Surface::All,
            exchange: (None, None),
        };
        let principal = self.principal(shown).await?;
        let key = Presented::parse(key.expose().trim()).ok_or(Denial::BadCredential)?;
        Ok((SignedIn::Key(key.id.to_owned()), principal))
    }

    /// Who somebody is by now: what was revoked, suspended or narrowed meanwhile counts.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub async fn again(
        &self,
        signed_in: &SignedIn,
        address: Option<IpAddr>,
    ) -> Result<Principal, Denial> {
        self.again_within(signed_in, address, FRESH).await
    }

    /// The same, as of this second.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub async fn right_now(
        &self,
        signed_in: &SignedIn,
        address: Option<IpAddr>,
    ) -> Result<Principal, Denial> {
        self.again_within(signed_in, address, RECENT).await
    }

    async fn again_within(
        &self,
        signed_in: &SignedIn,
        address: Option<IpAddr>,
        limit: Duration,
    ) -> Result<Principal, Denial> {
        let id = match signed_in {
            SignedIn::Key(id) => id,
            SignedIn::Person { principal, .. } => return Ok(Principal::clone(principal)),
        };
        let known = self.known(limit).await?;
        let key = known.registered.key(id).ok_or(Denial::Expired)?;
        let client = known.registered.client(&key.client).ok_or(Denial::Expired)?;
        client.check(self.clock.unix_time(), self.settings.idle, (address, None))?;
        self.note(client);
        Ok(principal(Proof {
            client: Arc::clone(client),
            subject: client.row.id.clone(),
            scopes: client.scopes,
            method: Method::ApiKey,
            login: Assurance::default(),
            acting_for: None,
        }))
    }
}
