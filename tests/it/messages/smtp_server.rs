//! A small mail server of the tests' own: says what the test wants it to say, and keeps what it was told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::http::tls::certificate::Authority;

/// How the server behaves.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    /// Whether a connection begins encrypted.
    pub(super) is_tls: bool,
    /// Answer to `STARTTLS`; it is not offered when there is none.
    pub(super) starttls: Option<&'static str>,
    /// Answer to a password; none is asked for when there is none.
    pub(super) auth: Option<&'static str>,
    /// Answer to each recipient.
    pub(super) recipient: &'static str,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners { is_tls: false, starttls: Some("220 go ahead"), auth: None, recipient: "250 ok" }
    }
}

/// What the server was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Commands, without what follows the first colon or space of a password; `!` stands before what came encrypted.
    pub(super) commands: Vec<String>,
    /// Mails as they came.
    pub(super) mails: Vec<String>,
}

/// A running server, until it is dropped.
pub(super) struct SmtpServer {
    pub(super) address: SocketAddr,
    pub(super) told: Arc<Mutex<Told>>,
    manners: Arc<Mutex<Manners>>,
    folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SmtpServer {
    pub(super) async fn start(manners: Manners) -> SmtpServer {
        let folder = tempfile::tempdir().unwrap();
        let acceptor = acceptor(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, manners) = (Arc::default(), Arc::new(Mutex::new(manners)));
        let session = Session { told: Arc::clone(&told), manners: Arc::clone(&manners), acceptor };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = session.clone();
                tokio::spawn(async move { session.serve(stream).await });
            }
        });
        SmtpServer { address, told, manners, folder, task }
    }

    /// Behaves otherwise from the next connection on.
    pub(super) fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap());
    }

    /// The certificate of the authority that it shows.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(super) fn n_mails(&self) -> usize {
        self.told.lock().unwrap().mails.len()
    }
}

fn acceptor(folder: &Path) -> TlsAcceptor {
    let authority = Authority::new("mail authority");
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let (certificate, key) = authority.issue("mail");
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[derive(Clone)]
struct Session {
    told: Arc<Mutex<Told>>,
    manners: Arc<Mutex<Manners>>,
    acceptor: TlsAcceptor,
}

impl Session {
    /// One connection; whoever leaves early is gone.
    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let manners = self.manners.lock().unwrap().clone();
        if manners.is_tls {
            let stream = self.acceptor.accept(stream).await.ok()?;
            self.talk(stream, (&manners, true, true)).await?;
            return Some(());
        }
        if let Some(stream) = self.talk(stream, (&manners, false, true)).await? {
            let stream = self.acceptor.accept(stream).await.ok()?;
            self.talk(stream, (&manners, true, false)).await?;
        }
        Some(())
    }

    /// Answers commands until the other end quits; gives the stream back where it is to be encrypted.
    async fn talk<S>(
        &self,
        stream: S,
        (manners, is_tls, greets): (&Manners, bool, bool),
    ) -> Option<Option<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut stream = BufStream::new(stream);
        if greets {
            say(&mut stream, "220 test ESMTP").await?;
        }
        loop {
            let line = read(&mut stream).await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let noted = if verb == "AUTH" { verb.clone() } else { line.clone() };
            let mark = if is_tls { "!" } else { "" };
            self.told.lock().unwrap().commands.push(format!("{mark}{noted}"));
            let answer = match verb.as_str() {
                "EHLO" => hello(manners, is_tls),
                "STARTTLS" => {
                    let answer = manners.starttls.unwrap_or("502 no");
                    say(&mut stream, answer).await?;
                    if answer.starts_with("220") {
                        return Some(Some(stream.into_inner()));
                    }
                    continue;
                }
                "AUTH" => manners.auth.unwrap_or("503 no").to_owned(),
                "RCPT" => manners.recipient.to_owned(),
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let mail = read_mail(&mut stream).await?;
                    self.told.lock().unwrap().mails.push(mail);
                    "250 taken".to_owned()
                }
                "QUIT" => {
                    say(&mut stream, "221 bye").await?;
                    return Some(None);
                }
                _ => "250 ok".to_owned(),
            };
            say(&mut stream, &answer).await?;
        }
    }
}

fn hello(manners: &Manners, is_tls: bool) -> String {
    let mut lines = vec!["test", "8BITMIME"];
    lines.extend(manners.auth.map(|_| "AUTH PLAIN"));
    lines.extend(manners.starttls.filter(|_| !is_tls).map(|_| "STARTTLS"));
    let last = lines.pop().unwrap();
    let first: String = lines.iter().map(|it| format!("250-{it}\r\n")).collect();
    format!("{first}250 {last}")
}

async fn say<S: AsyncWrite + AsyncRead + Unpin>(
    stream: &mut BufStream<S>,
    text: &str,
) -> Option<()> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn read<S: AsyncWrite + AsyncRead + Unpin>(stream: &mut BufStream<S>) -> Option<String> {
    let mut line = String::new();
    let n_bytes = stream.read_line(&mut line).await.ok()?;
    (0 < n_bytes).then(|| line.trim_end().to_owned())
}

async fn read_mail<S: AsyncWrite + AsyncRead + Unpin>(stream: &mut BufStream<S>) -> Option<String> {
    let mut mail = String::new();
    loop {
        let line = read(stream).await?;
        if line == "." {
            return Some(mail);
        }
        mail.push_str(&line);
        mail.push('\n');
    }
}
