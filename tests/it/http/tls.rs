//! Encrypted listeners: who is believed, what is refused, and certificates that change while a server runs.

pub(crate) mod certificate;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fenwen::audit::{AuditEvent, Outcome};
use fenwen::http::{HttpOptions, Tls, TlsFiles, expiry};
use fenwen::policy::Surface;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::client::WATCHDOG;
use super::fake::{Server, until};
use super::guard::register;
use crate::audit::rows;
use certificate::Authority;

/// A folder with an authority's certificate and one for a server.
pub(super) struct World {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl World {
    pub(super) fn new() -> World {
        let world = World { folder: tempfile::tempdir().unwrap(), authority: Authority::new("ca") };
        fs::write(world.path("ca.pem"), world.authority.pem()).unwrap();
        world.issue("server");
        world
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Certificate and key for `name`, in files.
    pub(super) fn issue(&self, name: &str) {
        let (certificate, key) = self.authority.issue(name);
        fs::write(self.path(&format!("{name}.pem")), certificate).unwrap();
        fs::write(self.path(&format!("{name}.key")), key).unwrap();
    }

    /// Makes a file look as if it was written hours from now: clocks of file systems are coarse.
    fn age(&self, name: &str, hours: u64) {
        let file = fs::File::options().append(true).open(self.path(name)).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now + Duration::from_secs(3600 * hours)).unwrap();
    }

    fn files(&self, client_ca: bool, requires_client: bool) -> TlsFiles {
        TlsFiles {
            certificate: self.path("server.pem"),
            key: self.path("server.key"),
            client_ca: client_ca.then(|| self.path("ca.pem")),
            requires_client,
        }
    }

    pub(super) async fn server(
        &self,
        surface: Surface,
        client_ca: bool,
        requires_client: bool,
    ) -> Server {
        let tls = Tls::open(self.files(client_ca, requires_client)).unwrap();
        Server::guarded_at(surface, Some(Arc::new(tls))).await
    }

    /// The exchange's listener, with other limits.
    pub(super) async fn exchange(&self, options: HttpOptions) -> Server {
        let tls = Tls::open(self.files(true, true)).unwrap();
        Server::guarded_with((Surface::Exchange, Some(Arc::new(tls))), options).await
    }

    /// SHA-256 of a certificate.
    fn fingerprint(&self, name: &str) -> Vec<u8> {
        let pem = fs::read(self.path(&format!("{name}.pem"))).unwrap();
        Sha256::digest(CertificateDer::from_pem_slice(&pem).unwrap()).to_vec()
    }

    pub(super) fn connector(&self, client: Option<&str>, versions: Versions) -> TlsConnector {
        TlsConnector::from(Arc::new(self.client(client, versions)))
    }

    fn client(&self, client: Option<&str>, versions: Versions) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(read_certificate(&self.path("ca.pem"))).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match client {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let chain = vec![read_certificate(&self.path(&format!("{name}.pem")))];
                let key = fs::read(self.path(&format!("{name}.key"))).unwrap();
                let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    /// The answer to a request, as text; an error when there is none.
    pub(super) async fn ask(
        &self,
        server: &Server,
        connector: &TlsConnector,
        request: &str,
    ) -> std::io::Result<String> {
        let talk = async {
            let stream = TcpStream::connect(server.addr).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, stream).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        tokio::time::timeout(WATCHDOG, talk).await.unwrap()
    }
}

pub(super) type Versions = &'static [&'static rustls::SupportedProtocolVersion];

const ONLY_12: Versions = &[&rustls::version::TLS12];
const ONLY_13: Versions = &[&rustls::version::TLS13];
pub(super) const BOTH: Versions = &[&rustls::version::TLS12, &rustls::version::TLS13];

fn read_certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(&fs::read(path).unwrap()).unwrap()
}

fn get(path: &str, head: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}\r\n")
}

/// 2049-01-01T00:00:00Z, as in every certificate of the authority.
const END: u64 = 2_493_072_000;

#[tokio::test]
async fn the_end_of_a_certificate_is_told() {
    let world = World::new();
    assert_eq!(expiry(&world.path("server.pem")).unwrap(), Duration::from_secs(END));
    let server = world.server(Surface::All, false, false).await;
    let answer = world.ask(&server, &world.connector(None, BOTH), &get("/metrics", "")).await;
    let line = format!("fenwen_certificate_expiry_seconds{{listener=\"{}\"}} {END}", server.addr);
    let answer = answer.unwrap();
    assert!(answer.contains(&line), "{answer}");
}

