//! Logins of people at an OpenID provider: authorisation code with PKCE (RFC 6749, RFC 7636), and logout from there.
//!
//! Nothing of the provider's is kept: its tokens are read once, when somebody comes back from it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Generate, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::{Clock, Secret};
use crate::policy::{Kind, Method, Principal, Purposes, Role, Scopes};

use super::id_token::{self, BadToken, IdClaims};
use super::issuer::Issuer;
use super::provider::{self, Endpoints};
use super::tokens::{IssuerSettings, KeySource};

/// For somebody to come back from the provider.
const LOGIN_TIME: Duration = Duration::from_secs(10 * 60);

/// Logins under way at one time; the oldest make room.
const MOST: usize = 10_000;

/// The client that people's calls are counted under.
const CONSOLE: &str = "console";

/// A provider and how it is spoken to.
pub struct LoginSettings {
    /// Its `issuer`; its endpoints are found from there (OpenID Connect Discovery 1.0).
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there, if we have one.
    pub client_secret: Option<Secret<String>>,
    /// Where it sends people back to.
    pub redirect: String,
    /// Names of the claims that say the agency, the units and the roles of a person.
    pub claims: ClaimNames,
}

/// Names of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The agency's code.
    pub org: String,
    /// Paths of units, a text or a list of them; the agency's code alone is the whole agency.
    pub units: String,
    /// Names of roles, a text or a list of them.
    pub roles: String,
}

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The provider cannot be reached, or answers nonsense.
    #[error("the provider cannot be reached")]
    Unavailable,
    /// It is not the browser that began, it took too long, or was here already.
    #[error("no such login is under way")]
    Unknown,
    /// The provider's answer is not to be believed.
    #[error("the provider's answer is not to be believed")]
    Refused,
    /// The person belongs to no agency, or has no role here.
    #[error("the person has no role here")]
    NoRole,
    /// The person has a role in cases, and no claim says of which units.
    #[error("the person has no unit here")]
    NoUnit,
}

/// A login that begins.
pub struct BegunLogin {
    /// Where the browser goes.
    pub url: String,
    /// What only this browser holds, to be shown when it comes back.
    pub ticket: Secret<String>,
}

/// Somebody who logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who, and what they may do.
    pub principal: Principal,
    /// What to call them.
    pub name: String,
    /// Session at the provider.
    pub sid: Option<String>,
}

/// A logout that the provider tells of: whose sessions end. Its token is taken; where this is dropped before
/// [`Logout::kept`], the provider may show it again.
pub struct Logout {
    /// Of this person.
    pub subject: Option<String>,
    /// Of the session at the provider that has this id.
    pub sid: Option<String>,
    /// Of the token, until it is used up.
    jti: Option<String>,
    logins: Arc<Logins>,
}

impl Logout {
    /// Whoever has to know of it does: its token is used up.
    pub fn kept(mut self) {
        self.jti = None;
    }
}

impl Drop for Logout {
    fn drop(&mut self) {
        if let Some(jti) = self.jti.take() {
            lock(&self.logins.taken).remove(&jti);
        }
    }
}

impl std::fmt::Debug for Logout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Logout { subject, sid, .. } = self;
        f.debug_struct("Logout").field("subject", subject).field("sid", sid).finish_non_exhaustive()
    }
}

struct Begun {
    nonce: String,
    verifier: Secret<String>,
    ticket: [u8; 32],
    at: Instant,
}

/// Logs people in.
pub struct Logins {
    settings: LoginSettings,
    clock: Arc<dyn Clock>,
    found: Mutex<Option<Arc<Found>>>,
    /// By the hash of their `state`.
    begun: Mutex<HashMap<[u8; 32], Begun>>,
    /// Logout tokens that were taken, and when.
    taken: Mutex<HashMap<String, Instant>>,
}

/// What discovery found.
struct Found {
    endpoints: Endpoints,
    issuer: Issuer,
}

impl Logins {
    /// Logins at a provider. It is asked for its endpoints when somebody first logs in.
    pub fn new(settings: LoginSettings, clock: Arc<dyn Clock>) -> Arc<Logins> {
        Arc::new(Logins {
            settings,
            clock,
            found: Mutex::default(),
            begun: Mutex::default(),
            taken: Mutex::default(),
        })
    }

