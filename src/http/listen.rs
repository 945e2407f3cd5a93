//! A listener: its address, what it offers, who may connect, and whether it is encrypted.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};

use crate::base::Network;
use crate::policy::Surface;

use super::tls::Tls;

/// Where connections are accepted.
pub struct Listener {
    /// The bound address.
    pub tcp: TcpListener,
    /// Which routes it offers.
    pub surface: Surface,
    /// From where connections are accepted; from everywhere when empty.
    pub networks: Vec<Network>,
    /// Its certificate; without one nothing is encrypted.
    pub tls: Option<Arc<Tls>>,
}

/// A connection that came.
pub(super) enum Accepted {
    /// From where one may come.
    Admitted(TcpStream, SocketAddr),
    /// From elsewhere; it is closed already.
    Outsider(IpAddr),
}

impl Listener {
    /// One that offers everything, in the clear: for the loopback interface.
    pub fn plain(tcp: TcpListener) -> Listener {
        Listener { tcp, surface: Surface::All, networks: Vec::new(), tls: None }
    }

    /// The next connection; one from where none may come is closed at once.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        let (stream, from) = self.tcp.accept().await?;
        if self.admits(from.ip()) {
            return Ok(Accepted::Admitted(stream, from));
        }
        tracing::debug!("a connection from outside the listener's networks was closed");
        Ok(Accepted::Outsider(from.ip()))
    }

    fn admits(&self, address: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|it| it.has(address))
    }
}
