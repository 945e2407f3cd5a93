//! The audit log of calls over HTTP: what of a request is recorded, and what is answered when it cannot be.

use axum::extract::{MatchedPath, Request};
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use crate::audit::{
    Actor, ActorKind, AuditEvent, CallEnd, CallRecord, Listener, NotWritten, Row, Word,
};
use crate::base::ErrorCode;
use crate::policy::{Access, Principal, Route};
use crate::service::jobs::Caller;
use crate::task::call::{CallContext, CallError, ProvenCaller};

use super::App;
use super::caller::caller;
use super::context::RequestContext;
use super::exchange;
use super::failure::Failure;
use super::guard::Peer;

/// Paths below these are recorded: health, metrics and pages that are open to everybody are not.
const RECORDED: [&str; 6] = [
    "/api/",
    "/v1/",
    "/v2/models/",
    "/v2/repository/",
    "/inference.GRPCInferenceService/Model",
    "/inference.GRPCInferenceService/Repository",
];

/// Routes that touch no personal data; every other one does.
const IMPERSONAL: [&str; 8] = [
    "/api/v1/models/",
    "/api/v1/services",
    "/api/v1/statistics",
    "/api/v1/taxonomy",
    "/api/v1/webhooks",
    "/v2/repository/",
    "/inference.GRPCInferenceService/Repository",
    "unmatched",
];

/// What is done over a WebSocket, after the call that opens it.
const STREAM: &str = "STREAM /api/v1/speech/stream";

/// The page that ends a sign-in at the provider: open like the others around it, and the one where somebody comes in.
const SIGNED_IN: &str = "/console/login/callback";

/// What becomes of calls that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// Those that touch no personal data are answered.
    Impersonal,
    /// None is answered.
    None,
}

/// What is recorded of a call.
pub(super) struct Entry {
    row: Row,
    is_personal: bool,
}

impl Entry {
    /// Of a request, if it belongs into the log.
    pub(super) fn of(app: &App, cx: &RequestContext, request: &Request) -> Option<Entry> {
        let label = request.extensions().get::<MatchedPath>();
        let label = label.map_or("unmatched", MatchedPath::as_str);
        let page = Route::page(request.method().as_str(), label);
        // Who signs in and out, and what is for some only.
        let is_page = page.is_some_and(|it| {
            it.method == "POST" || it.access != Access::Open || it.path == SIGNED_IN
        });
        if !is_page && !RECORDED.iter().any(|it| request.uri().path().starts_with(it)) {
            return None;
        }
        // What a page shows of persons it asks of the routes below.
        let is_personal = !is_page && !IMPERSONAL.iter().any(|it| label.starts_with(it));
        let reads = Route::find(request.method().as_str(), label).is_some_and(Route::reads_kept);
        let is_off_hours = reads && app.service.notices().is_off_hours();
        Some(Entry { row: Row { is_off_hours, ..row(cx, request, label) }, is_personal })
    }
}

/// A call of which the beginning is on record, if it belongs there.
pub(super) struct Recorded {
    record: Option<CallRecord>,
    is_personal: bool,
}

impl Recorded {
    /// Records that the call begins.
    ///
    /// # Errors
    /// ER0530 when it cannot be recorded and must be.
    pub(super) async fn open(app: &App, entry: Option<Entry>) -> Result<Recorded, CallError> {
        let Some(Entry { row, is_personal }) = entry else {
            return Ok(Recorded { record: None, is_personal: false });
        };
        match CallRecord::open(&app.audit, &app.clock, row).await {
            Ok(record) => Ok(Recorded { record: Some(record), is_personal }),
            Err(NotWritten) if !is_personal && app.options.unrecorded == Unrecorded::Impersonal => {
                Ok(Recorded { record: None, is_personal })
            }
            Err(NotWritten) => Err(not_recorded()),
        }
    }

    /// Records how the call ended. What holds personal data is answered only when that is on record.
    pub(super) async fn close(self, cx: &RequestContext, response: Response) -> Response {
        let Some(record) = self.record else { return response };
        let (purpose, case_no) = said(&cx.call);
        let error = response.extensions().get::<CallError>();
        let end = CallEnd {
            status: response.status().as_u16(),
            reason: error.map(|it| it.code.number()),
            purpose,
            case_no,
            object: made(&response),
            proven: proven(&cx.call),
        };
        match record.close(end).await {
            Err(NotWritten) if self.is_personal && response.status().is_success() => {
                Failure::from(not_recorded()).into_response()
            }
            _ => response,
        }
    }
}

/// Records that a stream begins, which goes on after its request is answered.
///
/// # Errors
/// ER0530 when it cannot be recorded.
pub(super) async fn open_stream(
    app: &App,
    caller: &Caller,
    cx: &CallContext,
) -> Result<CallRecord, CallError> {
    let (actor, client) = actor_of(caller);
    let row = Row {
        client,
        request_id: Word::new(&cx.request_id.to_string()),
        ..Row::new(AuditEvent::ApiCalled, Listener::Api, actor, Word::of(STREAM))
    };
    let opened = CallRecord::open(&app.audit, &app.clock, row).await;
    opened.map_err(|NotWritten| not_recorded())
}

