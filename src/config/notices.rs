//! Settings of notices to operators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From when somebody must look at something.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// 同一來源在 `notices.window_s` 內被拒絕達此次數即通知。
    pub refusals: u32,
    /// 計算拒絕次數的時間(秒)。
    pub window_s: u64,
    /// 放棄的工作多於此數即通知。
    pub dead_jobs: u64,
    /// 資料目錄所在磁碟的剩餘空間(MiB)少於此數即通知。
    pub min_free_mib: u64,
    /// 每隔多少分鐘驗證一次稽核紀錄。
    pub audit_minutes: u64,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices {
            refusals: 20,
            window_s: 300,
            dead_jobs: 10,
            min_free_mib: 2048,
            audit_minutes: 60,
        }
    }
}
