//! `fenwen qa`: sources are imported, approved, retired, and built into the index that answers.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base::{Clock, Date, SystemClock, hex};
use crate::config::Config;
use crate::media::exchange::printed_date;
use crate::media::sources::{self, SourceDraft, SourceFile, SourceFormat, SourceLimits};
use crate::pipeline::answers::index::{Vectors, encoded_texts};
use crate::service::routing::index::{ActiveIndex, pack, versions};
use crate::service::sources::{
    Change, Library, LibraryError, Provenance, SourceState, SourceVersion,
};
use crate::task::answers::Source;

use super::words::name;
use super::{encoder, routing};

/// Rows that are named at most, where rows are left out.
const LISTED: usize = 20;

/// What can be done with sources.
#[derive(Debug, Subcommand)]
pub(super) enum QaCommand {
    /// 匯入來源為草稿:CSV、JSONL(欄位 question、answer、title、unit、link、valid_from、valid_to、id)、HTML、Markdown
    Import {
        /// 檔案(UTF-8、UTF-16 含 BOM 或 Big5)
        file: PathBuf,
        /// 格式;未指定時依副檔名
        #[arg(long, value_enum)]
        from: Option<Format>,
        /// 業務單位;檔案未載明者適用
        #[arg(long, value_parser = name)]
        unit: Option<String>,
        /// 生效日(2026-11-24 或 115/11/24);檔案未載明者適用
        #[arg(long, value_parser = day)]
        valid_from: Option<Date>,
        /// 失效日(2026-11-24 或 115/11/24);檔案未載明者適用
        #[arg(long, value_parser = day)]
        valid_to: Option<Date>,
        /// 匯入者代號
        #[arg(long, value_name = "ID", value_parser = name)]
        by: String,
    },
    /// 列出來源與狀態(draft、approved、retired)
    List {
        /// 只列出此狀態
        #[arg(long, value_enum)]
        state: Option<State>,
        /// 以 JSONL 輸出全部欄位
        #[arg(long)]
        json: bool,
    },
    /// 核定草稿,核定後方可引用;同一來源先前核定的版本隨即停用
    Approve {
        /// 來源編號
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// 核定所有草稿
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// 核定者代號
        #[arg(long, value_name = "ID", value_parser = name)]
        by: String,
    },
    /// 停用來源
    Retire {
        /// 來源編號
        #[arg(required = true)]
        ids: Vec<String>,
        /// 停用者代號
        #[arg(long, value_name = "ID", value_parser = name)]
        by: String,
    },
    /// 以已核定的來源建立索引並啟用;執行中的服務會在 2 秒內改用
    Index,
}

/// Form of a file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    Csv,
    Jsonl,
    Html,
    Markdown,
}

/// State of a source.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum State {
    Draft,
    Approved,
    Retired,
}

impl From<Format> for SourceFormat {
    fn from(format: Format) -> SourceFormat {
        match format {
            Format::Csv => SourceFormat::Csv,
            Format::Jsonl => SourceFormat::Jsonl,
            Format::Html => SourceFormat::Html,
            Format::Markdown => SourceFormat::Markdown,
        }
    }
}

impl From<State> for SourceState {
    fn from(state: State) -> SourceState {
        match state {
            State::Draft => SourceState::Draft,
            State::Approved => SourceState::Approved,
            State::Retired => SourceState::Retired,
        }
    }
}

fn day(text: &str) -> Result<Date, String> {
    let day = Date::parse_iso(text).or_else(|| printed_date(text));
    day.ok_or_else(|| "日期應寫為 2026-11-24 或 115/11/24".to_owned())
}

