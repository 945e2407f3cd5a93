//! The exchange (X-Road message protocol for REST): what its messages say beside their body, and how large and slow
//! they may be.
//!
//! Its security server proves systems, not persons: a user is recorded and grants nothing. What it says is believed at
//! its listener, where it has shown its certificate; anywhere else these headers are taken away before anybody reads
//! them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};

use crate::audit::{Row, Word};
use crate::base::{ErrorCode, IdNumber};
use crate::policy::Surface;
use crate::task::call::CallError;
use crate::wire::call;

use super::failure::Failure;
use super::guard::Peer;
use super::{App, refuse};

/// Bytes of one message, either way: the exchange takes less than 5 MB; what is more goes in parts.
const MESSAGE_BYTES: u64 = 5_000_000;

/// What every header of the exchange begins with.
const PREFIX: &str = "x-road-";

/// A message that may have come through the exchange.
pub(super) struct Message {
    is_exchanged: bool,
    /// The longest time for an answer.
    longest: Duration,
    /// Whether its body was more than a message may be.
    is_overlong: Arc<AtomicBool>,
}

impl Message {
    /// Looks at a request before anybody else; takes away what is not believed where it came.
    pub(super) fn of(app: &App, request: &mut Request) -> Message {
        let surface = request.extensions().get::<Peer>().map(|it| it.surface);
        let is_exchanged = surface == Some(Surface::Exchange);
        // Where nobody is proven, this is believed like the rest of what is said.
        if !is_exchanged && app.gate.is_required() {
            strip(request.headers_mut());
        }
        let is_overlong = Arc::new(AtomicBool::new(false));
        if is_exchanged {
            let seen = Arc::clone(&is_overlong);
            let body = std::mem::take(request.body_mut());
            *request.body_mut() = bounded(body, seen);
        }
        Message { is_exchanged, longest: app.options.exchange_timeout, is_overlong }
    }

    /// The longest time that a call may take.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.is_exchanged.then_some(self.longest)
    }

    /// Refuses a message that says that it is too large.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), CallError> {
        match length(headers).filter(|it| self.is_exchanged && MESSAGE_BYTES <= *it) {
            Some(_) => Err(too_large()),
            None => Ok(()),
        }
    }

    /// What is answered: no header of the exchange, which sets its own, and no more than a message may be.
    pub(super) fn answer(&self, mut response: Response) -> Response {
        if !self.is_exchanged {
            return response;
        }
        if self.is_overlong.load(Ordering::Relaxed) {
            return Failure::from(too_large()).into_response();
        }
        let hint = response.body().size_hint();
        let known = hint.exact().or_else(|| length(response.headers()));
        if MESSAGE_BYTES <= known.unwrap_or(hint.lower()) {
            let message = "回覆超過交換平臺單則訊息的上限,請縮小查詢的範圍,或以其他管道取得。";
            return Failure::from(refuse(ErrorCode::TooLarge, message)).into_response();
        }
        strip(response.headers_mut());
        // What does not say how long it gets is answered by now when it turns out too long: it breaks off, so that nobody
        // takes a part for the whole.
        if known.is_none() {
            let body = std::mem::take(response.body_mut());
            *response.body_mut() = bounded(body, Arc::default());
        }
        response
    }
}

/// How long a body is, by its header.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> CallError {
    let message = "訊息超過交換平臺單則訊息的上限(5 MB),請改以分段上傳。";
    refuse(ErrorCode::TooLarge, message)
}

