//! Who calls is proven here, before a route runs and before its body is read; and the description says so.
//!
//! Where callers must be proven, the headers that name the client and its agency are replaced by what was proven:
//! whatever reads them later reads the truth, as it does behind a gateway.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::base::ErrorCode;
use crate::identity::{Shown, Standing};
use crate::policy::{
    Access, Denial, GRPC, Kind, Principal, Purposes, ROUTES, Route, Scope, Surface,
};
use crate::task::call::{CallContext, CallError, Origin, ProvenCaller};
use crate::wire::call;

use super::failure::Failure;
use super::holder::{By, Holder};
use super::tls::Fingerprint;
use super::visitors::{Asked, SocketFrom, Visitor};
use super::{App, refuse};

/// Headers of the exchange (X-Road): the client, and the person behind it.
const EXCHANGE_CLIENT: &str = "x-road-client";
const EXCHANGE_USER: &str = "x-road-userid";

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// The listener that it came to.
    pub surface: Surface,
    /// The certificate that it has proven to have.
    pub certificate: Option<Fingerprint>,
}

/// Lets a request through to its route, or refuses it.
pub(super) async fn guard(app: &App, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        // No route: there is nothing to guard but the answer that says so.
        return next.run(request).await;
    };
    if let Some(page) = Route::page(request.method().as_str(), path.as_str()) {
        return match admit(app, &mut request, page).await {
            Ok(()) => next.run(request).await,
            Err(refused) => refused.page(app, &request),
        };
    }
    let Some(route) = Route::find(request.method().as_str(), path.as_str()) else {
        return unknown(path.as_str());
    };
    let peer = request.extensions().get::<Peer>().map(|it| it.address);
    match admit(app, &mut request, route).await {
        Ok(()) => {
            note_reading(app, request.extensions(), route);
            next.run(request).await
        }
        Err(refused) => {
            note(app, &refused, peer);
            refused.problem()
        }
    }
}

/// Counts who was refused, by the address: whoever was refused is not proven.
fn note(app: &App, refused: &Refused, peer: Option<IpAddr>) {
    if let (Refused::Denied(_), Some(address)) = (refused, peer) {
        app.service.notices().refused(&format!("addresses/{}", address.to_canonical()));
    }
}

/// Counts who reads what is kept of persons, by the account: that of a person, where one is vouched for. Who calls in
/// hours that were approved, and whoever is local, is no concern.
fn note_reading(app: &App, extensions: &Extensions, route: &Route) {
    let Some(principal) = extensions.get::<Arc<Principal>>().filter(|_| route.reads_kept()) else {
        return;
    };
    if principal.kind != Kind::Local && !principal.has_hours {
        app.service.notices().read(&principal.client, principal.name());
    }
}

/// A method that no row has: a route is never reached without one.
fn unknown(path: &str) -> Response {
    let with_head = |method| if method == "GET" { "GET,HEAD" } else { method };
    let rows = ROUTES.iter().chain(GRPC).filter(|it| it.path == path);
    let methods: Vec<&str> = rows.map(|it| with_head(it.method)).collect();
    if methods.is_empty() {
        return Failure::from(CallError::from(Denial::Scope)).into_response();
    }
    let failure = Failure::new(ErrorCode::MethodNotAllowed, "這個路徑不支援這個方法。");
    let mut response = failure.into_response();
    if let Ok(allow) = HeaderValue::from_str(&methods.join(",")) {
        response.headers_mut().insert(axum::http::header::ALLOW, allow);
    }
    response
}

enum Refused {
    Denied(Denial),
    Malformed(CallError),
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Refused {
        metrics::counter!("fenwen_refusals_total", "reason" => denial.as_str()).increment(1);
        Refused::Denied(denial)
    }
}

