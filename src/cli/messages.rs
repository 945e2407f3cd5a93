//! Messages to people from their settings; `fenwen mail` and `fenwen sms`: whether they arrive.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Subcommand;

use crate::base::{Clock, RequestId, SystemClock};
use crate::bus::{Bus, Handle};
use crate::config::{Config, Mail, Sms};
use crate::service::messages::{
    Channel, Desk, Line, Medium, Message, Messenger, MessengerSettings, Recipients, Trouble,
};
use crate::service::notices::NoticeKind;
use crate::store::Store;

use super::serve::Role;

/// Which messages can be tried.
#[derive(Debug, Subcommand)]
pub(super) enum MessagesCommand {
    /// 寄一則測試訊息,並顯示對方的回覆
    Test {
        /// 收件人(信箱或門號);未指定則為設定中的所有收件人
        #[arg(long)]
        to: Vec<String>,
    },
}

/// Runs a command for one medium.
pub(super) fn run(medium: Medium, command: MessagesCommand, config: &Config) -> anyhow::Result<()> {
    let MessagesCommand::Test { to } = command;
    let line = lines(config)?.into_iter().find(|it| it.medium == medium);
    let name = if medium == Medium::Mail { "mail.host" } else { "sms.url" };
    let line = line.with_context(|| format!("未設定 {name}:不會寄送"))?;
    let to = if to.is_empty() { everybody(&line.to) } else { to };
    ensure!(!to.is_empty(), "沒有收件人:請以 --to 指定");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("無法啟動執行環境")?;
    runtime.block_on(send_all(line.channel.as_ref(), &to))
}

async fn send_all(channel: &dyn Channel, to: &[String]) -> anyhow::Result<()> {
    let at = SystemClock.unix_time();
    let mut n_failed = 0;
    for to in to {
        let message = Message {
            id: format!("test-{}", RequestId::at(at)),
            to: to.clone(),
            subject: "〔分文〕測試訊息".to_owned(),
            text: "這是測試訊息,收到即表示通知可以送達。\n".to_owned(),
            at,
        };
        let said = match channel.send(message).await {
            Ok(()) => "已送出".to_owned(),
            Err(Trouble::Passing(code)) => format!("未送出(正式通知會重試):{code}"),
            Err(Trouble::Final(code)) => format!("被拒絕:{code}"),
        };
        n_failed += usize::from(said != "已送出");
        writeln!(std::io::stdout(), "{to} {said}")?;
    }
    ensure!(n_failed == 0, "{} 則訊息中有 {n_failed} 則未送出", to.len());
    Ok(())
}

