//! `fenwen doctor`: looks at everything a server needs, changes nothing, and says what to do.

mod issuers;
mod remedies;

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use rustix::fs::Access;
use serde::Serialize;

use crate::audit::{self, AuditKey};
use crate::base::{Clock, Private, SystemClock, rfc3339};
use crate::config::{Config, Finding, NodeService, Profile, StoreEngine};
use crate::http::{Nearness, expiry};
use crate::registry::{ModelRegistry, ModelState, ModelTask};
use crate::service::scan::{Scanner, WhenAway};
use crate::store::Inspection;

use super::serve::limits::scanner;
use super::{bus, jobs, models, release, retention};

/// A clock that stands before this moment (2026-01-01T00:00:00Z) is wrong.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);

/// What tells that a time service has set the clock.
const SYNCHRONISED: [&str; 2] = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid"];

/// How it is shown.
#[derive(Debug, Args)]
pub(super) struct DoctorOptions {
    /// 輸出 JSON
    #[arg(long)]
    json: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// A server would not work.
    Bad,
}

/// What was looked at.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    name: &'static str,
    state: State,
    detail: String,
}

/// What one look found: a state and a sentence, or why it failed.
type Look = anyhow::Result<(State, String)>;

/// Looks at everything; the exit code is a failure when something is bad.
pub(super) fn run(options: &DoctorOptions, config: &Config) -> anyhow::Result<ExitCode> {
    let checks = checks(config);
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&checks)?)?;
    } else {
        write!(out, "{}", table(&checks))?;
    }
    let is_bad = checks.iter().any(|it| it.state == State::Bad);
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn checks(config: &Config) -> Vec<Check> {
    type Looker = fn(&Config) -> Look;
    let looks: [(&'static str, &'static str, Looker); 13] = [
        ("config", "設定", settings),
        ("ports", "監聽埠", ports),
        ("clock", "時鐘", clock),
        ("keys", "金鑰", keys),
        ("certificates", "憑證", certificates),
        ("issuers", "權杖簽發者", issuers::issuers),
        ("disk", "磁碟", disk),
        ("database", "資料庫", database),
        ("bus", "企業匯流排", bus_state),
        ("models", "模型", model_files),
        ("scanner", "防毒掃描", virus_scanner),
        ("release", "發行簽章", signed_release),
        ("audit", "稽核紀錄", audit_log),
    ];
    let look = |(check, name, look): (&'static str, &'static str, Looker)| {
        let (state, detail) = look(config).unwrap_or_else(|error| {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            (State::Bad, causes.join(":").replace('\n', " "))
        });
        Check { check, name, state, detail }
    };
    looks.into_iter().map(look).collect()
}

/// Lines of name, state and detail; a Chinese character is two columns wide.
fn table(checks: &[Check]) -> String {
    let width =
        |text: &str| text.chars().map(|ch| if ch.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let widest = checks.iter().map(|it| width(it.name)).max().unwrap_or(0);
    let line = |it: &Check| {
        let state = match it.state {
            State::Good => "正常",
            State::Warning => "注意",
            State::Bad => "異常",
        };
        let padding = " ".repeat(widest - width(it.name));
        format!("{}{padding}  {state}  {}\n", it.name, it.detail)
    };
    checks.iter().map(line).collect()
}

fn settings(config: &Config) -> Look {
    let findings = super::config::findings(config);
    let is_fatal = findings.iter().any(Finding::is_fatal);
    let told: Vec<String> = findings.into_iter().map(|it| it.message).collect();
    Ok(match (told.is_empty(), is_fatal) {
        (true, _) => (State::Good, "可用".to_owned()),
        (false, false) => (State::Warning, told.join(";")),
        (false, true) => (State::Bad, told.join(";")),
    })
}

fn ports(config: &Config) -> Look {
    let (mut worst, mut told) = (State::Good, Vec::new());
    let others = config.listeners.iter().map(|it| ("listeners", it.address));
    for (setting, address) in [("server.listen", config.server.listen)].into_iter().chain(others) {
        let (state, remark) = match TcpListener::bind(address) {
            Ok(_) => (State::Good, "可用".to_owned()),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                (State::Warning, format!("已有程序監聽;若非本服務,請改用 {setting}"))
            }
            Err(error) => {
                let remedy = remedies::of_port(&error, setting);
                (State::Bad, format!("無法監聽:{error}({remedy})"))
            }
        };
        worst = worst.max(state);
        told.push(format!("{address} {remark}"));
    }
    Ok((worst, told.join(";")))
}

fn clock(_: &Config) -> Look {
    let now = SystemClock.unix_time();
    if now < EARLIEST {
        return Ok((State::Bad, format!("系統時間為 {},請以 timedatectl 校時", rfc3339(now))));
    }
    if SYNCHRONISED.iter().any(|it| is_there(Path::new(it))) {
        return Ok((State::Good, rfc3339(now)));
    }
    Ok((
        State::Warning,
        format!("{};無法確認已校時,請啟用 chrony 或 systemd-timesyncd", rfc3339(now)),
    ))
}

