//! `fenwen data …`: what data there are, whether they are what their manifests say, and how to bring in more.

mod check;
mod dedupe;
mod import;
mod manifest;
mod pdf;
pub(crate) mod rows;
mod split;
mod stats;
mod table;

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use fenwen::media::pdf::PdfWorker;

use manifest::Manifest;

/// Commands on data sets.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// 列出資料集
    List(ListOptions),
    /// 檢查說明檔,以及資料檔的雜湊、筆數與欄位
    Check(CheckOptions),
    /// 統計一個 JSONL 檔:筆數、標籤、長度、個資
    Stats(stats::Options),
    /// 找出近似重複的資料,並檢查是否跨越資料切分
    Dedupe(dedupe::Options),
    /// 分成訓練與評測兩份,近似重複不分開
    Split(split::Options),
    /// 匯入 JSONL、CSV、EML、mbox、公文 DI、PDF(文字層)或純文字為 JSONL
    Import(import::Options),
    /// 在子行程中讀取一個 PDF 檔(由匯入命令自行啟動)
    #[command(hide = true)]
    PdfWorker,
}

/// Where the manifests are.
#[derive(Debug, Args)]
pub(crate) struct Manifests {
    /// 說明檔目錄
    #[arg(long, value_name = "DIR", default_value = "datasets-manifest")]
    manifests: PathBuf,
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    at: Manifests,
    /// 顯示來源、授權、切分與限制
    #[arg(long)]
    long: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    at: Manifests,
    /// 資料檔目錄;未指定時只檢查說明檔
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// 只檢查這些資料集
    ids: Vec<String>,
}

/// Runs a command.
pub(crate) fn run(command: &DataCommand) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        DataCommand::List(options) => list(options, &mut out),
        DataCommand::Check(options) => {
            let manifests = manifest::read_all(&options.at.manifests)?;
            if let Some(unknown) =
                options.ids.iter().find(|id| manifests.iter().all(|it| it.id != **id))
            {
                bail!("沒有資料集 {unknown}");
            }
            let wanted = |it: &&Manifest| options.ids.is_empty() || options.ids.contains(&it.id);
            let chosen: Vec<&Manifest> = manifests.iter().filter(wanted).collect();
            check::run(&chosen, options.data.as_deref(), &mut out)
        }
        DataCommand::Stats(options) => stats::run(options, &mut out),
        DataCommand::Dedupe(options) => dedupe::run(options, &mut out),
        DataCommand::Split(options) => split::run(options, &mut out),
        DataCommand::Import(options) => {
            import::run(options, &PdfWorker::this_program(&pdf::COMMAND)?, &mut out)
        }
        DataCommand::PdfWorker => pdf::serve(),
    }
}

fn list(options: &ListOptions, out: &mut impl Write) -> anyhow::Result<()> {
    for it in manifest::read_all(&options.at.manifests)? {
        let rows = it.n_rows().map_or("不限".to_owned(), |n_rows| n_rows.to_string());
        writeln!(
            out,
            "{}\t{}\t{rows} 筆\t{}\t個資:{}\t{}",
            it.id,
            it.task,
            it.licence,
            it.personal_data.class.name(),
            it.title
        )?;
        for (name, value) in it.details().into_iter().filter(|_| options.long) {
            writeln!(out, "    {name}:{value}")?;
        }
    }
    Ok(())
}
