//! `fenwen-train`: fits what the server uses; run as `fenwen train …`.

mod adamw;
mod baseline;
mod calibrate;
mod checkpoint;
mod data;
mod discover;
mod encoder;
mod isotonic;
mod linear;
mod progress;
mod projection;
mod whisper;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// 訓練與校準 fenwen 的模型。
///
/// 沒有子命令時,依配方訓練文字分類模型,微調語句編碼器(配方有 [encoder] 一節),或以 LoRA 微調語音模型([whisper])。
#[derive(Debug, Parser)]
#[command(name = "fenwen train", version)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: linear::Options,
    /// 自輸出目錄中最後一個檢查點繼續(僅限微調語句編碼器與語音模型的配方)
    #[arg(long)]
    resume: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 以評測輸出(dev 資料)校準證件欄位的信心度
    CalibrateIdcard(calibrate::Options),
    /// 以推論引擎為微調後的語句編碼器評分
    ScoreEncoder(encoder::score::Options),
    /// 資料集:列出、檢查、統計、去重、匯入(即 fenwen data)
    #[command(subcommand)]
    Data(data::DataCommand),
    /// 從大量信件找出議題:分群,並列出各群用語(即 fenwen discover)
    Discover(discover::Options),
}

fn main() -> ExitCode {
    fenwen::cli::report(run(&Cli::parse()).map(|()| ExitCode::SUCCESS))
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Some(Command::CalibrateIdcard(options)) => calibrate::run(options),
        Some(Command::Data(command)) => data::run(command),
        Some(Command::Discover(options)) => discover::run(options, &mut std::io::stdout().lock()),
        Some(Command::ScoreEncoder(options)) => encoder::score::run(options),
        None if cli.options.is_update() => linear::run(&cli.options, false),
        None if encoder::is_meant(&cli.options)? => encoder::run(&cli.options, cli.resume),
        None if whisper::is_meant(&cli.options)? => whisper::run(&cli.options, cli.resume),
        None => linear::run(&cli.options, cli.resume),
    }
}
