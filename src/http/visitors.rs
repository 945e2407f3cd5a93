//! Pages for people are made elsewhere; this is what they bring along, and how a browser proves who sits before it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use futures_util::future::BoxFuture;

use crate::policy::{Denial, Principal};

/// Pages, and who signed in to them.
pub struct Pages {
    /// Their routes. Each has its row in `policy::PAGES`, or it is never reached.
    pub router: Router,
    /// Where the root leads.
    pub start: &'static str,
    /// Knows who signed in.
    pub sessions: Arc<dyn Sessions>,
}

/// What of a request tells whose session it belongs to.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The method: what changes something must show more than a cookie.
    pub method: &'a Method,
    /// The header.
    pub headers: &'a HeaderMap,
    /// Where it comes from.
    pub address: IpAddr,
}

/// Who signed in.
pub trait Sessions: Send + Sync {
    /// Whose session the request names, if it names one, and what that person may do by now.
    fn visitor<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Result<Principal, Denial>>>;

    /// The page for whoever may not see the one asked for.
    fn refusal(&self, denial: Denial, uri: &Uri, headers: &HeaderMap) -> Response;
}
