//! The console: pages for officers and operators, made on the server, with small scripts that call the API.
//!
//! What a screen changes, it changes through the API; personal data of letters, recordings and pictures comes to a
//! page through the API too, where it is guarded and recorded. A page holds no inline script and no inline style.

mod assets;
mod cookie;
mod fields;
mod format;
mod login;
mod markdown;
mod menu;
mod screens;
mod session;
mod shell;
mod sso;
mod text;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::audit::Recorder;
use crate::base::{Clock, PublicKey};
use crate::http::{Asked, Pages, SessionId, Sessions, Visitor};
use crate::identity::{Gate, Logins};
use crate::policy::{Denial, Principal};
use crate::service::Service;
use crate::service::jobs::Jobs;
use crate::service::privacy::Privacy;
use crate::service::proposals::Proposals;
use crate::service::reviews::Reviews;
use crate::service::sources::Library;
use crate::service::webhooks::Webhooks;

use cookie::Cookies;
use session::SessionTable;
use shell::Visit;

pub use screens::privacy::{KeptClass, KeptWords};
pub use session::Prover;

/// The first screen.
const HOME: &str = "/console";

/// The page of signing in.
const LOGIN: &str = "/console/login";

/// What the console is made of.
pub struct ConsoleParts {
    /// Proves and decides.
    pub gate: Arc<Gate>,
    /// The one door.
    pub service: Arc<Service>,
    /// What is done later.
    pub jobs: Arc<Jobs>,
    /// What waits for officers.
    pub reviews: Arc<Reviews>,
    /// Where clients want to be told of events.
    pub webhooks: Webhooks,
    /// Where calls are recorded.
    pub audit: Arc<Recorder>,
    /// The files of the audit log.
    pub audit_files: AuditFiles,
    /// The sources of answers.
    pub library: Library,
    /// The folder of the classifiers' versions.
    pub classifiers: PathBuf,
    /// What operators are told of this process.
    pub about: About,
    /// Rights of persons over what is kept.
    pub privacy: Privacy,
    /// How long data is kept.
    pub classes: Vec<KeptClass>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Whether this is a demonstration: the root leads to 試用.
    pub is_demo: bool,
    /// Whether browsers reach it over TLS only.
    pub is_secure: bool,
    /// Whether people may sign in with the API key of a client.
    pub takes_keys: bool,
    /// Where people log in, if there is a provider.
    pub logins: Option<Arc<Logins>>,
}

/// The files of the audit log, and what verifies them.
#[derive(Clone)]
pub struct AuditFiles {
    /// The folder of the chains.
    pub folder: PathBuf,
    /// Signed them.
    pub key: PublicKey,
}

/// What operators are told of this process.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its node.
    pub node: String,
    /// Its database.
    pub database: &'static str,
    /// Its bus.
    pub bus: &'static str,
}

/// What the screens share.
struct Console {
    gate: Arc<Gate>,
    service: Arc<Service>,
    jobs: Arc<Jobs>,
    reviews: Arc<Reviews>,
    webhooks: Webhooks,
    audit: Arc<Recorder>,
    audit_files: AuditFiles,
    library: Library,
    classifiers: PathBuf,
    about: About,
    privacy: Privacy,
    proposals: Proposals,
    classes: Vec<KeptClass>,
    clock: Arc<dyn Clock>,
    cookies: Cookies,
    sessions: SessionTable,
    is_demo: bool,
    takes_keys: bool,
    logins: Option<Arc<Logins>>,
}

impl Console {
    /// Code of the agency that the service belongs to.
    fn house(&self) -> &str {
        self.reviews.tenants.house().agency()
    }
}

/// The console's pages, for the HTTP surface.
pub fn pages(parts: ConsoleParts) -> Pages {
    let cookies = Cookies { is_secure: parts.is_secure };
    let prover: Arc<dyn Prover> = Arc::<Gate>::clone(&parts.gate);
    let sessions = SessionTable::new(prover, Arc::clone(&parts.clock), cookies);
    let (store, clock) = (parts.reviews.store.clone(), Arc::clone(&parts.reviews.clock));
    let tenants = Arc::clone(&parts.reviews.tenants);
    let proposals = Proposals { store, tenants, clock, agency: None };
    let console = Arc::new(Console {
        proposals,
        gate: parts.gate,
        service: parts.service,
        jobs: parts.jobs,
        reviews: parts.reviews,
        webhooks: parts.webhooks,
        audit: parts.audit,
        audit_files: parts.audit_files,
        library: parts.library,
        classifiers: parts.classifiers,
        about: parts.about,
        privacy: parts.privacy,
        classes: parts.classes,
        clock: parts.clock,
        cookies,
        sessions,
        is_demo: parts.is_demo,
        takes_keys: parts.takes_keys,
        logins: parts.logins,
    });
    let router = Router::new()
        .route("/console/assets/{file}", get(assets::serve))
        .route(LOGIN, get(login::show).post(login::sign_in))
        .route("/console/login/start", get(sso::start))
        .route("/console/login/callback", get(sso::callback))
        .route("/console/logout", post(login::sign_out))
        .route("/console/logout/back-channel", post(sso::signed_out))
        .merge(screens::router())
        .route("/console/{*path}", get(async |visit: shell::Visit| visit.missing()))
        .with_state(Arc::clone(&console));
    let start = if parts.is_demo { "/console/try" } else { HOME };
    Pages { router, start, sessions: Arc::new(Door(console)) }
}

/// The console as the guard of HTTP sees it.
struct Door(Arc<Console>);

impl Sessions for Door {
    fn visitor<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Result<Visitor, Denial>>> {
        self.0.sessions.visitor(asked).boxed()
    }

    fn right_now(
        &self,
        session: SessionId,
        address: IpAddr,
    ) -> BoxFuture<'_, Result<Principal, Denial>> {
        self.0.sessions.right_now(session, address).boxed()
    }

    fn note_use(&self, session: SessionId) {
        self.0.sessions.note_use(session);
    }

    fn catch_up(&self) -> BoxFuture<'_, ()> {
        self.0.sessions.catch_up().boxed()
    }

    fn refusal(&self, denial: Denial, uri: &Uri, headers: &HeaderMap) -> Response {
        match denial {
            Denial::NoCredential | Denial::BadCredential | Denial::Expired => {
                Redirect::to(LOGIN).into_response()
            }
            _ => Visit::of(&self.0, uri.clone(), headers.clone()).forbidden(),
        }
    }
}
