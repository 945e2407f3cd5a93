//! Settings of the audit log.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, Profile};

/// When a row counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditCommit {
    /// On the disk in the production profile; else as the system has it.
    #[default]
    Auto,
    /// When it is on the disk.
    Disk,
    /// When the operating system has it.
    System,
}

/// The audit log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// 節點名稱,1 到 48 個英數字或連字號;未設定時為主機名稱。
    pub node: Option<String>,
    /// 保存天數,不得少於 180。
    pub retention_days: u64,
    /// 單一紀錄檔的大小(MiB),滿時另起一檔。
    pub segment_mib: u64,
    /// 啟動時稽核目錄所在磁碟至少須有的空間(MiB)。
    pub min_free_mib: u64,
    /// 稽核無法寫入時,與個資無關的功能(服務目錄、統計、webhook 設定)是否照常。
    pub serve_impersonal: bool,
    /// 何時算已寫入:`disk`(已落磁碟,斷電也不遺失;每次呼叫多等兩次磁碟)、`system`(已交作業系統,程式當掉不遺失,斷電可能
    /// 失去最後一秒)或 `auto`(正式環境為 disk,示範模式為 system)。
    pub commit: AuditCommit,
    /// 將稽核紀錄轉送至企業匯流排的 `MOI_AI_AUDIT` 串流。
    pub forward_bus: bool,
    /// 將稽核紀錄轉送至 syslog 伺服器(RFC 5424,TLS),例如 `log.example:6514`。
    pub syslog: Option<String>,
    /// 簽發 syslog 伺服器憑證的 CA(PEM),系統信任者之外另加。
    pub syslog_ca: Option<PathBuf>,
}

impl Default for Audit {
    fn default() -> Audit {
        Audit {
            node: None,
            retention_days: 3 * 365,
            segment_mib: 64,
            min_free_mib: 256,
            serve_impersonal: true,
            commit: AuditCommit::Auto,
            forward_bus: false,
            syslog: None,
            syslog_ca: None,
        }
    }
}

impl Audit {
    /// Whether a row is written only when it is on the disk, in this profile.
    pub fn waits_for_disk(&self, profile: Profile) -> bool {
        match self.commit {
            AuditCommit::Auto => profile == Profile::Production,
            AuditCommit::Disk => true,
            AuditCommit::System => false,
        }
    }

    /// What is wrong or forbidden.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !(1..=1024).contains(&self.segment_mib) {
            findings.push(Finding::fatal("audit.segment_mib:應為 1 到 1024"));
        }
        let is_name = |it: &String| {
            (1..=48).contains(&it.len())
                && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !self.node.as_ref().is_none_or(is_name) {
            findings.push(Finding::fatal("audit.node:應為 1 到 48 個英數字或連字號"));
        }
        if self.syslog.is_some() && !cfg!(feature = "syslog") {
            findings.push(Finding::fatal("audit.syslog:本程式未含 syslog 轉送,請改用完整版"));
        }
        findings
    }
}
