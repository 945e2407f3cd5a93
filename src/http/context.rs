//! What the header of a request says about the call: its ids and its deadline.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};

use crate::base::{Begun, RequestId, TraceContext};
use crate::task::call::{CallContext, CallError};
use crate::wire::call;
use crate::wire::problem::Occurrence;

use super::App;
use super::caller::said_org;

/// Ids and deadline of one request.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    /// The call.
    pub(super) call: CallContext,
    /// The caller's own id for the request if it sent a well-formed one, else ours. Never logged: a caller chose it.
    pub(super) echoed_id: HeaderValue,
    /// 32 hex digits.
    pub(super) trace_id: String,
    /// Its span, where spans are kept.
    pub(super) span: Option<Begun>,
}

impl RequestContext {
    /// Reads the header. A malformed deadline is an error; malformed ids are replaced.
    pub(super) fn read(app: &App, headers: &HeaderMap) -> (RequestContext, Result<(), CallError>) {
        let request_id = RequestId::fresh(app.clock.as_ref());
        // What is no text is no number either.
        let asked = |name| headers.get(name).map(|it| it.to_str().unwrap_or_default());
        let trace_parent = headers.get(call::TRACE_PARENT).and_then(|it| it.to_str().ok());
        // Where callers are proven, what they say about their agency does not matter.
        let org = said_org(headers).filter(|_| !app.gate.is_required());
        let caller = trace_parent.and_then(TraceContext::parse);
        let span = app.options.spans.begin(caller, request_id.bytes());
        // What the call causes belongs to its span.
        let own = span.map(|it| it.context.to_string());
        let origin = call::origin(request_id, org, own.as_deref().or(trace_parent));
        let timeout = call::timeout(asked(call::DEADLINE), app.options.request_timeout);
        let timeout = timeout.and_then(|it| call::grpc_timeout(asked(call::GRPC_TIMEOUT), it));
        let result = timeout.as_ref().map(|_| ()).map_err(Clone::clone);
        let result = result.and(origin.as_ref().map(|_| ()).map_err(Clone::clone));
        let own_id = request_id.to_string();
        let echoed_id = headers
            .get(call::REQUEST_ID)
            .filter(|it| it.to_str().is_ok_and(call::is_request_id))
            .cloned()
            .or_else(|| HeaderValue::from_str(&own_id).ok())
            .unwrap_or(HeaderValue::from_static("unknown"));
        let trace_id = caller.map(TraceContext::trace_id).unwrap_or(own_id);
        let call = CallContext {
            request_id,
            deadline: app.clock.now() + timeout.unwrap_or(app.options.request_timeout),
            // A call without one is refused before anything is told of it.
            origin: Arc::new(origin.unwrap_or_default()),
            purposes: None,
            said: Arc::default(),
        };
        (RequestContext { call, echoed_id, trace_id, span }, result)
    }

    /// For problem documents.
    pub(super) fn occurrence(&self) -> Occurrence {
        Occurrence { request_id: self.call.request_id, trace_id: self.trace_id.clone() }
    }
}
