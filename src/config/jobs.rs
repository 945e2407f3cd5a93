//! Settings of the store and of jobs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Secret;

use super::{Finding, Profile, postgres};

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

/// Where the content of large inputs and results lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BlobEngine {
    /// Files below the data directory.
    #[default]
    Files,
    /// A bucket that speaks S3.
    S3,
}

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bucket {
    /// 服務位址,例如 `https://s3.example.gov.tw`。
    pub endpoint: String,
    /// 區域名稱。
    pub region: String,
    /// 儲存桶名稱。
    pub bucket: String,
    /// 物件名稱的開頭,供數個系統共用一個儲存桶。
    pub prefix: String,
    /// 存取金鑰代號。
    pub access_key: String,
    /// 存取金鑰。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub secret_key: Option<Secret<String>>,
}

impl Default for Bucket {
    fn default() -> Bucket {
        Bucket {
            endpoint: String::new(),
            region: "us-east-1".to_owned(),
            bucket: String::new(),
            prefix: "fenwen".to_owned(),
            access_key: String::new(),
            secret_key: None,
        }
    }
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
    /// 簽發 PostgreSQL 伺服器憑證的 CA(PEM);設定後只信任它並一律加密,未設定時信任系統的 CA(連線字串須含 `sslmode=require`)。
    pub ca: Option<PathBuf>,
    /// 本服務連線 PostgreSQL 的用戶端憑證(PEM),與 `key` 一併設定。
    pub certificate: Option<PathBuf>,
    /// 用戶端憑證的私鑰(PEM)。
    pub key: Option<PathBuf>,
    /// PostgreSQL 伺服器憑證上的名稱;未設定時為連線字串的主機名稱。
    pub server_name: Option<String>,
    /// 大型輸入與結果的存放處:`files`(資料目錄內的檔案)或 `s3`(S3 相容儲存桶,供多節點共用);一律加密後才寫入。
    pub blobs: BlobEngine,
    /// S3 相容儲存桶。
    pub s3: Bucket,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            engine: StoreEngine::Sqlite,
            url: None,
            connections: 8,
            ca: None,
            certificate: None,
            key: None,
            server_name: None,
            blobs: BlobEngine::Files,
            s3: Bucket::default(),
        }
    }
}

impl Store {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = self.check_bucket(profile);
        if self.engine != StoreEngine::Postgres {
            return findings;
        }
        if self.certificate.is_some() != self.key.is_some() {
            findings.push(Finding::fatal("store.certificate 與 store.key 必須一併設定"));
        }
        // An authority is named only where connections are encrypted.
        let is_private =
            |it: &Secret<String>| self.ca.is_some() || postgres::is_private(it.expose());
        if profile == Profile::Production && !self.url.as_ref().is_none_or(is_private) {
            findings.push(Finding::fatal(
                "store.url:正式環境連線至其他主機的 PostgreSQL 必須加密,請設定 store.ca,或於連線字串加上 sslmode=require",
            ));
        }
        findings
    }

    /// What the settings of the bucket lack.
    fn check_bucket(&self, profile: Profile) -> Vec<Finding> {
        match self.blobs {
            BlobEngine::Files => Vec::new(),
            BlobEngine::S3 => self.s3.check("store.s3", profile),
        }
    }
}

impl Bucket {
    /// What the settings of this name lack where the bucket is used.
    pub(super) fn check(&self, name: &str, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Bucket { endpoint, bucket, access_key, secret_key, .. } = self;
        let given = [
            ("endpoint", !endpoint.is_empty()),
            ("bucket", !bucket.is_empty()),
            ("access_key", !access_key.is_empty()),
            ("secret_key", secret_key.is_some()),
        ];
        for (key, _) in given.iter().filter(|(_, is_given)| !is_given) {
            findings.push(Finding::fatal(format!("{name}.{key}:使用儲存桶時必須設定")));
        }
        if profile == Profile::Production
            && !endpoint.is_empty()
            && !endpoint.starts_with("https://")
        {
            findings.push(Finding::fatal(format!("{name}.endpoint:正式環境只可使用 https://")));
        }
        findings
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
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs { slots: 4, max_attempts: 5, lease_s: 30, max_queued: 20_000, per_minute: 6000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(profile: Profile, change: impl FnOnce(&mut Store), words: &[&str]) {
        let mut store = Store { engine: StoreEngine::Postgres, ..Store::default() };
        change(&mut store);
        let found: Vec<String> = store.check(profile).into_iter().map(|it| it.message).collect();
        assert_eq!(found.len(), words.len(), "{found:?}");
        for (message, word) in found.iter().zip(words) {
            assert!(message.contains(word) && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn production_wants_an_encrypted_database() {
        use Profile::{Demo, Production};
        let far = |it: &mut Store| {
            it.url = Some(Secret::new("host=db.example.gov.tw password=hunter2".to_owned()));
        };
        check(Demo, far, &[]);
        check(Production, far, &["store.ca"]);
        check(Production, |it| (far(it), it.ca = Some("ca.pem".into())).1, &[]);
        check(Production, |it| it.url = Some(Secret::new("host=/run/postgresql".to_owned())), &[]);
        check(Demo, |it| it.key = Some("k".into()), &["store.certificate"]);
    }
}