/// Runs a command.
pub(super) fn run(command: QaCommand, config: &Config) -> anyhow::Result<()> {
    let answers = routing::answers(config);
    let library = Library::at(&answers.join("sources"));
    let mut out = std::io::stdout().lock();
    match command {
        QaCommand::Import { file, from, unit, valid_from, valid_to, by } => {
            let common = SourceDraft { unit, valid_from, valid_to, ..SourceDraft::default() };
            import(&library, &file, from.map(Into::into), &common, &by, &mut out)
        }
        QaCommand::List { state, json } => {
            let state = state.map(SourceState::from);
            for it in library.load()?.versions().filter(|it| state.is_none_or(|of| of == it.state))
            {
                writeln!(out, "{}", if json { row(it) } else { line(it) })?;
            }
            Ok(())
        }
        QaCommand::Approve { ids, all, by } => {
            let ids = if all { drafts(&library)? } else { ids };
            let n = library.approve(&ids, &now(&by)?).map_err(told)?;
            Ok(writeln!(out, "已核定 {n} 筆;請執行 fenwen qa index 建立索引。")?)
        }
        QaCommand::Retire { ids, by } => {
            let n = library.retire(&ids, &now(&by)?).map_err(told)?;
            Ok(writeln!(out, "已停用 {n} 筆;請執行 fenwen qa index 建立索引。")?)
        }
        QaCommand::Index => {
            let approved = library.load()?.approved();
            ensure!(
                !approved.is_empty(),
                "沒有已核定的來源:請先 `fenwen qa import FILE`,再 `fenwen qa approve --all`"
            );
            let (number, n_sources, has_vectors) = index(&answers, config, approved)?;
            writeln!(out, "已啟用問答索引第 {number} 版,{n_sources} 筆來源。")?;
            if !has_vectors {
                writeln!(
                    out,
                    "語句編碼器尚未下載,索引只比對文字;請執行 fenwen models pull 後重建。"
                )?;
            }
            Ok(())
        }
    }
}

fn import(
    library: &Library,
    file: &Path,
    format: Option<SourceFormat>,
    common: &SourceDraft,
    by: &str,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let shown = file.display();
    let of_name = || SourceFormat::of_extension(file.extension()?.to_str()?);
    let Some(format) = format.or_else(of_name) else {
        bail!("無法判斷 {shown} 的格式:請以 --from 指定");
    };
    let bytes = std::fs::read(file).with_context(|| format!("無法讀取 {shown}"))?;
    let read = sources::read(&bytes, format, &SourceLimits::default());
    let SourceFile { mut drafts, blank } =
        read.map_err(|it| anyhow!(it.message())).with_context(|| format!("{shown} 不予接受"))?;
    for draft in &mut drafts {
        draft.unit = draft.unit.take().or_else(|| common.unit.clone());
        draft.valid_from = draft.valid_from.or(common.valid_from);
        draft.valid_to = draft.valid_to.or(common.valid_to);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sha256 = hex(&Sha256::digest(&bytes));
    let provenance = Provenance { file: name, format: format.as_str(), sha256 };
    let imported = library
        .import(&drafts, &provenance, &now(by)?)
        .map_err(told)
        .with_context(|| format!("{shown} 不予接受"))?;
    let (new, changed, same) = (imported.n_new, imported.n_changed, imported.n_same);
    if !blank.is_empty() {
        let lines: Vec<String> = blank.iter().take(LISTED).map(usize::to_string).collect();
        let more = if LISTED < blank.len() { "…" } else { "" };
        let (n, lines) = (blank.len(), lines.join("、"));
        writeln!(out, "略過 {n} 列沒有答案的資料:第 {lines}{more} 行。")?;
    }
    writeln!(out, "新增 {new} 筆、更新 {changed} 筆草稿,{same} 筆內容相同未變更。")?;
    Ok(writeln!(out, "核定後方可引用:fenwen qa approve --all --by ID")?)
}

/// What is refused, in the words of whoever works with the library.
fn told(error: LibraryError) -> anyhow::Error {
    match error {
        LibraryError::Id(number) => anyhow!("第 {number} 筆的編號須為 1 至 64 個可見字元,不含空白"),
        LibraryError::Twice(number) => anyhow!("第 {number} 筆的編號與檔案中較前的一筆相同"),
        LibraryError::State { id, needed: "draft" } => anyhow!("來源 {id} 沒有待核定的草稿"),
        LibraryError::State { id, .. } => anyhow!("來源 {id} 沒有草稿或已核定的版本"),
        other => other.into(),
    }
}

fn now(by: &str) -> anyhow::Result<Change> {
    let is_id = (1..=64).contains(&by.chars().count()) && !by.chars().any(char::is_control);
    ensure!(is_id, "--by 須為 1 至 64 個可見字元的代號");
    Ok(Change { by: by.to_owned(), at: SystemClock.unix_time().as_secs() })
}

fn drafts(library: &Library) -> anyhow::Result<Vec<String>> {
    let sources = library.load()?;
    let drafts = sources.versions().filter(|it| it.state == SourceState::Draft);
    Ok(drafts.map(|it| it.source.id.clone()).collect())
}

/// Builds an index of these sources and makes it the one that answers. Returns its number, how many sources it has, and
/// whether it has vectors.
fn index(
    answers: &Path,
    config: &Config,
    approved: Vec<Source>,
) -> anyhow::Result<(u32, usize, bool)> {
    let n_sources = approved.len();
    let encoded = match encoder::sha256(config) {
        Ok(sha256) => Some((sha256, encode(config, &approved)?)),
        Err(error) => {
            tracing::warn!(reason = format!("{error:#}"), "no encoder: the index has words only");
            None
        }
    };
    let has_vectors = encoded.is_some();
    let files =
        pack(approved, encoded.as_ref().map(|(sha256, vectors)| (sha256.as_str(), vectors)))?;
    let folder = tempfile::tempdir().context("無法建立資料夾")?;
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).with_context(|| format!("無法寫入 {}", path.display()))?;
    }
    let versions = versions(answers);
    let number = versions.add(folder.path())?;
    // What cannot be opened never becomes active.
    if let Err(error) =
        versions.load(number).map_err(Into::into).and_then(|it| ActiveIndex::open(&it))
    {
        versions.remove(number)?;
        return Err(error.into());
    }
    versions.activate(number)?;
    Ok((number, n_sources, has_vectors))
}

