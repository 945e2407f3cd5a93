//! Pages for people are made elsewhere; this is what they bring along, and how a browser proves who sits before it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::uri::Authority;
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

/// Names a session, and opens none: the hash of what its cookie holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 32]);

/// Somebody who signed in.
pub struct Visitor {
    /// By which session.
    pub session: SessionId,
    /// Who that is by now.
    pub principal: Principal,
}

/// Where a WebSocket was opened from. A browser opens one for a page of whichever site, and sends the cookies along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketFrom {
    /// No WebSocket is opened.
    Nowhere,
    /// No browser opens it: those say for whom.
    Program,
    /// A page of this site.
    OwnPage {
        /// Whether it came over TLS.
        is_encrypted: bool,
    },
    /// A page of another site.
    OtherPage,
}

impl SocketFrom {
    /// As the header says.
    pub fn of(headers: &HeaderMap) -> SocketFrom {
        let asks = |it: &str| it.split(',').any(|it| it.trim().eq_ignore_ascii_case("websocket"));
        let mut upgrades = headers.get_all(UPGRADE).iter();
        if !upgrades.any(|it| it.to_str().is_ok_and(asks)) {
            return SocketFrom::Nowhere;
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return SocketFrom::Program };
        let page = origin.to_str().ok().and_then(|it| it.split_once("://"));
        let host = headers.get(HOST).and_then(|it| Authority::try_from(it.as_bytes()).ok());
        let is_one = origins.next().is_none();
        match page.zip(host).filter(|_| is_one) {
            // Hosts are compared without regard to case, ports as they are.
            Some(((scheme @ ("http" | "https"), page), host)) if host == page => {
                SocketFrom::OwnPage { is_encrypted: scheme == "https" }
            }
            _ => SocketFrom::OtherPage,
        }
    }
}

/// Who signed in.
pub trait Sessions: Send + Sync {
    /// Whose session the request names, if it names one, and what that person may do by now.
    fn visitor<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Result<Visitor, Denial>>>;

    /// What the person of a session may do this second, if it is not over. To ask is no use of it.
    fn right_now(
        &self,
        session: SessionId,
        address: IpAddr,
    ) -> BoxFuture<'_, Result<Principal, Denial>>;

    /// Notes that a session is used although no request comes.
    fn note_use(&self, session: SessionId);

    /// Ends the sessions that were ended at other nodes meanwhile.
    fn catch_up(&self) -> BoxFuture<'_, ()>;

    /// The page for whoever may not see the one asked for.
    fn refusal(&self, denial: Denial, uri: &Uri, headers: &HeaderMap) -> Response;
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn check(lines: &[(HeaderName, &str)], expected: SocketFrom) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        assert_eq!(SocketFrom::of(&headers), expected, "{lines:?}");
    }

    #[test]
    fn only_a_page_of_the_same_host_and_port_is_our_own() {
        let from = |origin, expected| {
            let host = (HOST, "ai.moi.gov.tw:8443");
            check(&[(UPGRADE, "WebSocket"), host, (ORIGIN, origin)], expected);
        };
        from("https://ai.moi.gov.tw:8443", SocketFrom::OwnPage { is_encrypted: true });
        from("http://AI.moi.gov.tw:8443", SocketFrom::OwnPage { is_encrypted: false });
        for other in [
            "https://ai.moi.gov.tw",
            "https://moi.gov.tw:8443",
            "https://ai.moi.gov.tw:8443.example",
            "https://ai.moi.gov.tw:8443@example",
            "ftp://ai.moi.gov.tw:8443",
            "ai.moi.gov.tw:8443",
            "null",
            "",
        ] {
            from(other, SocketFrom::OtherPage);
        }
        let own = (ORIGIN, "http://t");
        check(&[(UPGRADE, "websocket"), own.clone()], SocketFrom::OtherPage);
        check(
            &[(UPGRADE, "websocket"), (HOST, "t"), own.clone(), own.clone()],
            SocketFrom::OtherPage,
        );
        check(&[(UPGRADE, "h2c, websocket"), (HOST, "t")], SocketFrom::Program);
        check(&[(UPGRADE, "h2c"), (HOST, "t"), own], SocketFrom::Nowhere);
        check(&[], SocketFrom::Nowhere);
    }
}
