//! A server without the key of its data: it lives, is not ready, and serves nothing.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::base::{Clock, ErrorCode, RequestId};
use crate::wire::problem::Occurrence;

use super::failure::{Failure, describe};
use super::ops;

/// What every caller is told.
const MESSAGE: &str =
    "資料金鑰與資料庫不符,服務處於封存狀態;請系統管理者放回正確的金鑰後重新啟動。";

/// Tells that the data is sealed until `shutdown` resolves. Nothing else is behind these routes, so nothing is served.
///
/// # Errors
/// When connections cannot be accepted.
pub async fn serve_sealed(
    listener: TcpListener,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, sealed(clock)).with_graceful_shutdown(shutdown).await
}

/// Those routes.
pub fn sealed(clock: Arc<dyn Clock>) -> Router {
    let refuse = move || {
        let clock = Arc::clone(&clock);
        async move { refused(clock.as_ref()) }
    };
    Router::new().route("/healthz/live", get(ops::live)).fallback(refuse)
}

fn refused(clock: &dyn Clock) -> Response {
    let request_id = RequestId::fresh(clock);
    let occurrence = Occurrence { request_id, trace_id: request_id.to_string() };
    let failure = Failure::new(ErrorCode::Unavailable, MESSAGE);
    describe(failure.into_response(), &occurrence)
}
