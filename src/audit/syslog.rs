//! Forwards to a syslog server: RFC 5424 messages over TLS (RFC 5425), each with its length before it.
//!
//! Syslog has no acknowledgement. So each batch has a connection of its own, which we end first: a server that ends it
//! too, in order, has read to its end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::AuditError;
use super::forward::{Forward, ForwardError, Forwarded};
use super::line::Line;

/// Facility 13 (log audit), severity 6 (informational).
const PRIORITY: u8 = 13 * 8 + 6;
/// Longest time of a batch.
const TIME: Duration = Duration::from_secs(20);

/// A syslog server.
pub struct Syslog {
    address: String,
    name: ServerName<'static>,
    node: String,
    tls: TlsConnector,
}

impl Syslog {
    /// `address` is `host:port`; `ca` holds certificates (PEM) that are trusted besides the system's.
    ///
    /// # Errors
    /// When the certificates cannot be read, or the address names no host.
    pub fn new(address: &str, ca: Option<&PathBuf>, node: String) -> Result<Syslog, AuditError> {
        let failed = |path: PathBuf, source| AuditError::File { action: "use", path, source };
        let wrong = |it: &str| failed(address.into(), io::Error::other(it.to_owned()));
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            let pem = std::fs::read(path).map_err(AuditError::file("read", path))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate =
                    certificate.map_err(|it| failed(path.clone(), io::Error::other(it)))?;
                roots.add(certificate).map_err(|it| failed(path.clone(), io::Error::other(it)))?;
            }
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|it| wrong(&it.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let host = address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']));
        let host = host.ok_or_else(|| wrong("write audit.syslog as host:port"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|it| wrong(&it.to_string()))?;
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Syslog { address: address.to_owned(), name, node, tls })
    }

    async fn deliver(&self, lines: Vec<Forwarded>) -> io::Result<()> {
        let stream = TcpStream::connect(&self.address).await?;
        let stream = self.tls.connect(self.name.clone(), stream).await?;
        hand_over(stream, &self.node, &lines).await
    }
}

/// Writes a batch and waits until the other end has read it all.
async fn hand_over<S>(mut stream: S, node: &str, lines: &[Forwarded]) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for line in lines {
        stream.write_all(frame(node, line).as_bytes()).await?;
    }
    stream.shutdown().await?;
    // Over TLS this is an error unless the server ends the connection in order.
    let mut rest = [0; 64];
    while stream.read(&mut rest).await? != 0 {}
    Ok(())
}

impl Forward for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn send(&self, lines: Vec<Forwarded>) -> BoxFuture<'_, Result<(), ForwardError>> {
        async move {
            let sent = tokio::time::timeout(TIME, self.deliver(lines)).await;
            let sent = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            sent.map_err(|it| ForwardError(it.into()))
        }
        .boxed()
    }
}

/// A message with its length before it.
fn frame(node: &str, line: &Forwarded) -> String {
    let ts = Line::parse(line.line.as_bytes()).and_then(|it| it.ts().map(str::to_owned));
    let ts = ts.unwrap_or_else(|| "-".to_owned());
    let (kind, text) = (line.kind, &line.line);
    // The mark before the text says that it is UTF-8.
    let message = format!("<{PRIORITY}>1 {ts} {node} fenwen - {kind} - \u{feff}{text}");
    format!("{} {message}", message.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::line;

    fn row() -> Forwarded {
        let mut text = Vec::new();
        let body = r#"{"a":"案","ts":"2026-01-01T00:00:00.000Z"}"#;
        line::write(&mut text, 1, &[0; 32], |out| out.extend_from_slice(body.as_bytes()));
        let line = String::from_utf8(text).unwrap().trim_end().to_owned();
        Forwarded { id: "n-1".to_owned(), kind: "audit.row", chain: "n".to_owned(), line }
    }

    #[test]
    fn a_message_carries_its_length_and_the_time_of_its_row() {
        let row = row();
        let text = &row.line;
        let expected =
            format!("<110>1 2026-01-01T00:00:00.000Z n fenwen - audit.row - \u{feff}{text}");
        assert_eq!(frame("n", &row), format!("{} {expected}", expected.len()));
    }

    #[tokio::test]
    async fn a_batch_is_delivered_when_the_server_has_read_to_its_end() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let rows = [row(), row()];
        let sent = hand_over(ours, "n", &rows);
        let read = async move {
            let mut text = String::new();
            theirs.read_to_string(&mut text).await.unwrap();
            text
        };
        let (sent, read) = tokio::join!(sent, read);
        sent.unwrap();
        assert_eq!(read, frame("n", &row()).repeat(2));
    }

    #[tokio::test]
    async fn a_batch_that_the_server_leaves_is_not_delivered() {
        let (ours, theirs) = tokio::io::duplex(64);
        drop(theirs);
        assert!(hand_over(ours, "n", &[row()]).await.is_err());
    }
}
