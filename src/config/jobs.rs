//! Settings of the store and of jobs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Secret;

/// Which database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreEngine {
    /// Embedded, one machine.
    #[default]
    Sqlite,
    /// A server, several nodes.
    Postgres,
}

/// Where everything is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// 資料庫:`sqlite`(內嵌,單機)或 `postgres`(多節點)。
    pub engine: StoreEngine,
    /// PostgreSQL 連線字串,例如 `host=/run/postgresql user=fenwen dbname=fenwen`。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<Secret<String>>,
    /// PostgreSQL 連線數。
    pub connections: usize,
}

impl Default for Store {
    fn default() -> Store {
        Store { engine: StoreEngine::Sqlite, url: None, connections: 8 }
    }
}

/// Jobs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// 同時執行的工作數(每個程序)。
    pub slots: usize,
    /// 一件工作最多嘗試幾次,之後列為 `dead`。
    pub max_attempts: u32,
    /// 執行中的工作多久(秒)沒有回報即視為中斷,改由其他程序接手。
    pub lease_s: u64,
    /// 每個介接系統最多可有多少件工作在排隊。
    pub max_queued: u64,
    /// 每個介接系統每分鐘最多可送出多少件工作與上傳。
    pub per_minute: u32,
    /// 工作、輸入內容與結果的保存天數,逾期即銷毀。
    pub retention_days: u64,
    /// 上傳後尚未使用的內容保存幾小時。
    pub upload_hours: u64,
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs {
            slots: 4,
            max_attempts: 5,
            lease_s: 30,
            max_queued: 20_000,
            per_minute: 6000,
            retention_days: 30,
            upload_hours: 24,
        }
    }
}
