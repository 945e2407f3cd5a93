//! Sessions of people, kept in the memory of this process: a cookie names one, and holds nothing else.
//!
//! A cookie is 256 random bits; only its hash is kept. What changes something shows the session's token besides, which
//! no other site can read. A WebSocket cannot show it: it must be opened by a page of ours.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Generate, Key};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use crate::base::{Clock, Secret};
use crate::http::{Asked, SocketFrom};
use crate::identity::{Gate, SignedIn};
use crate::policy::{Denial, Principal};

use super::cookie::{Cookies, SESSION};

/// A session ends when it was not used for so long, and in any case after so long (資通系統防護基準).
const IDLE: Duration = Duration::from_secs(15 * 60);
const WHOLE: Duration = Duration::from_secs(8 * 60 * 60);

/// Sessions at one time. When there are more, nobody else can sign in.
const MOST: usize = 10_000;

/// The header that shows the session's token.
pub(super) const TOKEN: &str = "x-csrf-token";

/// Proves whoever signs in, now and at each request after. Another way to sign in is another one of these.
pub trait Prover: Send + Sync {
    /// Who shows this credential.
    fn prove<'a>(
        &'a self,
        credential: &'a Secret<String>,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<(SignedIn, Principal), Denial>>;

    /// Who that is by now.
    fn again<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Principal, Denial>>;
}

impl Prover for Gate {
    fn prove<'a>(
        &'a self,
        credential: &'a Secret<String>,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<(SignedIn, Principal), Denial>> {
        self.sign_in(credential, address).boxed()
    }

    fn again<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Principal, Denial>> {
        Gate::again(self, signed_in, address).boxed()
    }
}

/// There are too many sessions, or the system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoSession;

#[derive(Clone)]
struct Session {
    who: SignedIn,
    token: String,
    begun: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        self.used + IDLE <= now || self.begun + WHOLE <= now
    }
}

/// Who signed in at this process.
pub(super) struct SessionTable {
    prover: Arc<dyn Prover>,
    clock: Arc<dyn Clock>,
    cookies: Cookies,
    /// By the hash of their cookies.
    sessions: Mutex<HashMap<[u8; 32], Session>>,
}

impl SessionTable {
    pub(super) fn new(
        prover: Arc<dyn Prover>,
        clock: Arc<dyn Clock>,
        cookies: Cookies,
    ) -> SessionTable {
        SessionTable { prover, clock, cookies, sessions: Mutex::default() }
    }

    /// Proves whoever signs in.
    ///
    /// # Errors
    /// With the reason of the refusal.
    pub(super) async fn prove(
        &self,
        credential: &Secret<String>,
        address: Option<IpAddr>,
    ) -> Result<(SignedIn, Principal), Denial> {
        self.prover.prove(credential, address).await
    }

    /// Begins a session; answers what its cookie holds.
    pub(super) fn begin(&self, who: SignedIn) -> Result<Secret<String>, NoSession> {
        let (id, token) = (random()?, random()?);
        let now = self.clock.now();
        let mut sessions = self.sessions();
        if MOST <= sessions.len() {
            sessions.retain(|_, it| !it.is_over(now));
        }
        if MOST <= sessions.len() {
            return Err(NoSession);
        }
        sessions.insert(hash(&id), Session { who, token, begun: now, used: now });
        Ok(Secret::new(id))
    }

    /// Ends the session that a request names.
    pub(super) fn end(&self, headers: &HeaderMap) {
        if let Some(id) = self.cookies.read(headers, SESSION) {
            self.sessions().remove(&hash(&id));
        }
    }

    /// Ends every session of those.
    pub(super) fn end_all(&self, is_meant: impl Fn(&SignedIn) -> bool) {
        self.sessions().retain(|_, it| !is_meant(&it.who));
    }

    /// The token of the session that a request names.
    pub(super) fn token(&self, headers: &HeaderMap) -> Option<String> {
        let id = self.cookies.read(headers, SESSION)?;
        self.sessions().get(&hash(&id)).map(|it| it.token.clone())
    }

    /// Whether `token` is that of the session that a request names.
    pub(super) fn has_token(&self, headers: &HeaderMap, token: &str) -> bool {
        // Compared by their hashes, so that the time tells nothing of where they differ.
        self.token(headers).is_some_and(|it| hash(&it) == hash(token))
    }

    /// Whose session a request names, if it names one that is not over.
    pub(super) async fn visitor(&self, asked: Asked<'_>) -> Option<Result<Principal, Denial>> {
        let id = hash(&self.cookies.read(asked.headers, SESSION)?);
        let who = self.touch(&id)?;
        match SocketFrom::of(asked.headers) {
            SocketFrom::Nowhere => {}
            // Over TLS a page without it is anybody's.
            SocketFrom::OwnPage { is_encrypted } if is_encrypted || !self.cookies.is_secure => {}
            _ => return Some(Err(Denial::Origin)),
        }
        if !asked.method.is_safe() {
            let token = asked.headers.get(TOKEN).and_then(|it| it.to_str().ok());
            if !token.is_some_and(|it| self.has_token(asked.headers, it)) {
                return Some(Err(Denial::BadCredential));
            }
        }
        let found = self.prover.again(&who, Some(asked.address)).await;
        if matches!(found, Err(Denial::Expired)) {
            self.sessions().remove(&id);
        }
        Some(found)
    }

    fn touch(&self, id: &[u8; 32]) -> Option<SignedIn> {
        let now = self.clock.now();
        let mut sessions = self.sessions();
        let session = sessions.get_mut(id)?;
        if session.is_over(now) {
            sessions.remove(id);
            return None;
        }
        session.used = now;
        Some(session.who.clone())
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> Result<String, NoSession> {
    let bytes = Key::<Aes256Gcm>::try_generate().map_err(|_| NoSession)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}
