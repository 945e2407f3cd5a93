//! Encryption of the connections to PostgreSQL. Where it is wanted, it is never left out and the certificate is always
//! verified: `sslmode=require` means here what other clients call `verify-full`.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier,
};

use crate::store::StoreError;

/// How the connections to PostgreSQL are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresTls {
    /// Certificates (PEM) that alone sign the server's; without it the system's do.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in the server's certificate, where it is another than the host's.
    pub server_name: Option<String>,
}

/// Why a connection cannot be encrypted.
#[derive(Debug, thiserror::Error)]
enum TlsFailure {
    #[error("no certificate can be for the name `{0}`: set store.server_name")]
    Name(String),
    #[error(
        "nobody in store.ca, or whom the system trusts, has signed the certificate of PostgreSQL"
    )]
    Issuer,
    #[error(
        "the certificate of PostgreSQL is for another name: check the host, or set store.server_name"
    )]
    OtherName,
    #[error("the certificate of PostgreSQL has expired")]
    Expired,
    #[error("failed to encrypt the connection")]
    Other(#[source] io::Error),
}

impl PostgresTls {
    /// What encrypts connections of these settings; none where that is not wanted, or they are sockets of this machine.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(super) fn connector(&self, config: &mut Config) -> Result<Option<Connector>, StoreError> {
        let hosts = config.get_hosts();
        let is_local = !hosts.is_empty() && hosts.iter().all(|it| matches!(it, Host::Unix(_)));
        let is_wanted =
            config.get_ssl_mode() == SslMode::Require || *self != PostgresTls::default();
        if !is_wanted || is_local {
            return Ok(None);
        }
        // Whoever names an authority does not want to go on without it.
        config.ssl_mode(SslMode::Require);
        let tls = TlsConnector::from(Arc::new(self.client()?));
        Ok(Some(Connector { tls, server_name: self.server_name.clone() }))
    }

    fn client(&self) -> Result<ClientConfig, StoreError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|it| unusable(path, it))?;
                }
            }
            None => {
                let known = rustls_native_certs::load_native_certs().certs;
                roots.add_parsable_certificates(known);
            }
        }
        let builder = builder()?.with_root_certificates(roots);
        let Some((certificate, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let pem = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|it| unusable(key, it))?;
        let chain = certificates(certificate)?;
        builder.with_client_auth_cert(chain, private).map_err(|it| unusable(key, it))
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.map_err(|it| unusable(Path::new("the ciphers"), it))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|it| unusable(path, it))?;
    if found.is_empty() { Err(unusable(path, "there is no certificate in it")) } else { Ok(found) }
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let failed = |source| StoreError::File { action: "read", path: path.to_owned(), source };
    std::fs::read(path).map_err(failed)
}

fn unusable(path: &Path, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::File { action: "use", path: path.to_owned(), source: io::Error::other(why) }
}

/// Encrypts connections.
#[derive(Clone)]
pub(super) struct Connector {
    tls: TlsConnector,
    server_name: Option<String>,
}

/// Encrypts one connection.
pub(super) struct Handshake {
    tls: TlsConnector,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Connector {
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Self::Error> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let parsed = ServerName::try_from(name.to_owned());
        let name = parsed.map_err(|_| TlsFailure::Name(name.to_owned()))?;
        Ok(Handshake { tls: self.tls.clone(), name })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Encrypted<S>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted<S>, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let stream = self.tls.connect(self.name, stream).await.map_err(failure)?;
            Ok(Encrypted(Box::new(stream)))
        })
    }
}

/// What went wrong, in words that name the setting.
fn failure(error: io::Error) -> TlsFailure {
    let cause = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFailure::Issuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFailure::OtherName
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsFailure::Expired
            }
            _ => TlsFailure::Other(error),
        },
        _ => TlsFailure::Other(error),
    }
}

/// An encrypted connection.
pub(super) struct Encrypted<S>(Box<client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    /// The certificate is verified instead.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
