//! The gate: from what a call shows to a principal that may call its route.

mod onboarding;
mod registrations;
mod sign_outs;
mod signed_in;
mod standing;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::base::Clock;
use crate::policy::{
    Access, ActingFor, Assurance, Denial, Kind, Method, Policy, Principal, Route, Scopes, Surface,
};
use crate::store::Store;

use super::client::{Client, Registered};
use super::key;
use super::lockout::Lockout;
use super::member::Member;
use super::tokens::{IssuerSettings, Tokens};

pub use onboarding::{Onboarding, OnboardingError};
pub use registrations::Registration;
pub use signed_in::SignedIn;
pub use standing::Standing;

/// How long registrations are believed before they are read again: what is suspended is refused by then.
const FRESH: Duration = Duration::from_secs(15);

/// How long they are believed where a key is not among them.
const RECENT: Duration = Duration::from_secs(1);

/// How long they are believed while they cannot be read.
const STALE: Duration = Duration::from_secs(60);

/// How often the use of a client is noted.
const NOTED: Duration = Duration::from_secs(60 * 60);

/// Bytes of a credential.
const MAX_CREDENTIAL: usize = 8 << 10;

/// How callers are proven.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// Whether they must be; else everybody is local.
    pub is_required: bool,
    /// Whether keys for demonstrations count.
    pub accepts_demo_keys: bool,
    /// After how long without a call a client is suspended.
    pub idle: Duration,
    /// Who issues access tokens.
    pub issuers: Vec<IssuerSettings>,
}

/// What a call shows. No `Debug`: it holds credentials.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The `authorization` header; what is no text is empty.
    pub authorization: Option<&'a str>,
    /// Where it comes from, when that is known.
    pub address: Option<IpAddr>,
    /// SHA-256 of the certificate that the peer has proven to have.
    pub certificate: Option<&'a [u8]>,
    /// Which listener it came to.
    pub surface: Surface,
    /// The client and the person that the exchange names; believed on its listener only.
    pub exchange: (Option<&'a str>, Option<&'a str>),
}

struct Known {
    registered: Registered,
    read: Instant,
}

/// Proves callers and decides.
pub struct Gate {
    settings: GateSettings,
    policy: Policy,
    tokens: Tokens,
    store: Store,
    clock: Arc<dyn Clock>,
    /// By addresses. Over the bus everybody comes from one place: there only keys are locked.
    senders: Lockout<IpAddr>,
    /// By keys: one that is tried again and again is locked wherever that comes from.
    keys: Lockout<String>,
    known: ArcSwapOption<Known>,
    /// One reads at a time; when that failed last.
    reading: Mutex<Option<Instant>>,
}

/// What was proven, before the client's conditions are looked at.
struct Proof {
    client: Arc<Client>,
    subject: String,
    scopes: Scopes,
    method: Method,
    login: Assurance,
    acting_for: Option<ActingFor>,
}

impl Gate {
    /// A gate over the store's registrations.
    pub fn new(
        mut settings: GateSettings,
        policy: Policy,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> Arc<Gate> {
        let tokens = Tokens::new(std::mem::take(&mut settings.issuers), &clock);
        Arc::new(Gate {
            settings,
            policy,
            tokens,
            store,
            clock,
            senders: Lockout::default(),
            keys: Lockout::default(),
            known: ArcSwapOption::empty(),
            reading: Mutex::new(None),
        })
    }

    /// Whether callers must be proven; else the transport says who is local.
    pub fn is_required(&self) -> bool {
        self.settings.is_required
    }

    /// Who calls, when the route may be called; `None` where nobody needs to be known.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub async fn admit(
        &self,
        shown: Shown<'_>,
        route: &Route,
    ) -> Result<Option<Principal>, Denial> {
        if !shown.surface.offers(route.offered) {
            return Err(Denial::Place);
        }
        if route.access == Access::Open {
            return Ok(None);
        }
        let principal = self.principal(shown).await?;
        self.policy.decide(Some(&principal), route)?;
        Ok(Some(principal))
    }

