//! Settings of listeners beyond the loopback interface.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Network;

use super::{Finding, Profile};

/// What a listener offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListenerSurface {
    /// Every route.
    All,
    /// Routes of client systems.
    Public,
    /// Routes of operators.
    Admin,
    /// Routes of client systems that come through the exchange's security server.
    Exchange,
}

/// One more listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerSettings {
    /// 監聽位址,例如 `10.1.2.3:8443`。
    pub address: SocketAddr,
    /// 提供的功能:`public`(介接系統)、`admin`(營運)、`exchange`(資料交換平臺的安全伺服器)或 `all`。
    pub surface: ListenerSurface,
    /// 可連線的網段;空白則不限。
    #[serde(default)]
    pub networks: Vec<String>,
    /// 伺服器憑證與中繼憑證(PEM);檔案更新後自動重讀。
    pub certificate: Option<PathBuf>,
    /// 伺服器憑證的私鑰(PEM),只有本服務可讀。
    pub key: Option<PathBuf>,
    /// 簽發用戶端憑證的 CA(PEM);設定後驗證用戶端憑證。
    pub client_ca: Option<PathBuf>,
    /// 沒有用戶端憑證即拒絕連線。
    #[serde(default)]
    pub require_client_certificate: bool,
}

impl ListenerSettings {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, idx: usize, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut fatal = |text: &str| {
            findings.push(Finding::fatal(format!("listeners[{idx}]({}):{text}", self.address)));
        };
        let is_local = self.address.ip().is_loopback();
        let is_encrypted = self.certificate.is_some() && self.key.is_some();
        if self.certificate.is_some() != self.key.is_some() {
            fatal("certificate 與 key 須一起設定");
        }
        if is_encrypted && !cfg!(feature = "tls") {
            fatal("本程式不含連線加密,請改用完整版");
        }
        if !is_local && profile == Profile::Demo {
            fatal("示範模式只可監聽迴路介面,請改用 profile = \"production\"");
        }
        if !is_local && !is_encrypted {
            fatal("迴路介面以外須以 certificate 與 key 加密連線");
        }
        if self.client_ca.is_some() && !is_encrypted {
            fatal("client_ca 須與 certificate、key 一起設定");
        }
        if self.require_client_certificate && self.client_ca.is_none() {
            fatal("require_client_certificate 須先設定 client_ca");
        }
        if self.surface == ListenerSurface::Exchange && !self.require_client_certificate {
            fatal(
                "exchange 須設定 client_ca 與 require_client_certificate = true:標頭只採信安全伺服器",
            );
        }
        if !self.networks.iter().all(|it| it.parse::<Network>().is_ok()) {
            fatal("networks 應為網段,例如 10.1.0.0/16");
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(address: &str) -> ListenerSettings {
        ListenerSettings {
            address: address.parse().unwrap(),
            surface: ListenerSurface::Public,
            networks: Vec::new(),
            certificate: None,
            key: None,
            client_ca: None,
            require_client_certificate: false,
        }
    }

    fn encrypted(address: &str) -> ListenerSettings {
        let file = || Some(PathBuf::from("a.pem"));
        ListenerSettings { certificate: file(), key: file(), ..settings(address) }
    }

    fn check(settings: &ListenerSettings, profile: Profile, n_findings: usize) {
        let found = settings.check(0, profile);
        let n_unbuilt = usize::from(!cfg!(feature = "tls") && settings.certificate.is_some());
        assert_eq!(found.len(), n_findings + n_unbuilt, "{found:?}");
    }

    #[test]
    fn nothing_goes_in_the_clear_beyond_the_machine() {
        use Profile::{Demo, Production};
        check(&settings("127.0.0.1:8081"), Demo, 0);
        check(&settings("[::1]:8081"), Production, 0);
        check(&settings("10.1.2.3:8443"), Production, 1);
        check(&settings("0.0.0.0:8443"), Demo, 2);
        check(&encrypted("10.1.2.3:8443"), Production, 0);
        check(&encrypted("10.1.2.3:8443"), Demo, 1);
        let half = ListenerSettings { key: None, ..encrypted("127.0.0.1:1") };
        assert_eq!(half.check(0, Production).len(), 1);
    }

    #[test]
    fn the_exchange_proves_itself() {
        let exchange = ListenerSettings {
            surface: ListenerSurface::Exchange,
            client_ca: Some(PathBuf::from("ca.pem")),
            require_client_certificate: true,
            ..encrypted("10.1.2.3:8444")
        };
        check(&exchange, Profile::Production, 0);
        let lenient = ListenerSettings { require_client_certificate: false, ..exchange.clone() };
        check(&lenient, Profile::Production, 1);
        let anybody = ListenerSettings { client_ca: None, ..exchange };
        check(&anybody, Profile::Production, 1);
        let elsewhere =
            ListenerSettings { networks: vec!["10.1".to_owned()], ..settings("127.0.0.1:1") };
        check(&elsewhere, Profile::Demo, 1);
    }
}
