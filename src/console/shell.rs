//! What surrounds every screen: who sees it, in which language, with which menu; and the pages of refusals.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use crate::http::{Peer, status};
use crate::policy::{Kind, Principal, Purposes, Route, Scope, Surface};
use crate::service::jobs::Caller;
use crate::task::call::CallError;

use super::cookie::LANGUAGE;
use super::fields::Fields;
use super::menu::{self, MenuGroup};
use super::text::Lang;
use super::text::shell::ShellText;
use super::{Console, assets};

/// Only files of the program, and pictures and sounds that the person has just chosen. No script writes markup.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What pages may use of the device: nothing; those with a microphone, that.
const PERMISSIONS: &str = "permissions-policy";
const DEAF: &str = "microphone=(), camera=(), geolocation=(), display-capture=()";
const HEARING: &str = "microphone=(self), camera=(), geolocation=(), display-capture=()";

/// What the layout shows around a screen.
pub(super) struct Frame {
    pub(super) s: &'static ShellText,
    pub(super) lang: Lang,
    /// The title of the screen, as in the menu.
    pub(super) title: String,
    /// Its path: the menu marks it.
    pub(super) path: String,
    /// Where the same screen is in the other language.
    pub(super) other_language: String,
    pub(super) menu: Vec<MenuGroup>,
    /// The person and the agency; empty where nobody signed in.
    pub(super) who: String,
    /// For what changes something; empty where nobody signed in.
    pub(super) token: String,
    /// What the account may name as its purpose; empty where it need not name one.
    pub(super) purpose: String,
    pub(super) is_signed_in: bool,
    pub(super) is_demo: bool,
}

impl Frame {
    /// Where a file of the program is, as it is now.
    #[expect(clippy::unused_self, reason = "pages call methods of what they are given")]
    pub(super) fn asset(&self, name: &str) -> String {
        format!("/console/assets/{name}?v={}", assets::VERSION.as_str())
    }
}

/// A request for a screen.
pub(super) struct Visit {
    pub(super) console: Arc<Console>,
    /// Who asks; nobody at the login page.
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) lang: Lang,
    /// What the query says.
    pub(super) query: Fields,
    uri: Uri,
    headers: HeaderMap,
    /// The listener that it came to.
    surface: Surface,
    /// The person has just chosen the language.
    has_chosen: bool,
}

impl FromRequestParts<Arc<Console>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        console: &Arc<Console>,
    ) -> Result<Visit, Infallible> {
        let mut visit = Visit::of(console, parts.uri.clone(), parts.headers.clone());
        visit.principal = parts.extensions.get::<Arc<Principal>>().cloned();
        if let Some(peer) = parts.extensions.get::<Peer>() {
            visit.surface = peer.surface;
        }
        Ok(visit)
    }
}

impl Visit {
    /// Of a request that nobody is known to have sent.
    pub(super) fn of(console: &Arc<Console>, uri: Uri, headers: HeaderMap) -> Visit {
        let query = Fields::parse(uri.query().unwrap_or_default());
        let chosen = query.get("lang").and_then(Lang::parse);
        let kept = console.cookies.read(&headers, LANGUAGE).and_then(|it| Lang::parse(&it));
        Visit {
            console: Arc::clone(console),
            principal: None,
            lang: chosen.or(kept).unwrap_or_default(),
            query,
            uri,
            headers,
            surface: Surface::Public,
            has_chosen: chosen.is_some(),
        }
    }

    /// The header of the request.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether whoever asks may see a page.
    pub(super) fn may_see(&self, path: &str) -> bool {
        let Some((principal, route)) = self.principal.as_ref().zip(Route::page("GET", path)) else {
            return false;
        };
        self.console.gate.admit_local(principal, route).is_ok()
    }

    /// Whether whoever asks may call a route of the API, and this listener offers it: the console is at every one.
    pub(super) fn may_call(&self, method: &str, path: &str) -> bool {
        let Some((principal, route)) = self.principal.as_ref().zip(Route::find(method, path))
        else {
            return false;
        };
        self.surface.offers(route.offered)
            && self.console.gate.admit_local(principal, route).is_ok()
    }

