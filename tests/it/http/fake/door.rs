//! Where a fake server is reached, and what stands before it.

use std::net::SocketAddr;
use std::sync::Arc;

use fenwen::http::{Listener, Tls};
use fenwen::identity::GateSettings;
use fenwen::policy::Surface;
use fenwen::service::infer::InferSettings;
use fenwen::service::notices::Office;
use fenwen::service::scan::Scanner;
use fenwen::task::infer::Trial;
use fenwen::task::service::ServiceName;

use super::pages;

/// Where a server is reached, and whether callers must be proven there.
pub(super) struct Door {
    pub(super) gate: GateSettings,
    pub(super) surface: Surface,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) provider: pages::Provider,
    pub(super) scanner: Scanner,
    pub(super) trials: Vec<Trial>,
    pub(super) networks: Vec<fenwen::base::Network>,
    pub(super) office: Option<Office>,
    pub(super) services: Vec<ServiceName>,
}

impl Door {
    pub(super) fn to(gate: GateSettings) -> Door {
        let (provider, scanner) = (pages::nowhere(), Scanner::off());
        let (surface, trials, networks) = (Surface::All, Vec::new(), Vec::new());
        let services = ServiceName::ALL.to_vec();
        let (tls, office) = (None, None);
        Door { gate, surface, tls, provider, scanner, trials, networks, office, services }
    }

    pub(super) fn trying(&self) -> InferSettings {
        InferSettings { trials: self.trials.clone(), ..InferSettings::default() }
    }

    pub(super) async fn listener(self) -> (Listener, SocketAddr) {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = tcp.local_addr().unwrap();
        let Door { surface, tls, networks, .. } = self;
        (Listener { surface, tls, networks, ..Listener::plain(tcp) }, addr)
    }
}
