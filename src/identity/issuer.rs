//! Issuers of tokens and their keys (JWKS, RFC 7517), which they change as they like.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jsonwebtoken::jwk::{JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::base::Clock;

use super::tokens::{IssuerSettings, KeySource};
use super::verifier;

/// Keys are fetched again after this, so that one that was withdrawn is not believed for long.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// Without an answer of the issuer its keys are believed for this long.
const STALE: Duration = Duration::from_secs(60 * 60);

/// An unknown key is a reason to ask the issuer, but not more often than this.
const PAUSE: Duration = Duration::from_secs(60);

/// For the issuer to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a set of keys.
const MAX_BYTES: u64 = 256 << 10;

/// Public keys by their `kid`.
pub(super) type Keys = HashMap<String, DecodingKey>;

/// An issuer and the keys that it is known to sign with.
pub(super) struct Issuer {
    /// `iss` of its tokens.
    pub(super) name: String,
    /// `aud` of tokens that are for us.
    pub(super) audience: String,
    source: KeySource,
    keys: ArcSwap<Keys>,
    asked: Mutex<Asked>,
    clock: Arc<dyn Clock>,
}

/// When an issuer was asked, and when it last answered.
#[derive(Default)]
struct Asked {
    tried: Option<Instant>,
    answered: Option<Instant>,
}

impl Issuer {
    pub(super) fn new(settings: IssuerSettings, clock: Arc<dyn Clock>) -> Issuer {
        Issuer {
            name: settings.issuer,
            audience: settings.audience,
            source: settings.keys,
            keys: ArcSwap::default(),
            asked: Mutex::default(),
            clock,
        }
    }

    /// A key, when it fits the algorithm.
    pub(super) fn key(&self, kid: &str, algorithm: Algorithm) -> Option<DecodingKey> {
        let keys = self.keys.load();
        keys.get(kid).filter(|it| it.family() == verifier::family(algorithm)).cloned()
    }

    /// Asks for the keys where they are old, or where `kid` is not among them; not more often than once a minute. A
    /// network is waited for: call it from a thread that may wait.
    pub(super) fn look(&self, kid: &str) {
        let now = self.clock.now();
        let since = |it: Option<Instant>| it.map(|it| now.saturating_duration_since(it));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = self.keys.load().contains_key(kid);
        let is_fresh = since(asked.answered).is_some_and(|it| it < FRESH);
        if (is_known && is_fresh) || since(asked.tried).is_some_and(|it| it < PAUSE) {
            return;
        }
        asked.tried = Some(now);
        match self.source.fetch() {
            Ok(keys) => {
                asked.answered = Some(now);
                self.keys.store(Arc::new(keys));
            }
            Err(reason) => {
                tracing::warn!(issuer = self.name, reason, "failed to fetch the keys of an issuer");
                if since(asked.answered).is_none_or(|it| STALE <= it) {
                    self.keys.store(Arc::default());
                }
            }
        }
    }

    /// Whether [`Issuer::look`] would ask.
    pub(super) fn is_settled(&self, kid: &str) -> bool {
        let now = self.clock.now();
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = asked.answered.is_some_and(|it| now.saturating_duration_since(it) < FRESH);
        is_fresh && self.keys.load().contains_key(kid)
    }
}

impl KeySource {
    fn fetch(&self) -> Result<Keys, String> {
        Ok(usable(self.read()?.set))
    }

    /// The set of keys as it is there. A network is waited for.
    ///
    /// # Errors
    /// With the reason, for an operator.
    pub(super) fn read(&self) -> Result<Published, String> {
        let (text, date) = match self {
            KeySource::File(path) => {
                let file = std::fs::File::open(path).map_err(|it| it.to_string())?;
                (read(file)?, None)
            }
            KeySource::Url(url) => get(url)?,
        };
        let set: JwkSet = serde_json::from_slice(&text).map_err(|it| it.to_string())?;
        Ok(Published { set, date })
    }
}

/// What an issuer publishes.
pub(super) struct Published {
    /// Its keys.
    pub(super) set: JwkSet,
    /// What its clock says, as in the answer's `date`.
    pub(super) date: Option<String>,
}

/// What is at an address, and the date of the answer.
pub(super) fn get(url: &str) -> Result<(Vec<u8>, Option<String>), String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
    let answer = agent.get(url).call().map_err(|it| it.to_string())?;
    let date = answer.headers().get("date").and_then(|it| it.to_str().ok()).map(str::to_owned);
    Ok((read(answer.into_body().into_reader())?, date))
}

fn read(from: impl Read) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(|it| it.to_string())?;
    let n_bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if MAX_BYTES < n_bytes { Err("too large".to_owned()) } else { Ok(text) }
}

/// Keys to verify with. One without a name, for encryption, or of a kind that is not allowed is of no use here.
pub(super) fn usable(set: JwkSet) -> Keys {
    let mut keys = Keys::new();
    for jwk in set.keys {
        let is_for_signatures = match jwk.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(_) => false,
        };
        let Some(kid) = jwk.common.key_id.clone().filter(|_| is_for_signatures) else { continue };
        let Ok(key) = DecodingKey::from_jwk(&jwk) else { continue };
        let is_allowed = verifier::ALLOWED.iter().any(|it| verifier::family(*it) == key.family());
        if is_allowed {
            keys.insert(kid, key);
        }
    }
    keys
}
