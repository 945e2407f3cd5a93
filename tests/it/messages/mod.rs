//! Messages to people over real sockets: mail to a small server on loopback, short messages over HTTP.

mod smtp_server;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fenwen::base::{Clock, ManualClock, Secret};
use fenwen::bus::{Bus, Embedded, EmbeddedSettings};
use fenwen::service::messages::{
    Channel, Gateway, Line, MailSecurity, MailSettings, Medium, Message, Messenger,
    MessengerSettings, Recipients, SmsForm, SmtpMail, Trouble,
};
use fenwen::service::notices::{Limit, NoticeKind, Notices};
use fenwen::service::relay::{Relay, StoreOutbox};
use fenwen::service::webhooks::{DELAYS, Guard, HttpSender, SystemResolver};
use fenwen::store::Store;
use fenwen::store::webhooks::DeliveryState;

use crate::http::client::WATCHDOG;
use crate::http::fake::loopback;
use crate::webhooks::receiver;
use smtp_server::{Manners, SmtpServer};

/// 2026-11-23T03:00:00Z.
const AT: Duration = Duration::from_secs(1_795_402_800);

fn settings(server: &SmtpServer, security: MailSecurity) -> MailSettings {
    MailSettings {
        host: "localhost".to_owned(),
        port: server.address.port(),
        security,
        ca: Some(server.ca()),
        account: None,
        from: "分文 <fenwen@moi.example>".to_owned(),
    }
}

fn message() -> Message {
    Message {
        id: "m-1".to_owned(),
        to: "ops@moi.example".to_owned(),
        subject: "〔分文〕稽核紀錄驗證不符".to_owned(),
        text: "請保全檔案。\n".to_owned(),
        at: AT,
    }
}

async fn send(settings: &MailSettings) -> Result<(), Trouble> {
    let mail = SmtpMail::new(settings).unwrap();
    tokio::time::timeout(WATCHDOG, mail.send(message())).await.unwrap()
}

#[tokio::test]
async fn nothing_of_a_mail_is_said_before_the_connection_is_encrypted() {
    let server = SmtpServer::start(Manners::default()).await;
    send(&settings(&server, MailSecurity::StartTls)).await.unwrap();
    let told = server.told.lock().unwrap();
    let plain: Vec<&String> = told.commands.iter().filter(|it| !it.starts_with('!')).collect();
    assert!(plain.iter().all(|it| it.starts_with("EHLO") || *it == "STARTTLS"), "{plain:?}");
    let [mail] = told.mails.as_slice() else { unreachable!("{:?}", told.mails) };
    let (head, body) = mail.split_once("\n\n").unwrap();
    for line in [
        "To: ops@moi.example",
        "Message-ID: <m-1@moi.example>",
        "Auto-Submitted: auto-generated",
        "Date: Mon, 23 Nov 2026 03:00:00 +0000",
    ] {
        assert!(head.lines().any(|it| it == line), "{line}\n{head}");
    }
    let subject = STANDARD.encode("〔分文〕稽核紀錄驗證不符");
    let folded: String = head.split_whitespace().collect();
    assert!(folded.contains(subject.trim_end_matches('=').get(..20).unwrap()), "{head}");
    let body = STANDARD.decode(body.replace('\n', "")).unwrap();
    assert_eq!(String::from_utf8(body).unwrap().replace('\r', ""), "請保全檔案。\n");
}

