//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::base::Secret;
use crate::http::Peer;
use crate::policy::{Denial, Principal};
use crate::task::call::{CallContext, ProvenCaller};

use super::cookie::SESSION;
use super::fields::Fields;
use super::shell::{Frame, Visit};
use super::text::shell::ShellText;
use super::{Console, HOME, LOGIN};

/// Bytes of a form.
const MAX_FORM: usize = 16 << 10;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    /// Why the last try failed; empty at first.
    problem: &'static str,
    takes_keys: bool,
    has_provider: bool,
}

pub(super) fn page(visit: &Visit, code: StatusCode, problem: &'static str) -> Response {
    let frame = visit.frame(ShellText::of(visit.lang).login_title);
    let (takes_keys, has_provider) = (visit.console.takes_keys, visit.console.logins.is_some());
    visit.answer(code, &LoginPage { frame, problem, takes_keys, has_provider })
}

/// `GET /console/login`.
pub(super) async fn show(visit: Visit) -> Response {
    if !visit.console.gate.is_required() {
        return Redirect::to(HOME).into_response();
    }
    page(&visit, StatusCode::OK, "")
}

/// `POST /console/login`.
pub(super) async fn sign_in(
    Extension(peer): Extension<Peer>,
    Extension(cx): Extension<CallContext>,
    visit: Visit,
    request: Request,
) -> Response {
    let s = ShellText::of(visit.lang);
    // Whoever is led here from another site does not sign in under somebody else's name.
    if !is_own(visit.headers()) {
        return page(&visit, StatusCode::FORBIDDEN, s.login_foreign);
    }
    if !visit.console.takes_keys {
        return page(&visit, StatusCode::FORBIDDEN, "");
    }
    let form = form(request.into_body()).await;
    let key = form.get("key").unwrap_or_default();
    let console = &visit.console;
    let proven = console.sessions.prove(&Secret::new(key.to_owned()), Some(peer.address)).await;
    let (who, principal) = match proven {
        Ok(found) => found,
        Err(denial) => {
            let (code, problem) = said(denial, s);
            return page(&visit, code, problem);
        }
    };
    let Principal { client, org, subject, .. } = principal;
    cx.said.note_caller(ProvenCaller { client, org, subject });
    // Another session of this browser ends: its cookie is overwritten.
    console.sessions.end(visit.headers());
    let Ok(id) = console.sessions.begin(who) else {
        return page(&visit, StatusCode::SERVICE_UNAVAILABLE, s.login_full);
    };
    let mut response = Redirect::to(HOME).into_response();
    if let Some(cookie) = console.cookies.write(SESSION, id.expose()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// `POST /console/logout`.
pub(super) async fn sign_out(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let form = form(request.into_body()).await;
    if console.sessions.has_token(&headers, form.get("token").unwrap_or_default()) {
        console.sessions.end(&headers);
    }
    let mut response = Redirect::to(LOGIN).into_response();
    if let Some(cookie) = console.cookies.forget(SESSION) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn said(denial: Denial, s: &'static ShellText) -> (StatusCode, &'static str) {
    match denial {
        Denial::Locked(_) => (StatusCode::TOO_MANY_REQUESTS, s.login_locked),
        Denial::Suspended | Denial::Hours | Denial::Network => {
            (StatusCode::FORBIDDEN, s.login_suspended)
        }
        Denial::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, s.login_unavailable),
        _ => (StatusCode::UNAUTHORIZED, s.login_wrong),
    }
}

/// Whether a form comes from a page of ours: browsers say where it does.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return ["same-origin", "none"].contains(&site);
    }
    let host = text(HOST.as_str()).unwrap_or_default();
    text(ORIGIN.as_str()).is_none_or(|it| it.split_once("://").is_some_and(|(_, it)| it == host))
}

pub(super) async fn form(body: Body) -> Fields {
    let bytes = axum::body::to_bytes(body, MAX_FORM).await.unwrap_or_default();
    Fields::parse(str::from_utf8(&bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(lines: &[(&'static str, &'static str)], expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("fenwen.example:8443"));
        for (name, value) in lines {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        assert_eq!(is_own(&headers), expected, "{lines:?}");
    }

    #[test]
    fn forms_of_other_sites_are_told_from_ours() {
        check(&[], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site"), ("origin", "https://fenwen.example:8443")], false);
        check(&[("origin", "https://fenwen.example:8443")], true);
        check(&[("origin", "https://evil.example")], false);
        check(&[("origin", "null")], false);
    }
}
