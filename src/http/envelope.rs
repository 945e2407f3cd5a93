//! What surrounds every request: ids, deadline, problem documents, security headers, access log, metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::base::{Attribute, ErrorCode, Span, SpanKind};
use crate::policy;
use crate::task::call::CallError;
use crate::wire::call;

use super::context::RequestContext;
use super::exchange::Message;
use super::failure::{Failure, describe};
use super::linger::Lingering;
use super::{
    App, deliveries, grpc, guard, infer, jobs, openai, pages, record, refuse, reviews, speech,
    stream,
};

/// How much later than the call itself the envelope gives up: the call's own timeout comes first.
const BACKSTOP: Duration = Duration::from_secs(1);

/// Wraps a route, or the fallback.
pub(super) async fn envelope(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let message = Message::of(&app, &mut request);
    let (mut cx, header) = RequestContext::read(&app, request.headers());
    if let Some(longest) = message.longest() {
        cx.call.deadline = cx.call.deadline.min(app.clock.now() + longest);
    }
    let header = header.and_then(|()| message.check(request.headers()));
    let route = Route::of(&request);
    let mut line = AccessLine::open(&app, &cx, &route, request.method());
    let entry = record::Entry::of(&app, &cx, &request);
    let (recorded, checked) = match record::Recorded::open(&app, entry).await {
        Ok(recorded) => (Some(recorded), header.and_then(|()| route.check_query(&request))),
        Err(error) => (None, Err(error)),
    };
    let mut response = match checked {
        Ok(()) => run(&app, &cx, request, next).await,
        Err(error) => {
            // The body, if any, is read on in the background.
            drop(Lingering::wrap(request, app.options.linger));
            Failure::from(error).into_response()
        }
    };
    response = message.answer(response);
    if let Some(recorded) = recorded {
        response = recorded.close(&cx, response).await;
    }
    let mut response = if grpc::is_route(route.label()) {
        // Over gRPC what failed is answered 200 all the same.
        line.status = Some(response.status());
        grpc::describe(response)
    } else if openai::is_route(route.label()) {
        openai::describe(response, &cx.call)
    } else if route.is_infer {
        infer::describe(response, &cx.call)
    } else {
        describe(response, &cx.occurrence())
    };
    protect(response.headers_mut(), &route);
    response.headers_mut().insert(HeaderName::from_static("x-request-id"), cx.echoed_id.clone());
    line.status.get_or_insert(response.status());
    response
}

async fn run(app: &App, cx: &RequestContext, request: Request, next: Next) -> Response {
    let mut request = Lingering::wrap(request, app.options.linger);
    request.extensions_mut().insert(cx.call.clone());
    // Where spans are kept, what the call causes belongs to its own.
    let own = cx.span.and_then(|it| HeaderValue::from_str(&it.context.to_string()).ok());
    if let Some(own) = own {
        request.headers_mut().insert(HeaderName::from_static(call::TRACE_PARENT), own);
    }
    let backstop = (cx.call.deadline + BACKSTOP).into();
    match tokio::time::timeout_at(backstop, guard::guard(app, request, next)).await {
        Ok(response) => response,
        Err(_) => Failure::from(CallError::timeout()).into_response(),
    }
}

/// The route's template, so that logs and metrics hold no content of requests.
struct Route {
    matched: Option<MatchedPath>,
    /// Whether what fails is told as KServe's protocol does: also where there is no such path below it.
    is_infer: bool,
}

impl Route {
    fn of(request: &Request) -> Route {
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let is_infer =
            infer::is_route(matched.as_ref().map_or(request.uri().path(), |it| it.as_str()));
        Route { matched, is_infer }
    }

    fn label(&self) -> &str {
        self.matched.as_ref().map_or("unmatched", MatchedPath::as_str)
    }

    fn is_docs(&self) -> bool {
        self.label().starts_with(pages::DOCS)
    }

    /// No route has query parameters but lists, transcripts and streams, which check their own, and pages.
    fn check_query(&self, request: &Request) -> Result<(), CallError> {
        if request.uri().query().is_none_or(str::is_empty) {
            return Ok(());
        }
        let lists = [jobs::PATH, deliveries::PATH, reviews::PATH, speech::ITEM, stream::PATH];
        let takes_query = lists.contains(&self.label());
        let is_asked = takes_query && request.method() == Method::GET;
        let method = request.method().as_str();
        let is_page = policy::Route::page(method, self.label()).is_some();
        // What a path does not do is said first: 405.
        let is_known = policy::ROUTES.iter().all(|it| it.path != self.label())
            || policy::Route::find(method, self.label()).is_some();
        if is_known && self.matched.is_some() && !is_page && !is_asked {
            return Err(refuse(ErrorCode::UnknownParameter, "這個路徑沒有查詢參數。"));
        }
        Ok(())
    }
}

/// Sets the security headers that the route has not set itself.
fn protect(headers: &mut HeaderMap, route: &Route) {
    let policy = if route.is_docs() {
        pages::DOCS_POLICY
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// One line of the access log, written when it is dropped: also when the client has gone.
struct AccessLine<'a> {
    app: &'a App,
    cx: &'a RequestContext,
    route: &'a Route,
    method: &'static str,
    begun: Instant,
    status: Option<StatusCode>,
}

impl<'a> AccessLine<'a> {
    fn open(
        app: &'a App,
        cx: &'a RequestContext,
        route: &'a Route,
        method: &Method,
    ) -> AccessLine<'a> {
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        };
        AccessLine { app, cx, route, method, begun: app.clock.now(), status: None }
    }
}

impl AccessLine<'_> {
    /// The span of the request: its route and its outcome, nothing that somebody wrote.
    fn record(&self, elapsed: Duration, status: u16) {
        let Some(begun) = self.cx.span else { return };
        let end = self.app.clock.unix_time();
        let request_id = self.cx.call.request_id.to_string();
        self.app.options.spans.record(Span {
            name: format!("{} {}", self.method, self.route.label()),
            kind: SpanKind::Server,
            begun,
            start: end.saturating_sub(elapsed),
            end,
            attributes: vec![
                ("http.request.method", Attribute::Text(self.method.to_owned())),
                ("http.route", Attribute::Text(self.route.label().to_owned())),
                ("http.response.status_code", Attribute::Number(status.into())),
                ("fenwen.request_id", Attribute::Text(request_id)),
            ],
            is_error: 500 <= status,
        });
    }
}

impl Drop for AccessLine<'_> {
    fn drop(&mut self) {
        let elapsed = self.app.clock.now().saturating_duration_since(self.begun);
        // 499 is what proxies write for a client that left before the answer.
        let status = self.status.map_or(499, |it| it.as_u16());
        self.record(elapsed, status);
        self.app.meters.count(self.route.label(), (self.method, status), elapsed);
        tracing::info!(
            target: "fenwen::access",
            request_id = %self.cx.call.request_id,
            trace_id = %self.cx.trace_id,
            method = self.method,
            route = self.route.label(),
            status,
            ms = elapsed.as_secs_f64() * 1e3,
            "request",
        );
    }
}
