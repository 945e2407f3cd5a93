//! Composition root: commands, and the wiring of everything below into a running system.

mod approval;
mod audit;
mod backup;
mod bench;
mod bus;
mod capacity;
mod check;
mod clients;
mod config;
mod console;
mod doctor;
pub mod drift;
mod dumps;
pub mod encoder;
mod export;
mod feedback;
mod idcard;
pub mod jobs;
mod key;
pub mod kinds;
pub mod local;
mod logging;
mod messages;
pub mod models;
mod networks;
mod notices;
mod otlp;
mod outbox;
mod profile;
mod progress;
pub mod qa;
pub mod raw;
mod recogniser;
mod recordings;
mod release;
pub mod retention;
pub mod routing;
mod serve;
mod sibling;
pub mod speech;
mod subject;
mod summary;
mod taxonomy;
mod transcribe;
mod unhurried;
mod versions;
mod warehouse;
mod webhooks;
mod words;

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, Overrides, Profile};
use crate::media::audio::ffmpeg;
use crate::service::messages::Medium;

use words::one_line;

/// 分文:內政部共用人工智慧推論服務。
///
/// 證件影像識別、信件分類、公文分文、語音轉寫與問答。所有結果皆為建議,由承辦人決定。
#[derive(Debug, Parser)]
#[command(name = "fenwen", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command understands.
#[derive(Debug, Args)]
struct Settings {
    /// 設定檔(TOML);亦可用環境變數 FENWEN_CONFIG
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// 執行模式
    #[arg(long, global = true, value_enum)]
    profile: Option<Profile>,
    /// 監聽位址,例如 127.0.0.1:8080
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// 資料目錄
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// 設定任一項目,例如 --set idcard.queue=16(可重複)
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 啟動服務
    Serve {
        /// 這個程序做什麼:all(全部)、api(只接受請求)、worker(只執行工作)、relay(只送出事件與 webhook)
        #[arg(long, value_enum, default_value_t)]
        role: serve::Role,
    },
    /// 列出、查看、取消工作,或重新排隊
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// 登記、列出、停用、刪除介接系統,製發金鑰
    #[command(subcommand)]
    Clients(clients::ClientsCommand),
    /// 識別證件影像
    Idcard(idcard::Options),
    /// 將錄音轉寫為文字
    Transcribe(transcribe::Options),
    /// 將文字轉為語意向量(NumPy 檔)
    Embed(encoder::Options),
    /// 列出、下載、驗證、說明、轉出與清理模型
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// 列出、簽署、核對本機可採用的程式、模型與分類表
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    /// 由單位表做成分類與職掌的下一版
    #[command(subcommand)]
    Taxonomy(taxonomy::TaxonomyCommand),
    /// 匯入、核定、停用問答來源並建立索引
    #[command(subcommand)]
    Qa(qa::QaCommand),
    /// 匯出承辦人的回饋
    #[command(subcommand)]
    Feedback(feedback::FeedbackCommand),
    /// 檢查作答是否偏離模型啟用之初,或顯示已檢查的結果
    #[command(subcommand)]
    Drift(drift::DriftCommand),
    /// 匯出一日的統計資料,供資料倉儲使用(去識別化的 CSV 與 Parquet)
    Export(warehouse::Options),
    /// 顯示保存期限、銷毀逾期資料、設定與解除保全
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    /// 查詢、匯出、刪除提及當事人的資料
    #[command(subcommand)]
    Subject(subject::SubjectCommand),
    /// 備份資料庫、內容、稽核紀錄與設定;服務不需停止
    Backup(backup::BackupOptions),
    /// 將備份還原至空的資料目錄
    Restore(backup::RestoreOptions),
    /// 檢查設定、埠、時鐘、金鑰、憑證、磁碟、資料庫、匯流排、模型與稽核紀錄
    Doctor(doctor::DoctorOptions),
    /// 列出、更換、停用資料金鑰
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// 驗證、匯出、統計與查詢稽核紀錄
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// 量測各模型在本機裝置上的速度(Markdown 表)
    Bench(bench::Options),
    /// 由實測數據推算容量:多少件需要多少節點
    Capacity(capacity::Options),
    /// 檢查企業匯流排
    #[command(subcommand)]
    Bus(bus::BusCommand),
    /// 試寄電子郵件通知
    #[command(subcommand)]
    Mail(messages::MessagesCommand),
    /// 試發簡訊通知
    #[command(subcommand)]
    Sms(messages::MessagesCommand),
    /// 在子行程中執行一個模型(由伺服器自行啟動)
    #[command(hide = true)]
    EngineWorker,
    /// 限制自身權限後轉為系統的 ffmpeg(由伺服器自行啟動)
    #[command(hide = true)]
    FfmpegWorker {
        /// 程式
        ffmpeg: PathBuf,
        /// 輸入格式
        demuxer: String,
        /// 輸出取樣率
        rate: String,
    },
    /// 檢查、顯示或說明設定
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// 評測模型(交由 fenwen-eval 執行)
    #[command(disable_help_flag = true)]
    Eval(Forwarded),
    /// 訓練與校準模型(交由 fenwen-train 執行)
    #[command(disable_help_flag = true)]
    Train(Forwarded),
    /// 列出、檢查、統計、去重與匯入資料集(交由 fenwen-train 執行)
    #[command(disable_help_flag = true)]
    Data(Forwarded),
    /// 從大量信件找出議題:分群,並列出各群用語(交由 fenwen-train 執行)
    #[command(disable_help_flag = true)]
    Discover(Forwarded),
}

