//! What surrounds every request: ids, deadline, problem documents, access log, metrics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use crate::base::{Attribute, Begun, ErrorCode, Private, RequestId, Span, SpanKind, TraceContext};
use crate::bus::{Headers, Reply, Request};
use crate::identity::Shown;
use crate::policy::{Denial, Principal, Purposes, Route, Scopes, Surface};
use crate::service::jobs::Caller;
use crate::task::call::{CallContext, CallError, Origin, Said};
use crate::wire::call;
use crate::wire::problem::{self, Occurrence, Problem};

use super::command::Command;
use super::operation::Asked;
use super::{Operation, Rpc, record};

const CONTENT_TYPE: &str = "content-type";

/// How a request is done.
pub(super) enum Manner {
    /// At once; its answer is one message.
    Now {
        /// Bytes of it, headers included.
        max_bytes: usize,
    },
    /// As a job, however often it is sent.
    Later(Command),
}

impl Manner {
    /// What the call belongs to.
    fn origin(&self, of: Origin) -> Origin {
        match self {
            Manner::Now { .. } => of,
            Manner::Later(command) => {
                Origin { correlation: command.correlation().to_owned(), ..of }
            }
        }
    }

    async fn run(
        &self,
        rpc: &Rpc,
        operation: Operation,
        asked: Asked<'_>,
    ) -> Result<Vec<u8>, CallError> {
        match self {
            Manner::Now { .. } => require_fit(operation.run(rpc, asked).await?, self.max_reply()),
            Manner::Later(command) => command.accept(rpc, operation, asked).await,
        }
    }

    /// Bytes of an answer without its headers.
    fn max_reply(&self) -> usize {
        match self {
            Manner::Now { max_bytes } => max_bytes.saturating_sub(HEADER_BYTES),
            Manner::Later(_) => usize::MAX,
        }
    }
}

/// Answers a request; a failure becomes a problem document.
pub(super) async fn answer(
    rpc: &Rpc,
    operation: Operation,
    manner: &Manner,
    request: Request,
) -> Reply {
    let request_id = RequestId::fresh(rpc.clock.as_ref());
    let own_id = request_id.to_string();
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let echoed_id = header(call::REQUEST_ID).filter(|it| call::is_request_id(it));
    let echoed_id = echoed_id.unwrap_or(&own_id).to_owned();
    let caller = header(call::TRACE_PARENT).and_then(TraceContext::parse);
    let trace_id = caller.map(TraceContext::trace_id).unwrap_or(own_id);
    let span = rpc.options.spans.begin(caller, request_id.bytes());
    let asked_timeout = call::timeout(header(call::DEADLINE), rpc.options.request_timeout);
    let proven = proven(rpc, operation, header).await;
    let media_type = header(CONTENT_TYPE).unwrap_or("application/json");
    let media_type = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let begun = rpc.clock.now();
    let mut line = AccessLine { rpc, operation, request_id, span, begun, status: None };
    let noted: Arc<Said> = Arc::default();
    let cx_noted = Arc::clone(&noted);
    let row = record::row(rpc, operation, proven.as_ref().ok(), (request_id, &trace_id));
    let said = asked_timeout.and_then(|timeout| {
        let proven = proven?;
        let own = span.map(|it| it.context).or(caller).map(|it| it.to_string());
        let origin = call::origin(request_id, Some(&proven.caller.org), own.as_deref())?;
        Ok((timeout, proven, origin))
    });
    let work = async {
        let (timeout, Proven { caller, by, scopes, purposes, .. }, origin) = said?;
        let cx = CallContext {
            request_id,
            deadline: line.begun + timeout,
            origin: Arc::new(manner.origin(origin)),
            purposes,
            said: cx_noted,
        };
        let (media_type, max_reply) = (media_type.as_str(), manner.max_reply());
        let asked = Asked { cx, caller, by, scopes, media_type, max_reply, body: request.body };
        let ran = AssertUnwindSafe(manner.run(rpc, operation, asked)).catch_unwind().await;
        // The panic's message stays out of the answer: it may hold input.
        ran.unwrap_or_else(|_| Err(CallError::new(ErrorCode::Internal, "系統發生錯誤。")))
    };
    let answer = record::recorded(rpc, row, &noted, work).await;
    let mut reply = match answer {
        Ok(body) => reply("application/json", body),
        Err(error) => failed(error, &Occurrence { request_id, trace_id }),
    };
    reply.headers.insert(call::REQUEST_ID.to_owned(), echoed_id);
    line.status = Some(reply.failure.map_or(200, |(status, _)| status));
    reply
}

/// Who calls, and what for it may.
pub(super) struct Proven {
    pub(super) caller: Caller,
    /// Whether a credential says so, not only the gateway in front.
    pub(super) is_proven: bool,
    /// In whose name, as over HTTP.
    by: String,
    scopes: Scopes,
    purposes: Option<Arc<[String]>>,
}

