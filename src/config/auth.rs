//! Settings of authentication.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Secret;

use super::{Finding, Profile};

/// Whether callers must be proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// In the production profile only.
    #[default]
    Auto,
    /// Never: whoever reaches the loopback interface may do everything.
    Off,
    /// Always.
    Required,
}

/// Authentication.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// 身分驗證:`auto`(正式環境必須,示範模式不必)、`required`(一律必須)或 `off`(不必;正式環境不可使用)。
    pub mode: AuthMode,
    /// 介接系統多少天未使用即停用。
    pub idle_days: u64,
    /// 視為強化登入的驗證方式(權杖的 `amr`,RFC 8176)。
    pub strong_amr: Vec<String>,
    /// 視為強化登入的驗證等級(權杖的 `acr`),依簽發者所定,例如 AAL3 的代碼;預設不採計。
    pub strong_acr: Vec<String>,
    /// 信任的權杖簽發者(OIDC):系統以其存取權杖(RFC 9068,`at+jwt`)呼叫。
    pub issuers: Vec<Issuer>,
    /// 承辦人登入操作介面的單一簽入(OIDC 授權碼與 PKCE);未設定則只能以金鑰登入。
    pub login: Option<Login>,
}

/// Where people log in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// 單一簽入的簽發者;其餘位址由 `/.well-known/openid-configuration` 取得。
    pub issuer: String,
    /// 本服務在單一簽入登記的代碼。
    pub client_id: String,
    /// 本服務在單一簽入登記的密碼;建議以環境變數設定。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub client_secret: Option<Secret<String>>,
    /// 登入後返回的網址,例如 `https://fenwen.moi.example/console/login/callback`。
    pub redirect: String,
    /// 記載機關代碼的宣告(claim)。
    #[serde(default = "org_claim")]
    pub org_claim: String,
    /// 記載單位路徑的宣告。
    #[serde(default = "units_claim")]
    pub units_claim: String,
    /// 記載角色的宣告,例如「承辦人」。
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
}

fn org_claim() -> String {
    "org".to_owned()
}

fn units_claim() -> String {
    "unit_path".to_owned()
}

fn roles_claim() -> String {
    "roles".to_owned()
}

/// One issuer of access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// 簽發者,即權杖的 `iss`,須一字不差。
    pub issuer: String,
    /// 本服務的名稱,即權杖的 `aud`。
    pub audience: String,
    /// 公鑰集(JWKS)的網址(https)或檔案;金鑰輪替時自動重讀。
    pub jwks: String,
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            mode: AuthMode::Auto,
            idle_days: 90,
            strong_amr: ["fido", "hwk", "mfa", "sc"].map(str::to_owned).to_vec(),
            strong_acr: Vec::new(),
            issuers: Vec::new(),
            login: None,
        }
    }
}

impl Auth {
    /// Whether callers must be proven in this profile.
    pub fn is_required(&self, profile: Profile) -> bool {
        match self.mode {
            AuthMode::Auto => profile == Profile::Production,
            AuthMode::Off => false,
            AuthMode::Required => true,
        }
    }

    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        if profile == Profile::Production && !self.is_required(profile) {
            findings.push(Finding::fatal("auth.mode = off:正式環境必須驗證身分"));
        }
        if self.strong_amr.is_empty() {
            findings.push(Finding::fatal("auth.strong_amr:至少列出一種驗證方式"));
        }
        if !self.issuers.is_empty() && !cfg!(feature = "jwt") {
            findings.push(Finding::fatal("auth.issuers:本程式不含權杖驗證,請改用完整版"));
        }
        if let Some(login) = &self.login {
            findings.extend(login.check());
        }
        for (idx, it) in self.issuers.iter().enumerate() {
            if it.issuer.is_empty() || it.audience.is_empty() || it.jwks.is_empty() {
                let text = format!("auth.issuers[{idx}]:issuer、audience 與 jwks 都不可空白");
                findings.push(Finding::fatal(text));
            }
            if !is_safe(&it.jwks) {
                let text = format!("auth.issuers[{idx}].jwks:公鑰集須以 https 取得,否則可遭竄改");
                findings.push(Finding::fatal(text));
            }
            if self.issuers[..idx].iter().any(|before| before.issuer == it.issuer) {
                let text = format!("auth.issuers[{idx}].issuer:與前面的簽發者重複");
                findings.push(Finding::fatal(text));
            }
        }
        findings
    }
}

impl Login {
    fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !cfg!(feature = "jwt") {
            findings.push(Finding::fatal("auth.login:本程式不含單一簽入,請改用完整版"));
        }
        for (name, url) in [("issuer", &self.issuer), ("redirect", &self.redirect)] {
            let is_url = url.starts_with("https://") || url.starts_with("http://");
            if !is_url || !is_safe(url) {
                findings.push(Finding::fatal(format!("auth.login.{name}:應為 https 的網址")));
            }
        }
        if self.client_id.is_empty() {
            findings.push(Finding::fatal("auth.login.client_id:不可空白"));
        }
        findings
    }
}

/// Whether keys from there are the issuer's: nothing on the way can change them.
fn is_safe(jwks: &str) -> bool {
    let Some(rest) = jwks.strip_prefix("http://") else { return true };
    ["127.0.0.1", "[::1]", "localhost"].iter().any(|host| {
        rest.strip_prefix(host).is_some_and(|it| it.is_empty() || it.starts_with([':', '/']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(profile: Profile, mode: AuthMode, is_required: bool, n_findings: usize) {
        let auth = Auth { mode, ..Auth::default() };
        assert_eq!(auth.is_required(profile), is_required, "{profile:?} {mode:?}");
        assert_eq!(auth.check(profile).len(), n_findings, "{profile:?} {mode:?}");
    }

    #[test]
    fn production_always_proves_callers() {
        use AuthMode::{Auto, Off, Required};
        check(Profile::Demo, Auto, false, 0);
        check(Profile::Demo, Off, false, 0);
        check(Profile::Demo, Required, true, 0);
        check(Profile::Production, Auto, true, 0);
        check(Profile::Production, Required, true, 0);
        check(Profile::Production, Off, false, 1);
    }

    #[test]
    #[cfg(feature = "jwt")]
    fn keys_of_issuers_come_by_a_safe_way() {
        let check = |issuers: &[(&str, &str)], n_findings: usize| {
            let issuer = |(issuer, jwks): &(&str, &str)| Issuer {
                issuer: (*issuer).to_owned(),
                audience: "fenwen".to_owned(),
                jwks: (*jwks).to_owned(),
            };
            let issuers = issuers.iter().map(issuer).collect();
            let auth = Auth { issuers, ..Auth::default() };
            assert_eq!(auth.check(Profile::Production).len(), n_findings, "{:?}", auth.issuers);
        };
        check(&[("https://id.example", "https://id.example/jwks")], 0);
        check(&[("a", "keys.json"), ("b", "http://127.0.0.1:9/jwks")], 0);
        check(&[("a", "http://id.example/jwks")], 1);
        check(&[("a", "http://127.0.0.1.example/jwks")], 1);
        check(&[("a", "keys.json"), ("a", "keys.json")], 1);
        check(&[("", "keys.json"), ("b", "")], 2);
    }
}
