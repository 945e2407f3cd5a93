//! Settings of the watch on drift.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Finding;

/// When answers count as different from those that a version gave at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    /// 是否每日檢查漂移:把前一日的件數特徵與模型啟用之初的件數特徵相比。
    pub enabled: bool,
    /// 每日幾點(臺灣時間,0 到 23)之後檢查。
    pub hour: u32,
    /// 作為基準的件數:每一版模型最先作答的件數(200 到 100000)。
    pub reference: usize,
    /// 至少幾件才判定(50 到 10000);前一日不足時併入更早的。
    pub window: usize,
    /// 群體穩定度指標(PSI)達此值,且不是偶然,即告警。
    pub psi: f64,
    /// Jensen–Shannon 散度(位元,0 到 1)達此值,且不是偶然,即告警。
    pub js: f64,
    /// Kolmogorov–Smirnov 距離(0 到 1)達此值,且不是偶然,即告警。
    pub ks: f64,
    /// 一次檢查誤報的機率(0 到 0.05);各項檢定已按項數分攤。
    pub p: f64,
}

impl Default for Drift {
    fn default() -> Drift {
        Drift {
            enabled: true,
            hour: 3,
            reference: 1000,
            window: 200,
            psi: 0.2,
            js: 0.05,
            ks: 0.15,
            p: 0.001,
        }
    }
}

impl Drift {
    /// What is wrong.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut require = |is_right: bool, text: &str| {
            if !is_right {
                findings.push(Finding::fatal(text));
            }
        };
        require(self.hour < 24, "drift.hour:應為 0 到 23");
        require((200..=100_000).contains(&self.reference), "drift.reference:應為 200 到 100000");
        require((50..=10_000).contains(&self.window), "drift.window:應為 50 到 10000");
        require(0.0 < self.psi && self.psi.is_finite(), "drift.psi:應大於 0");
        for (key, value) in [("drift.js", self.js), ("drift.ks", self.ks)] {
            require(0.0 < value && value <= 1.0, &format!("{key}:應大於 0,至多 1"));
        }
        require(0.0 < self.p && self.p <= 0.05, "drift.p:應大於 0,至多 0.05");
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let check = |change: fn(&mut Drift), key: &str| {
            let mut drift = Drift::default();
            assert!(drift.check().is_empty());
            change(&mut drift);
            let found = drift.check();
            assert!(found.len() == 1 && found[0].message.starts_with(key), "{found:?}");
        };
        check(|it| it.hour = 24, "drift.hour");
        check(|it| it.reference = 199, "drift.reference");
        check(|it| it.window = 49, "drift.window");
        check(|it| it.psi = f64::NAN, "drift.psi");
        check(|it| it.js = 1.1, "drift.js");
        check(|it| it.ks = 0.0, "drift.ks");
        check(|it| it.p = 0.06, "drift.p");
    }
}
