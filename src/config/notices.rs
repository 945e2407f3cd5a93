//! Settings of notices to operators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Hours;

use super::Finding;

/// From when somebody must look at something.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// 同一來源在 `notices.window_s` 內被拒絕達此次數即通知。
    pub refusals: u32,
    /// 計算拒絕次數的時間(秒)。
    pub window_s: u64,
    /// 上班時間(臺灣時間);此外及 `documents.calendar` 所列的放假日,讀取保存的個資即記為非上班時間。空白為不判斷。
    pub office_hours: String,
    /// 同一帳號在非上班時間、`notices.off_hours_window_s` 內讀取保存的個資達此次數即通知;核准時段的介接系統不計。
    pub off_hours_reads: u32,
    /// 計算非上班時間讀取次數的時間(秒)。
    pub off_hours_window_s: u64,
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
            office_hours: "07:00-20:00".to_owned(),
            off_hours_reads: 60,
            off_hours_window_s: 3600,
            dead_jobs: 10,
            min_free_mib: 2048,
            audit_minutes: 60,
        }
    }
}

impl Notices {
    /// What is wrong with them.
    pub(super) fn check(&self) -> Option<Finding> {
        let is_unreadable = !self.office_hours.is_empty() && self.office().is_none();
        is_unreadable.then(|| Finding::fatal("notices.office_hours:應如 08:00-18:00,或空白"))
    }

    /// When offices are open; none where that does not matter.
    pub fn office(&self) -> Option<Hours> {
        Hours::parse(&self.office_hours)
    }
}