/// Whether something is there, as far as may be seen.
fn is_there(path: &Path) -> bool {
    path.try_exists().unwrap_or(false)
}

fn keys(config: &Config) -> Look {
    let folder = config.data_dir().join("keys");
    if !folder.is_dir() {
        return Ok((State::Warning, "尚無金鑰,首次啟動時產生".to_owned()));
    }
    let mut names = Vec::new();
    let mut open = Vec::new();
    let unseen = || format!("無法讀取 {},請以服務帳號執行,並檢查擁有者", folder.display());
    for it in fs::read_dir(&folder).with_context(unseen)? {
        let it = it?;
        let name = it.file_name().to_string_lossy().into_owned();
        if it.metadata()?.permissions().mode() & 0o077 != 0 {
            open.push(name.clone());
        }
        names.push(name);
    }
    names.sort();
    if !open.is_empty() {
        open.sort();
        return Ok((State::Bad, format!("他人可讀取 {},請改為 0600", open.join("、"))));
    }
    let has_sealing = names.iter().any(|it| it.starts_with("store.") && it.ends_with("key"));
    if is_there(&config.data_dir().join("store.sqlite")) && !has_sealing {
        return Ok((State::Bad, "有資料庫而無資料金鑰,請由保險箱取回".to_owned()));
    }
    Ok((State::Good, names.join("、")))
}

fn certificates(config: &Config) -> Look {
    let now = SystemClock.unix_time();
    let (mut worst, mut told) = (State::Good, Vec::new());
    for path in config.listeners.iter().filter_map(|it| it.certificate.as_ref()) {
        let unread = || "請檢查 listeners 的 certificate、檔案權限與格式(PEM)";
        let expires = expiry(path).with_context(unread)?;
        let (state, remark) = match Nearness::of(expires, now) {
            Nearness::Far => (State::Good, ""),
            Nearness::Month => (State::Warning, ",30 天內到期,請換發"),
            Nearness::Week => (State::Warning, ",7 天內到期,請立即換發"),
            Nearness::Over => (State::Bad, ",已到期,請立即換發"),
        };
        worst = worst.max(state);
        told.push(format!("{} 至 {}{remark}", path.display(), rfc3339(expires)));
    }
    let none = "沒有加密的監聽位址".to_owned();
    Ok((worst, if told.is_empty() { none } else { told.join(";") }))
}

fn disk(config: &Config) -> Look {
    let data = config.data_dir();
    // What is not made yet will lie on the volume of the folder above.
    let there = data.ancestors().find(|it| is_there(it)).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        return Ok((State::Bad, format!("{} 不是資料夾,請更正 data_dir", there.display())));
    }
    let entered = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = rustix::fs::access(there, entered) {
        let remedy = "請檢查擁有者、權限與掛載方式(唯讀),並以服務帳號執行";
        return Ok((State::Bad, format!("{} 無法寫入:{error}({remedy})", there.display())));
    }
    let found = rustix::fs::statvfs(there)
        .with_context(|| format!("無法讀取 {} 的剩餘空間", there.display()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize) >> 20;
    let wanted = config.audit.min_free_mib;
    let detail = format!("{} 剩餘 {free} MiB", data.display());
    Ok(match free {
        it if it < wanted => (
            State::Bad,
            format!("{detail},少於 audit.min_free_mib = {wanted},請清出空間或擴充磁碟"),
        ),
        it if it < 4 * wanted => (State::Warning, format!("{detail},請及早擴充")),
        _ => (State::Good, detail),
    })
}

fn database(config: &Config) -> Look {
    if config.store.engine == StoreEngine::Sqlite {
        let path = config.data_dir().join("store.sqlite");
        if !is_there(&path) {
            return Ok((State::Warning, "尚未建立,首次啟動時建立".to_owned()));
        }
    }
    let found = jobs::inspect(config).map_err(|error| remedies::of_store(&error))?;
    let Inspection { is_new, n_missing, n_keys, n_sealed_before } = found;
    Ok(match n_sealed_before {
        _ if is_new => (State::Warning, "尚無資料表,首次啟動時建立".to_owned()),
        _ if 0 < n_missing => (
            State::Warning,
            format!(
                "資料庫結構較舊(差 {n_missing} 次變更),以本版程式啟動時會自動更新,更新後舊版程式無法再啟動;請先備份"
            ),
        ),
        Some(n_before) if 0 < n_before => (
            State::Warning,
            format!("尚有 {n_before} 筆由舊金鑰保護,請執行 fenwen key rotate --resume"),
        ),
        _ => (State::Good, format!("可開啟,金鑰 {n_keys} 把")),
    })
}