/// Arguments handed on unread.
#[derive(Debug, Args)]
struct Forwarded {
    /// 傳給該程式的參數
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Forwarded {
    /// The arguments behind the name of a command.
    fn after(self, command: &str) -> Vec<OsString> {
        std::iter::once(command.into()).chain(self.arguments).collect()
    }
}

/// Parses the command line, runs the command and reports a failure as one line.
pub fn run() -> ExitCode {
    dumps::forbid();
    let given = words::worded(Cli::command()).get_matches();
    report(Cli::from_arg_matches(&given).unwrap_or_else(|err| err.exit()).run())
}

/// The exit code of a command; a failure is told in one line. Also for the programs beside this one.
pub fn report(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|err| {
        // Standard error may be closed; then there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "錯誤:{}", one_line(&err));
        ExitCode::FAILURE
    })
}

/// The settings of a command that logs as the server does.
fn logged(overrides: &Overrides) -> anyhow::Result<Config> {
    let config = Config::load(overrides)?;
    logging::start(&config.log);
    Ok(config)
}

/// The settings of a server; that they are refused is recorded.
fn served(overrides: &Overrides) -> anyhow::Result<Config> {
    let loaded = logged(overrides);
    if loaded.is_err()
        && let Ok(config) = Config::read(overrides)
    {
        audit::refused(&config);
    }
    loaded
}

impl Cli {
    fn run(self) -> anyhow::Result<ExitCode> {
        let overrides = self.settings.overrides();
        let read = || Config::read(&overrides);
        match self.command {
            Command::Serve { role } => serve::run(&served(&overrides)?, role)?,
            Command::Idcard(options) => idcard::run(&options, &logged(&overrides)?)?,
            Command::Transcribe(options) => transcribe::run(&options, &logged(&overrides)?)?,
            Command::Embed(options) => encoder::run(&options, &logged(&overrides)?)?,
            Command::Models(models::ModelsCommand::Check { ids }) => {
                check::run(&ids, &logged(&overrides)?)?;
            }
            Command::Models(command) => match command.versions() {
                Ok(command) => versions::run(command, &read()?)?,
                Err(command) => models::run(command, &read()?)?,
            },
            Command::Release(command) => release::run(command, &read()?)?,
            Command::Taxonomy(command) => taxonomy::run(command, &read()?)?,
            Command::Qa(command) => qa::run(command, &read()?)?,
            Command::Clients(command) => clients::run(command, &read()?)?,
            Command::Jobs(command) => jobs::run(command, &read()?)?,
            Command::Feedback(command) => feedback::run(command, &read()?)?,
            Command::Drift(command) => drift::run(command, &read()?)?,
            Command::Export(options) => warehouse::run(&options, &read()?)?,
            Command::Retention(command) => retention::run(command, &Config::load(&overrides)?)?,
            Command::Subject(command) => subject::run(command, &read()?)?,
            Command::Backup(options) => backup::backup(&options, &read()?)?,
            Command::Restore(options) => backup::restore(&options, &read()?)?,
            Command::Doctor(options) => return doctor::run(&options, &read()?),
            Command::Key(command) => key::run(command, &read()?)?,
            Command::Audit(command) => audit::run(command, &read()?)?,
            Command::Bench(options) => bench::run(&options, &logged(&overrides)?)?,
            Command::Capacity(options) => capacity::run(&options)?,
            Command::Bus(command) => bus::run(command, &Config::load(&overrides)?)?,
            Command::Mail(it) => messages::run(Medium::Mail, it, &Config::load(&overrides)?)?,
            Command::Sms(it) => messages::run(Medium::Sms, it, &Config::load(&overrides)?)?,
            Command::EngineWorker => crate::engine::worker::run()?,
            Command::FfmpegWorker { ffmpeg, demuxer, rate } => {
                // It comes back only when it failed; nobody reads why, and the exit code tells that.
                let _ = ffmpeg::become_ffmpeg(&ffmpeg, &demuxer, &rate);
                return Ok(ExitCode::from(ffmpeg::CANNOT_START));
            }
            Command::Config(command) => return config::run(command, &overrides),
            Command::Eval(it) => return sibling::run("fenwen-eval", &it.arguments),
            Command::Train(it) => return sibling::run("fenwen-train", &it.arguments),
            Command::Data(it) => return sibling::run("fenwen-train", &it.after("data")),
            Command::Discover(it) => return sibling::run("fenwen-train", &it.after("discover")),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Settings {
    fn overrides(&self) -> Overrides {
        Overrides {
            file: self.config.clone(),
            profile: self.profile,
            listen: self.listen,
            data_dir: self.data_dir.clone(),
            set: self.set.clone(),
        }
    }
}