fn strip(headers: &mut HeaderMap) {
    let found: Vec<HeaderName> =
        headers.keys().filter(|it| it.as_str().starts_with(PREFIX)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// What the exchange says of a message, for the record.
pub(super) fn noted(headers: &HeaderMap, row: Row) -> Row {
    let text = |name: &str| {
        let value = headers.get(name)?;
        std::str::from_utf8(value.as_bytes()).ok()
    };
    let id = |name: &str| text(name).filter(|it| call::is_request_id(it)).and_then(Word::new);
    let party = text("x-road-represented-party").filter(|it| is_party(it));
    Row {
        xroad_id: id("x-road-id"),
        xroad_request_id: id("x-road-request-id"),
        xroad_party: party.and_then(Word::new),
        person: text("x-road-userid").filter(|it| call::is_request_id(it)).and_then(user),
        case_no: text("x-road-issue").and_then(Word::new),
        ..row
    }
}

/// A user as it is recorded: of a national number, which a country's code may precede, the last three digits only.
fn user(said: &str) -> Option<Word> {
    let number = said.get(said.len().saturating_sub(IdNumber::LEN)..).unwrap_or_default();
    match IdNumber::shape(&number.to_ascii_uppercase()) {
        Some(_) => {
            let (before, digits) = said.split_at_checked(said.len().saturating_sub(3))?;
            Word::new(&format!("{}{digits}", "*".repeat(before.len())))
        }
        None => Word::new(said),
    }
}

/// `class/code` or `code`, each part percent-encoded.
fn is_party(text: &str) -> bool {
    let is_safe = |it: u8| it.is_ascii_alphanumeric() || b"-_.%~".contains(&it);
    let mut parts = text.split('/');
    let is_part = |it: &str| !it.is_empty() && it.bytes().all(is_safe);
    parts.clone().count() <= 2 && parts.all(is_part)
}

/// The body as far as a message may go; more than that is an error, and is remembered.
fn bounded(body: Body, is_overlong: Arc<AtomicBool>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::from_stream(Bounded { body: body.into_data_stream(), left: MESSAGE_BYTES, is_overlong })
}

struct Bounded {
    body: BodyDataStream,
    left: u64,
    is_overlong: Arc<AtomicBool>,
}

impl Stream for Bounded {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.body.poll_next_unpin(cx);
        let Poll::Ready(Some(Ok(chunk))) = &polled else { return polled };
        match self.left.checked_sub(chunk.len() as u64).filter(|it| 0 < *it) {
            Some(left) => {
                self.left = left;
                polled
            }
            None => {
                self.is_overlong.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other(
                    "an overlong message",
                )))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check_user(said: &str, expected: &str) {
        assert_eq!(user(said).unwrap().as_str(), expected);
    }

    #[test]
    fn a_national_number_is_not_recorded() {
        check_user("u-88", "u-88");
        check_user("A123456789", "*******789");
        check_user("TWA123456789", "*********789");
        check_user("twa123456789", "*********789");
        check_user("EE12345678901", "EE12345678901");
    }

    /// Status, and whether all of the body comes.
    fn answered(body: Body, length: Option<u64>) -> (u16, bool) {
        let message = Message {
            is_exchanged: true,
            longest: Duration::from_secs(1),
            is_overlong: Arc::default(),
        };
        let mut response = Response::new(body);
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let (head, body) = message.answer(response).into_parts();
        let read = axum::body::to_bytes(body, usize::MAX);
        let read = futures_util::FutureExt::now_or_never(read).unwrap();
        (head.status.as_u16(), read.is_ok())
    }

    #[test]
    fn no_answer_is_as_large_as_a_message_may_not_be() {
        const PIECE: usize = 1_000_000;
        let stream = |n_pieces: usize| {
            let pieces = (0..n_pieces).map(|_| Ok::<_, std::io::Error>(vec![0_u8; PIECE]));
            Body::from_stream(futures_util::stream::iter(pieces))
        };
        assert_eq!(answered(Body::from(vec![0; 5 * PIECE - 1]), None), (200, true));
        assert_eq!(answered(Body::from(vec![0; 5 * PIECE]), None).0, 413);
        assert_eq!(answered(stream(4), Some(4_000_000)), (200, true));
        assert_eq!(answered(stream(6), Some(6_000_000)).0, 413);
        assert_eq!(answered(stream(4), None), (200, true));
        assert_eq!(answered(stream(6), None), (200, false), "it breaks off");
        assert_eq!(answered(Body::empty(), None), (200, true));
    }

    #[test]
    fn a_party_is_a_code_with_or_without_a_class() {
        for (text, is_one) in [
            ("GOV/379000000A", true),
            ("379000000A", true),
            ("COM/%E7%94%B2", true),
            ("a/b/c", false),
            ("GOV/", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(is_party(text), is_one, "{text}");
        }
    }
}