    /// Begins a login.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn begin(self: &Arc<Self>) -> Result<BegunLogin, LoginError> {
        let found = self.found().await?;
        let random = || {
            let bytes = Key::<Aes256Gcm>::try_generate().map_err(|_| LoginError::Unavailable)?;
            Ok(URL_SAFE_NO_PAD.encode(bytes))
        };
        let (state, nonce, verifier, ticket) = (random()?, random()?, random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(hash(&verifier));
        let query = provider::form(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.settings.redirect),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let mark = if found.endpoints.authorization.contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}{query}", found.endpoints.authorization);
        let now = self.clock.now();
        let begun =
            Begun { nonce, verifier: Secret::new(verifier), ticket: hash(&ticket), at: now };
        let mut all = lock(&self.begun);
        all.retain(|_, it| now.saturating_duration_since(it.at) < LOGIN_TIME);
        if MOST <= all.len()
            && let Some(oldest) = all.iter().min_by_key(|(_, it)| it.at).map(|(id, _)| *id)
        {
            all.remove(&oldest);
        }
        all.insert(hash(&state), begun);
        Ok(BegunLogin { url, ticket: Secret::new(ticket) })
    }

    /// Ends a login with what the provider sent the browser back with. A `state` counts once.
    ///
    /// # Errors
    /// With the reason.
    pub async fn finish(
        self: &Arc<Self>,
        state: &str,
        code: &str,
        ticket: &Secret<String>,
    ) -> Result<Person, LoginError> {
        let begun = lock(&self.begun).remove(&hash(state)).ok_or(LoginError::Unknown)?;
        let is_late = LOGIN_TIME <= self.clock.now().saturating_duration_since(begun.at);
        if is_late || begun.ticket != hash(ticket.expose()) {
            return Err(LoginError::Unknown);
        }
        let found = self.found().await?;
        let (this, code) = (Arc::clone(self), Secret::new(code.to_owned()));
        let asked = tokio::task::spawn_blocking(move || {
            let settings = &this.settings;
            let endpoint = &found.endpoints.token;
            let token = provider::exchange(endpoint, settings, &code, &begun.verifier)?;
            this.prove(&found, &token, &begun.nonce)
        });
        asked.await.map_err(|_| LoginError::Unavailable)?
    }

    fn prove(
        &self,
        found: &Found,
        token: &Secret<String>,
        nonce: &str,
    ) -> Result<Person, LoginError> {
        let (kid, _) = id_token::key_of(token.expose()).map_err(refused)?;
        found.issuer.look(&kid);
        let now = self.clock.unix_time();
        let claims = id_token::prove(token.expose(), &found.issuer, nonce, now).map_err(refused)?;
        person(claims, &self.settings.claims)
    }

    /// Whose sessions a logout token of the provider ends. It counts once, if what it says was kept.
    ///
    /// # Errors
    /// With the reason.
    pub async fn logged_out(self: &Arc<Self>, token: String) -> Result<Logout, LoginError> {
        let found = self.found().await?;
        let this = Arc::clone(self);
        let proven = tokio::task::spawn_blocking(move || {
            let (kid, _) = id_token::key_of(&token).map_err(refused)?;
            found.issuer.look(&kid);
            let now = this.clock.unix_time();
            id_token::prove_logout(&token, &found.issuer, now).map_err(refused)
        });
        let claims = proven.await.map_err(|_| LoginError::Unavailable)??;
        let now = self.clock.now();
        let mut taken = lock(&self.taken);
        taken.retain(|_, at| now.saturating_duration_since(*at) < LOGIN_TIME);
        if taken.contains_key(&claims.jti) {
            return Err(LoginError::Refused);
        }
        taken.insert(claims.jti.clone(), now);
        let (subject, sid, jti) = (claims.sub, claims.sid, Some(claims.jti));
        Ok(Logout { subject, sid, jti, logins: Arc::clone(self) })
    }

    async fn found(self: &Arc<Self>) -> Result<Arc<Found>, LoginError> {
        if let Some(found) = lock(&self.found).clone() {
            return Ok(found);
        }
        let issuer = self.settings.issuer.clone();
        let endpoints = tokio::task::spawn_blocking(move || provider::discover(&issuer));
        let endpoints = endpoints.await.map_err(|_| LoginError::Unavailable)?;
        let endpoints = endpoints.map_err(|reason| {
            tracing::warn!(reason, "failed to find the endpoints of the provider of logins");
            LoginError::Unavailable
        })?;
        let settings = IssuerSettings {
            issuer: self.settings.issuer.clone(),
            audience: self.settings.client_id.clone(),
            keys: KeySource::Url(endpoints.keys.clone()),
        };
        let issuer = Issuer::new(settings, Arc::clone(&self.clock));
        let found = Arc::new(Found { endpoints, issuer });
        *lock(&self.found) = Some(Arc::clone(&found));
        Ok(found)
    }
}

fn refused(error: BadToken) -> LoginError {
    tracing::warn!(?error, "a token of a login was refused");
    LoginError::Refused
}

/// Refused when the claims name no agency, no role that is known here, or no unit where a role is in cases.
fn person(claims: IdClaims, names: &ClaimNames) -> Result<Person, LoginError> {
    let texts = |name: &str| -> Vec<String> {
        match claims.others.get(name) {
            Some(Value::String(it)) => vec![it.clone()],
            Some(Value::Array(all)) => {
                all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    };
    let org = texts(&names.org).into_iter().next().filter(|it| is_org(it));
    let org = org.ok_or(LoginError::NoRole)?;
    let roles: Vec<Role> = texts(&names.roles).iter().filter_map(|it| it.parse().ok()).collect();
    let scopes = roles.iter().fold(Scopes::default(), |all, it| all.or(it.scopes()));
    if scopes == Scopes::default() {
        return Err(LoginError::NoRole);
    }
    let unit_paths = unit_paths(texts(&names.units), &org, &roles).ok_or(LoginError::NoUnit)?;
    let name = claims.name.unwrap_or_else(|| claims.sub.clone());
    let principal = Principal {
        kind: Kind::Person,
        subject: claims.sub,
        client: CONSOLE.to_owned(),
        org,
        unit_paths,
        scopes,
        // What people do here is their office; the purpose of a case came with it.
        purposes: Purposes::Any,
        has_hours: false,
        authenticated_by: Method::Login,
        login: claims.login,
        acting_for: None,
    };
    Ok(Person { principal, name, sid: claims.sid })
}

/// The units that somebody sees: those of the agency that are said. No unit at all means the whole agency behind this
/// point: that has to be said, by the agency's own code, unless the roles are in no unit's cases.
fn unit_paths(mut said: Vec<String>, org: &str, roles: &[Role]) -> Option<Vec<String>> {
    if said.iter().any(|it| it == org) {
        return Some(Vec::new());
    }
    let below = |it: &String| it.strip_prefix(org)?.strip_prefix('/').map(|it| !it.is_empty());
    said.retain(|it| below(it).unwrap_or(false));
    let is_bound = roles.iter().any(|it| it.is_in_cases());
    (!said.is_empty() || !is_bound).then_some(said)
}

fn is_org(org: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=64).contains(&org.len()) && org.bytes().all(is_safe)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
