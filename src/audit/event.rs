//! The closed list of what is recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happened. `docs/operate/audit.md` lists the same.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum AuditEvent {
    /// A process began to serve.
    #[serde(rename = "system.started")]
    SystemStarted,
    /// A process ended in order.
    #[serde(rename = "system.stopped")]
    SystemStopped,
    /// The server did not start: its settings are unsafe.
    #[serde(rename = "config.refused")]
    ConfigRefused,
    /// A client system was registered.
    #[serde(rename = "client.registered")]
    ClientRegistered,
    /// Somebody applied for the registration of a client system.
    #[serde(rename = "client.applied")]
    ClientApplied,
    /// An application was rejected.
    #[serde(rename = "client.rejected")]
    ClientRejected,
    /// A client system was suspended.
    #[serde(rename = "client.suspended")]
    ClientSuspended,
    /// A suspended client system may call again.
    #[serde(rename = "client.enabled")]
    ClientEnabled,
    /// A client system was deleted, and its keys.
    #[serde(rename = "client.deleted")]
    ClientDeleted,
    /// A client system got a key.
    #[serde(rename = "client.key_issued")]
    ClientKeyIssued,
    /// A key was revoked.
    #[serde(rename = "client.key_revoked")]
    ClientKeyRevoked,
    /// Somebody signed off the list of client systems and what they may do.
    #[serde(rename = "client.reviewed")]
    ClientsReviewed,
    /// A connection was closed at once: it came from outside the networks of its listener.
    #[serde(rename = "connection.refused")]
    ConnectionRefused,
    /// A call over HTTP.
    #[serde(rename = "api.called")]
    ApiCalled,
    /// A call over the bus.
    #[serde(rename = "bus.called")]
    BusCalled,
    /// Somebody proposed a version of a model.
    #[serde(rename = "model.proposed")]
    ModelProposed,
    /// A proposal was rejected.
    #[serde(rename = "model.rejected")]
    ModelRejected,
    /// Another version of a model was made to answer; in production with a second person's approval.
    #[serde(rename = "model.activated")]
    ModelActivated,
    /// The version before was made to answer again.
    #[serde(rename = "model.rolled_back")]
    ModelRolledBack,
    /// An agency has a service in another mode.
    #[serde(rename = "service.mode_changed")]
    ModeChanged,
    /// A version of the units was added.
    #[serde(rename = "taxonomy.added")]
    TaxonomyAdded,
    /// An operator took a job back.
    #[serde(rename = "job.cancelled")]
    JobCancelled,
    /// An operator put an ended job into the queue again.
    #[serde(rename = "job.requeued")]
    JobRequeued,
    /// The signed release, or something that it names, is not as it was signed: that is refused.
    #[serde(rename = "release.refused")]
    ReleaseRefused,
    /// Somebody signed what this installation may load.
    #[serde(rename = "release.signed")]
    ReleaseSigned,
    /// Data left the service as files.
    #[serde(rename = "export.made")]
    ExportMade,
    /// Expired content was erased.
    #[serde(rename = "data.purged")]
    DataPurged,
    /// A legal hold was laid.
    #[serde(rename = "retention.held")]
    RetentionHeld,
    /// A legal hold was lifted.
    #[serde(rename = "retention.lifted")]
    RetentionLifted,
    /// A new key seals what is kept.
    #[serde(rename = "key.rotated")]
    KeyRotated,
    /// Keys that nothing needs any longer were put away.
    #[serde(rename = "key.retired")]
    KeyRetired,
    /// The server started without the key of its data: nothing is served.
    #[serde(rename = "system.sealed")]
    SystemSealed,
    /// What mentions somebody was looked for.
    #[serde(rename = "subject.found")]
    SubjectFound,
    /// What mentions somebody was copied out.
    #[serde(rename = "subject.exported")]
    SubjectExported,
    /// Somebody asked to erase what mentions a person.
    #[serde(rename = "erasure.asked")]
    ErasureAsked,
    /// A request to erase was rejected.
    #[serde(rename = "erasure.rejected")]
    ErasureRejected,
    /// What mentions a person was erased, with a second person's approval.
    #[serde(rename = "erasure.done")]
    ErasureDone,
    /// A backup was made.
    #[serde(rename = "backup.made")]
    BackupMade,
    /// A backup was restored.
    #[serde(rename = "backup.restored")]
    BackupRestored,
    /// The log was searched or counted.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// A part of the log was copied out.
    #[serde(rename = "audit.exported")]
    AuditExported,
    /// Expired rows were removed.
    #[serde(rename = "audit.purged")]
    AuditPurged,
    /// The end of the log was cut: a crash had left an unfinished row.
    #[serde(rename = "audit.torn")]
    AuditTorn,
    /// The log can be written again; `count` rows were not.
    #[serde(rename = "audit.gap")]
    AuditGap,
    /// A receiver of the log cannot be reached.
    #[serde(rename = "audit.forward_failed")]
    ForwardFailed,
    /// A receiver of the log has everything again.
    #[serde(rename = "audit.forward_restored")]
    ForwardRestored,
}