/// Vectors of the sources' questions and answers.
///
/// # Errors
/// When the encoder cannot be opened or run.
pub fn encode(config: &Config, sources: &[Source]) -> anyhow::Result<Vectors> {
    let mut bulk = encoder::open_bulk(config)?;
    let texts: Vec<&str> = sources.iter().flat_map(encoded_texts).collect();
    let bar = ProgressBar::new(u64::try_from(texts.len())?);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let found = bulk.encode(&texts, |n_texts| bar.inc(u64::try_from(n_texts).unwrap_or(0)))?;
    bar.finish_and_clear();
    Ok(Vectors::new(found.width, found.values))
}

fn line(it: &SourceVersion) -> String {
    let source = &it.source;
    let head = source.question.as_ref().or(source.title.as_ref()).unwrap_or(&source.answer);
    let head: String = head.chars().take(40).map(|ch| if ch == '\n' { ' ' } else { ch }).collect();
    let unit = source.unit.as_deref().unwrap_or("–");
    format!("{:<8}  {}  v{}  {unit}  {head}", it.state.as_str(), source.id, source.version)
}

fn row(it: &SourceVersion) -> String {
    let source = &it.source;
    let day = |it: Option<Date>| it.map(|it| it.to_string());
    json!({
        "id": source.id, "version": source.version, "state": it.state.as_str(),
        "title": source.title, "question": source.question, "answer": source.answer,
        "unit": source.unit, "link": source.link,
        "valid_from": day(source.valid_from), "valid_to": day(source.valid_to),
        "changed_by": it.changed.by, "changed_at": it.changed.at,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_tells_what_it_left_out_and_what_it_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::at(&dir.path().join("sources"));
        let file = dir.path().join("faq.csv");
        let import = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let mut out = Vec::new();
            let done = import(&library, &file, None, &SourceDraft::default(), "u-1", &mut out);
            done.map(|()| String::from_utf8(out).unwrap()).map_err(|it| format!("{it:#}"))
        };
        let told = import("編號,問題,答案\n1,甲,乙\n2,丙,\n3,丁,\n").unwrap();
        assert!(told.contains("略過 2 列沒有答案的資料:第 3、4 行"), "{told}");
        let refused = import("編號,答案\n1,甲\n1,乙\n").unwrap_err();
        assert!(refused.ends_with("第 2 筆的編號與檔案中較前的一筆相同"), "{refused}");
        let refused = import("答案\n\"甲\n").unwrap_err();
        assert!(refused.contains("第 2 行開始的引號"), "{refused}");
        let told = told_of(&library);
        assert_eq!(told, "來源 9 沒有待核定的草稿");
    }

    fn told_of(library: &Library) -> String {
        let change = Change { by: "u-1".to_owned(), at: 0 };
        told(library.approve(&["9".to_owned()], &change).unwrap_err()).to_string()
    }
}
