//! `fenwen models activate|propose|approve|reject|proposals|rollback|versions`: the ministry's own classifiers. In production one
//! person proposes a version and another approves it; a demonstration needs one.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::audit::{AuditEvent, Row, Word};
use crate::base::{Clock, SystemClock};
use crate::config::{Config, Profile};
use crate::service::events::{Event, ModelActivated, ModelName};
use crate::store::{Promotion, Rejection};

use super::approval::{self, Asking};
use super::audit::{by_operator, on_record};
use super::retention::require_name;
use super::routing::Named;
use super::{jobs, outbox, profile, routing};

/// What can be done with classifiers.
pub(super) enum VersionCommand {
    /// Take a trained folder in and let it answer; not in production.
    Activate {
        /// `letters`, `documents` or `ministries`.
        name: String,
        /// The agency with units of its own.
        tenant: Option<String>,
        /// What `fenwen train` wrote.
        folder: PathBuf,
    },
    /// Take a trained folder in; it waits for somebody else.
    Propose {
        /// Which classifier.
        name: String,
        /// The agency with units of its own.
        tenant: Option<String>,
        /// What `fenwen train` wrote.
        folder: PathBuf,
        /// Who proposes it.
        asking: Asking,
    },
    /// Let a proposed version answer.
    Approve {
        /// The proposal.
        id: String,
        /// Who approves it.
        by: String,
    },
    /// Let a proposed version never answer.
    Reject {
        /// The proposal.
        id: String,
        /// Why.
        reason: String,
        /// Who rejects it.
        by: String,
    },
    /// List the proposals.
    Proposals,
    /// Let the version before answer again.
    RollBack {
        /// Which classifier.
        name: String,
        /// The agency with units of its own.
        tenant: Option<String>,
    },
    /// List the versions.
    List {
        /// Which classifier.
        name: String,
        /// The agency with units of its own.
        tenant: Option<String>,
    },
}

/// Runs a command; a running server follows within two seconds.
pub(super) fn run(command: VersionCommand, config: &Config) -> anyhow::Result<()> {
    match command {
        VersionCommand::Activate { name, tenant, folder } => {
            activate(Named::new(config, &name, tenant.as_deref())?, &folder, config)
        }
        VersionCommand::Propose { name, tenant, folder, asking } => {
            propose(Named::new(config, &name, tenant.as_deref())?, &folder, asking, config)
        }
        VersionCommand::Approve { id, by } => approve(&id, &by, config),
        VersionCommand::Reject { id, reason, by } => reject(&id, &reason, &by, config),
        VersionCommand::Proposals => proposals(config),
        VersionCommand::RollBack { name, tenant } => {
            roll_back(Named::new(config, &name, tenant.as_deref())?, config)
        }
        VersionCommand::List { name, tenant } => {
            list(Named::new(config, &name, tenant.as_deref())?, config)
        }
    }
}

fn activate(it: Named<'_>, folder: &Path, config: &Config) -> anyhow::Result<()> {
    let name = it.path();
    let row = changed(AuditEvent::ModelActivated, "models activate", it);
    let number = on_record(config, row, |row| {
        ensure!(
            config.profile != Profile::Production,
            "正式環境須由一人提議版本、另一人核可:`fenwen models propose {name} DIR --reason 原因 --by 姓名`"
        );
        // A directory of production is none of a demonstration, whatever the command says.
        profile::mark(&config.data_dir(), config.profile)?;
        let before = routing::versions(config, it)?.active()?;
        let (number, _) = routing::add(config, it, folder, routing::today(&SystemClock))?;
        row.object = version(it, number);
        routing::versions(config, it)?.activate(number)?;
        tell(config, it, (before, number))?;
        Ok(number)
    })?;
    writeln!(
        std::io::stdout(),
        "已啟用 {name} 第 {number} 版;執行中的服務會在 2 秒內改用。示範模式由一人啟用;正式環境須一人提案、另一人核准。"
    )?;
    Ok(())
}

fn propose(it: Named<'_>, folder: &Path, asking: Asking, config: &Config) -> anyhow::Result<()> {
    let name = it.path();
    let row = changed(AuditEvent::ModelProposed, "models propose", it);
    let (id, number) = on_record(config, row, |row| {
        let request = asking.request(SystemClock.unix_time(), row)?;
        profile::mark(&config.data_dir(), config.profile)?;
        let today = routing::today(&SystemClock);
        let (number, sha256) = routing::add(&unpinned(config), it, folder, today)?;
        row.object = version(it, number);
        let id = request.id.clone();
        let promotion = Promotion { request, model: it.path(), version: number, sha256 };
        ensure!(
            jobs::store(config)?.propose_promotion(promotion).wait()?,
            "這個版本已提議:請見 `fenwen models proposals`"
        );
        Ok((id, number))
    })?;
    writeln!(
        std::io::stdout(),
        "已提案 {id}:{name} 第 {number} 版,尚未啟用;請另一人執行:fenwen models approve {id} --by NAME"
    )?;
    Ok(())
}

