//! The console: pages for officers and operators, made on the server, with small scripts that call the API.
//!
//! What a screen changes, it changes through the API; personal data of letters, recordings and pictures comes to a
//! page through the API too, where it is guarded and recorded. A page holds no inline script and no inline style.

mod assets;
mod cookie;
mod fields;
mod format;
mod login;
mod menu;
mod screens;
mod session;
mod shell;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::Clock;
use crate::http::{Asked, Pages, Sessions};
use crate::identity::Gate;
use crate::policy::{Denial, Principal};
use crate::service::Service;
use crate::service::jobs::Jobs;
use crate::service::reviews::Reviews;

use cookie::Cookies;
use session::SessionTable;
use shell::Visit;

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
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Whether this is a demonstration: the root leads to 試用.
    pub is_demo: bool,
    /// Whether browsers reach it over TLS only.
    pub is_secure: bool,
    /// Whether people may sign in with the API key of a client.
    pub takes_keys: bool,
}

/// What the screens share.
struct Console {
    gate: Arc<Gate>,
    service: Arc<Service>,
    jobs: Arc<Jobs>,
    reviews: Arc<Reviews>,
    clock: Arc<dyn Clock>,
    cookies: Cookies,
    sessions: SessionTable,
    is_demo: bool,
    takes_keys: bool,
}

/// The console's pages, for the HTTP surface.
pub fn pages(parts: ConsoleParts) -> Pages {
    let ConsoleParts { gate, service, jobs, reviews, clock, .. } = parts;
    let ConsoleParts { is_demo, is_secure, takes_keys, .. } = parts;
    let cookies = Cookies { is_secure };
    let prover: Arc<dyn Prover> = Arc::<Gate>::clone(&gate);
    let sessions = SessionTable::new(prover, Arc::clone(&clock), cookies);
    let console = Arc::new(Console {
        gate,
        service,
        jobs,
        reviews,
        clock,
        cookies,
        sessions,
        is_demo,
        takes_keys,
    });
    let router = Router::new()
        .route("/console/assets/{file}", get(assets::serve))
        .route(LOGIN, get(login::show).post(login::sign_in))
        .route("/console/logout", post(login::sign_out))
        .merge(screens::router())
        .with_state(Arc::clone(&console));
    let start = if is_demo { "/console/try" } else { HOME };
    Pages { router, start, sessions: Arc::new(Door(console)) }
}

/// The console as the guard of HTTP sees it.
struct Door(Arc<Console>);

impl Sessions for Door {
    fn visitor<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Result<Principal, Denial>>> {
        self.0.sessions.visitor(asked).boxed()
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