impl AuditEvent {
    /// Every event, for documentation and tests.
    pub const ALL: [AuditEvent; 46] = [
        AuditEvent::SystemStarted,
        AuditEvent::SystemStopped,
        AuditEvent::ConfigRefused,
        AuditEvent::ClientRegistered,
        AuditEvent::ClientApplied,
        AuditEvent::ClientRejected,
        AuditEvent::ClientSuspended,
        AuditEvent::ClientEnabled,
        AuditEvent::ClientDeleted,
        AuditEvent::ClientKeyIssued,
        AuditEvent::ClientKeyRevoked,
        AuditEvent::ClientsReviewed,
        AuditEvent::ConnectionRefused,
        AuditEvent::ApiCalled,
        AuditEvent::BusCalled,
        AuditEvent::ModelProposed,
        AuditEvent::ModelRejected,
        AuditEvent::ModelActivated,
        AuditEvent::ModelRolledBack,
        AuditEvent::ModeChanged,
        AuditEvent::TaxonomyAdded,
        AuditEvent::JobCancelled,
        AuditEvent::JobRequeued,
        AuditEvent::ReleaseRefused,
        AuditEvent::ReleaseSigned,
        AuditEvent::ExportMade,
        AuditEvent::DataPurged,
        AuditEvent::RetentionHeld,
        AuditEvent::RetentionLifted,
        AuditEvent::KeyRotated,
        AuditEvent::KeyRetired,
        AuditEvent::SystemSealed,
        AuditEvent::SubjectFound,
        AuditEvent::SubjectExported,
        AuditEvent::ErasureAsked,
        AuditEvent::ErasureRejected,
        AuditEvent::ErasureDone,
        AuditEvent::BackupMade,
        AuditEvent::BackupRestored,
        AuditEvent::AuditRead,
        AuditEvent::AuditExported,
        AuditEvent::AuditPurged,
        AuditEvent::AuditTorn,
        AuditEvent::AuditGap,
        AuditEvent::ForwardFailed,
        AuditEvent::ForwardRestored,
    ];