#[tokio::test]
async fn both_versions_are_spoken_and_browsers_are_told_to_stay() {
    let world = World::new();
    let server = world.server(Surface::All, false, false).await;
    for versions in [ONLY_12, ONLY_13] {
        let connector = world.connector(None, versions);
        let answer = world.ask(&server, &connector, &get("/healthz/live", "")).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    }
    let mut plain = TcpStream::connect(server.addr).await.unwrap();
    plain.write_all(get("/healthz/live", "").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WATCHDOG, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(read.is_err() || !answer.starts_with(b"HTTP"), "no answer in the clear");
}

#[tokio::test]
async fn only_who_offers_nothing_else_gets_the_newer_version() {
    let world = World::new();
    let server = world.server(Surface::All, false, false).await;
    for (offered, expected) in [
        (&["h2"][..], Some("h2")),
        (&["h2", "http/1.1"], Some("http/1.1")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let mut config = world.client(None, BOTH);
        config.alpn_protocols = offered.iter().map(|it| it.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, expected.map(str::as_bytes), "{offered:?}");
        if expected == Some("h2") {
            let stream = TokioIo::new(stream);
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            let driver = tokio::spawn(connection);
            let request = hyper::Request::get("https://localhost/healthz/live");
            let request = request.body(axum::body::Body::empty()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
            driver.abort();
        }
    }
}

#[tokio::test]
async fn a_client_bound_to_a_certificate_needs_it() {
    let world = World::new();
    let server = world.server(Surface::Public, true, false).await;
    world.issue("own");
    world.issue("other");
    let bound = world.fingerprint("own");
    let head = register(&server, "mailbox", |it| it.certificate = Some(bound)).await;
    let request = get("/api/v1/jobs", &head);
    for (client, status) in [(Some("own"), "200"), (Some("other"), "401"), (None, "401")] {
        let connector = world.connector(client, BOTH);
        let answer = world.ask(&server, &connector, &request).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{client:?} {answer}");
    }
}

#[tokio::test]
async fn the_exchange_names_clients_only_where_it_proves_itself() {
    let world = World::new();
    let server = world.server(Surface::Exchange, true, true).await;
    world.issue("security-server");
    let partner = "TW/GOV/301000000A/mailbox";
    register(&server, "mailbox", |it| it.partner = Some(partner.to_owned())).await;
    let request = |client: &str| get("/api/v1/jobs", &format!("x-road-client: {client}\r\n"));
    let proven = world.connector(Some("security-server"), BOTH);
    let answer = world.ask(&server, &proven, &request(partner)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = world.ask(&server, &proven, &request("TW/GOV/1/none")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("ER0311"), "{answer}");
    // With a certificate of nobody's, or without one, the door stays shut.
    let stranger = Authority::new("ca");
    let (certificate, key) = stranger.issue("stranger");
    fs::write(world.path("stranger.pem"), certificate).unwrap();
    fs::write(world.path("stranger.key"), key).unwrap();
    for client in [None, Some("stranger")] {
        let refused = world.ask(&server, &world.connector(client, BOTH), &request(partner)).await;
        assert!(refused.is_err(), "{client:?} {refused:?}");
    }
    told_of_two_without_a_certificate(&server).await;
    // At another listener the header says nothing.
    let open = world.server(Surface::Public, false, false).await;
    register(&open, "mailbox", |it| it.partner = Some(partner.to_owned())).await;
    let answer = world.ask(&open, &world.connector(None, BOTH), &request(partner)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// One row tells of clients whose certificate was refused: the second came from the same address within a minute.
async fn told_of_two_without_a_certificate(server: &Server) {
    let told = || {
        let rows = rows(server.data_dir.path());
        let found = rows.into_iter().filter(|it| it.event == AuditEvent::ConnectionRefused);
        found.map(|it| (it.outcome, it.reason, it.ip, it.count)).collect::<Vec<_>>()
    };
    until(|| !told().is_empty()).await;
    server.audit.close();
    let [(outcome, reason, ip, count)] = &told()[..] else { unreachable!("{:?}", told()) };
    assert_eq!((*outcome, reason.as_deref()), (Some(Outcome::Denied), Some("certificate")));
    assert_eq!((ip.as_deref(), *count), (Some("127.0.0.1"), Some(1)));
}

#[tokio::test]
async fn a_listener_offers_what_it_is_for() {
    let world = World::new();
    let connector = world.connector(None, BOTH);
    for (surface, path, status) in [
        (Surface::Public, "/metrics", "404"),
        (Surface::Admin, "/metrics", "200"),
        (Surface::Admin, "/api/v1/speech/transcriptions/x", "404"),
        (Surface::Public, "/api/v1/speech/transcriptions/x", "401"),
        (Surface::Public, "/healthz/live", "200"),
    ] {
        let server = world.server(surface, false, false).await;
        let answer = world.ask(&server, &connector, &get(path, "")).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{surface:?} {path} {answer}");
    }
}

#[tokio::test]
async fn a_changed_certificate_is_used_and_a_broken_one_is_not() {
    let world = World::new();
    let tls = Arc::new(Tls::open(world.files(false, false)).unwrap());
    let server = Server::guarded_at(Surface::All, Some(Arc::clone(&tls))).await;
    let shown = || async {
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = world.connector(None, BOTH).connect(name, stream).await.unwrap();
        Sha256::digest(&stream.get_ref().1.peer_certificates().unwrap()[0]).to_vec()
    };
    let first = world.fingerprint("server");
    fs::write(world.path("server.key"), "broken").unwrap();
    world.age("server.key", 1);
    tls.refresh();
    assert_eq!(shown().await, first);
    world.issue("server");
    world.age("server.key", 2);
    tls.refresh();
    assert_eq!(shown().await, world.fingerprint("server"));
}

#[test]
fn wrong_files_are_named() {
    let world = World::new();
    let check = |change: &dyn Fn(&mut TlsFiles), expected: &str| {
        let mut files = world.files(false, false);
        change(&mut files);
        let error = Tls::open(files).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|it| it.certificate = world.path("none.pem"), "none.pem");
    check(&|it| it.key = world.path("ca.pem"), "ca.pem");
    world.issue("other");
    check(&|it| it.key = world.path("other.key"), "server.pem");
}
