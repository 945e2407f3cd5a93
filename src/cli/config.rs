//! `fenwen config check|show|reference`.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{Config, Finding, Overrides};

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

pub(super) fn run(command: ConfigCommand, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Check => {
            let findings = Config::read(overrides)?.check();
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
