//! One connection: which version of HTTP is spoken on it, its limits, and how it ends.
//!
//! HTTP/2 is for gRPC: in the clear with prior knowledge, and over TLS for clients that offer nothing else. Whoever can
//! speak HTTP/1.1 does.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::uri::Uri;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::interval;

use super::HttpOptions;
use super::guard::Peer;

/// Bytes of a request's header; more are answered 431.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// Calls at one time on a connection of HTTP/2; more wait for their turn.
const MAX_STREAMS: u32 = 32;

/// Bytes that a connection of HTTP/2 may have sent before they are read.
const WINDOW: u32 = 256 << 10;

/// A connection of HTTP/2 without a call for so long, or up to twice as long, ends; its client makes another.
const IDLE: Duration = Duration::from_secs(60);

/// Whoever came over TLS comes so for a year.
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What every connection of HTTP/2 begins with, as far as it tells it apart.
const PREFACE: &[u8; 3] = b"PRI";

/// What is known of a connection before its first request.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The other end.
    pub(super) peer: Peer,
    /// Whether it is over TLS.
    pub(super) is_encrypted: bool,
    /// Whether HTTP/2 is spoken.
    pub(super) is_http2: bool,
}

/// How connections are served.
#[derive(Clone)]
pub(super) struct Connections {
    router: Router,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Connections {
    pub(super) fn new(router: Router, options: &HttpOptions) -> Connections {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout)
            .max_headers(options.max_headers)
            .max_buf_size(MAX_HEADER_BYTES as usize);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEADER_BYTES)
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .keep_alive_interval(options.header_timeout)
            .keep_alive_timeout(options.header_timeout);
        Connections { router, http1, http2 }
    }

    /// Answers the requests of a connection until it ends, or until it is told to after the answer that it is at.
    pub(super) async fn converse<S>(
        self,
        stream: S,
        manner: Manner,
        mut ending: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Connections { router, http1, http2 } = self;
        let router = TowerToHyperService::new(router);
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let service = service_fn(move |mut request: Request<Incoming>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let running = Arc::clone(&counted);
            request.extensions_mut().insert(manner.peer);
            name_host(&mut request);
            let answer = router.call(request);
            async move {
                let mut answer = answer.await?;
                if manner.is_encrypted {
                    answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
                }
                drop(running);
                Ok::<_, Infallible>(answer)
            }
        });
        // Its value is dropped at once: a lock is held for as long as it lives.
        let told = async { drop(ending.wait_for(|it| *it).await) };
        let stream = TokioIo::new(stream);
        if manner.is_http2 {
            let told = async {
                tokio::select! { () = told => {} () = idle(calls) => {} }
            };
            let connection = http2.serve_connection(stream, service);
            // It is larger than one of HTTP/1.1, and rare.
            Box::pin(drive(connection, |it| it.graceful_shutdown(), told)).await;
        } else {
            let connection = http1.serve_connection(stream, service).with_upgrades();
            drive(connection, |it| it.graceful_shutdown(), told).await;
        }
    }
}

/// Whether the client of an unencrypted connection begins with HTTP/2; resolves when it begins.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn begins_with_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut head = [0; PREFACE.len()];
    // Who sends less at first speaks HTTP/1.1.
    let n_bytes = stream.peek(&mut head).await?;
    Ok(n_bytes == head.len() && head == *PREFACE)
}

/// Serves until the connection ends, or until told to `end` it.
async fn drive<C>(connection: C, end: impl FnOnce(Pin<&mut C>), told: impl Future<Output = ()>)
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told => {
            end(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Resolves when no call has begun or run for a while.
async fn idle(calls: Arc<AtomicU64>) {
    let mut ticks = interval(IDLE);
    // The first one comes at once.
    ticks.tick().await;
    let mut seen = 0;
    loop {
        ticks.tick().await;
        let begun = calls.load(Ordering::Relaxed);
        // One is held here, one where calls are counted, and one by each that runs.
        if begun == seen && Arc::strong_count(&calls) == 2 {
            return;
        }
        seen = begun;
    }
}

/// HTTP/2 names the host in the target; here it is where HTTP/1.1 has it, for whatever compares it.
fn name_host(request: &mut Request<Incoming>) {
    let host = request.uri().authority().and_then(|it| HeaderValue::from_str(it.as_str()).ok());
    let Some(host) = host else { return };
    request.headers_mut().entry(HOST).or_insert(host);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
}
