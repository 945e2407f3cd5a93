//! `fenwen clients`: registers, shows, suspends and deletes client systems; and the gate of a server.

mod import;
mod review;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::audit::{AuditEvent, Row, Word};
use crate::base::{Clock, SystemClock, rfc3339};
use crate::config::{self, Config, Profile};
use crate::identity::{
    Application, Gate, GateSettings, IssuerSettings, KeySource, NewKey, shares_partner,
};
use crate::policy::{Policy, Role, Scope, Scopes};
use crate::store::Store;
use crate::store::clients::{ClientKey, ClientRow};

use super::retention::require_name;
use super::words::name;
use super::{audit, jobs};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What operators do with clients.
#[derive(Debug, Subcommand)]
pub(super) enum ClientsCommand {
    /// 登記介接系統
    Add(Box<Registration>),
    /// 匯入線上申辦平臺的申請檔(JSON,client-application.v1);先只試算,--apply 才登記
    Import {
        /// 申請檔
        file: PathBuf,
        /// 核准人,不得為申請人
        #[arg(long)]
        approved_by: String,
        /// 登記
        #[arg(long)]
        apply: bool,
    },
    /// 列出介接系統:機關、狀態、最近使用、核准人
    List,
    /// 定期清查:寫出所有介接系統與其權限的清查表,簽章後保存;--verify 核對已保存者
    Review {
        /// 清查人
        #[arg(long, value_name = "NAME", required_unless_present = "verify")]
        by: Option<String>,
        /// 只核對這份清查表是否未被更動
        #[arg(long, value_name = "FILE", conflicts_with = "by")]
        verify: Option<PathBuf>,
    },
    /// 顯示一個介接系統的授權與金鑰代碼
    Show {
        /// 介接系統代碼
        id: String,
    },
    /// 停用:60 秒內在所有節點生效
    Suspend {
        /// 介接系統代碼
        id: String,
    },
    /// 恢復使用
    Enable {
        /// 介接系統代碼
        id: String,
    },
    /// 刪除介接系統及其金鑰
    Delete {
        /// 介接系統代碼
        id: String,
    },
    /// 製發 API 金鑰(只顯示一次),或以 --revoke 廢止
    Key {
        /// 介接系統代碼
        id: String,
        /// 廢止這把金鑰,不製發新的
        #[arg(long, value_name = "KEY_ID")]
        revoke: Option<String>,
    },
}

/// A client to register.
#[derive(Debug, Args)]
pub(super) struct Registration {
    /// 介接系統代碼:1 到 64 個英數字、- 或 _
    id: String,
    /// 機關代碼
    #[arg(long, default_value = "301000000A", value_parser = name)]
    org: String,
    /// 可見的單位路徑,例如 301000000A/民政司;可重複,未指定則為全機關
    #[arg(long)]
    unit: Vec<String>,
    /// 權限,以逗號分隔;未指定則為「介接系統」的一般權限
    #[arg(long, value_delimiter = ',')]
    scope: Vec<Scope>,
    /// 核准的特定目的代碼,以逗號分隔
    #[arg(long, value_delimiter = ',', required = true)]
    purpose: Vec<String>,
    /// 可使用的時段(臺灣時間),例如 08:00-18:00
    #[arg(long)]
    hours: Option<String>,
    /// 可使用的網段,例如 10.1.0.0/16;以逗號分隔
    #[arg(long, value_delimiter = ',')]
    network: Vec<String>,
    /// 幾天後到期
    #[arg(long)]
    days: Option<u64>,
    /// 須以這張用戶端憑證連線:憑證的 SHA-256(十六進位,可有冒號)
    #[arg(long)]
    certificate: Option<String>,
    /// 在資料交換平臺上的名稱:instance/class/member/subsystem
    #[arg(long)]
    partner: Option<String>,
    /// 核准人
    #[arg(long)]
    approved_by: String,
}

