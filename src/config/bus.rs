//! Settings of the bus and of webhooks.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, Profile};

/// Which engine carries the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BusEngine {
    /// Inside this process.
    #[default]
    Embedded,
    /// NATS JetStream.
    Nats,
}

/// The enterprise bus.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bus {
    /// 引擎:`embedded`(在本行程內,不需安裝)或 `nats`(NATS JetStream)。
    pub engine: BusEngine,
    /// NATS 伺服器位址,例如 `tls://nats.example:4222`;多台以逗號分隔。
    pub url: String,
    /// NATS 憑證檔(`.creds`,含帳號權杖與金鑰)。
    pub credentials: Option<PathBuf>,
    /// 簽發 NATS 伺服器憑證的 CA(PEM),系統信任者之外另加。
    pub ca: Option<PathBuf>,
    /// 本服務的用戶端憑證(PEM),與 `key` 一併設定。
    pub certificate: Option<PathBuf>,
    /// 用戶端憑證的私鑰(PEM)。
    pub key: Option<PathBuf>,
    /// 事件未確認時,幾秒後重送。
    pub lease_s: u64,
    /// 等候處理的工作命令上限;滿時拒收並請呼叫端稍後再試。
    pub max_waiting: u32,
    /// 每個串流的副本數(NATS 叢集為 3)。
    pub replicas: usize,
    /// 接受有已知弱點的舊版 NATS 伺服器;只可用於測試。
    pub accept_old_server: bool,
}

impl Default for Bus {
    fn default() -> Bus {
        Bus {
            engine: BusEngine::Embedded,
            url: "nats://127.0.0.1:4222".to_owned(),
            credentials: None,
            ca: None,
            certificate: None,
            key: None,
            lease_s: 30,
            max_waiting: 10_000,
            replicas: 1,
            accept_old_server: false,
        }
    }
}

/// Webhooks.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// 可呼叫的非公開網段,例如 `10.1.0.0/16`;未列者一律拒絕。
    pub allowed_networks: Vec<String>,
    /// 在上列網段內接受未加密的 `http://`;正式環境不可使用。
    pub allow_plain: bool,
    /// 簽發接收端憑證的 CA(PEM),系統信任者之外另加。
    pub ca: Option<PathBuf>,
}

impl Bus {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.engine != BusEngine::Nats {
            return findings;
        }
        if !cfg!(feature = "nats") {
            findings.push(Finding::fatal("bus.engine = nats:本程式未含 NATS,請改用完整版"));
        }
        if self.certificate.is_some() != self.key.is_some() {
            findings.push(Finding::fatal("bus.certificate 與 bus.key 必須一併設定"));
        }
        if !(1..=5).contains(&self.replicas) {
            findings.push(Finding::fatal("bus.replicas:應為 1 到 5"));
        }
        if profile == Profile::Demo {
            return findings;
        }
        if !self.url.split(',').all(|it| it.trim().starts_with("tls://")) {
            findings.push(Finding::fatal("bus.url:正式環境必須以 tls:// 加密"));
        }
        if self.credentials.is_none() && self.certificate.is_none() {
            findings.push(Finding::fatal("bus.credentials:正式環境必須有憑證檔或用戶端憑證"));
        }
        if self.accept_old_server {
            findings.push(Finding::fatal("bus.accept_old_server:正式環境不可使用"));
        }
        findings
    }
}

impl Webhooks {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.allow_plain && profile == Profile::Production {
            findings.push(Finding::fatal("webhooks.allow_plain:正式環境不可使用"));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(profile: Profile, change: impl FnOnce(&mut Bus), words: &[&str]) {
        let mut bus = Bus { engine: BusEngine::Nats, ..Bus::default() };
        change(&mut bus);
        let found: Vec<String> = bus.check(profile).into_iter().map(|it| it.message).collect();
        let found: Vec<&String> = found.iter().filter(|it| !it.contains("未含 NATS")).collect();
        assert_eq!(found.len(), words.len(), "{found:?}");
        for (message, word) in found.iter().zip(words) {
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn production_wants_encryption_and_credentials() {
        use Profile::{Demo, Production};
        check(Demo, |_| (), &[]);
        check(Demo, |it| it.key = Some("k".into()), &["bus.key"]);
        check(Demo, |it| it.replicas = 0, &["bus.replicas"]);
        check(Production, |_| (), &["bus.url", "bus.credentials"]);
        let good = |it: &mut Bus| {
            it.url = "tls://a:4222,tls://b:4222".to_owned();
            it.credentials = Some("c".into());
        };
        check(Production, good, &[]);
        check(
            Production,
            |it| {
                good(it);
                it.accept_old_server = true;
            },
            &["accept_old_server"],
        );
        check(
            Production,
            |it| {
                good(it);
                it.url.push_str(",nats://c");
            },
            &["bus.url"],
        );
        assert!(Bus::default().check(Production).is_empty(), "the embedded bus needs nothing");
        let plain = Webhooks { allow_plain: true, ..Webhooks::default() };
        assert!(plain.check(Demo).is_empty() && plain.check(Production).len() == 1);
    }
}
