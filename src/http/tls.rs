//! Encryption of connections: TLS 1.2 and 1.3 with forward secrecy only; certificates are read again when they change.

#[cfg(feature = "tls")]
mod validity;

use std::io;
use std::path::PathBuf;

/// The files of a listener's certificate, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that it was signed with.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who signs the certificates of clients; without it none is asked for.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is refused.
    pub requires_client: bool,
}

/// Files of a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to use {path}: {reason}")]
pub struct TlsError {
    path: PathBuf,
    reason: String,
}

/// SHA-256 of a client's certificate.
pub(super) type Fingerprint = [u8; 32];

/// A client that was greeted.
pub(super) struct Greeted<S> {
    /// The encrypted stream.
    pub(super) stream: S,
    /// Which certificate the client has proven.
    pub(super) certificate: Option<Fingerprint>,
    /// Whether HTTP/2 was agreed on.
    pub(super) is_http2: bool,
}

#[cfg(feature = "tls")]
pub(super) use with_rustls::is_unproven;
#[cfg(feature = "tls")]
pub use with_rustls::{Tls, expiry};
#[cfg(not(feature = "tls"))]
pub(super) use without::is_unproven;
#[cfg(not(feature = "tls"))]
pub use without::{Tls, expiry};

#[cfg(feature = "tls")]
mod with_rustls {
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::{Duration, SystemTime};

    use arc_swap::ArcSwap;
    use sha2::{Digest, Sha256};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::server::WebPkiClientVerifier;
    use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};
    use tokio_rustls::server::TlsStream;

    use super::{Greeted, TlsError, TlsFiles, io, validity};

    /// HTTP/2 as clients offer it.
    const HTTP2: &[u8] = b"h2";

    /// Encrypts the connections of a listener.
    pub struct Tls {
        files: TlsFiles,
        served: ArcSwap<Served>,
        changed: Mutex<Vec<Option<SystemTime>>>,
    }

    /// What is made of the files.
    struct Served {
        config: Arc<ServerConfig>,
        expires: Option<Duration>,
    }

    impl Tls {
        /// Reads the files.
        ///
        /// # Errors
        /// When one cannot be read, or the key is not the certificate's.
        pub fn open(files: TlsFiles) -> Result<Tls, TlsError> {
            let served = ArcSwap::from_pointee(Served::read(&files)?);
            let changed = Mutex::new(times(&files));
            Ok(Tls { files, served, changed })
        }

        /// Reads the files again when one has changed; with broken ones the certificate stays as it was.
        pub fn refresh(&self) {
            let now = times(&self.files);
            let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
            if *changed == now {
                return;
            }
            *changed = now;
            match Served::read(&self.files) {
                Ok(served) => {
                    self.served.store(Arc::new(served));
                    tracing::info!("the certificate of a listener was read again");
                }
                Err(error) => tracing::error!(%error, "the old certificate stays in use"),
            }
        }

        /// Until when the certificate in use, and those that it was signed with, are valid: the earliest, since
        /// 1970-01-01T00:00:00Z; none where that cannot be read.
        pub fn expires(&self) -> Option<Duration> {
            self.served.load().expires
        }

        /// Greets a client.
        pub(in crate::http) async fn accept(
            &self,
            stream: TcpStream,
        ) -> io::Result<Greeted<TlsStream<TcpStream>>> {
            let acceptor = TlsAcceptor::from(Arc::clone(&self.served.load().config));
            let stream = acceptor.accept(stream).await?;
            let agreed = stream.get_ref().1;
            let is_http2 = agreed.alpn_protocol() == Some(HTTP2);
            let first = agreed.peer_certificates().and_then(|it| it.first());
            let certificate = first.map(|it| Sha256::digest(it).into());
            Ok(Greeted { stream, certificate, is_http2 })
        }
    }

    /// Whether a client could not be greeted for want of a certificate that counts.
    pub(in crate::http) fn is_unproven(error: &io::Error) -> bool {
        let cause = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
        matches!(cause, Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented))
    }

    impl Served {
        fn read(files: &TlsFiles) -> Result<Served, TlsError> {
            let config = Arc::new(config(files)?);
            Ok(Served { config, expires: earliest(&certificates(&files.certificate)?) })
        }
    }

    /// Until when the certificates in a PEM file are valid: the earliest, since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// When the file cannot be read or holds none.
    pub fn expiry(path: &Path) -> Result<Duration, TlsError> {
        let expires = earliest(&certificates(path)?);
        expires.ok_or_else(|| failed(path)("its certificate tells no end"))
    }

    fn earliest(chain: &[CertificateDer<'_>]) -> Option<Duration> {
        chain.iter().filter_map(|it| validity::not_after(it)).min()
    }

    fn times(files: &TlsFiles) -> Vec<Option<SystemTime>> {
        let paths = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
        let time = |it: &std::path::PathBuf| fs::metadata(it).and_then(|it| it.modified()).ok();
        paths.into_iter().flatten().map(time).collect()
    }

    fn config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let chain = certificates(&files.certificate)?;
        let key = fs::read(&files.key).map_err(failed(&files.key))?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(failed(&files.key))?;
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(failed(&files.certificate))?;
        let builder = match &files.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(failed(path))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier =
                    if files.requires_client { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().map_err(failed(path))?)
            }
        };
        let mut config =
            builder.with_single_cert(chain, key).map_err(failed(&files.certificate))?;
        // The first that the client offers too: only who offers nothing else gets HTTP/2.
        config.alpn_protocols = vec![b"http/1.1".to_vec(), HTTP2.to_vec()];
        // The best that both know, in our order, whatever the other end would rather have.
        config.ignore_client_order = true;
        Ok(config)
    }

    fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = fs::read(path).map_err(failed(path))?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = found.map_err(failed(path))?;
        if found.is_empty() { Err(failed(path)("no certificate in it")) } else { Ok(found) }
    }

    fn failed<E: ToString>(path: &Path) -> impl Fn(E) -> TlsError {
        move |it| TlsError { path: path.to_owned(), reason: it.to_string() }
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use std::path::Path;
    use std::time::Duration;

    use tokio::net::TcpStream;

    use super::{Greeted, TlsError, TlsFiles, io};

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn expiry(path: &Path) -> Result<Duration, TlsError> {
        Err(refused(path))
    }

    fn refused(path: &Path) -> TlsError {
        let reason = "this program was built without the feature `tls`".to_owned();
        TlsError { path: path.to_owned(), reason }
    }

    /// Never: nobody is greeted.
    pub(in crate::http) fn is_unproven(_: &io::Error) -> bool {
        false
    }

    /// There is none: the program was built without it.
    pub enum Tls {}

    impl Tls {
        /// Refuses.
        ///
        /// # Errors
        /// Always.
        pub fn open(files: TlsFiles) -> Result<Tls, TlsError> {
            Err(refused(&files.certificate))
        }

        /// Does nothing.
        pub fn refresh(&self) {
            match *self {}
        }

        /// Tells nothing.
        pub fn expires(&self) -> Option<Duration> {
            match *self {}
        }

        #[expect(clippy::unused_async, reason = "as with the feature")]
        pub(in crate::http) async fn accept(&self, _: TcpStream) -> io::Result<Greeted<TcpStream>> {
            match *self {}
        }
    }
}