    /// Whoever asks, as a caller with jobs of its own, if it may see jobs.
    pub(super) fn caller(&self) -> Option<Caller> {
        let principal = self.principal.as_ref().filter(|it| it.scopes.has(Scope::JobsRead))?;
        Some(Caller { client: principal.client.clone(), org: principal.org.clone() })
    }

    /// What surrounds a screen of this title.
    pub(super) fn frame(&self, title: impl Into<String>) -> Frame {
        let s = ShellText::of(self.lang);
        let signed_in = self.principal.as_ref().filter(|it| it.kind != Kind::Local);
        Frame {
            s,
            lang: self.lang,
            title: title.into(),
            path: self.uri.path().to_owned(),
            other_language: format!("{}?lang={}", self.uri.path(), self.lang.other().as_str()),
            menu: menu::of(self, s),
            who: signed_in.map_or(String::new(), |it| format!("{} ({})", it.client, it.org)),
            token: self.console.sessions.token(&self.headers).unwrap_or_default(),
            purpose: self.principal.as_ref().map_or(String::new(), |it| purpose(it)),
            is_signed_in: signed_in.is_some(),
            is_demo: self.console.is_demo,
        }
    }

    /// A page as an answer.
    pub(super) fn show(&self, page: &impl Template) -> Response {
        self.answer(StatusCode::OK, page)
    }

    /// The same of a page with a microphone.
    pub(super) fn show_hearing(&self, page: &impl Template) -> Response {
        let mut response = self.show(page);
        response.headers_mut().insert(PERMISSIONS, HeaderValue::from_static(HEARING));
        response
    }

    /// The page of whoever may not see a screen.
    pub(super) fn forbidden(&self) -> Response {
        let s = ShellText::of(self.lang);
        self.notice(StatusCode::FORBIDDEN, s.forbidden_title, [s.forbidden, s.forbidden_remedy])
    }

    /// The page instead of a record that is not there.
    pub(super) fn missing(&self) -> Response {
        let s = ShellText::of(self.lang);
        self.notice(StatusCode::NOT_FOUND, s.missing_title, [s.missing, s.missing_remedy])
    }

    /// The page instead of a screen whose data cannot be read. The reason is for the log only.
    pub(super) fn failed(&self, reason: &dyn std::fmt::Display) -> Response {
        tracing::warn!(%reason, "a screen cannot be shown");
        let s = ShellText::of(self.lang);
        let texts = [s.failed, s.failed_remedy];
        self.notice(StatusCode::SERVICE_UNAVAILABLE, s.failed_title, texts)
    }

    /// The page of a service's refusal, in its own words.
    pub(super) fn refused(&self, error: &CallError) -> Response {
        let s = ShellText::of(self.lang);
        match status(error.code) {
            StatusCode::NOT_FOUND => self.missing(),
            code => self.notice(code, s.failed_title, [&error.message, s.failed_remedy]),
        }
    }

    fn notice(&self, code: StatusCode, title: &str, [text, remedy]: [&str; 2]) -> Response {
        let (text, remedy) = (text.to_owned(), remedy.to_owned());
        self.answer(code, &NoticePage { frame: self.frame(title), text, remedy })
    }

    /// A page with a status of its own.
    pub(super) fn answer(&self, code: StatusCode, page: &impl Template) -> Response {
        let Ok(html) = page.render() else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let headers = [
            (HeaderName::from_static(PERMISSIONS), HeaderValue::from_static(DEAF)),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (code, headers, Html(html)).into_response();
        let cookie = self.console.cookies.write(LANGUAGE, self.lang.as_str());
        if let Some(cookie) = cookie.filter(|_| self.has_chosen) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }
}

/// The first purpose that is approved for somebody.
fn purpose(principal: &Principal) -> String {
    match &principal.purposes {
        Purposes::Any => String::new(),
        Purposes::Among(codes) => codes.first().cloned().unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage {
    frame: Frame,
    text: String,
    remedy: String,
}