impl Refused {
    /// For whoever called a route.
    fn problem(self) -> Response {
        let (error, challenge) = match self {
            Refused::Denied(denial) => (denial.into(), denial.challenge()),
            Refused::Malformed(error) => (error, None),
        };
        let mut response = Failure::from(error).into_response();
        if let Some(challenge) = challenge {
            let value = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }

    /// For whoever wanted to see a page.
    fn page(self, app: &App, request: &Request) -> Response {
        match (self, &app.pages) {
            (Refused::Denied(denial), Some(pages)) => {
                pages.sessions.refusal(denial, request.uri(), request.headers())
            }
            (other, _) => other.problem(),
        }
    }
}

async fn admit(app: &App, request: &mut Request, route: &'static Route) -> Result<(), Refused> {
    let peer = request.extensions().get::<Peer>().copied().ok_or(Denial::Unavailable)?;
    if !app.gate.is_required() {
        if route.access != Access::Open {
            let said = call::caller(|name| text(request.headers(), name));
            let (client, org) = said.map_err(Refused::Malformed)?;
            // Whoever runs a demonstration may have pages of others open beside it.
            if SocketFrom::of(request.headers()) == SocketFrom::OtherPage {
                return Err(Denial::Origin.into());
            }
            let local = Principal::local(client, org);
            app.gate.admit_local(&local, route)?;
            let local = Arc::new(local);
            hold(request, By::Nothing, (&local, route, peer));
            request.extensions_mut().insert(local);
        }
        return Ok(());
    }
    if let Some(Visitor { session, principal }) =
        visitor(app, (request.method(), request.headers()), peer, route).await?
    {
        name(request, &principal)?;
        let principal = Arc::new(principal);
        hold(request, By::Session(session), (&principal, route, peer));
        request.extensions_mut().insert(principal);
        return Ok(());
    }
    let headers = request.headers();
    let shown = Shown {
        authorization: text(headers, AUTHORIZATION.as_str()),
        address: Some(peer.address),
        certificate: peer.certificate.as_ref().map(<[u8; 32]>::as_slice),
        surface: peer.surface,
        exchange: (text(headers, EXCHANGE_CLIENT), text(headers, EXCHANGE_USER)),
    };
    let admitted = app.gate.admit(shown, route).await?.map(Arc::new);
    let held = admitted.as_ref().filter(|_| route.stays_open());
    let standing = held.map(|it| Arc::new(Standing::of(&shown, Arc::clone(it))));
    // Nothing behind this point sees a credential.
    request.headers_mut().remove(AUTHORIZATION);
    for name in [call::CLIENT, call::ORG] {
        request.headers_mut().remove(name);
    }
    if let Some(principal) = admitted {
        name(request, &principal)?;
        if let Some(standing) = standing {
            hold(request, By::Credential(standing), (&principal, route, peer));
        }
        request.extensions_mut().insert(principal);
    }
    Ok(())
}

/// Says who holds the answer open, where it stays open.
fn hold(
    request: &mut Request,
    by: By,
    (principal, route, peer): (&Arc<Principal>, &'static Route, Peer),
) {
    if route.stays_open() {
        let principal = Arc::clone(principal);
        request.extensions_mut().insert(Holder { by, principal, route, address: peer.address });
    }
}

/// The person at the console, when that is who calls: there is a session and no other credential.
async fn visitor(
    app: &App,
    (method, headers): (&Method, &HeaderMap),
    peer: Peer,
    route: &Route,
) -> Result<Option<Visitor>, Refused> {
    let may_be = !headers.contains_key(AUTHORIZATION) && peer.surface != Surface::Exchange;
    let Some(pages) = app.pages.as_ref().filter(|_| may_be && route.access != Access::Open) else {
        return Ok(None);
    };
    let asked = Asked { method, headers, address: peer.address };
    let Some(found) = pages.sessions.visitor(asked).await else { return Ok(None) };
    let visitor = found?;
    if !peer.surface.offers(route.offered) {
        return Err(Denial::Place.into());
    }
    app.gate.admit_local(&visitor.principal, route)?;
    Ok(Some(visitor))
}

/// Says in the headers and in the context of the call who was proven.
fn name(request: &mut Request, principal: &Principal) -> Result<(), Denial> {
    for (name, value) in [(call::CLIENT, &principal.client), (call::ORG, &principal.org)] {
        let value = HeaderValue::from_str(value).map_err(|_| Denial::Unavailable)?;
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    if let Some(cx) = request.extensions_mut().get_mut::<CallContext>() {
        let (client, org) = (principal.client.clone(), principal.org.clone());
        let subject = principal.subject.clone();
        cx.said.note_caller(ProvenCaller { client, org, subject });
        cx.origin = Arc::new(Origin { org: principal.org.clone(), ..Origin::clone(&cx.origin) });
        if let Purposes::Among(codes) = &principal.purposes {
            cx.purposes = Some(Arc::clone(codes));
        }
    }
    Ok(())
}

/// What a header says; what is no text is empty.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|it| it.to_str().unwrap_or_default())
}

/// Requires a scope beyond those of the route: where the content of a call decides.
pub(super) fn require(extensions: &Extensions, scope: Scope) -> Result<(), CallError> {
    let principal = extensions.get::<Arc<Principal>>().ok_or(Denial::NoCredential)?;
    Ok(principal.require(scope)?)
}

/// Requires the scope of what a job is to do; an unknown service is refused where it is looked up.
pub(super) fn require_job(principal: &Principal, service: &str) -> Result<(), CallError> {
    Scope::of_job(service).map_or(Ok(()), |scope| Ok(principal.require(scope)?))
}

/// Who calls a guarded route.
pub(super) fn principal(extensions: &Extensions) -> Result<Arc<Principal>, CallError> {
    let found = extensions.get::<Arc<Principal>>().cloned();
    found.ok_or_else(|| refuse(ErrorCode::Internal, "系統發生錯誤。"))
}
