//! Settings of the HTTP server, and of what a node has to offer.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service that a node may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeService {
    /// 信件智能分類。
    Letters,
    /// 電子公文智能分文。
    Documents,
    /// 語音轉寫。
    Speech,
    /// 客戶問答。
    Qa,
    /// 證件影像辨識。
    IdentityDocuments,
}

impl NodeService {
    /// Every service.
    pub const ALL: [NodeService; 5] = [
        NodeService::Letters,
        NodeService::Documents,
        NodeService::Speech,
        NodeService::Qa,
        NodeService::IdentityDocuments,
    ];
}

/// The HTTP server.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// 監聽位址,只接受迴路介面;其他位址請以 `[[listeners]]` 設定並加密。
    pub listen: SocketAddr,
    /// 這個節點提供的服務:`letters`、`documents`、`speech`、`qa`、`identity-documents`。未列者不載入模型、不執行其工作,直接的請求回覆 503;仍受理工作,由其他節點執行。
    pub services: Vec<NodeService>,
    /// 同時連線數上限,超過者等候。
    pub max_connections: usize,
    /// 讀取請求標頭的時限(秒)。
    pub header_timeout_s: u64,
    /// 讀取請求內容的時限(秒)。
    pub body_timeout_s: u64,
    /// 單一請求的處理時限(秒)。
    pub request_timeout_s: u64,
    /// 收到停止訊號後,先轉為未就緒再停止接受連線的等候時間(毫秒)。
    pub drain_grace_ms: u64,
    /// 停止時等候進行中請求完成的上限(秒)。
    pub drain_timeout_s: u64,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            services: NodeService::ALL.to_vec(),
            max_connections: 1024,
            header_timeout_s: 10,
            body_timeout_s: 30,
            request_timeout_s: 60,
            drain_grace_ms: 200,
            drain_timeout_s: 30,
        }
    }
}
