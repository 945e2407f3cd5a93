//! Mail over SMTP: encrypted by STARTTLS or from the start, one connection a message.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::base::Secret;

use super::{Channel, Message, Trouble};

/// Longest wait for each answer of the server.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time of a message.
const LONGEST: Duration = Duration::from_secs(90);

/// Answers that are about our account, not about the message: with a right password it goes.
const OF_ACCOUNT: [&str; 4] = ["530", "534", "535", "538"];

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// It becomes TLS before anything is said; a server that refuses gets nothing.
    StartTls,
    /// TLS from the start.
    Tls,
    /// Nothing: for a relay on this machine.
    None,
}

/// A mail server and our account there.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// User and password.
    pub account: Option<(String, Secret<String>)>,
    /// Who sends: `分文 <fenwen@example.gov.tw>`.
    pub from: String,
}

/// Why mail cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is no address.
    #[error("`{0}` is no address of a sender")]
    From(String),
    /// A file with certificates cannot be read.
    #[error("failed to read the certificates of {}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("failed to set up TLS for mail")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// Sends by SMTP.
pub struct SmtpMail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMail {
    /// Prepares to send; nothing is connected yet.
    ///
    /// # Errors
    /// See [`MailError`].
    pub fn new(settings: &MailSettings) -> Result<SmtpMail, MailError> {
        let from: Mailbox =
            settings.from.parse().map_err(|_| MailError::From(settings.from.clone()))?;
        let tls = match settings.security {
            MailSecurity::StartTls => Tls::Required(parameters(settings)?),
            MailSecurity::Tls => Tls::Wrapper(parameters(settings)?),
            MailSecurity::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        let builder = match &settings.account {
            Some((user, password)) => {
                builder.credentials(Credentials::new(user.clone(), password.expose().clone()))
            }
            None => builder,
        };
        Ok(SmtpMail { transport: builder.build(), from })
    }

    async fn deliver(&self, message: Message) -> Result<(), Trouble> {
        let letter = self.letter(&message).ok_or_else(|| Trouble::Final("address".to_owned()))?;
        let sent = tokio::time::timeout(LONGEST, self.transport.send(letter)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Err(Trouble::Passing("timeout".to_owned())),
        }
    }

    /// The mail. Its id is the message's: whoever gets it twice can tell.
    fn letter(&self, message: &Message) -> Option<lettre::Message> {
        let to: Mailbox = message.to.parse().ok()?;
        let id = format!("<{}@{}>", message.id, self.from.email.domain());
        let auto = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(to)
            .date(UNIX_EPOCH + message.at)
            .message_id(Some(id))
            .subject(&message.subject)
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(auto, "auto-generated".to_owned()));
        builder.body(message.text.clone()).ok()
    }
}

impl Channel for SmtpMail {
    fn send(&self, message: Message) -> BoxFuture<'_, Result<(), Trouble>> {
        self.deliver(message).boxed()
    }
}

fn parameters(settings: &MailSettings) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca {
        let failed = |source| MailError::Certificates { path: path.clone(), source };
        let pem = std::fs::read(path).map_err(failed)?;
        let certificate = Certificate::from_pem(&pem).map_err(|it| failed(io::Error::other(it)))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(MailError::Tls)
}

/// What the server means: a status of 5xx is its last word on a message, everything else may pass.
fn trouble(error: &lettre::transport::smtp::Error) -> Trouble {
    let Some(status) = error.status() else {
        let code = if error.is_tls() {
            "tls"
        } else if error.is_timeout() {
            "timeout"
        } else if error.is_client() {
            // What we need and the server does not offer, such as STARTTLS.
            "not_offered"
        } else {
            "connection"
        };
        return Trouble::Passing(code.to_owned());
    };
    let status = status.to_string();
    let is_final = error.is_permanent() && !OF_ACCOUNT.contains(&status.as_str());
    let code = format!("smtp_{status}");
    if is_final { Trouble::Final(code) } else { Trouble::Passing(code) }
}
