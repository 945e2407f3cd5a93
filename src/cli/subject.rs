//! `fenwen subject`: what is kept of a person, to show, to copy out and to erase. The identifier comes on standard input,
//! so that it stands in no history and no list of processes.

use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::audit::{AuditEvent, Word};
use crate::base::{Clock, Private, SystemClock, rfc3339};
use crate::config::Config;
use crate::service::privacy::Privacy;
use crate::store::{Erasure, Identifier, IdentifierKind, Request, Store, Subject};

use super::approval::{self, Asking};
use super::audit::{by_operator, on_record};
use super::jobs;
use super::retention::runtime;

/// Largest content that is copied out at once, in bytes.
const MAX_CONTENT: u64 = 1 << 30;

/// What kind of identifier is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// 國民身分證統一編號或統一證號
    IdNumber,
    /// 電話
    Phone,
    /// 電子信箱
    Email,
}

impl Kind {
    /// Reads one identifier from standard input.
    pub(super) fn read(self, store: &Store) -> anyhow::Result<Subject> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("無法讀取標準輸入")?;
        let kind = match self {
            Kind::IdNumber => IdentifierKind::IdNumber,
            Kind::Phone => IdentifierKind::Phone,
            Kind::Email => IdentifierKind::Email,
        };
        let identifier = Identifier { kind, value: Private::new(line.trim().to_owned()) };
        store.subject(&identifier).context("標準輸入沒有識別碼:請寫成一行")
    }
}

/// Whom a command is about.
#[derive(Debug, Args)]
pub(super) struct About {
    /// 識別資料的種類;其內容自標準輸入讀取一行
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Kind,
}

/// What can be done for a person.
#[derive(Debug, Subcommand)]
pub(super) enum SubjectCommand {
    /// 列出提及當事人的預測與工作
    Find {
        #[command(flatten)]
        about: About,
    },
    /// 將提及當事人的資料解密匯出
    Export {
        #[command(flatten)]
        about: About,
        /// 輸出目錄,須尚未存在
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// 申請刪除提及當事人的資料,須由另一人核准
    Erase {
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        asking: Asking,
    },
    /// 核准刪除申請並立即執行
    Approve {
        /// 申請代碼
        id: String,
        /// 核准人,不得為申請人
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// 列出刪除申請;--out 另存為還原備份後須重新執行的清單
    Erasures {
        /// 清單檔案(JSONL),須尚未存在
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Runs a command of an operator.
pub(super) fn run(command: SubjectCommand, config: &Config) -> anyhow::Result<()> {
    let store = jobs::existing_store(config)?;
    match command {
        SubjectCommand::Find { about } => find(&about.kind.read(&store)?, &store, config),
        SubjectCommand::Export { about, out } => {
            let subject = about.kind.read(&store)?;
            export(&subject, &out, &store, config)
        }
        SubjectCommand::Erase { about, asking } => {
            ask(about.kind.read(&store)?, asking, &store, config)
        }
        SubjectCommand::Approve { id, by } => approve(&id, &by, &store, config),
        SubjectCommand::Erasures { out } => list(out.as_deref(), &store),
    }
}

/// What is done for a person, by the settings.
pub(super) fn privacy(store: &Store, config: &Config) -> anyhow::Result<Privacy> {
    let blobs = jobs::blobs(config, store)?;
    Ok(Privacy { store: store.clone(), blobs, clock: Arc::new(SystemClock), agency: None })
}

/// A subject in the audit log: its pseudonym tells nobody without the key who it is.
fn object(subject: &Subject) -> Option<Word> {
    Word::new(&format!("subjects/{}", subject.as_str()))
}

fn find(subject: &Subject, store: &Store, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::SubjectFound, "subject find");
    let found = on_record(config, row, |row| {
        row.object = object(subject);
        let found = store.mentions(subject).wait()?;
        row.count = Some(found.len() as u64);
        Ok(found)
    })?;
    let mut out = std::io::stdout().lock();
    for (mention, noted) in &found {
        let (kind, id) = mention.parts();
        writeln!(out, "{kind} {id} {}", rfc3339(*noted))?;
    }
    writeln!(std::io::stderr(), "共 {} 筆。", found.len())?;
    Ok(())
}

fn export(subject: &Subject, out: &Path, store: &Store, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::SubjectExported, "subject export");
    let n_files = on_record(config, row, |row| {
        row.object = object(subject);
        let privacy = privacy(store, config)?;
        let runtime = runtime()?;
        let mut folder = fs::DirBuilder::new();
        folder.mode(0o700).create(out).with_context(|| format!("無法建立 {}", out.display()))?;
        let mut n_files = 0;
        for (mention, _) in store.mentions(subject).wait()? {
            for file in runtime.block_on(privacy.copy(&mention, MAX_CONTENT))? {
                write(out, &file.name, file.content.expose())?;
                n_files += 1;
            }
        }
        row.count = Some(n_files);
        Ok(n_files)
    })?;
    writeln!(
        std::io::stdout(),
        "已匯出 {n_files} 個檔案至 {};內容未加密,交付後請刪除。",
        out.display()
    )?;
    Ok(())
}

/// A new file that only its owner reads.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut it| it.write_all(bytes))
        .with_context(|| format!("無法寫入 {}", path.display()))
}

fn ask(subject: Subject, asking: Asking, store: &Store, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::ErasureAsked, "subject erase");
    let (id, n_found) = on_record(config, row, |row| {
        row.object = object(&subject);
        let request = asking.request(SystemClock.unix_time(), row)?;
        let n_found = store.mentions(&subject).wait()?.len() as u64;
        row.count = Some(n_found);
        let id = request.id.clone();
        store.ask_erasure(Erasure { request, subject, org: None }).wait()?;
        Ok((id, n_found))
    })?;
    writeln!(
        std::io::stdout(),
        "已提出申請 {id},目前有 {n_found} 筆;請另一人執行:fenwen subject approve {id} --by NAME"
    )?;
    Ok(())
}

