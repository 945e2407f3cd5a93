//! Settings of the signed release.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::PublicKey;

use super::{Finding, Profile};

/// Whose release this installation trusts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Release {
    /// 釘選的簽章公鑰(一行,由 `fenwen release key` 印出);設定後只採用發行清單中的程式、模型與分類表。
    pub public_key: Option<String>,
    /// 已簽章的發行清單;未設定時為資料目錄的 `release.toml`。
    pub manifest: Option<PathBuf>,
    /// 正式環境不核對發行簽章;僅供建置期間使用。
    pub unsigned: bool,
    /// 每隔多少小時重新核對一次。
    pub check_hours: u64,
}

impl Default for Release {
    fn default() -> Release {
        Release { public_key: None, manifest: None, unsigned: false, check_hours: 24 }
    }
}

impl Release {
    /// The pinned key, where it is one.
    pub fn key(&self) -> Option<PublicKey> {
        self.public_key.as_deref().and_then(PublicKey::from_line)
    }

    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.public_key.is_some() && self.key().is_none() {
            let text = "release.public_key:不是簽章公鑰,請填 fenwen release key 印出的一行";
            findings.push(Finding::fatal(text));
        }
        if self.public_key.is_some() && self.unsigned {
            findings.push(Finding::fatal("release.unsigned:已釘選公鑰,請移除此項"));
        }
        let is_bare = profile == Profile::Production && self.public_key.is_none();
        if is_bare && !self.unsigned {
            findings.push(Finding::fatal(
                "release.public_key:正式環境必須釘選簽章公鑰;建置期間可暫設 release.unsigned = true",
            ));
        }
        if is_bare && self.unsigned {
            let message = "release.unsigned = true:未核對發行簽章,上線前請釘選 release.public_key";
            findings.push(Finding::warning(message));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_pins_a_key_or_says_that_it_does_not() {
        use Profile::{Demo, Production};
        let key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let check = |profile, public_key: Option<&str>, unsigned, (n_fatal, n_other)| {
            let public_key = public_key.map(str::to_owned);
            let release = Release { public_key, unsigned, ..Release::default() };
            let findings = release.check(profile);
            let found = findings.iter().filter(|it| it.is_fatal()).count();
            assert_eq!((found, findings.len() - found), (n_fatal, n_other), "{findings:?}");
        };
        check(Demo, None, false, (0, 0));
        check(Demo, Some(key), false, (0, 0));
        check(Demo, Some("AA=="), false, (1, 0));
        check(Production, Some(key), false, (0, 0));
        check(Production, None, false, (1, 0));
        check(Production, None, true, (0, 1));
        check(Production, Some(key), true, (1, 0));
    }
}
