//! Signing in at the ministry's provider, and being signed out from there.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Request, State};
use axum::http::header::{REFRESH, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::base::Secret;
use crate::identity::{LoginError, SignedIn};
use crate::task::call::{CallContext, ProvenCaller};

use super::cookie::{SESSION, TICKET};
use super::login::{form, page};
use super::shell::{Frame, Visit};
use super::text::shell::ShellText;
use super::{Console, LOGIN};

/// Leads from a page to the first screen.
const TO_HOME: &str = "0; url=/console";

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    frame: Frame,
    name: String,
}

/// `GET /console/login/start`: on to the provider.
pub(super) async fn start(visit: Visit) -> Response {
    let s = ShellText::of(visit.lang);
    let Some(logins) = &visit.console.logins else { return Redirect::to(LOGIN).into_response() };
    let Ok(begun) = logins.begin().await else {
        return page(&visit, StatusCode::SERVICE_UNAVAILABLE, s.login_unavailable);
    };
    let mut response = Redirect::to(&begun.url).into_response();
    // It comes back with a request that begins elsewhere.
    if let Some(cookie) = visit.console.cookies.write_lax(TICKET, begun.ticket.expose()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// `GET /console/login/callback`: back from the provider.
pub(super) async fn callback(Extension(cx): Extension<CallContext>, visit: Visit) -> Response {
    let s = ShellText::of(visit.lang);
    let console = &visit.console;
    let Some(logins) = &console.logins else { return Redirect::to(LOGIN).into_response() };
    let ticket = console.cookies.read(visit.headers(), TICKET).unwrap_or_default();
    let [state, code] = ["state", "code"].map(|it| visit.query.get(it).unwrap_or_default());
    let person = match logins.finish(state, code, &Secret::new(ticket)).await {
        Ok(person) => person,
        Err(error) => {
            let (code, problem) = said(error, s);
            return page(&visit, code, problem);
        }
    };
    let principal = person.principal;
    let (client, org) = (principal.client.clone(), principal.org.clone());
    let subject = principal.subject.clone();
    cx.said.note_caller(ProvenCaller { client, org, subject });
    console.sessions.end(visit.headers());
    let who = SignedIn::Person { principal: Box::new(principal), sid: person.sid };
    let Ok(id) = console.sessions.begin(who) else {
        return page(&visit, StatusCode::SERVICE_UNAVAILABLE, s.login_full);
    };
    let frame = visit.frame(s.login_title);
    let mut response = visit.show(&WelcomePage { frame, name: person.name });
    // A redirect would still count as one from the provider's site, and browsers keep the session's cookie to
    // themselves then.
    let home = HeaderValue::from_static(TO_HOME);
    response.headers_mut().insert(REFRESH, home);
    let cookies = [console.cookies.write(SESSION, id.expose()), console.cookies.forget(TICKET)];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /console/logout/back-channel`: the provider tells whose sessions ended (OpenID Connect Back-Channel Logout).
pub(super) async fn signed_out(State(console): State<Arc<Console>>, request: Request) -> Response {
    let Some(logins) = &console.logins else { return StatusCode::BAD_REQUEST.into_response() };
    let form = form(request.into_body()).await;
    let token = form.get("logout_token").unwrap_or_default().to_owned();
    let logout = match logins.logged_out(token).await {
        Ok(logout) => logout,
        Err(LoginError::Unavailable) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let (subject, sid) = (logout.subject.clone(), logout.sid.clone());
    if console.sessions.end_everywhere(subject, sid).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    logout.kept();
    StatusCode::OK.into_response()
}

fn said(error: LoginError, s: &'static ShellText) -> (StatusCode, &'static str) {
    match error {
        LoginError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, s.login_unavailable),
        LoginError::Unknown => (StatusCode::BAD_REQUEST, s.login_unknown),
        LoginError::Refused => (StatusCode::UNAUTHORIZED, s.login_refused),
        LoginError::NoRole => (StatusCode::FORBIDDEN, s.login_no_role),
        LoginError::NoUnit => (StatusCode::FORBIDDEN, s.login_no_unit),
    }
}