/// Records that an answer which stayed open was ended, for whoever held it may not any longer.
pub(super) async fn cut(
    app: &App,
    cx: &CallContext,
    (principal, route): (&Principal, &Route),
    error: &CallError,
) {
    let (client, org) = (principal.client.clone(), principal.org.clone());
    let (actor, client) = actor_of(&Caller { client, org });
    let action = Word::new(&format!("STREAM {}", route.path)).unwrap_or(Word::of("long"));
    let row = Row {
        client,
        request_id: Word::new(&cx.request_id.to_string()),
        ..Row::new(AuditEvent::ApiCalled, Listener::Api, actor, action)
    };
    // It has ended whether or not it is on record: the log counts and tells what it could not write.
    if let Ok(record) = CallRecord::open(&app.audit, &app.clock, row).await {
        let _ = record.close(end_of_stream(cx, Some(error))).await;
    }
}

/// How a stream ended.
pub(super) fn end_of_stream(cx: &CallContext, error: Option<&CallError>) -> CallEnd {
    let (purpose, case_no) = said(cx);
    CallEnd {
        status: error.map_or(200, |it| super::status(it.code).as_u16()),
        reason: error.map(|it| it.code.number()),
        purpose,
        case_no,
        object: None,
        proven: None,
    }
}

/// Who was proven while the call was worked on.
fn proven(cx: &CallContext) -> Option<Actor> {
    let ProvenCaller { client, org, .. } = cx.said.caller()?;
    let actor = Actor::of(ActorKind::System, Word::new(client)?);
    Some(Actor { org: Word::new(org), ..actor })
}

/// Purpose and case, as far as they were said.
fn said(cx: &CallContext) -> (Option<Word>, Option<Word>) {
    let said = cx.said.get();
    let purpose = said.and_then(|it| Word::new(&it.code));
    (purpose, said.and_then(|it| Word::new(it.case_no.as_ref()?)))
}

/// Why nothing is done, with the remedy.
pub(super) fn not_recorded() -> CallError {
    let message =
        "稽核紀錄目前無法寫入,為保護個資暫停處理;請稍後再試,並通知維運人員檢查稽核目錄與磁碟空間。";
    CallError::new(ErrorCode::Unrecorded, message)
}

fn row(cx: &RequestContext, request: &Request, label: &str) -> Row {
    let (actor, client) = match exchange::claimed(request) {
        Some(actor) => (actor, None),
        None => actor(request),
    };
    let method = match request.method().as_str() {
        it @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") => it,
        _ => "other",
    };
    let action = Word::new(&format!("{method} {label}")).unwrap_or(Word::of("long"));
    let row = Row {
        ip: request.extensions().get::<Peer>().map(|it| it.address.to_canonical()),
        client,
        object: object(label, request.uri().path()),
        request_id: Word::new(&cx.call.request_id.to_string()),
        trace_id: Word::new(&cx.trace_id),
        ..Row::new(AuditEvent::ApiCalled, Listener::Api, actor, action)
    };
    exchange::noted(request.headers(), row)
}

/// Who calls, as the gateway in front says it; what is malformed is nobody.
fn actor(request: &Request) -> (Actor, Option<Word>) {
    match caller(request.headers()) {
        Ok(caller) => actor_of(&caller),
        Err(_) => (Actor::unknown(), None),
    }
}

fn actor_of(caller: &Caller) -> (Actor, Option<Word>) {
    let Some(id) = Word::new(&caller.client) else { return (Actor::unknown(), None) };
    let org = Word::new(&caller.org);
    let actor = Actor { org, asserted: true, ..Actor::of(ActorKind::System, id.clone()) };
    (actor, Some(id))
}

/// The thing that the path names last, such as `jobs/019a…`: only ids of our own form, as a path may hold anything.
fn object(label: &str, path: &str) -> Option<Word> {
    let mut before = "";
    let mut found = None;
    for (template, part) in label.split('/').zip(path.split('/')) {
        if template.starts_with('{') && is_own_id(part) {
            found = Some(format!("{before}/{part}"));
        }
        before = template;
    }
    Word::new(&found?)
}

/// What was made, by the path that the answer names.
fn made(response: &Response) -> Option<Word> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let (before, id) = location.rsplit_once('/')?;
    let kind = before.rsplit('/').next().filter(|_| is_own_id(id))?;
    Word::new(&format!("{kind}/{id}"))
}

/// 32 hexadecimal digits, also with the hyphens of a UUID.
fn is_own_id(text: &str) -> bool {
    let n_digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    n_digits == 32 && text.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(label: &str, path: &str, expected: Option<&str>) {
        let found = object(label, path);
        assert_eq!(found.as_ref().map(Word::as_str), expected, "{path}");
    }

    #[test]
    fn only_our_own_ids_are_objects() {
        let id = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
        let job = format!("jobs/{id}");
        check("/api/v1/jobs/{id}", &format!("/api/v1/jobs/{id}"), Some(&job));
        check("/api/v1/jobs/{id}/result", &format!("/api/v1/jobs/{id}/result"), Some(&job));
        check("/api/v1/jobs/{id}", "/api/v1/jobs/A123456789", None);
        check("/api/v1/jobs", "/api/v1/jobs", None);
        check("unmatched", "/api/v1/A123456789", None);
    }
}
