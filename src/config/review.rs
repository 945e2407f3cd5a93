//! Settings of reviews.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, Profile};

/// Whether answers wait for officers here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewSwitch {
    /// In the demo profile only.
    #[default]
    Auto,
    /// They do.
    On,
    /// They do not: the calling system asks its officers itself.
    Off,
}

/// Reviews.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// 信件與公文的結果是否進入複審:`auto`(示範模式進入,正式環境不進入)、`on` 或 `off`(由來源系統自行交承辦人決定)。
    pub enabled: ReviewSwitch,
    /// 自動化等級為 `automatic` 的結果,抽樣複審的比率(0 到 1)。
    pub sample_rate: f64,
    /// 信件的辦理期限(日曆天)。
    pub letter_days: u32,
    /// 可整批接受的公文,第一個建議的最低機率(0 到 1)。
    pub batch_from: f64,
}

impl Default for Review {
    fn default() -> Review {
        Review { enabled: ReviewSwitch::Auto, sample_rate: 0.02, letter_days: 30, batch_from: 0.95 }
    }
}

impl Review {
    /// Whether answers wait for officers in this profile.
    pub fn is_enabled(&self, profile: Profile) -> bool {
        match self.enabled {
            ReviewSwitch::Auto => profile == Profile::Demo,
            ReviewSwitch::On => true,
            ReviewSwitch::Off => false,
        }
    }

    /// What is wrong.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (key, share) in
            [("review.sample_rate", self.sample_rate), ("review.batch_from", self.batch_from)]
        {
            if !(0.0..=1.0).contains(&share) {
                findings.push(Finding::fatal(format!("{key}:應為 0 到 1")));
            }
        }
        if !(1..=365).contains(&self.letter_days) {
            findings.push(Finding::fatal("review.letter_days:應為 1 到 365"));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demonstrations_review_and_shares_are_checked() {
        let review = Review::default();
        assert!(review.is_enabled(Profile::Demo) && !review.is_enabled(Profile::Production));
        let on = Review { enabled: ReviewSwitch::On, ..Review::default() };
        assert!(on.is_enabled(Profile::Production));
        let check = |review: Review, n_findings| assert_eq!(review.check().len(), n_findings);
        check(review.clone(), 0);
        check(Review { sample_rate: 1.1, batch_from: f64::NAN, ..review.clone() }, 2);
        check(Review { letter_days: 0, ..review }, 1);
    }
}