/// The settings by which a version is taken in that nobody can have signed yet: the release that is signed next is drafted
/// from what is here. Nothing answers by it: whoever approves it needs that release.
fn unpinned(config: &Config) -> Config {
    let mut config = config.clone();
    config.release.public_key = None;
    config
}

fn approve(id: &str, by: &str, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::ModelActivated, "models approve");
    let (name, number) = on_record(config, row, |row| {
        row.person = approval::named(by)?;
        row.object = Word::new(&format!("promotions/{id}"));
        let store = jobs::store(config)?;
        let proposed = store.promotions().wait()?.into_iter().find(|it| it.request.id == id);
        let proposed = proposed.context("沒有這件提議:請見 `fenwen models proposals`")?;
        let (path, number) = (proposed.model, proposed.version);
        let it = Named::of_path(config, &path)?;
        row.object = version(it, number);
        let versions = routing::versions(config, it)?;
        let sha256 = routing::verify(config, it, number, routing::today(&SystemClock))?;
        ensure!(sha256 == proposed.sha256, "「{path}」第 {number} 版與提議時不同:請重新提議");
        let was_cut_short = proposed.request.approved.is_some() && proposed.request.done.is_none();
        let approval = store.approve_promotion(id, by, SystemClock.unix_time()).wait()?;
        approval::require(approval, was_cut_short, "fenwen models proposals")?;
        let before = versions.active()?;
        versions.activate(number)?;
        store.promoted(id, SystemClock.unix_time()).wait()?;
        tell(config, it, (before, number))?;
        Ok((path, number))
    })?;
    writeln!(
        std::io::stdout(),
        "已核准並啟用 {name} 第 {number} 版;執行中的服務會在 2 秒內改用。"
    )?;
    Ok(())
}

fn reject(id: &str, reason: &str, by: &str, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::ModelRejected, "models reject");
    on_record(config, row, |row| {
        row.person = approval::named(by)?;
        row.object = Word::new(&format!("promotions/{id}"));
        require_name(reason).context("--reason")?;
        let store = jobs::store(config)?;
        let proposed = store.promotions().wait()?.into_iter().find(|it| it.request.id == id);
        let proposed = proposed.context("沒有這件提議:請見 `fenwen models proposals`")?;
        let (path, number) = (proposed.model, proposed.version);
        row.object = Word::new(&format!("models/{path}/{number}"));
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let rejection = Rejection { by, at: SystemClock.unix_time(), reason };
        ensure!(
            store.reject_promotion(id, rejection).wait()?,
            "沒有這件待核可的申請:請見 `fenwen models proposals`"
        );
        Ok(())
    })?;
    writeln!(std::io::stdout(), "已駁回提案 {id}。")?;
    Ok(())
}

fn proposals(config: &Config) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for it in jobs::store(config)?.promotions().wait()? {
        writeln!(out, "{} {} {}", it.model, it.version, approval::line(&it.request))?;
    }
    Ok(())
}

/// One person may: the version before was let in by two already, and a bad one must not answer until a second is found.
fn roll_back(it: Named<'_>, config: &Config) -> anyhow::Result<()> {
    let name = it.path();
    let row = changed(AuditEvent::ModelRolledBack, "models rollback", it);
    let number = on_record(config, row, |row| {
        let before = routing::versions(config, it)?.active()?;
        let proposed = jobs::store(config)?.promotions().wait()?;
        let number = routing::roll_back(config, it, &proposed, routing::today(&SystemClock))?;
        row.object = version(it, number);
        tell(config, it, (before, number))?;
        Ok(number)
    })?;
    writeln!(std::io::stdout(), "已回復 {name} 第 {number} 版;執行中的服務會在 2 秒內改用。")?;
    Ok(())
}

fn list(it: Named<'_>, config: &Config) -> anyhow::Result<()> {
    let versions = routing::versions(config, it)?;
    let active = versions.active()?;
    let mut out = std::io::stdout().lock();
    for number in versions.list()? {
        let mark = if Some(number) == active { "*" } else { " " };
        let state = versions.load(number).map_or_else(|err| err.to_string(), |it| it.sha256);
        writeln!(out, "{mark} {number}  {state}")?;
    }
    Ok(())
}

/// What is recorded of a change of a model.
fn changed(event: AuditEvent, action: &'static str, it: Named<'_>) -> Row {
    Row { object: Word::new(&format!("models/{}", it.path())), ..by_operator(event, action) }
}

/// A version in the audit log: by it a proposal and its approval are found together.
fn version(it: Named<'_>, number: u32) -> Option<Word> {
    Word::new(&format!("models/{}/{number}", it.path()))
}

/// Tells that another version answers.
fn tell(config: &Config, it: Named<'_>, (before, now): (Option<u32>, u32)) -> anyhow::Result<()> {
    let version = routing::versions(config, it)?.load(now)?;
    let name = it.name.to_owned();
    let event = ModelActivated {
        model: ModelName { name, version: it.version(now) },
        previous_version: before.map(|number| it.version(number)),
        sha256: version.sha256,
    };
    let store = jobs::store(config)?;
    let path = it.path();
    outbox::tell(&store, &Event::ModelActivated(event), format!("models/{path}"))
        .with_context(|| format!("{path} 第 {now} 版已啟用,但其事件未送出"))
}