    /// As written in a row.
    pub fn name(self) -> &'static str {
        match self {
            AuditEvent::SystemStarted => "system.started",
            AuditEvent::SystemStopped => "system.stopped",
            AuditEvent::ConfigRefused => "config.refused",
            AuditEvent::ClientRegistered => "client.registered",
            AuditEvent::ClientApplied => "client.applied",
            AuditEvent::ClientRejected => "client.rejected",
            AuditEvent::ClientSuspended => "client.suspended",
            AuditEvent::ClientEnabled => "client.enabled",
            AuditEvent::ClientDeleted => "client.deleted",
            AuditEvent::ClientKeyIssued => "client.key_issued",
            AuditEvent::ClientKeyRevoked => "client.key_revoked",
            AuditEvent::ClientsReviewed => "client.reviewed",
            AuditEvent::ConnectionRefused => "connection.refused",
            AuditEvent::ApiCalled => "api.called",
            AuditEvent::BusCalled => "bus.called",
            AuditEvent::ModelProposed => "model.proposed",
            AuditEvent::ModelRejected => "model.rejected",
            AuditEvent::ModelActivated => "model.activated",
            AuditEvent::ModelRolledBack => "model.rolled_back",
            AuditEvent::ModeChanged => "service.mode_changed",
            AuditEvent::TaxonomyAdded => "taxonomy.added",
            AuditEvent::JobCancelled => "job.cancelled",
            AuditEvent::JobRequeued => "job.requeued",
            AuditEvent::ReleaseRefused => "release.refused",
            AuditEvent::ReleaseSigned => "release.signed",
            AuditEvent::ExportMade => "export.made",
            AuditEvent::DataPurged => "data.purged",
            AuditEvent::RetentionHeld => "retention.held",
            AuditEvent::RetentionLifted => "retention.lifted",
            AuditEvent::KeyRotated => "key.rotated",
            AuditEvent::KeyRetired => "key.retired",
            AuditEvent::SystemSealed => "system.sealed",
            AuditEvent::SubjectFound => "subject.found",
            AuditEvent::SubjectExported => "subject.exported",
            AuditEvent::ErasureAsked => "erasure.asked",
            AuditEvent::ErasureRejected => "erasure.rejected",
            AuditEvent::ErasureDone => "erasure.done",
            AuditEvent::BackupMade => "backup.made",
            AuditEvent::BackupRestored => "backup.restored",
            AuditEvent::AuditRead => "audit.read",
            AuditEvent::AuditExported => "audit.exported",
            AuditEvent::AuditPurged => "audit.purged",
            AuditEvent::AuditTorn => "audit.torn",
            AuditEvent::AuditGap => "audit.gap",
            AuditEvent::ForwardFailed => "audit.forward_failed",
            AuditEvent::ForwardRestored => "audit.forward_restored",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            AuditEvent::SystemStarted => "服務啟動",
            AuditEvent::SystemStopped => "服務正常停止",
            AuditEvent::ConfigRefused => "設定不安全,拒絕啟動",
            AuditEvent::ClientRegistered => "登記介接系統",
            AuditEvent::ClientApplied => "申請登記介接系統",
            AuditEvent::ClientRejected => "駁回登記介接系統的申請",
            AuditEvent::ClientSuspended => "停用介接系統",
            AuditEvent::ClientEnabled => "恢復介接系統",
            AuditEvent::ClientDeleted => "刪除介接系統及其金鑰",
            AuditEvent::ClientKeyIssued => "製發金鑰",
            AuditEvent::ClientKeyRevoked => "廢止金鑰",
            AuditEvent::ClientsReviewed => "清查介接系統並簽署",
            AuditEvent::ConnectionRefused => "連線來自允許網段以外,或用戶端憑證不被接受,已關閉",
            AuditEvent::ApiCalled => "經 HTTP 的呼叫",
            AuditEvent::BusCalled => "經企業匯流排的呼叫",
            AuditEvent::ModelProposed => "提案啟用一版模型",
            AuditEvent::ModelRejected => "駁回提案",
            AuditEvent::ModelActivated => "啟用另一版模型",
            AuditEvent::ModelRolledBack => "回復前一版模型",
            AuditEvent::ModeChanged => "變更機關的服務階段",
            AuditEvent::TaxonomyAdded => "加入一版分類與職掌",
            AuditEvent::JobCancelled => "維運人員取消工作",
            AuditEvent::JobRequeued => "維運人員將工作重新排隊",
            AuditEvent::ReleaseRefused => "與發行簽章不符,拒絕採用",
            AuditEvent::ReleaseSigned => "簽署發行清單",
            AuditEvent::ExportMade => "資料匯出為檔案",
            AuditEvent::DataPurged => "銷毀逾期內容",
            AuditEvent::RetentionHeld => "設定保全(停止銷毀)",
            AuditEvent::RetentionLifted => "解除保全",
            AuditEvent::KeyRotated => "更換資料金鑰",
            AuditEvent::KeyRetired => "停用不再需要的舊金鑰",
            AuditEvent::SystemSealed => "金鑰不符,以封存狀態啟動",
            AuditEvent::SubjectFound => "查詢當事人的資料",
            AuditEvent::SubjectExported => "匯出當事人的資料",
            AuditEvent::ErasureAsked => "申請刪除當事人的資料",
            AuditEvent::ErasureRejected => "駁回刪除當事人資料的申請",
            AuditEvent::ErasureDone => "核准並刪除當事人的資料",
            AuditEvent::BackupMade => "製作備份",
            AuditEvent::BackupRestored => "還原備份",
            AuditEvent::AuditRead => "查詢或統計稽核紀錄",
            AuditEvent::AuditExported => "匯出稽核紀錄",
            AuditEvent::AuditPurged => "移除逾期的稽核紀錄",
            AuditEvent::AuditTorn => "當機留下不完整的最後一列,已移出",
            AuditEvent::AuditGap => "恢復寫入;期間有若干列未寫入",
            AuditEvent::ForwardFailed => "無法轉送至稽核接收端",
            AuditEvent::ForwardRestored => "稽核接收端已補齊",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_they_are_told() {
        for event in AuditEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.name());
        }
    }
}
