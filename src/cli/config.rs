//! `fenwen config check|show|reference`.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{Config, Finding, Overrides};

use super::raw::RawNetworks;
use super::{messages, routing, webhooks};

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// 檢查設定是否可用、是否安全
    Check,
    /// 顯示生效的設定(機密不顯示)
    Show,
    /// 列出所有設定及其預設值與說明(Markdown)
    Reference,
}

/// What is wrong with the settings, also what only those parts know that they are for. No model is opened, and nobody is
/// connected to: whoever starts a server with what passes here is told nothing of its settings that was not said.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut found = config.check();
    // What is wrong by itself would be told again.
    if found.iter().any(Finding::is_fatal) {
        return found;
    }
    let parts = [
        webhooks::guard(config).map(drop),
        messages::lines(config).map(drop),
        trials(config),
        routing::calendar(config).map(drop),
    ];
    for error in parts.into_iter().filter_map(Result::err) {
        let finding = Finding::fatal(format!("{error:#}"));
        // Short messages go where webhooks may.
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

/// Where none is asked for, the registry is not looked at.
fn trials(config: &Config) -> anyhow::Result<()> {
    if config.models.trials.is_empty() {
        return Ok(());
    }
    RawNetworks::new(config)?.trials().map(drop)
}

pub(super) fn run(command: ConfigCommand, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Check => {
            let findings = findings(&Config::read(overrides)?);
            for finding in &findings {
                let word = if finding.is_fatal() { "錯誤" } else { "提醒" };
                writeln!(out, "{word}:{}", finding.message)?;
            }
            if findings.iter().any(Finding::is_fatal) {
                return Ok(ExitCode::FAILURE);
            }
            writeln!(out, "設定可用。")?;
        }
        ConfigCommand::Show => {
            let mut config = Config::read(overrides)?;
            config.data_dir = Some(config.data_dir());
            config.models.store = Some(config.model_store());
            write!(out, "{}", toml::to_string(&config)?)?;
        }
        ConfigCommand::Reference => write!(out, "{}", Config::reference())?,
    }
    Ok(ExitCode::SUCCESS)
}
