//! `fenwen-train`: fits what the server uses; run as `fenwen train …`.

mod calibrate;
mod data;
mod isotonic;

use clap::{Parser, Subcommand};

/// 訓練與校準 fenwen 的模型。
#[derive(Debug, Parser)]
#[command(name = "fenwen train", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 以評測輸出(dev 資料)校準證件欄位的信心度
    CalibrateIdcard(calibrate::Options),
    /// 資料集:列出、檢查、統計、去重、匯入(即 fenwen data)
    #[command(subcommand)]
    Data(data::DataCommand),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::CalibrateIdcard(options) => calibrate::run(&options),
        Command::Data(command) => data::run(&command),
    }
}
