//! Settings of model files, and of versions that are tried.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Secret;

use super::Finding;

/// Where model files come from and lie.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Models {
    /// 模型庫目錄;未設定時為 `$XDG_DATA_HOME/fenwen/models`。
    pub store: Option<PathBuf>,
    /// 自訂模型說明檔的目錄,可新增或取代內建模型。
    pub manifests: Option<PathBuf>,
    /// 優先使用的來源(`dir:…` 或 `url:https://…`),依序嘗試。
    pub mirrors: Vec<String>,
    /// Hugging Face Hub 私有儲存庫的存取權杖。
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub token: Option<Secret<String>>,
    /// 以張量呼叫的模型(`/v2`)同時載入的上限,以模型檔大小計(MiB);0 為不限。載入另一個而超過時,最久未被呼叫者先卸載。
    pub max_mib: u64,
    /// 以張量呼叫的模型(`/v2`)正在試用的另一版本。
    pub trials: Vec<ModelTrial>,
}

/// Another version of a model that takes tensors, beside the one that answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelTrial {
    /// 現用的模型名稱。
    pub model: String,
    /// 試用的另一版本在模型庫中的名稱,輸入與輸出須相同,`version` 須不同。
    pub candidate: String,
    /// 由另一版本回覆的案件百分比,0 到 100;同一案件固定由同一版本回覆。
    pub canary_percent: u8,
    /// 其餘案件是否也交給另一版本計算;結果只用來比較,不影響回覆。
    pub shadow: bool,
}

impl Models {
    /// What is wrong with the trials.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut seen = BTreeSet::new();
        let wrong = |it: &ModelTrial| {
            if it.model.is_empty() || it.candidate.is_empty() || it.model == it.candidate {
                return Some("model 與 candidate 須為兩個不同的名稱");
            }
            if 100 < it.canary_percent {
                return Some("canary_percent 應為 0 到 100");
            }
            if it.canary_percent == 0 && !it.shadow {
                return Some("canary_percent 大於 0 或 shadow = true,至少須有一項");
            }
            None
        };
        let mut findings = Vec::new();
        for it in &self.trials {
            let reason = wrong(it).or_else(|| {
                (!seen.insert(it.model.as_str())).then_some("一個模型只能有一個試用版本")
            });
            let told = |reason| Finding::fatal(format!("models.trials「{}」:{reason}", it.model));
            findings.extend(reason.map(told));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(trials: &[(&str, &str, u8, bool)], words: &[&str]) {
        let trial =
            |&(model, candidate, canary_percent, shadow): &(&str, &str, u8, bool)| ModelTrial {
                model: model.to_owned(),
                candidate: candidate.to_owned(),
                canary_percent,
                shadow,
            };
        let models = Models { trials: trials.iter().map(trial).collect(), ..Models::default() };
        let found: Vec<String> = models.check().into_iter().map(|it| it.message).collect();
        assert_eq!(found.len(), words.len(), "{found:?}");
        for (message, word) in found.iter().zip(words) {
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn a_trial_is_of_another_model_and_does_something() {
        check(&[("a", "b", 10, false), ("c", "b", 0, true)], &[]);
        check(&[("a", "a", 10, false)], &["兩個不同"]);
        check(&[("a", "", 10, false)], &["兩個不同"]);
        check(&[("a", "b", 101, false)], &["0 到 100"]);
        check(&[("a", "b", 0, false)], &["至少"]);
        check(&[("a", "b", 10, false), ("a", "c", 10, false)], &["只能有一個"]);
    }
}