/// Who calls: whoever the headers say where nobody must be proven, else whose credential is in them.
async fn proven<'a>(
    rpc: &Rpc,
    operation: Operation,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Result<Proven, CallError> {
    if !rpc.gate.is_required() {
        let (client, org) = call::caller(header)?;
        let by = client.clone();
        let caller = Caller { client, org };
        let scopes = Scopes::all();
        return Ok(Proven { caller, is_proven: false, by, scopes, purposes: None });
    }
    let (method, path) = operation.route();
    let route = Route::find(method, path).ok_or(Denial::Scope)?;
    let shown = Shown {
        authorization: header("authorization"),
        address: None,
        certificate: None,
        surface: Surface::Public,
        exchange: (None, None),
    };
    let admitted = rpc.gate.admit(shown, route).await.inspect_err(|it| {
        metrics::counter!("fenwen_refusals_total", "reason" => it.as_str()).increment(1);
        rpc.service.notices().refused("bus");
    })?;
    let principal = admitted.ok_or(Denial::NoCredential)?;
    if route.reads_kept() && !principal.has_hours {
        rpc.service.notices().read(&principal.client, principal.name());
    }
    let by = principal.name().to_owned();
    let Principal { client, org, scopes, purposes, .. } = principal;
    let purposes = match purposes {
        Purposes::Any => None,
        Purposes::Among(codes) => Some(codes),
    };
    Ok(Proven { caller: Caller { client, org }, is_proven: true, by, scopes, purposes })
}

/// Space that the headers of a reply need.
const HEADER_BYTES: usize = 4 << 10;

fn require_fit(body: Vec<u8>, max_reply: usize) -> Result<Vec<u8>, CallError> {
    if body.len() <= max_reply {
        return Ok(body);
    }
    let message = "回覆超過匯流排單則訊息的上限,請改用 HTTP,或減少所要求的內容。";
    Err(CallError::new(ErrorCode::TooLarge, message))
}

fn reply(content_type: &str, body: Vec<u8>) -> Reply {
    let headers = Headers::from([(CONTENT_TYPE.to_owned(), content_type.to_owned())]);
    Reply { headers, body: Private::new(body), failure: None }
}

fn failed(error: CallError, occurrence: &Occurrence) -> Reply {
    let (status, code) = (problem::status(error.code), error.code.number());
    let retry_after = error.retry_after;
    let problem = serde_json::to_vec(&Problem::new(error, occurrence)).unwrap_or_default();
    let mut reply = reply("application/problem+json", problem);
    if let Some(delay) = retry_after {
        reply.headers.insert("retry-after".to_owned(), problem::retry_after(delay));
    }
    Reply { failure: Some((status, code)), ..reply }
}

/// One line of the access log, written when it is dropped: also when the caller has gone.
struct AccessLine<'a> {
    rpc: &'a Rpc,
    operation: Operation,
    request_id: RequestId,
    span: Option<Begun>,
    begun: Instant,
    status: Option<u16>,
}

impl AccessLine<'_> {
    /// The span of the request: its operation and its outcome, nothing that somebody wrote.
    fn record(&self, elapsed: Duration, status: u16) {
        let Some(begun) = self.span else { return };
        let end = self.rpc.clock.unix_time();
        let (service, method) = (self.operation.service(), self.operation.name());
        self.rpc.options.spans.record(Span {
            name: format!("{service}.{method}"),
            kind: SpanKind::Server,
            begun,
            start: end.saturating_sub(elapsed),
            end,
            attributes: vec![
                ("rpc.service", Attribute::Text(service.to_owned())),
                ("rpc.method", Attribute::Text(method.to_owned())),
                ("fenwen.status", Attribute::Number(status.into())),
                ("fenwen.request_id", Attribute::Text(self.request_id.to_string())),
            ],
            is_error: 500 <= status,
        });
    }
}

impl Drop for AccessLine<'_> {
    fn drop(&mut self) {
        let elapsed = self.rpc.clock.now().saturating_duration_since(self.begun);
        // As for HTTP: a caller that left before the answer.
        let status = self.status.unwrap_or(499);
        let operation = format!("{}.{}", self.operation.service(), self.operation.name());
        self.record(elapsed, status);
        let labels = [("operation", operation.clone()), ("status", status.to_string())];
        metrics::counter!("fenwen_rpc_requests_total", &labels).increment(1);
        metrics::histogram!("fenwen_rpc_request_seconds", "operation" => operation.clone())
            .record(elapsed.as_secs_f64());
        tracing::info!(
            target: "fenwen::access",
            request_id = %self.request_id,
            operation,
            status,
            ms = elapsed.as_secs_f64() * 1e3,
            "request over the bus",
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::base::SystemClock;

    #[test]
    fn what_does_not_fit_a_message_is_refused_with_a_remedy() {
        let max_reply = Manner::Now { max_bytes: HEADER_BYTES + 96 }.max_reply();
        assert_eq!(require_fit(vec![0; 96], max_reply).map(|it| it.len()), Ok(96));
        let error = require_fit(vec![0; 97], max_reply).unwrap_err();
        assert_eq!(error.code, ErrorCode::TooLarge);
        assert!(error.message.contains("HTTP"), "{}", error.message);
    }

    #[test]
    fn a_failure_is_told_in_the_headers_and_in_the_body() {
        let request_id = RequestId::fresh(&SystemClock);
        let occurrence = Occurrence { request_id, trace_id: "t".to_owned() };
        let error =
            CallError::new(ErrorCode::Overloaded, "忙碌").retry_after(Duration::from_millis(10));
        let reply = failed(error, &occurrence);
        assert_eq!(reply.failure, Some((429, "ER0429")));
        assert_eq!(reply.headers.get("retry-after").map(String::as_str), Some("1"));
        assert_eq!(
            reply.headers.get(CONTENT_TYPE).map(String::as_str),
            Some("application/problem+json")
        );
        let problem: Value = serde_json::from_slice(reply.body.expose()).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&"ER0429".into(), &429.into()));
        assert_eq!(problem["instance"], request_id.urn());
    }
}
