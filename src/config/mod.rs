//! Typed settings: built-in defaults ← TOML file ← environment ← flags. The only reader of the environment.
//!
//! Unknown keys are errors wherever they come from, and secrets never print.

mod audit;
mod auth;
mod bus;
mod check;
mod console;
mod drift;
mod jobs;
mod listeners;
mod load;
mod messages;
mod models;
mod notices;
mod otlp;
mod postgres;
mod reference;
mod release;
mod retention;
mod review;
mod scan;
mod server;
mod speech;
mod texts;
mod warehouse;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use audit::{Audit, AuditCommit};
pub use auth::{Auth, AuthMode, Issuer, Login};
pub use bus::{Bus, BusEngine, Webhooks};
pub use check::{Finding, Severity};
pub use console::Console;
pub use drift::Drift;
pub use jobs::{BlobEngine, Bucket, Jobs, Store, StoreEngine};
pub use listeners::{ListenerSettings, ListenerSurface};
pub use load::{ConfigError, Overrides};
pub use messages::{Mail, MailSecurity, Sms, SmsForm, SmsHeader, Waiting};
pub use models::{ModelTrial, Models};
pub use notices::Notices;
pub use otlp::Otlp;
pub use release::Release;
pub use retention::{DATA_CLASSES, DataClass, Retention};
pub use review::{Review, ReviewSwitch};
pub use scan::Scan;
pub use server::{NodeService, Server};
pub use speech::{Speech, SpeechRuntime};
pub use texts::{Automation, AutomationLevel, Documents, Letters, Questions, Tenant, TextMode};
pub use warehouse::Warehouse;

/// Which set of rules the settings must satisfy.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// 示範:只在本機迴路介面提供服務,不需憑證。
    #[default]
    Demo,
    /// 正式:拒絕不安全的設定。
    Production,
}

/// All settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// 執行模式:`demo` 或 `production`。
    pub profile: Profile,
    /// 資料目錄;未設定時為 `$XDG_DATA_HOME/fenwen`。
    pub data_dir: Option<PathBuf>,
    /// HTTP 伺服器。
    pub server: Server,
    /// 迴路介面以外的監聽位址,各有功能、網段與憑證。
    pub listeners: Vec<ListenerSettings>,
    /// 身分驗證。
    pub auth: Auth,
    /// 操作介面。
    pub console: Console,
    /// 輸入上限。
    pub limits: Limits,
    /// 通知維運人員的時機。
    pub notices: Notices,
    /// 以電子郵件通知維運人員與承辦人。
    pub mail: Mail,
    /// 以簡訊通知維運人員。
    pub sms: Sms,
    /// 上傳檔案的防毒掃描。
    pub scan: Scan,
    /// 證件影像識別。
    pub idcard: IdCard,
    /// 信件智能分類。
    pub letters: Letters,
    /// 電子公文智能分文。
    pub documents: Documents,
    /// 有自己的單位與分類模型的機關;未列者用本部的。
    pub tenants: Vec<Tenant>,
    /// 客戶問答。
    pub qa: Questions,
    /// 複審。
    pub review: Review,
    /// 漂移偵測。
    pub drift: Drift,
    /// 企業匯流排。
    pub bus: Bus,
    /// 以 HTTP 通知呼叫端的事件。
    pub webhooks: Webhooks,
    /// 語音轉寫。
    pub speech: Speech,
    /// 資料庫。
    pub store: Store,
    /// 工作。
    pub jobs: Jobs,
    /// 各類資料的保存期限,只及於設定之後保存的資料;逾期即銷毀。
    pub retention: Retention,
    /// 稽核紀錄。
    pub audit: Audit,
    /// 模型檔案。
    pub models: Models,
    /// 發行簽章。
    pub release: Release,
    /// 推論引擎。
    pub engine: Engine,
    /// 系統紀錄。
    pub log: Log,
    /// 追蹤與指標(OTLP)。
    pub otlp: Otlp,
    /// 資料倉儲匯出(`fenwen export`)。
    pub warehouse: Warehouse,
}

/// Limits on input, checked before anything is allocated.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// 單一影像檔案上限(位元組)。
    pub image_bytes: usize,
    /// 單一影像解碼後的像素上限。
    pub image_pixels: u64,
    /// `meta` 文件上限(位元組)。
    pub meta_bytes: usize,
    /// 信件與公文 JSON 內容上限(位元組)。
    pub json_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            image_bytes: 10 << 20,
            image_pixels: 40_000_000,
            meta_bytes: 64 << 10,
            json_bytes: 16 << 20,
        }
    }
}

/// ID images.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdCard {
    /// 同時在處理或排隊的請求上限;滿時立即回覆 429。
    pub queue: usize,
    /// 同時在處理中的影像像素總量上限。
    pub pixels_in_flight: u64,
    /// 影像解碼執行緒數;0 表示依核心數自動決定(2 至 8)。
    pub decode_threads: usize,
}

impl Default for IdCard {
    fn default() -> IdCard {
        IdCard { queue: 32, pixels_in_flight: 200_000_000, decode_threads: 0 }
    }
}

/// How models run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// ONNX 引擎:`auto`(先 `ort` 後 `rten`;顯示卡用 `candle`)、`ort`(顯示卡需 `models pull onnxruntime-cuda`)、`rten`、`candle`。
    pub onnx: OnnxEngine,
    /// 裝置:`auto`、`cpu` 或 `cuda:N`。
    pub device: String,
    /// 每個模型的工作階段數;0 表示依核心數自動決定。
    pub sessions: usize,
    /// 每個工作階段的執行緒數;0 表示依核心數自動決定。
    pub threads: usize,
    /// 原生程式庫的隔離:`none` 在同一行程執行,`process` 在受監督的子行程執行。
    pub isolation: Isolation,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine {
            onnx: OnnxEngine::Auto,
            device: "auto".to_owned(),
            sessions: 0,
            threads: 0,
            isolation: Isolation::None,
        }
    }
}

/// Which ONNX runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnnxEngine {
    /// ONNX Runtime when its library was pulled, else the built-in engine; candle on a card.
    #[default]
    Auto,
    /// ONNX Runtime, on a card too.
    Ort,
    /// The built-in pure-Rust engine.
    Rten,
    /// candle, pure Rust too; serves the graphs of ID images.
    Candle,
}

/// Where native code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In this process.
    #[default]
    None,
    /// In a supervised child process.
    Process,
}

/// Application log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// 格式:`text` 或 `json`。
    pub format: LogFormat,
    /// 等級:`error`、`warn`、`info`、`debug`。
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Log {
        Log { format: LogFormat::Text, level: LogLevel::Info }
    }
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document a line.
    Json,
}

/// Least severe event that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of the levels")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}
