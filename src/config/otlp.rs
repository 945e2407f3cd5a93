//! Settings of traces and metrics to a collector.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Secret;

use super::{Finding, Profile};

/// A collector that speaks OTLP over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// 收集器位址(OTLP/HTTP,JSON),不含 `/v1/traces`,例如 `http://127.0.0.1:4318`;未設定時不送。
    pub endpoint: Option<String>,
    /// 標頭 `authorization` 的值,例如 `Bearer …`。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub authorization: Option<Secret<String>>,
    /// 簽發收集器憑證的 CA(PEM),系統信任者之外另加。
    pub ca: Option<PathBuf>,
    /// 是否送出追蹤。
    pub traces: bool,
    /// 呼叫端未指明時,追蹤多少比例的呼叫(0 到 1);指明者依其指明。
    pub share: f64,
    /// 每隔多少秒送出指標;0 表示不送。
    pub metrics_s: u64,
}

impl Default for Otlp {
    fn default() -> Otlp {
        Otlp {
            endpoint: None,
            authorization: None,
            ca: None,
            traces: true,
            share: 1.0,
            metrics_s: 60,
        }
    }
}

impl Otlp {
    /// What is wrong or forbidden.
    pub(super) fn check(&self, profile: Profile) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(endpoint) = &self.endpoint else { return findings };
        if !cfg!(feature = "otlp") {
            findings.push(Finding::fatal("otlp.endpoint:本程式未含 OTLP,請改用完整版"));
        }
        let plain = endpoint.strip_prefix("http://");
        if plain.is_none() && !endpoint.starts_with("https://") {
            findings.push(Finding::fatal("otlp.endpoint:應以 http:// 或 https:// 開頭"));
        }
        let is_here = plain.is_some_and(|it| {
            ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| {
                it.strip_prefix(here).is_some_and(|it| it.is_empty() || it.starts_with([':', '/']))
            })
        });
        if plain.is_some() && !is_here && profile == Profile::Production {
            findings.push(Finding::fatal("otlp.endpoint:正式環境送往其他機器必須為 https"));
        }
        if !(0.0..=1.0).contains(&self.share) {
            findings.push(Finding::fatal("otlp.share:應為 0 到 1"));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endpoint: &str, profile: Profile, n_findings: usize) {
        let otlp = Otlp { endpoint: Some(endpoint.to_owned()), ..Otlp::default() };
        let found: Vec<String> = otlp.check(profile).into_iter().map(|it| it.message).collect();
        let found: Vec<&String> = found.iter().filter(|it| !it.contains("未含")).collect();
        assert_eq!(found.len(), n_findings, "{endpoint} {found:?}");
    }

    #[test]
    fn nothing_goes_to_another_machine_in_the_clear() {
        use Profile::{Demo, Production};
        check("http://127.0.0.1:4318", Production, 0);
        check("http://localhost", Production, 0);
        check("http://[::1]:4318/x", Production, 0);
        check("http://127.0.0.1.example:4318", Production, 1);
        check("http://collector:4318", Demo, 0);
        check("http://collector:4318", Production, 1);
        check("https://collector:4318", Production, 0);
        check("collector:4318", Demo, 1);
        let wrong = Otlp { endpoint: Some("https://c".to_owned()), share: 1.5, ..Otlp::default() };
        assert!(wrong.check(Demo).iter().any(|it| it.message.contains("otlp.share")));
    }
}
