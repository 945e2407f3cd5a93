//! Whether whoever was let in once still may be: for calls that go on after their answer began.

use std::net::IpAddr;
use std::sync::Arc;

use crate::identity::key::Presented;
use crate::policy::{Denial, Principal, Route};

use super::{Gate, RECENT, Shown};

/// By what a call was let in, without a secret.
#[derive(Clone, Debug)]
pub struct Standing {
    principal: Arc<Principal>,
    /// Id of the key that was shown, if one was.
    key: Option<String>,
    address: Option<IpAddr>,
    certificate: Option<Vec<u8>>,
}

impl Standing {
    /// Of a call that showed this, and was let in as `principal`.
    pub fn of(shown: &Shown<'_>, principal: Arc<Principal>) -> Standing {
        let credential = shown.authorization.and_then(|it| it.split_once(' '));
        let key = credential.and_then(|(_, it)| Presented::parse(it.trim()));
        Standing {
            principal,
            key: key.map(|it| it.id.to_owned()),
            address: shown.address,
            certificate: shown.certificate.map(<[u8]>::to_vec),
        }
    }
}

impl Gate {
    /// Whether whoever was let in may still call the route: no key was revoked, no client suspended or narrowed. The end
    /// of an access token is no matter here: it was good when it was shown.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub async fn still(&self, standing: &Standing, route: &Route) -> Result<(), Denial> {
        let known = self.known(RECENT).await?;
        if standing.key.as_ref().is_some_and(|it| known.registered.key(it).is_none()) {
            return Err(Denial::Expired);
        }
        let was = &standing.principal;
        let client = known.registered.client(&was.client).ok_or(Denial::Expired)?;
        let from = (standing.address, standing.certificate.as_deref());
        client.check(self.clock.unix_time(), self.settings.idle, from)?;
        let scopes = client.scopes.and(was.scopes);
        self.policy.decide(Some(&Principal { scopes, ..Principal::clone(was) }), route)
    }
}