/// What proves callers of a server.
pub(super) fn gate(config: &Config, store: Store, clock: Arc<dyn Clock>) -> Arc<Gate> {
    let settings = GateSettings {
        is_required: config.auth.is_required(config.profile),
        accepts_demo_keys: config.profile == Profile::Demo,
        idle: DAY * u32::try_from(config.auth.idle_days).unwrap_or(u32::MAX),
        issuers: config.auth.issuers.iter().map(issuer).collect(),
    };
    let policy = Policy {
        strong: config.auth.strong_amr.clone(),
        strong_acr: config.auth.strong_acr.clone(),
    };
    Gate::new(settings, policy, store, clock)
}

/// An issuer of access tokens, by the settings.
pub(super) fn issuer(it: &config::Issuer) -> IssuerSettings {
    let keys = if it.jwks.starts_with("https://") || it.jwks.starts_with("http://") {
        KeySource::Url(it.jwks.clone())
    } else {
        KeySource::File(PathBuf::from(&it.jwks))
    };
    IssuerSettings { issuer: it.issuer.clone(), audience: it.audience.clone(), keys }
}

impl ClientsCommand {
    /// What it is on record, and the client that it changes; `None` for one that only shows.
    fn change(&self) -> Option<(AuditEvent, &'static str, &str)> {
        match self {
            ClientsCommand::Add(it) => {
                Some((AuditEvent::ClientRegistered, "clients add", it.id.as_str()))
            }
            ClientsCommand::Suspend { id } => {
                Some((AuditEvent::ClientSuspended, "clients suspend", id))
            }
            ClientsCommand::Enable { id } => {
                Some((AuditEvent::ClientEnabled, "clients enable", id))
            }
            ClientsCommand::Delete { id } => {
                Some((AuditEvent::ClientDeleted, "clients delete", id))
            }
            ClientsCommand::Key { id, revoke: None } => {
                Some((AuditEvent::ClientKeyIssued, "clients key", id))
            }
            ClientsCommand::Key { id, revoke: Some(_) } => {
                Some((AuditEvent::ClientKeyRevoked, "clients key", id))
            }
            // A review is on record too, with who signed it off, and so is each client that is imported.
            ClientsCommand::List
            | ClientsCommand::Import { .. }
            | ClientsCommand::Review { .. }
            | ClientsCommand::Show { .. } => None,
        }
    }
}

/// Runs a command of an operator; what changes something is on record.
pub(super) fn run(command: ClientsCommand, config: &Config) -> anyhow::Result<()> {
    let Some((event, action, id)) = command.change() else { return perform(command, config) };
    let object = Word::new(&format!("clients/{id}"));
    let row = Row { object, ..audit::by_operator(event, action) };
    audit::on_record(config, row, |_| perform(command, config))
}

fn perform(command: ClientsCommand, config: &Config) -> anyhow::Result<()> {
    let store = jobs::store(config)?;
    let now = SystemClock.unix_time();
    let mut out = std::io::stdout().lock();
    match command {
        ClientsCommand::Add(it) => add(&store, it.row(now)?, &mut out)?,
        ClientsCommand::List => {
            for row in store.clients().wait()? {
                writeln!(out, "{}", line(&row, now))?;
            }
        }
        ClientsCommand::Import { file, approved_by, apply } => {
            require_name(&approved_by).context("--approved-by")?;
            import::run(&file, (&approved_by, apply), config, &mut out)?;
        }
        ClientsCommand::Review { by, verify } => review::run(by, verify, config, &mut out)?,
        ClientsCommand::Show { id } => show(&store, &id, now, &mut out)?,
        ClientsCommand::Suspend { id } => {
            ensure!(store.set_client_active(&id, false, now).wait()?, NO_SUCH_CLIENT);
            writeln!(out, "已停用 {id};60 秒內生效。")?;
        }
        ClientsCommand::Enable { id } => {
            ensure!(store.set_client_active(&id, true, now).wait()?, NO_SUCH_CLIENT);
            writeln!(out, "已恢復 {id}。")?;
        }
        ClientsCommand::Delete { id } => {
            ensure!(store.delete_client(&id).wait()?, NO_SUCH_CLIENT);
            writeln!(out, "已刪除 {id} 及其金鑰;60 秒內生效。")?;
        }
        ClientsCommand::Key { id, revoke: Some(key) } => {
            let is_own =
                store.client_keys().wait()?.iter().any(|it| it.id == key && it.client == id);
            ensure!(is_own, "「{id}」沒有這把金鑰:請見 `fenwen clients show {id}`");
            store.delete_client_key(&key).wait()?;
            writeln!(out, "已廢止 {key};60 秒內生效。")?;
        }
        ClientsCommand::Key { id, revoke: None } => {
            let is_demo = config.profile == Profile::Demo;
            let key = NewKey::generate(is_demo)?;
            let (client, hash) = (id, key.hash);
            let kept = ClientKey { id: key.id, client, hash, is_demo, created: now };
            ensure!(store.add_client_key(kept).wait()?, NO_SUCH_CLIENT);
            writeln!(out, "{}", key.text.expose())?;
            writeln!(std::io::stderr(), "金鑰只顯示這一次,請存入機密庫。")?;
        }
    }
    Ok(())
}

