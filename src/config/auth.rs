//! Settings of authentication.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            mode: AuthMode::Auto,
            idle_days: 90,
            strong_amr: ["fido", "hwk", "mfa", "sc"].map(str::to_owned).to_vec(),
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
        findings
    }
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
}
