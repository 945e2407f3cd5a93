//! `fenwen release`: what this installation may load is written down, signed by a person, and checked.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Subcommand;

use crate::audit::{AuditEvent, Outcome, Recorder, Row, Word};
use crate::base::{PublicKey, SigningKey, SystemClock};
use crate::config::{Config, Tenant};
use crate::registry::{
    Digest, ModelRegistry, ModelState, Release, Trust, digest_of, digest_of_file, sign_release,
};
use crate::service::notices::{NoticeKind, Notices};
use crate::service::routing::CLASSIFIERS;

use super::approval::named;
use super::audit::{by_operator, on_record};
use super::routing::{self, Named};
use super::unhurried::unhurried;
use super::words::chain;

/// What can be done with a release.
#[derive(Debug, Subcommand)]
pub(super) enum ReleaseCommand {
    /// 產生簽章金鑰(已存在者不變),印出公鑰
    Key {
        /// 金鑰檔,應在離線保管的媒體上
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// 列出本機現有的程式、模型、分類模型版本與分類表,寫成待審的清單
    Draft {
        /// 清單檔
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// 簽署清單
    Sign {
        /// 金鑰檔
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// 簽署後的清單,即設定 release.manifest 的檔案
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// 已審查的清單;未指定時簽署本機現況
        #[arg(long, value_name = "FILE")]
        draft: Option<PathBuf>,
        /// 簽署人
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// 核對本機與已簽署的清單
    Verify,
}

/// Runs a command.
pub(super) fn run(command: ReleaseCommand, config: &Config) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        ReleaseCommand::Key { key } => {
            SigningKey::make(&key)?;
            let public = SigningKey::read(&key)?.public();
            writeln!(out, "release.public_key = \"{}\"", public.to_line())?;
            write!(out, "{}", public.to_pem())?;
            Ok(())
        }
        ReleaseCommand::Draft { out: path } => {
            write_file(&path, &draft(config)?.to_draft()?)?;
            writeln!(out, "已寫出 {};審查後以 fenwen release sign 簽署。", path.display())?;
            Ok(())
        }
        ReleaseCommand::Sign { key, out: path, draft, by } => {
            let release = sign(config, (&key, draft.as_deref(), &path), &by)?;
            for (name, sha256) in &release.classifiers {
                writeln!(out, "{sha256}  {name}")?;
            }
            writeln!(out, "已簽署 {}。", path.display())?;
            Ok(())
        }
        ReleaseCommand::Verify => {
            let trust = trust(config)?;
            ensure!(config.release.public_key.is_some(), "設定 release.public_key 後才能核對");
            let findings = inspect(config, &trust)?;
            for finding in &findings {
                writeln!(out, "不符  {}:{}", finding.object, finding.reason)?;
            }
            ensure!(findings.is_empty(), "與已簽署的清單不符,請勿啟用");
            writeln!(out, "程式、介面、模型、分類模型與分類表皆與已簽署的清單相符。")?;
            Ok(())
        }
    }
}

/// Whom this installation trusts, by the settings.
pub(super) fn trust(config: &Config) -> anyhow::Result<Trust> {
    let release = &config.release;
    let Some(line) = &release.public_key else { return Ok(Trust::default()) };
    let key = PublicKey::from_line(line)
        .context("release.public_key 不是金鑰:`fenwen release key` 會顯示")?;
    let manifest = release.manifest.clone();
    Ok(Trust::pinned(key, manifest.unwrap_or_else(|| config.data_dir().join("release.toml"))))
}

fn sign(
    config: &Config,
    (key, reviewed, out): (&Path, Option<&Path>, &Path),
    by: &str,
) -> anyhow::Result<Release> {
    let row = by_operator(AuditEvent::ReleaseSigned, "release sign");
    on_record(config, row, |row| {
        row.person = named(by)?;
        let key = SigningKey::read(key)?;
        let pinned = config.release.key();
        ensure!(
            pinned.is_none_or(|it| it == key.public()),
            "這把金鑰不是設定所指定者(release.public_key):請改用該金鑰,或先更新設定"
        );
        row.object = Word::new(&format!("release/{}", key.public().id()));
        let text = match reviewed {
            Some(path) => {
                fs::read_to_string(path).with_context(|| format!("無法讀取 {}", path.display()))?
            }
            None => draft(config)?.to_draft()?,
        };
        let release = Release::parse(&text)
            .map_err(anyhow::Error::msg)
            .context("草稿不是發行清單:`fenwen release draft` 會產生")?;
        write_file(out, &sign_release(&text, &key))?;
        Ok(release)
    })
}

/// Writes a file beside its place and renames it into it: a server sees the old one or the new one.
fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("無法寫入 {}", path.display()))
}

/// What is here now: each file is read, and one that is broken is not listed.
fn draft(config: &Config) -> anyhow::Result<Release> {
    let today = routing::today(&SystemClock);
    let mut release = Release::new(today.to_string(), program()?, contract()?);
    // A draft is what there is, whatever was signed before.
    let mut settings = super::models::settings(config)?;
    settings.trust = Trust::default();
    for model in ModelRegistry::open(settings)?.models() {
        let id = model.manifest.id.as_str();
        release.models.insert(id.to_owned(), model.sha256.clone());
        for file in &model.manifest.files {
            release.files.insert(format!("{id}/{}", file.name), file.sha256.clone());
        }
    }
    for it in classifiers(config) {
        let versions = routing::versions(config, it)?.trusting(Trust::default());
        for number in versions.list()?.into_iter().filter(|it| *it != 0) {
            let version = versions.load(number)?;
            let sha256 = version.sha256.parse().context("有版本沒有雜湊值")?;
            release.classifiers.insert(format!("{}/{number}", it.path()), sha256);
        }
    }
    for (setting, path) in routing::tables(config) {
        let sha256 = digest_of_file(path);
        let sha256 = sha256.with_context(|| format!("無法讀取 {}", path.display()))?;
        release.tables.insert(setting, sha256);
    }
    Ok(release)
}