fn approve(id: &str, by: &str, store: &Store, config: &Config) -> anyhow::Result<()> {
    let row = by_operator(AuditEvent::ErasureDone, "subject approve");
    let n_erased = on_record(config, row, |row| {
        row.person = approval::named(by)?;
        row.object = Word::new(&format!("erasures/{id}"));
        let known = || -> anyhow::Result<_> {
            Ok(store.erasures().wait()?.into_iter().find(|it| it.request.id == id))
        };
        let was_cut_short =
            known()?.is_some_and(|it| it.request.approved.is_some() && it.request.done.is_none());
        let approval = store.approve_erasure(id, by, SystemClock.unix_time()).wait()?;
        approval::require(approval, was_cut_short, "fenwen subject erasures")?;
        let erasure = known()?;
        let n_erased = erase(erasure.context("申請已不存在")?, store, config)?;
        row.count = Some(n_erased);
        Ok(n_erased)
    })?;
    writeln!(
        std::io::stdout(),
        "已刪除 {n_erased} 筆。請執行 fenwen subject erasures --out FILE,將清單存於他處:還原舊備份後須重新執行。"
    )?;
    Ok(())
}

/// Erases all that an approved request means, files too; how many rows.
pub(super) fn erase(erasure: Erasure, store: &Store, config: &Config) -> anyhow::Result<u64> {
    Ok(runtime()?.block_on(privacy(store, config)?.erase(erasure))?)
}

/// An approved request, as written to the list that outlives a restore. Nothing in it tells who it was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    id: String,
    subject: String,
    reason: String,
    asked_by: String,
    asked_ms: u64,
    approved_by: String,
    approved_ms: u64,
    /// The agency whose rows were meant; none for those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<String>,
}

impl Listed {
    fn of(it: Erasure) -> Option<Listed> {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let request = it.request;
        let (approved_by, approved) = request.approved?;
        Some(Listed {
            id: request.id,
            subject: it.subject.as_str().to_owned(),
            reason: request.reason,
            asked_ms: ms(request.asked.1),
            asked_by: request.asked.0,
            approved_by,
            approved_ms: ms(approved),
            org: it.org,
        })
    }

    /// The request that it tells of.
    fn erasure(self) -> anyhow::Result<Erasure> {
        let subject = Subject::parse(&self.subject).context("清單中有一列缺少假名")?;
        let request = Request {
            id: self.id,
            reason: self.reason,
            asked: (self.asked_by, Duration::from_millis(self.asked_ms)),
            approved: Some((self.approved_by, Duration::from_millis(self.approved_ms))),
            done: None,
            rejected: None,
        };
        Ok(Erasure { request, subject, org: self.org })
    }
}

fn list(out: Option<&Path>, store: &Store) -> anyhow::Result<()> {
    let erasures = store.erasures().wait()?;
    let Some(out) = out else {
        let mut stdout = std::io::stdout().lock();
        for it in erasures {
            writeln!(stdout, "{}", approval::line(&it.request))?;
        }
        return Ok(());
    };
    let lines: Vec<String> = erasures
        .into_iter()
        .filter_map(Listed::of)
        .map(|it| serde_json::to_string(&it))
        .collect::<Result<_, _>>()?;
    let (folder, name) = (out.parent().unwrap_or(Path::new(".")), out.file_name());
    let name = name.and_then(|it| it.to_str()).context("--out 未指定檔名")?;
    let text: String = lines.iter().map(|it| format!("{it}\n")).collect();
    write(folder, name, text.as_bytes())?;
    writeln!(std::io::stdout(), "已寫出 {} 筆。", lines.len())?;
    Ok(())
}

/// Does the requests of a list again in a store that was restored, and those that it knows itself; how many rows were
/// erased.
pub(super) fn replay(list: Option<&Path>, store: &Store, config: &Config) -> anyhow::Result<u64> {
    if let Some(path) = list {
        let text =
            fs::read_to_string(path).with_context(|| format!("無法讀取 {}", path.display()))?;
        for line in text.lines().filter(|it| !it.trim().is_empty()) {
            let listed: Listed = serde_json::from_str(line)
                .with_context(|| format!("{} 不是刪除清單", path.display()))?;
            store.adopt_erasure(listed.erasure()?).wait()?;
        }
    }
    let mut n_erased = 0;
    for erasure in store.erasures().wait()?.into_iter().filter(|it| it.request.approved.is_some()) {
        n_erased += erase(erasure, store, config)?;
    }
    ensure!(
        store
            .erasures()
            .wait()?
            .iter()
            .all(|it| it.request.approved.is_none() || it.request.done.is_some()),
        "有刪除未完成:請再執行 `fenwen subject approve`"
    );
    Ok(n_erased)
}