fn bus_state(config: &Config) -> Look {
    let report = retention::runtime()?.block_on(async {
        let bus = bus::open(config).await.map_err(bus::told)?;
        let report = bus.report().await.map_err(bus::told);
        bus.drain().await;
        report
    })?;
    Ok((State::Good, format!("{} {}", report.server, report.version)))
}

/// Has it look at a harmless file.
fn virus_scanner(config: &Config) -> Look {
    let scanner = Scanner { when_away: WhenAway::Refuse, ..scanner(config) };
    if !scanner.is_on() {
        return Ok((State::Good, "未設定(scan.clamd),不掃描上傳的檔案".to_owned()));
    }
    let harmless = Private::new(b"fenwen doctor".to_vec());
    retention::runtime()?
        .block_on(scanner.check(&harmless))
        .map_err(|_| anyhow!("clamd 沒有回答或拒收,請檢查 clamd 與 scan.clamd"))?;
    Ok((State::Good, "clamd 有回應".to_owned()))
}

fn model_files(config: &Config) -> Look {
    let registry = ModelRegistry::open(models::settings(config)?)?;
    let (mut n_ready, mut missing, mut broken) = (0, Vec::new(), Vec::new());
    for model in registry.models() {
        let id = model.manifest.id.as_str().to_owned();
        match registry.check(&id)? {
            ModelState::Ready => n_ready += 1,
            ModelState::Missing
                if model.manifest.default && is_opened(config, model.manifest.task) =>
            {
                missing.push(id);
            }
            ModelState::Broken(_) => broken.push(id),
            ModelState::Missing | ModelState::Foreign => (),
        }
    }
    Ok(if !broken.is_empty() {
        (State::Bad, format!("雜湊不符:{};請執行 fenwen models pull", broken.join("、")))
    } else if !missing.is_empty() {
        (State::Warning, format!("尚未下載:{};請執行 fenwen models pull", missing.join("、")))
    } else {
        (State::Good, format!("{n_ready} 個模型的雜湊相符"))
    })
}

/// Whether a node with the services of the settings opens models of this kind.
fn is_opened(config: &Config, task: ModelTask) -> bool {
    let has = |service| config.server.services.contains(&service);
    match task {
        ModelTask::TextDetection
        | ModelTask::TextRecognition
        | ModelTask::LineOrientation
        | ModelTask::PageOrientation
        | ModelTask::FaceDetection => has(NodeService::IdentityDocuments),
        ModelTask::VoiceActivity | ModelTask::SpeechRecognition => has(NodeService::Speech),
        ModelTask::TextClassification | ModelTask::SentenceEmbedding | ModelTask::Runtime => true,
    }
}

fn signed_release(config: &Config) -> Look {
    if config.release.public_key.is_none() {
        let is_wanted = config.profile == Profile::Production;
        let state = if is_wanted { State::Warning } else { State::Good };
        return Ok((state, "未設定 release.public_key,不核對簽署的發行清單".to_owned()));
    }
    let findings = release::inspect(config, &release::trust(config)?)?;
    let told: Vec<String> =
        findings.into_iter().map(|it| format!("{}:{}", it.object, it.reason)).collect();
    Ok(match told.is_empty() {
        true => (State::Good, "程式、介面、模型與分類表與簽署的發行清單相符".to_owned()),
        false => {
            let remedy = "請以簽署的發行重新安裝;若為未經核准的變更,請保全證據並通報";
            (State::Bad, format!("{}({remedy})", told.join(";")))
        }
    })
}

fn audit_log(config: &Config) -> Look {
    let settings = super::audit::settings(config);
    if !settings.folder.is_dir() {
        return Ok((State::Warning, "尚無紀錄".to_owned()));
    }
    if !settings.keys.join("audit.key").is_file() {
        return Ok((State::Bad, "有紀錄而無簽章金鑰,請由保險箱取回 audit.key".to_owned()));
    }
    let unopened = "無法讀取簽章金鑰,請以服務帳號執行;若已損壞,由保險箱取回 audit.key";
    let key = AuditKey::open(&settings.keys).context(unopened)?.public();
    let unread = "無法讀取稽核紀錄,請以服務帳號執行,並檢查目錄的擁有者與磁碟";
    let reports = audit::verify(&settings.folder, &key).context(unread)?;
    let n_rows: u64 = reports.iter().map(|it| it.last - it.before).sum();
    match reports.iter().find_map(|it| it.finding.map(|finding| (it, finding))) {
        Some((report, finding)) => Ok((
            State::Bad,
            format!(
                "{}:{finding}(請保全檔案、通報資安人員,並以 fenwen audit verify 查明)",
                report.chain
            ),
        )),
        None => Ok((State::Good, format!("{} 條鏈、{n_rows} 列皆相符", reports.len()))),
    }
}

#[cfg(test)]
mod tests;
