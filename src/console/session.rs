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
use crate::http::{Asked, SessionId, SocketFrom, Visitor};
use crate::identity::{Gate, SignOut, SignedIn};
use crate::policy::{Denial, Principal};

use super::cookie::{Cookies, SESSION};

/// A session ends when it was not used for so long, and in any case after so long (資通系統防護基準).
const IDLE: Duration = Duration::from_secs(15 * 60);
const WHOLE: Duration = Duration::from_secs(8 * 60 * 60);

/// Sessions at one time. When there are more, nobody else can sign in.
const MOST: usize = 10_000;

/// What other nodes told is read for so long more than once: their clocks may differ, and a row may be seen late.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

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

    /// Who that is this second: what was decided elsewhere a moment ago counts.
    fn right_now<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Principal, Denial>>;

    /// Tells every other node whose sessions were ended.
    fn tell_sign_out(&self, ended: SignOut) -> BoxFuture<'_, Result<(), Denial>>;

    /// What nodes have told since then.
    fn sign_outs(&self, from: Duration) -> BoxFuture<'_, Result<Vec<SignOut>, Denial>>;
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

    fn right_now<'a>(
        &'a self,
        signed_in: &'a SignedIn,
        address: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Principal, Denial>> {
        Gate::right_now(self, signed_in, address).boxed()
    }

    fn tell_sign_out(&self, ended: SignOut) -> BoxFuture<'_, Result<(), Denial>> {
        let told = Gate::tell_sign_out(self, ended);
        told.map(|it| it.map_err(|error| unknown(&error))).boxed()
    }

    fn sign_outs(&self, from: Duration) -> BoxFuture<'_, Result<Vec<SignOut>, Denial>> {
        Gate::sign_outs(self, from).map(|it| it.map_err(|error| unknown(&error))).boxed()
    }
}

fn unknown(error: &dyn std::error::Error) -> Denial {
    tracing::warn!(%error, "failed to tell or to read whose sessions ended");
    Denial::Unavailable
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
    sessions: Mutex<HashMap<SessionId, Session>>,
    news: Mutex<News>,
}

/// What was heard of sessions that ended at other nodes.
#[derive(Default)]
struct News {
    /// Until when everything was read.
    until: Option<Duration>,
    /// What counts no more, and when it happened: it was heard, or this node told it.
    heard: HashMap<String, Duration>,
}

impl SessionTable {
    pub(super) fn new(
        prover: Arc<dyn Prover>,
        clock: Arc<dyn Clock>,
        cookies: Cookies,
    ) -> SessionTable {
        SessionTable { prover, clock, cookies, sessions: Mutex::default(), news: Mutex::default() }
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

    /// Ends the session at the provider, or all of a person, here and at every other node.
    ///
    /// # Errors
    /// [`Denial::Unavailable`] when others cannot be told; here they have ended all the same.
    pub(super) async fn end_everywhere(
        &self,
        subject: Option<String>,
        sid: Option<String>,
    ) -> Result<(), Denial> {
        let id = random().map_err(|NoSession| Denial::Unavailable)?;
        let ended = SignOut { id, subject, sid, at: self.clock.unix_time() };
        self.end_all(&ended);
        self.news().heard.insert(ended.id.clone(), ended.at);
        self.prover.tell_sign_out(ended).await
    }

    /// Ends what was ended at other nodes since it was asked for last.
    pub(super) async fn catch_up(&self) {
        let now = self.clock.unix_time();
        let from = self.news().until.unwrap_or(now).saturating_sub(OVERLAP);
        let Ok(found) = self.prover.sign_outs(from).await else { return };
        let mut news = self.news();
        for ended in found {
            if news.heard.insert(ended.id.clone(), ended.at).is_none() {
                self.end_all(&ended);
            }
        }
        news.heard.retain(|_, at| from <= *at);
        news.until = Some(now);
    }

    fn end_all(&self, ended: &SignOut) {
        let (subject, sid) = (ended.subject.as_deref(), ended.sid.as_deref());
        self.sessions().retain(|_, it| !it.who.is_ended_by(subject, sid));
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
    pub(super) async fn visitor(&self, asked: Asked<'_>) -> Option<Result<Visitor, Denial>> {
        let id = hash(&self.cookies.read(asked.headers, SESSION)?);
        let who = self.alive(id, used)?;
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
        let found = self.noted(id, found);
        Some(found.map(|principal| Visitor { session: id, principal }))
    }

    /// Who the person of a session is this second. To ask is no use of it.
    ///
    /// # Errors
    /// [`Denial::Expired`] when it is over, or with the reason of the refusal.
    pub(super) async fn right_now(
        &self,
        id: SessionId,
        address: IpAddr,
    ) -> Result<Principal, Denial> {
        let who = self.alive(id, |session, _| session.who.clone()).ok_or(Denial::Expired)?;
        let found = self.prover.right_now(&who, Some(address)).await;
        self.noted(id, found)
    }

    /// Notes that a session is used.
    pub(super) fn note_use(&self, id: SessionId) {
        drop(self.alive(id, used));
    }

    /// Ends a session whose credential is gone.
    fn noted(&self, id: SessionId, found: Result<Principal, Denial>) -> Result<Principal, Denial> {
        if matches!(found, Err(Denial::Expired)) {
            self.sessions().remove(&id);
        }
        found
    }

    /// What is to be known of a session, unless it is over.
    fn alive<T>(&self, id: SessionId, read: impl Fn(&mut Session, Instant) -> T) -> Option<T> {
        let now = self.clock.now();
        let mut sessions = self.sessions();
        let session = sessions.get_mut(&id)?;
        if session.is_over(now) {
            sessions.remove(&id);
            return None;
        }
        Some(read(session, now))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn used(session: &mut Session, now: Instant) -> SignedIn {
    session.used = now;
    session.who.clone()
}

fn random() -> Result<String, NoSession> {
    let bytes = Key::<Aes256Gcm>::try_generate().map_err(|_| NoSession)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn hash(text: &str) -> SessionId {
    SessionId(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests;