#[tokio::test]
async fn a_server_that_refuses_to_encrypt_gets_nothing() {
    for (starttls, code) in [(None, "not_offered"), (Some("454 not now"), "smtp_454")] {
        let server = SmtpServer::start(Manners { starttls, ..Manners::default() }).await;
        let refused = send(&settings(&server, MailSecurity::StartTls)).await;
        assert_eq!(refused, Err(Trouble::Passing(code.to_owned())));
        assert_eq!(server.n_mails(), 0);
        let told = server.told.lock().unwrap();
        assert!(!told.commands.iter().any(|it| it.contains("moi.example")), "{told:?}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_nothing() {
    let server = SmtpServer::start(Manners { is_tls: true, ..Manners::default() }).await;
    let good = settings(&server, MailSecurity::Tls);
    send(&good).await.unwrap();
    let stranger = MailSettings { ca: None, ..good.clone() };
    assert_eq!(send(&stranger).await, Err(Trouble::Passing("connection".to_owned())));
    let other_name = MailSettings { host: "127.0.0.1".to_owned(), ..good };
    assert_eq!(send(&other_name).await, Err(Trouble::Passing("connection".to_owned())));
    assert_eq!(server.n_mails(), 1);
}

#[tokio::test]
async fn answers_of_the_server_are_for_now_or_for_good() {
    let server = SmtpServer::start(Manners::default()).await;
    let settings = settings(&server, MailSecurity::StartTls);
    for (recipient, expected) in [
        ("451 try later", Trouble::Passing("smtp_451".to_owned())),
        ("550 no such user", Trouble::Final("smtp_550".to_owned())),
        ("530 who are you", Trouble::Passing("smtp_530".to_owned())),
    ] {
        server.change(|it| it.recipient = recipient);
        assert_eq!(send(&settings).await, Err(expected), "{recipient}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_ours_to_mend() {
    let manners = Manners { auth: Some("535 wrong"), ..Manners::default() };
    let server = SmtpServer::start(manners).await;
    let account = Some(("fenwen".to_owned(), Secret::new("hunter2".to_owned())));
    let settings = MailSettings { account, ..settings(&server, MailSecurity::StartTls) };
    assert_eq!(send(&settings).await, Err(Trouble::Passing("smtp_535".to_owned())));
    server.change(|it| it.auth = Some("235 welcome"));
    send(&settings).await.unwrap();
    assert_eq!(server.n_mails(), 1);
}

/// A notice goes its whole way: board, outbox, bus, queue, mail.
struct Way {
    clock: Arc<ManualClock>,
    store: Store,
    notices: Arc<Notices>,
    bus: Arc<dyn Bus>,
    messenger: Arc<Messenger>,
    _folder: tempfile::TempDir,
}

impl Way {
    fn new(server: &SmtpServer) -> Way {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(AT));
        let store = Store::in_memory(folder.path()).unwrap();
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let settings = settings(server, MailSecurity::StartTls);
        let others = vec!["ops@moi.example".to_owned()];
        let line = Line {
            medium: Medium::Mail,
            channel: Arc::new(SmtpMail::new(&settings).unwrap()),
            to: Recipients { others, ..Recipients::default() },
        };
        let quiet = Duration::from_secs(600);
        let link = Some("https://fenwen.moi.example/".to_owned());
        let messenger = Messenger {
            store: store.clone(),
            clock: Arc::clone(&shared),
            settings: MessengerSettings { link, quiet, waiting_hour: 8 },
            lines: vec![line],
        };
        let notices = Notices::new(store.clone(), Arc::clone(&shared), Limit::default());
        let bus = Arc::new(Embedded::new(EmbeddedSettings::default(), Arc::clone(&shared)));
        Way { clock, store, notices, bus, messenger: Arc::new(messenger), _folder: folder }
    }

    /// Publishes what is in the outbox, and waits until it is settled there.
    async fn relay(&self) {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let outbox = Arc::new(StoreOutbox::alone(self.store.clone(), clock));
        let mut relay = Relay::new(outbox, Arc::clone(&self.bus));
        let settled = async {
            while !self.store.outbox_pending(9).await.unwrap().is_empty() {
                relay.round().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(WATCHDOG, settled).await.unwrap();
    }

    async fn state(&self) -> DeliveryState {
        self.store.messages(1).await.unwrap().remove(0).state
    }
}

#[tokio::test]
async fn a_notice_becomes_one_mail_whatever_the_server_says_first() {
    let server = SmtpServer::start(Manners { recipient: "451 later", ..Manners::default() }).await;
    let way = Way::new(&server);
    let _following = way.messenger.follow(way.bus.as_ref()).await.unwrap();
    way.notices.raise(NoticeKind::AuditBroken, "audit/node-1");
    way.relay().await;
    assert_eq!(way.messenger.round().await.unwrap(), 1);
    assert_eq!((server.n_mails(), way.messenger.round().await.unwrap()), (0, 0));
    server.change(|it| it.recipient = "250 ok");
    way.clock.advance(2 * DELAYS[0]);
    assert_eq!(way.messenger.round().await.unwrap(), 1);
    assert_eq!((server.n_mails(), way.messenger.round().await.unwrap()), (1, 0));
    assert_eq!(way.state().await, DeliveryState::Delivered);
    let told = server.told.lock().unwrap();
    let body = told.mails[0].split_once("\n\n").unwrap().1.replace('\n', "");
    let text = String::from_utf8(STANDARD.decode(body).unwrap()).unwrap();
    assert!(text.contains("fenwen audit verify") && text.contains("https://fenwen.moi.example/"));
    assert!(!text.contains("node-1"), "what it is about stays here: {text}");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_dropped() {
    let server = SmtpServer::start(Manners { recipient: "550 no", ..Manners::default() }).await;
    let way = Way::new(&server);
    let _following = way.messenger.follow(way.bus.as_ref()).await.unwrap();
    way.notices.raise(NoticeKind::DeadLetters, "jobs");
    way.relay().await;
    assert_eq!(way.messenger.round().await.unwrap(), 1);
    assert_eq!(way.state().await, DeliveryState::Failed);
    way.clock.advance(DELAYS[8]);
    assert_eq!((way.messenger.round().await.unwrap(), server.n_mails()), (0, 0));
}

fn gateway(url: String, guard: Guard) -> Gateway {
    let fields = [("dstaddr", "{to}"), ("smbody", "{text}")];
    Gateway {
        url,
        form: SmsForm::Form,
        fields: fields.map(|(name, it)| (name.to_owned(), it.to_owned())).into(),
        secret_header: Some("authorization"),
        secret: Secret::new("Bearer hunter2".to_owned()),
        sender: Arc::new(HttpSender::new(None).unwrap()),
        resolver: Arc::new(SystemResolver),
        guard,
    }
}

#[tokio::test]
async fn a_short_message_is_posted_as_the_template_says() {
    let (address, asked) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let gateway = gateway(format!("http://{address}/send?v=1"), loopback());
    gateway.send(Message { to: "0912-345".to_owned(), ..message() }).await.unwrap();
    let asked = asked.await.unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /send?v=1 HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Bearer hunter2"), "{head}");
    assert!(body.starts_with("dstaddr=0912-345&smbody=%E8%AB%8B"), "{body}");
}

#[tokio::test]
async fn a_short_message_goes_nowhere_inside_unless_that_is_allowed() {
    for url in ["http://127.0.0.1:9/", "https://127.0.0.1:9/", "https://localhost:9/"] {
        let refused = gateway(url.to_owned(), Guard::default()).send(message()).await;
        assert!(matches!(refused, Err(Trouble::Final(_))), "{url} {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_sends_a_mail_and_says_what_the_server_says() {
    let server = SmtpServer::start(Manners::default()).await;
    let run = || {
        let folder = tempfile::tempdir().unwrap();
        let port = format!("mail.port={}", server.address.port());
        let ca = format!("mail.ca={}", server.ca().display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
        command.env("XDG_DATA_HOME", folder.path()).args(["mail", "test", "--to", "a@b.example"]);
        for setting in ["mail.host=localhost", "mail.from=fenwen@moi.example", &port, &ca] {
            command.args(["--set", setting]);
        }
        command.output().unwrap()
    };
    let sent = tokio::task::block_in_place(run);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(
        (String::from_utf8(sent.stdout).unwrap().trim(), server.n_mails()),
        ("a@b.example 已送出", 1)
    );
    server.change(|it| it.recipient = "550 no such user");
    let refused = tokio::task::block_in_place(run);
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(!refused.status.success() && said.contains("smtp_550"), "{said}");
}
