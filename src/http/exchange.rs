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

use crate::audit::{Actor, ActorKind, Row, Word};
use crate::base::{ErrorCode, IdNumber, percent_decoded};
use crate::identity::Member;
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

/// The one that names the client.
const CLIENT: &str = "x-road-client";

/// Digits that are recorded of a number of a person.
const SHOWN: usize = 3;

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
    // As some write them and others do not, escapes are read; what is none stays as it is written.
    let said = |name: &str| {
        let text = text(name)?;
        Some(percent_decoded(text).unwrap_or_else(|| text.to_owned()))
    };
    Row {
        xroad_id: id("x-road-id"),
        xroad_request_id: id("x-road-request-id"),
        xroad_party: party.and_then(Word::new),
        person: said("x-road-userid")
            .and_then(|it| Word::new(&masked(&it, |it| IdNumber::shape(it).is_some()))),
        // Numbers of cases may be shaped like those of persons: their check digit tells most of them apart.
        case_no: said("x-road-issue")
            .and_then(|it| Word::new(&masked(&it, IdNumber::checksum_holds))),
        ..row
    }
}

/// Who calls, as the exchange names it where it is believed: what is not proven yet is only said. `None` anywhere else.
pub(super) fn claimed(request: &Request) -> Option<Actor> {
    let peer = request.extensions().get::<Peer>().filter(|it| it.surface == Surface::Exchange);
    let name = std::str::from_utf8(request.headers().get(CLIENT)?.as_bytes()).ok();
    let name = peer.and(name)?;
    let id = Member::parse(name).and_then(|it| Word::new(&it.to_string()))?;
    Some(Actor { asserted: true, ..Actor::of(ActorKind::System, id) })
}

/// A text as it is recorded: of a national number, which a country's code may precede, the last three digits only.
fn masked(said: &str, is_number: impl Fn(&str) -> bool) -> String {
    // Digits and letters are also written as wide as a character of Chinese.
    let narrow = |ch: char| match u32::from(ch) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(ch),
        _ => ch,
    };
    let is_word = |ch: &char| narrow(*ch).is_ascii_alphanumeric();
    let (mut shown, mut rest) = (String::with_capacity(said.len()), said);
    while !rest.is_empty() {
        let word: Vec<char> = rest.chars().take_while(is_word).collect();
        let number = word.iter().skip(word.len().saturating_sub(IdNumber::LEN));
        let number: String = number.map(|it| narrow(*it).to_ascii_uppercase()).collect();
        let n_hidden = if is_number(&number) { word.len() - SHOWN } else { 0 };
        shown.extend(std::iter::repeat_n('*', n_hidden));
        shown.extend(word.iter().skip(n_hidden));
        let mut after = rest.chars();
        after.by_ref().take(word.len()).for_each(drop);
        shown.extend(after.next());
        rest = after.as_str();
    }
    shown
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
    use crate::audit::{AuditEvent, Listener};

    #[track_caller]
    fn check(name: &'static str, said: &str, expected: (Option<&str>, Option<&str>)) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(said.as_bytes()).unwrap());
        let actor = Actor::unknown();
        let row = Row::new(AuditEvent::ApiCalled, Listener::Api, actor, Word::of("GET /"));
        let row = noted(&headers, row);
        let found = (row.person, row.case_no);
        let text = |it: &Option<Word>| it.as_ref().map(|it| it.as_str().to_owned());
        let found = (text(&found.0), text(&found.1));
        assert_eq!((found.0.as_deref(), found.1.as_deref()), expected, "{said}");
    }

    #[test]
    fn a_user_is_recorded_however_it_is_spelt_and_a_national_number_is_not() {
        let check = |said, expected| check("x-road-userid", said, (Some(expected), None));
        check("u-88", "u-88");
        check("A123456789", "*******789");
        check("TWA123456789", "*********789");
        check("twa123456789", "*********789");
        check("EE12345678901", "EE12345678901");
        check("%E7%8E%8B%E6%89%BF%E8%BE%A6", "王承辦");
        check("王承辦", "王承辦");
        check("100%", "100%");
        check("%41123456789", "*******789");
        check("王承辦(A123456789)", "王承辦(*******789)");
        check("A123456789@moi.example", "*******789@moi.example");
        check("Ａ１２３４５６７８９", "*******７８９");
    }

    #[test]
    fn an_issue_is_one_case_however_it_is_spelt() {
        let check = |said, expected| check("x-road-issue", said, (None, Some(expected)));
        check("%E6%A1%88%E8%99%9F-1", "案號-1");
        check("案號-1", "案號-1");
        check("MB1140012345", "MB1140012345");
        check("B112000001", "B112000001");
        check("A123456789", "*******789");
        check("%41123456789", "*******789");
        check("案-A123456789-1", "案-*******789-1");
    }

    #[test]
    fn a_line_break_in_escapes_is_no_word() {
        check("x-road-userid", "u%0a1", (None, None));
        check("x-road-issue", "a%0d%0ab", (None, None));
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
