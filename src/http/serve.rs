//! Accepting connections under limits, and ending without losing an answer.
//!
//! HTTP/1.1 only: nothing else is needed, and what is not there cannot be abused.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::expiry::Alarm;
use super::guard::Peer;
use super::listen::Listener;
use super::tls::Tls;
use super::{App, router};

/// Bytes buffered per connection while a request's header is read; more are answered 431.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// How often histograms are folded, so that they stay small when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Whoever came over TLS comes so for a year.
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Pause after the system refuses a connection (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request was answered.
    Drained,
    /// The drain timeout passed; that many connections were cut.
    Cut(usize),
}

/// Serves until `shutdown` resolves, then drains.
///
/// Readiness turns red first; connections are still accepted for the grace period, so that load balancers notice and
/// nobody is refused a connection. Then requests in flight are finished, within the drain timeout.
pub async fn serve(
    listeners: Vec<Listener>,
    app: Arc<App>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<Ended> {
    let (grace, drain) = (app.options.drain_grace, app.options.drain_timeout);
    let mut server = Server::new(app);
    tokio::select! {
        () = server.accept_all(&listeners) => {}
        () = shutdown => {}
    }
    tracing::info!("draining: new calls are refused");
    server.app.service.begin_drain();
    // Ends by the timeout: accepting never ends by itself.
    let _ = timeout(grace, server.accept_all(&listeners)).await;
    drop(listeners);
    Ok(server.finish(drain).await)
}

struct Server {
    app: Arc<App>,
    router: axum::Router,
    builder: http1::Builder,
    /// Tells every connection to end after the answer that it is at.
    ending: watch::Sender<bool>,
    connections: JoinSet<()>,
    places: Arc<Semaphore>,
    alarm: Alarm,
}

impl Server {
    fn new(app: Arc<App>) -> Server {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(app.options.header_timeout)
            .max_headers(app.options.max_headers)
            .max_buf_size(MAX_HEADER_BYTES);
        Server {
            router: router(&app),
            builder,
            ending: watch::Sender::new(false),
            connections: JoinSet::new(),
            places: Arc::new(Semaphore::new(app.options.max_connections)),
            alarm: Alarm::default(),
            app,
        }
    }

    /// Accepts connections as long as it is polled.
    async fn accept_all(&mut self, listeners: &[Listener]) {
        if listeners.is_empty() {
            return;
        }
        let mut upkeep = interval(UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let places = Arc::clone(&self.places);
        self.alarm.look(listeners, self.app.clock.unix_time());
        loop {
            let accept = async {
                let place = Arc::clone(&places).acquire_owned().await;
                let accepting = listeners.iter().map(|it| it.accept().boxed());
                let (accepted, idx, _) = select_all(accepting).await;
                (accepted, idx, place)
            };
            tokio::select! {
                (accepted, idx, place) = accept => match accepted {
                    Ok((stream, from)) => {
                        let listener = &listeners[idx];
                        let peer = Peer {
                            address: from.ip(),
                            surface: listener.surface,
                            certificate: None,
                        };
                        self.spawn(stream, peer, listener.tls.clone(), place);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        // A bounded wait; nothing ever completes it early.
                        let _ = timeout(ACCEPT_PAUSE, std::future::pending::<()>()).await;
                    }
                },
                Some(_) = self.connections.join_next() => {}
                _ = upkeep.tick() => {
                    self.app.metrics.run_upkeep();
                    listeners.iter().filter_map(|it| it.tls.as_ref()).for_each(|it| it.refresh());
                    self.alarm.look(listeners, self.app.clock.unix_time());
                }
            }
        }
    }

    /// Serves one connection; `place` comes back at its end.
    fn spawn<P>(&mut self, stream: TcpStream, peer: Peer, tls: Option<Arc<Tls>>, place: P)
    where
        P: Send + 'static,
    {
        // Answers are written in one piece: waiting to fill packets only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "failed to set TCP_NODELAY");
        }
        let (builder, router) = (self.builder.clone(), self.router.clone());
        let patience = self.app.options.header_timeout;
        let ending = self.ending.subscribe();
        self.connections.spawn(async move {
            match tls {
                None => converse(stream, (peer, false), (builder, router), ending).await,
                Some(tls) => match timeout(patience, tls.accept(stream)).await {
                    Ok(Ok((stream, certificate))) => {
                        let peer = Peer { certificate, ..peer };
                        converse(stream, (peer, true), (builder, router), ending).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "a client could not be greeted"),
                    Err(_) => tracing::debug!("a client was too slow to greet"),
                },
            }
            drop(place);
        });
    }

    /// Lets requests in flight end, then cuts what is left.
    async fn finish(mut self, time: Duration) -> Ended {
        let _ = self.ending.send(true);
        let all_ended = async { while self.connections.join_next().await.is_some() {} };
        let drained = timeout(time, all_ended).await.is_ok();
        let n_left = self.connections.len();
        // Dropping the set ends every connection that is still there.
        if drained { Ended::Drained } else { Ended::Cut(n_left) }
    }
}

/// Answers the requests of a connection until it ends, or until it is told to after the answer that it is at.
async fn converse<S>(
    stream: S,
    (peer, is_encrypted): (Peer, bool),
    (builder, router): (http1::Builder, axum::Router),
    mut ending: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let answer = router.call(request);
        async move {
            let mut answer = answer.await?;
            if is_encrypted {
                answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
            }
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // Its value is dropped at once: a lock is held for as long as it lives.
    let told = async { drop(ending.wait_for(|it| *it).await) };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
