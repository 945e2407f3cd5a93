//! One HTTPS request to one checked address: no pool, no redirect, no proxy, a short answer.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::deliver::{Post, Posted, Sender};
use super::store::Failure;

/// Longest `retry-after` that is believed.
const LONGEST_RETRY: u64 = 24 * 60 * 60;

/// Why the sender cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// A file with certificates cannot be read.
    #[error("failed to read the certificates of {}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("failed to set up TLS")]
    Tls(#[source] tokio_rustls::rustls::Error),
}

/// Sends over TLS, trusting the system's certificates and those of a file.
pub struct HttpSender {
    tls: TlsConnector,
}

impl HttpSender {
    /// `ca`: certificates (PEM) that are trusted besides the system's.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn new(ca: Option<&PathBuf>) -> Result<HttpSender, SenderError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            let failed = |source| SenderError::Certificates { path: path.clone(), source };
            let pem = std::fs::read(path).map_err(failed)?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|it| failed(io::Error::other(it)))?;
                roots.add(certificate).map_err(|it| failed(io::Error::other(it)))?;
            }
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(SenderError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(HttpSender { tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn send(&self, post: Post) -> Result<Posted, Failure> {
        let stream =
            TcpStream::connect(post.target.address).await.map_err(|_| Failure::Connection)?;
        if !post.target.is_tls {
            return exchange(stream, post).await;
        }
        let name = post.target.host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| Failure::Connection)?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| Failure::Connection)?;
        exchange(stream, post).await
    }
}

impl Sender for HttpSender {
    fn post(&self, post: Post) -> BoxFuture<'_, Result<Posted, Failure>> {
        let timeout = post.timeout;
        async move {
            let sent = tokio::time::timeout(timeout, self.send(post)).await;
            sent.unwrap_or(Err(Failure::Timeout))
        }
        .boxed()
    }
}

/// One request and the head of its answer; the body is not read.
async fn exchange<S>(stream: S, post: Post) -> Result<Posted, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Connection)?;
    let host = match post.target.named_port {
        Some(port) => format!("{}:{port}", post.target.host),
        None => post.target.host.clone(),
    };
    let mut request = Request::post(&post.target.path)
        .header("host", host)
        .header("user-agent", concat!("fenwen/", env!("CARGO_PKG_VERSION")))
        .header("connection", "close");
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(post.body)).map_err(|_| Failure::Connection)?;
    let answer = sender.send_request(request);
    tokio::pin!(answer);
    // The connection works only while it is polled; its end may bring the answer.
    let answer = tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    let answer = answer.map_err(|_| Failure::Connection)?;
    let retry_after = answer.headers().get("retry-after").and_then(|it| it.to_str().ok());
    let retry_after = retry_after.and_then(|it| it.parse::<u64>().ok());
    Ok(Posted {
        status: answer.status().as_u16(),
        retry_after: retry_after.map(|it| Duration::from_secs(it.min(LONGEST_RETRY))),
    })
}