/// Every classifier that there may be: the house's and those of agencies.
fn classifiers(config: &Config) -> Vec<Named<'_>> {
    let tenants = config.tenants.iter().map(Some);
    let owners: Vec<Option<&Tenant>> = std::iter::once(None).chain(tenants).collect();
    let of = |tenant| CLASSIFIERS.into_iter().map(move |name| Named { name, tenant });
    owners.into_iter().flat_map(of).collect()
}

/// SHA-256 of the program that runs.
fn program() -> anyhow::Result<Digest> {
    let path = std::env::current_exe().context("找不到程式檔")?;
    digest_of_file(&path).with_context(|| format!("無法讀取 {}", path.display()))
}

/// SHA-256 of the descriptions of the interfaces.
fn contract() -> anyhow::Result<Digest> {
    let openapi = crate::http::openapi().to_pretty_json()?;
    Ok(digest_of(format!("{openapi}{}", crate::rpc::asyncapi()).as_bytes()))
}

/// What is not as it was signed.
pub(super) struct Finding {
    /// What, by the name it has in the audit log.
    pub(super) object: String,
    /// Why, with the remedy.
    pub(super) reason: String,
}

impl Finding {
    fn new(object: String, reason: impl Into<String>) -> Finding {
        Finding { object, reason: reason.into() }
    }
}

/// Compares everything that is here with the signed release.
///
/// # Errors
/// When there is no signed release to compare with.
pub(super) fn inspect(config: &Config, trust: &Trust) -> anyhow::Result<Vec<Finding>> {
    let Some(release) = trust.release()? else { return Ok(Vec::new()) };
    let mut findings = own(&release)?;
    let registry = ModelRegistry::open(super::models::settings(config)?)?;
    for model in registry.models() {
        let id = model.manifest.id.as_str();
        if let ModelState::Broken(error) = registry.check(id)? {
            findings.push(Finding::new(format!("models/{id}"), chain(&error)));
        }
    }
    for it in classifiers(config) {
        let versions = routing::versions(config, it)?;
        let Some(number) = versions.active()? else { continue };
        if let Err(error) = versions.load(number) {
            findings.push(Finding::new(format!("models/{}/{number}", it.path()), chain(&error)));
        }
    }
    for (setting, path) in routing::tables(config) {
        let checked = fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|it| trust.require_table(&setting, &it).map_err(|error| error.to_string()));
        findings.extend(checked.err().map(|it| Finding::new(format!("tables/{setting}"), it)));
    }
    Ok(findings)
}

/// What of the program itself is not as it was signed.
fn own(release: &Release) -> anyhow::Result<Vec<Finding>> {
    let remedy = "install the signed program, or sign this one with `fenwen release sign`";
    let differs = |what: &str| format!("the {what} is not the one that was signed: {remedy}");
    let mut findings = Vec::new();
    if program()? != release.program {
        findings.push(Finding::new("program".to_owned(), differs("program")));
    }
    if contract()? != release.contract {
        findings
            .push(Finding::new("contract".to_owned(), differs("description of the interfaces")));
    }
    Ok(findings)
}

/// Refuses to serve without a signed release of this very program, where a key is pinned.
pub(super) fn require(config: &Config) -> anyhow::Result<()> {
    let Some(release) = trust(config)?.release()? else { return Ok(()) };
    match own(&release)?.pop() {
        Some(finding) => anyhow::bail!(finding.reason),
        None => Ok(()),
    }
}

/// Compares again and again, for as long as it is polled.
pub(super) async fn keep_checked(config: Config, notices: Arc<Notices>, audit: Arc<Recorder>) {
    if config.release.public_key.is_none() {
        return;
    }
    let config = Arc::new(config);
    let every = Duration::from_secs(config.release.check_hours.saturating_mul(60 * 60));
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        let config = Arc::clone(&config);
        let work = move || inspect(&config, &trust(&config)?);
        let checked = unhurried("release-check", work).await;
        let findings = checked
            .unwrap_or_else(|error| Err(error.into()))
            .unwrap_or_else(|it| vec![Finding::new("release".to_owned(), format!("{it:#}"))]);
        metrics::gauge!("fenwen_release_findings").set(findings.len() as f64);
        let objects: Vec<String> = findings.iter().map(|it| it.object.clone()).collect();
        notices.settle(NoticeKind::ReleaseRefused, &objects);
        for finding in findings {
            tracing::error!(
                object = finding.object,
                reason = finding.reason,
                "not as it was signed: it is refused"
            );
            // The log counts and tells what it could not write.
            drop(audit.append(refused(&finding.object)));
            notices.raise(NoticeKind::ReleaseRefused, &finding.object);
        }
    }
}

/// The row of something that is not as it was signed.
pub(super) fn refused(object: &str) -> Row {
    let row = Row::of_service(AuditEvent::ReleaseRefused, "release");
    Row { outcome: Some(Outcome::Refused), object: Word::new(object), ..row }
}
