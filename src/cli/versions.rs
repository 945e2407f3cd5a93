//! `fenwen models activate|rollback|versions`: the ministry's own classifiers.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use crate::audit::{AuditEvent, Row, Word};
use crate::base::SystemClock;
use crate::config::{Config, Tenant};
use crate::service::events::{Event, ModelActivated, ModelName};

use super::audit::{by_operator, on_record};
use super::routing;

/// What can be done with classifiers.
pub(super) enum VersionCommand {
    /// Take a trained folder in and let it answer.
    Activate {
        /// `letters`, `documents` or `ministries`.
        name: String,
        /// The agency with units of its own.
        tenant: Option<String>,
        /// What `fenwen train` wrote.
        folder: PathBuf,
    },
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
    let mut out = std::io::stdout().lock();
    let today = routing::today(&SystemClock);
    match command {
        VersionCommand::Activate { name, tenant, folder } => {
            let tenant = routing::tenant(config, tenant.as_deref())?;
            let row = changed(AuditEvent::ModelActivated, "models activate", (&name, tenant));
            let number = on_record(config, row, |_| {
                let before = routing::versions(config, &name, tenant)?.active()?;
                let number = routing::activate(config, (&name, tenant), &folder, today)?;
                tell((config, tenant), &name, (before, number))?;
                Ok(number)
            })?;
            writeln!(out, "已啟用 {name} 第 {number} 版;執行中的服務會在 2 秒內改用。")?;
        }
        VersionCommand::RollBack { name, tenant } => {
            let tenant = routing::tenant(config, tenant.as_deref())?;
            let row = changed(AuditEvent::ModelRolledBack, "models rollback", (&name, tenant));
            let number = on_record(config, row, |_| {
                let before = routing::versions(config, &name, tenant)?.active()?;
                let number = routing::roll_back(config, (&name, tenant), today)?;
                tell((config, tenant), &name, (before, number))?;
                Ok(number)
            })?;
            writeln!(out, "已回復 {name} 第 {number} 版;執行中的服務會在 2 秒內改用。")?;
        }
        VersionCommand::List { name, tenant } => {
            let tenant = routing::tenant(config, tenant.as_deref())?;
            let versions = routing::versions(config, &name, tenant)?;
            let active = versions.active()?;
            for number in versions.list()? {
                let mark = if Some(number) == active { "*" } else { " " };
                let state =
                    versions.load(number).map_or_else(|err| err.to_string(), |it| it.sha256);
                writeln!(out, "{mark} {number}  {state}")?;
            }
        }
    }
    Ok(())
}

/// What is recorded of a change of a model.
fn changed(
    event: AuditEvent,
    action: &'static str,
    (name, tenant): (&str, Option<&Tenant>),
) -> Row {
    let object = match tenant {
        Some(tenant) => format!("tenants/{}/models/{name}", tenant.org),
        None => format!("models/{name}"),
    };
    Row { object: Word::new(&object), ..by_operator(event, action) }
}

/// Tells that another version answers.
fn tell(
    (config, tenant): (&Config, Option<&Tenant>),
    name: &str,
    (before, now): (Option<u32>, u32),
) -> anyhow::Result<()> {
    let version = routing::versions(config, name, tenant)?.load(now)?;
    let numbered = |number: u32| match tenant {
        Some(tenant) => format!("{}/{number}", tenant.org),
        None => number.to_string(),
    };
    let event = ModelActivated {
        model: ModelName { name: name.to_owned(), version: numbered(now) },
        previous_version: before.map(numbered),
        sha256: version.sha256,
    };
    let store = super::jobs::store(config)?;
    super::outbox::tell(&store, &Event::ModelActivated(event), format!("models/{name}"))
        .with_context(|| format!("version {now} of {name} answers, but its event is lost"))
}