    /// Whether whoever is local may call the route.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub fn admit_local(&self, principal: &Principal, route: &Route) -> Result<(), Denial> {
        self.policy.decide(Some(principal), route)
    }

    async fn principal(&self, shown: Shown<'_>) -> Result<Principal, Denial> {
        let (sender, now) = (shown.address, self.clock.now());
        if let Some(time) = sender.and_then(|it| self.senders.locked(&it, now)) {
            return Err(Denial::Locked(time));
        }
        let known = self.known(FRESH).await?;
        // A key that is not among them may have been made just now.
        let is_unknown = names_no_key(&known.registered, &shown);
        let known = if is_unknown { self.known(RECENT).await? } else { known };
        let proven = match shown.surface {
            Surface::Exchange => partner(&known.registered, shown.exchange),
            _ => self.prove(&known.registered, &shown).await,
        };
        let checked = proven.and_then(|it| {
            let from = (shown.address, shown.certificate);
            it.client.check(self.clock.unix_time(), self.settings.idle, from).map(|()| it)
        });
        match checked {
            Ok(proof) => {
                if let Some(sender) = sender {
                    self.senders.forget(&sender);
                }
                self.note(&proof.client);
                Ok(principal(proof))
            }
            Err(Denial::BadCredential) => {
                if let Some(sender) = sender {
                    self.senders.count(&sender, now);
                }
                Err(Denial::BadCredential)
            }
            Err(denial) => Err(denial),
        }
    }

    async fn prove(&self, registered: &Registered, shown: &Shown<'_>) -> Result<Proof, Denial> {
        let header = shown.authorization.ok_or(Denial::NoCredential)?;
        let (scheme, credential) = header.split_once(' ').ok_or(Denial::BadCredential)?;
        if !scheme.eq_ignore_ascii_case("bearer") || MAX_CREDENTIAL < credential.len() {
            return Err(Denial::BadCredential);
        }
        match key::Presented::parse(credential.trim()) {
            Some(key) => self.prove_key(registered, &key),
            None => self.prove_token(registered, credential.trim(), shown.certificate).await,
        }
    }

    async fn prove_token(
        &self,
        registered: &Registered,
        text: &str,
        certificate: Option<&[u8]>,
    ) -> Result<Proof, Denial> {
        let token = self.tokens.prove(text, certificate, self.clock.unix_time()).await?;
        let client = registered.client(&token.client).ok_or(Denial::BadCredential)?;
        Ok(Proof {
            client: Arc::clone(client),
            subject: token.subject,
            // An issuer gives no more than the registration does.
            scopes: client.scopes.and(token.scopes),
            method: Method::Token,
            login: token.login,
            acting_for: token.acting_for,
        })
    }

    fn prove_key(
        &self,
        registered: &Registered,
        key: &key::Presented<'_>,
    ) -> Result<Proof, Denial> {
        let now = self.clock.now();
        if let Some(time) = self.keys.locked(key.id, now) {
            return Err(Denial::Locked(time));
        }
        let found = registered.key(key.id).ok_or(Denial::BadCredential)?;
        if !key.has_hash(&found.hash) {
            self.keys.count(key.id, now);
            return Err(Denial::BadCredential);
        }
        if found.is_demo && !self.settings.accepts_demo_keys {
            return Err(Denial::BadCredential);
        }
        let client = registered.client(&found.client).ok_or(Denial::BadCredential)?;
        Ok(Proof {
            client: Arc::clone(client),
            subject: client.row.id.clone(),
            scopes: client.scopes,
            method: Method::ApiKey,
            login: Assurance::default(),
            acting_for: None,
        })
    }

    /// The registrations, read again when they are older than `limit`.
    async fn known(&self, limit: Duration) -> Result<Arc<Known>, Denial> {
        let age = |it: &Arc<Known>| self.clock.now().saturating_duration_since(it.read);
        if let Some(known) = self.known.load_full().filter(|it| age(it) < limit) {
            return Ok(known);
        }
        let mut failed = self.reading.lock().await;
        if let Some(known) = self.known.load_full().filter(|it| age(it) < limit) {
            return Ok(known);
        }
        let read = self.clock.now();
        let old = || self.known.load_full().filter(|it| age(it) < STALE).ok_or(Denial::Unavailable);
        // Whoever waited meanwhile does not try it once more, one after another.
        if failed.is_some_and(|it| read.saturating_duration_since(it) < RECENT) {
            return old();
        }
        let found = async { Ok((self.store.clients().await?, self.store.client_keys().await?)) };
        let found: Result<_, crate::store::StoreError> = found.await;
        match found {
            Ok((clients, keys)) => {
                let registered = Registered::of(clients, keys);
                let known = Arc::new(Known { registered, read });
                self.known.store(Some(Arc::clone(&known)));
                *failed = None;
                Ok(known)
            }
            Err(error) => {
                tracing::warn!(%error, "failed to read the registered clients");
                *failed = Some(self.clock.now());
                old()
            }
        }
    }

    /// Notes now and then that a client calls. Nobody waits for it.
    fn note(&self, client: &Client) {
        let now = self.clock.unix_time();
        if client.row.used + NOTED <= now {
            drop(self.store.touch_client(&client.row.id, now));
        }
    }
}

/// Whether a key is shown that nobody is registered with.
fn names_no_key(registered: &Registered, shown: &Shown<'_>) -> bool {
    let credential = shown.authorization.and_then(|it| it.split_once(' '));
    let key = credential.and_then(|(_, it)| key::Presented::parse(it.trim()));
    key.is_some_and(|it| registered.key(it.id).is_none())
}

fn principal(proof: Proof) -> Principal {
    let client = &proof.client;
    Principal {
        kind: Kind::System,
        subject: proof.subject,
        client: client.row.id.clone(),
        org: client.row.org.clone(),
        unit_paths: client.unit_paths.clone(),
        scopes: proof.scopes,
        purposes: client.purposes.clone(),
        has_hours: client.row.hours.is_some(),
        authenticated_by: proof.method,
        login: proof.login,
        acting_for: proof.acting_for,
    }
}

/// The client that the exchange names. The person is only what it says: the exchange proves systems.
fn partner(
    registered: &Registered,
    (client, person): (Option<&str>, Option<&str>),
) -> Result<Proof, Denial> {
    let name = client.ok_or(Denial::NoCredential)?;
    let member = Member::parse(name).ok_or(Denial::UnknownPartner)?;
    let client = registered.partner(&member).ok_or(Denial::UnknownPartner)?;
    let person = person.map(|it| ActingFor { subject: it.to_owned(), is_authenticated: false });
    Ok(Proof {
        client: Arc::clone(client),
        subject: name.to_owned(),
        scopes: client.scopes,
        method: Method::Exchange,
        login: Assurance::default(),
        acting_for: person,
    })
}

#[cfg(test)]
mod tests;
