//! `fenwen-train`: fits what the server uses; run as `fenwen train …`.

mod calibrate;
mod data;
mod isotonic;
mod linear;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// 訓練與校準 fenwen 的模型。
///
/// 沒有子命令時,依配方訓練文字分類模型。
#[derive(Debug, Parser)]
#[command(name = "fenwen train", version)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: linear::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 以評測輸出(dev 資料)校準證件欄位的信心度
    CalibrateIdcard(calibrate::Options),
    /// 資料集:列出、檢查、統計、去重、匯入(即 fenwen data)
    #[command(subcommand)]
    Data(data::DataCommand),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::CalibrateIdcard(options)) => calibrate::run(&options),
        Some(Command::Data(command)) => data::run(&command),
        None => linear::run(&cli.options),
    };
    fenwen::cli::report(outcome.map(|()| ExitCode::SUCCESS))
}
