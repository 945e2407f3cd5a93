//! Listeners of a server, by the settings.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::config::{Config, ListenerSettings, ListenerSurface};
use crate::http::{Listener, Tls, TlsFiles};
use crate::policy::Surface;

/// Binds every address: the loopback one first.
pub(super) async fn bind(config: &Config) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = vec![Listener::plain(bound(config.server.listen).await?)];
    for settings in &config.listeners {
        let tls = tls(settings)?;
        let networks = settings.networks.iter().map(|it| it.parse()).collect::<Result<_, _>>()?;
        let tcp = bound(settings.address).await?;
        listeners.push(Listener { tcp, surface: surface(settings.surface), networks, tls });
    }
    Ok(listeners)
}

/// Binds the loopback address alone.
pub(super) async fn loopback(config: &Config) -> anyhow::Result<TcpListener> {
    bound(config.server.listen).await
}

async fn bound(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("無法監聽 {address}:是否已有其他程式使用?"))
}

fn tls(settings: &ListenerSettings) -> anyhow::Result<Option<Arc<Tls>>> {
    let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else {
        return Ok(None);
    };
    let files = TlsFiles {
        certificate: certificate.clone(),
        key: key.clone(),
        client_ca: settings.client_ca.clone(),
        requires_client: settings.require_client_certificate,
    };
    Ok(Some(Arc::new(Tls::open(files)?)))
}

fn surface(surface: ListenerSurface) -> Surface {
    match surface {
        ListenerSurface::All => Surface::All,
        ListenerSurface::Public => Surface::Public,
        ListenerSurface::Admin => Surface::Admin,
        ListenerSurface::Exchange => Surface::Exchange,
    }
}