const NO_SUCH_CLIENT: &str = "沒有這個介接系統:請見 `fenwen clients list`";

impl Registration {
    /// As somebody who applies asks for it, without a number and an applicant.
    fn row(self, now: Duration) -> anyhow::Result<ClientRow> {
        let scopes: Scopes = self.scope.iter().copied().collect();
        let scopes = if self.scope.is_empty() { Role::System.scopes() } else { scopes };
        let application = Application {
            application_no: String::new(),
            applied_by: String::new(),
            client_id: self.id,
            org: self.org,
            units: self.unit,
            scopes: scopes.iter().map(|it| it.to_string()).collect(),
            purposes: self.purpose,
            hours: self.hours,
            networks: self.network,
            valid_days: self.days,
            certificate_sha256: self.certificate,
            exchange_name: self.partner,
        };
        require_name(&self.approved_by).context("--approved-by")?;
        Ok(application.row(&self.approved_by, now)?)
    }
}

fn add(store: &Store, row: ClientRow, out: &mut dyn Write) -> anyhow::Result<()> {
    let id = row.id.clone();
    // Names that were registered before one spelling was kept are not found by the database.
    let is_taken = store.clients().wait()?.iter().any(|it| shares_partner(it, &row));
    let is_new = !is_taken && store.add_client(row).wait()?;
    ensure!(is_new, "「{id}」或其交換平臺名稱已被使用:請見 `fenwen clients list`");
    writeln!(out, "已登記 {id};以 fenwen clients key {id} 製發金鑰。")?;
    Ok(())
}

fn show(store: &Store, id: &str, now: Duration, out: &mut dyn Write) -> anyhow::Result<()> {
    let row = store.clients().wait()?.into_iter().find(|it| it.id == id).context(NO_SUCH_CLIENT)?;
    writeln!(out, "{}", line(&row, now))?;
    writeln!(out, "  權限:{}", row.scopes)?;
    writeln!(out, "  特定目的:{}", row.purposes)?;
    for (name, value) in [
        ("單位", row.units.replace('\n', " ")),
        ("時段", row.hours.unwrap_or_default()),
        ("網段", row.networks),
        ("交換平臺", row.partner.unwrap_or_default()),
    ] {
        if !value.is_empty() {
            writeln!(out, "  {name}:{value}")?;
        }
    }
    for key in store.client_keys().wait()?.iter().filter(|it| it.client == id) {
        let kind = if key.is_demo { "(示範用)" } else { "" };
        writeln!(out, "  金鑰:{} {}{kind}", key.id, rfc3339(key.created))?;
    }
    Ok(())
}

/// Whether a client may call.
fn state(row: &ClientRow, now: Duration) -> &'static str {
    match row.expires {
        _ if !row.is_active => "suspended",
        Some(expires) if expires <= now => "expired",
        _ => "active",
    }
}

/// A client in one line.
fn line(row: &ClientRow, now: Duration) -> String {
    let state = state(row, now);
    format!(
        "{} {} {state} used={} expires={} approved_by={}",
        row.id,
        row.org,
        rfc3339(row.used),
        row.expires.map_or("-".to_owned(), rfc3339),
        row.approver,
    )
}