/// Everybody in the settings, each once.
fn everybody(to: &Recipients) -> Vec<String> {
    let desks = to.waiting.iter().flat_map(|it| &it.to);
    let mut all: Vec<String> =
        to.by_kind.values().flatten().chain(&to.others).chain(desks).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// What queues and sends messages; nothing where nobody is told.
pub(super) fn messenger(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<Messenger>>> {
    let lines = lines(config)?;
    if lines.is_empty() {
        return Ok(None);
    }
    let settings = MessengerSettings {
        link: config.mail.link.clone(),
        quiet: Duration::from_secs(60)
            .saturating_mul(u32::try_from(config.mail.quiet_minutes).unwrap_or(u32::MAX)),
        waiting_hour: config.mail.waiting_hour,
    };
    Ok(Some(Arc::new(Messenger { store, clock, settings, lines })))
}

/// Queues messages where the bus is told of events: one inside the process tells nobody else.
pub(super) async fn follow(
    messenger: Option<&Arc<Messenger>>,
    role: Role,
    bus: &dyn Bus,
) -> anyhow::Result<Option<Handle>> {
    match messenger.filter(|_| role != Role::Api) {
        Some(it) => Ok(Some(it.follow(bus).await.map_err(super::bus::told)?)),
        None => Ok(None),
    }
}

/// Refuses a kind of notice that there is not: whoever should be told of it never would be.
fn require_kinds(setting: &str, by_kind: &BTreeMap<String, Vec<String>>) -> anyhow::Result<()> {
    let known = NoticeKind::ALL.map(NoticeKind::as_str);
    match by_kind.keys().find(|it| !known.contains(&it.as_str())) {
        Some(kind) => {
            bail!("{setting}:沒有「{kind}」這種通知;可用的代碼:default、{}", known.join("、"))
        }
        None => Ok(()),
    }
}

/// The media that the settings have. Nothing is sent, and nobody is connected to.
pub(super) fn lines(config: &Config) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    if let Some(host) = &config.mail.host {
        let channel = mail_channel(&config.mail, host)?;
        let (by_kind, others) = config.mail.by_kind();
        require_kinds("mail.recipients", &by_kind)?;
        let desk = |it: &crate::config::Waiting| Desk {
            org: it.org.clone(),
            unit: it.unit.clone(),
            to: it.to.clone(),
        };
        let waiting = config.mail.waiting.iter().map(desk).collect();
        let to = Recipients { by_kind, others, waiting };
        lines.push(Line { medium: Medium::Mail, channel, to });
    }
    if let Some(url) = &config.sms.url {
        let channel = sms_channel(config, &config.sms, url)?;
        let (by_kind, others) = config.sms.by_kind();
        require_kinds("sms.recipients", &by_kind)?;
        let to = Recipients { by_kind, others, waiting: Vec::new() };
        lines.push(Line { medium: Medium::Sms, channel, to });
    }
    Ok(lines)
}

#[cfg(feature = "mail")]
fn mail_channel(mail: &Mail, host: &str) -> anyhow::Result<Arc<dyn Channel>> {
    use crate::config::MailSecurity as Setting;
    use crate::service::messages::{MailSecurity, MailSettings, SmtpMail};
    let settings = MailSettings {
        host: host.to_owned(),
        port: mail.port,
        security: match mail.security {
            Setting::Starttls => MailSecurity::StartTls,
            Setting::Tls => MailSecurity::Tls,
            Setting::None => MailSecurity::None,
        },
        ca: mail.ca.clone(),
        account: mail.user.clone().zip(mail.secret.clone()),
        from: mail.from.clone().context("未設定 mail.from")?,
    };
    let mail = SmtpMail::new(&settings).context("無法準備郵件:請檢查 mail.from 與 mail.ca")?;
    Ok(Arc::new(mail))
}

#[cfg(not(feature = "mail"))]
fn mail_channel(_: &Mail, _: &str) -> anyhow::Result<Arc<dyn Channel>> {
    bail!("本程式未含郵件功能")
}

#[cfg(feature = "webhooks")]
fn sms_channel(config: &Config, sms: &Sms, url: &str) -> anyhow::Result<Arc<dyn Channel>> {
    use crate::config::{SmsForm as Form, SmsHeader};
    use crate::service::messages::{Gateway, SmsForm};
    use crate::service::webhooks::{HttpSender, SystemResolver};
    let sender =
        HttpSender::new(config.webhooks.ca.as_ref()).context("無法準備簡訊:請檢查 webhooks.ca")?;
    Ok(Arc::new(Gateway {
        url: url.to_owned(),
        form: match sms.form {
            Form::Form => SmsForm::Form,
            Form::Json => SmsForm::Json,
        },
        fields: sms.fields.clone(),
        secret_header: match sms.secret_header {
            SmsHeader::None => None,
            SmsHeader::Authorization => Some("authorization"),
            SmsHeader::XApiKey => Some("x-api-key"),
        },
        secret: sms.secret.clone().unwrap_or_default(),
        sender: Arc::new(sender),
        resolver: Arc::new(SystemResolver),
        guard: super::webhooks::guard(config)?,
    }))
}

#[cfg(not(feature = "webhooks"))]
fn sms_channel(_: &Config, _: &Sms, _: &str) -> anyhow::Result<Arc<dyn Channel>> {
    bail!("本程式未含 HTTPS 用戶端")
}
