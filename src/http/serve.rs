//! Accepting connections under limits, and ending without losing an answer.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::connection::{Connections, Manner, begins_with_http2};
use super::expiry::Alarm;
use super::guard::Peer;
use super::listen::{Accepted, Listener};
use super::outsiders::{Outsiders, Why};
use super::tls::{Greeted, Tls, is_unproven};
use super::{App, router};
use crate::base::memory;

/// How often histograms are folded, so that they stay small when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// How often it is asked which sessions ended at other nodes.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

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
///
/// # Errors
/// When the task that accepts connections fails.
pub async fn serve(
    listeners: Vec<Listener>,
    app: Arc<App>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Ended> {
    // On the threads that answer: the one that waits here may be another, and would be woken for each connection.
    let mut accepting = JoinSet::new();
    let server = Server::new(app);
    memory::give_back();
    accepting.spawn(accept_and_drain(listeners, server, shutdown));
    let ended = accepting.join_next().await.transpose().map_err(io::Error::other)?;
    ended.ok_or_else(|| io::Error::other("nothing accepts connections"))
}

async fn accept_and_drain(
    listeners: Vec<Listener>,
    mut server: Server,
    shutdown: impl Future<Output = ()>,
) -> Ended {
    let app = &server.app;
    let (grace, drain) = (app.options.drain_grace, app.options.drain_timeout);
    let following = follow(Arc::clone(app));
    tokio::select! {
        () = server.accept_all(&listeners) => {}
        () = following => {}
        () = shutdown => {}
    }
    tracing::info!("draining: new calls are refused");
    server.app.service.begin_drain();
    // Ends by the timeout: accepting never ends by itself.
    let _ = timeout(grace, server.accept_all(&listeners)).await;
    drop(listeners);
    server.finish(drain).await
}

/// Ends sessions that were ended at other nodes, as long as it is polled.
async fn follow(app: Arc<App>) {
    let Some(pages) = &app.pages else { return std::future::pending().await };
    loop {
        pages.sessions.catch_up().await;
        app.clock.wait(FOLLOW_EVERY).await;
    }
}

struct Server {
    app: Arc<App>,
    served: Connections,
    /// Tells every connection to end after the answer that it is at.
    ending: watch::Sender<bool>,
    /// Each ends with the address of a client whose certificate was refused.
    connections: JoinSet<Option<IpAddr>>,
    places: Arc<Semaphore>,
    alarm: Alarm,
    outsiders: [Outsiders; 2],
}

impl Server {
    fn new(app: Arc<App>) -> Server {
        Server {
            served: Connections::new(router(&app), &app.options),
            ending: watch::Sender::new(false),
            connections: JoinSet::new(),
            places: Arc::new(Semaphore::new(app.options.max_connections)),
            alarm: Alarm::default(),
            outsiders: [Why::Network, Why::Certificate].map(Outsiders::new),
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
                    Ok(Accepted::Admitted(stream, from)) => {
                        let listener = &listeners[idx];
                        let peer = Peer {
                            address: from.ip(),
                            surface: listener.surface,
                            certificate: None,
                        };
                        self.spawn(stream, peer, listener.tls.clone(), place);
                    }
                    Ok(Accepted::Outsider(address)) => self.turned_away(Why::Network, address),
                    Err(error) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        // A bounded wait; nothing ever completes it early.
                        let _ = timeout(ACCEPT_PAUSE, std::future::pending::<()>()).await;
                    }
                },
                Some(ended) = self.connections.join_next() => self.note(ended),
                _ = upkeep.tick() => {
                    self.app.metrics.run_upkeep();
                    listeners.iter().filter_map(|it| it.tls.as_ref()).for_each(|it| it.refresh());
                    let now = self.app.clock.unix_time();
                    self.alarm.look(listeners, now);
                    for row in self.outsiders.iter_mut().filter_map(|it| it.overdue(now)) {
                        drop(self.app.audit.append(row));
                    }
                }
            }
        }
    }

    /// Notes how a connection ended.
    fn note(&mut self, ended: Result<Option<IpAddr>, JoinError>) {
        if let Ok(Some(address)) = ended {
            self.app.service.notices().refused(&format!("addresses/{}", address.to_canonical()));
            self.turned_away(Why::Certificate, address);
        }
    }

    /// Counts a connection that was closed, and puts on record what there is to tell; nothing waits for it.
    fn turned_away(&mut self, why: Why, address: IpAddr) {
        metrics::counter!("fenwen_refusals_total", "reason" => why.as_str()).increment(1);
        let now = self.app.clock.unix_time();
        let found = self.outsiders.iter_mut().find(|it| it.is_for(why));
        if let Some(row) = found.and_then(|it| it.came(address, now)) {
            drop(self.app.audit.append(row));
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
        let patience = self.app.options.header_timeout;
        let talk =
            Talk { served: self.served.clone(), peer, patience, ending: self.ending.subscribe() };
        self.connections.spawn(async move {
            let unproven = match tls {
                None => {
                    talk.in_the_clear(stream).await;
                    None
                }
                // It is ten times as large: nobody else should have to make room for it.
                Some(tls) => Box::pin(talk.encrypted(stream, tls)).await,
            };
            drop(place);
            unproven
        });
    }

    /// Lets requests in flight end, then cuts what is left.
    async fn finish(mut self, time: Duration) -> Ended {
        let _ = self.ending.send(true);
        let drained = timeout(time, self.end_all()).await.is_ok();
        let n_left = self.connections.len();
        // Dropping the set ends every connection that is still there.
        if drained { Ended::Drained } else { Ended::Cut(n_left) }
    }

    async fn end_all(&mut self) {
        while let Some(ended) = self.connections.join_next().await {
            self.note(ended);
        }
    }
}

/// What a connection's task needs.
struct Talk {
    served: Connections,
    peer: Peer,
    /// How long the client may take to begin.
    patience: Duration,
    ending: watch::Receiver<bool>,
}

impl Talk {
    async fn in_the_clear(self, stream: TcpStream) {
        let Talk { served, peer, patience, ending } = self;
        match timeout(patience, begins_with_http2(&stream)).await {
            Ok(Ok(is_http2)) => {
                let manner = Manner { peer, is_encrypted: false, is_http2 };
                served.converse(stream, manner, ending).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a connection ended early"),
            Err(_) => tracing::debug!("a client was too slow to begin"),
        }
    }

    /// The address of a client whose certificate was refused.
    async fn encrypted(self, stream: TcpStream, tls: Arc<Tls>) -> Option<IpAddr> {
        let Talk { served, peer, patience, ending } = self;
        match timeout(patience, tls.accept(stream)).await {
            Ok(Ok(Greeted { stream, certificate, is_http2 })) => {
                let peer = Peer { certificate, ..peer };
                let manner = Manner { peer, is_encrypted: true, is_http2 };
                served.converse(stream, manner, ending).await;
                None
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "a client could not be greeted");
                is_unproven(&error).then_some(peer.address)
            }
            Err(_) => {
                tracing::debug!("a client was too slow to greet");
                None
            }
        }
    }
}
