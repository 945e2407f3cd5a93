//! Settings of letters, documents and questions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far answers are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextMode {
    /// 試辦:作為建議提供指定單位。
    #[default]
    Pilot,
    /// 導入:提供所有單位。
    Live,
}

/// How far an answer may be used before a person has read the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AutomationLevel {
    /// 建議:與其他建議並列,由承辦人選擇。
    #[default]
    Suggest,
    /// 預選:先選好第一個建議,由承辦人確認。
    Preselect,
    /// 自動:來源系統可直接套用,承辦人抽查並可隨時更正。
    Automatic,
}

/// Which answers need not be read anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Automation {
    /// 未列於 `units` 的單位所用的等級:`suggest`(建議)、`preselect`(預選)或 `automatic`(自動)。
    pub default: AutomationLevel,
    /// 各單位的等級,以單位路徑為鍵;未列者依上層單位。信心不足,或複審結果未達承諾的精確度時,一律為建議。
    pub units: BTreeMap<String, AutomationLevel>,
    /// `automatic` 的最低機率(0 到 1);較低者降為預選。
    pub automatic_from: f32,
    /// 檢驗承諾精確度所用的最近複審件數。
    pub reviewed: usize,
}

impl Default for Automation {
    fn default() -> Automation {
        Automation {
            default: AutomationLevel::Suggest,
            units: BTreeMap::new(),
            automatic_from: 0.98,
            reviewed: 200,
        }
    }
}

/// Letters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Letters {
    /// 未另行指定服務階段的機關所用的階段:`pilot`(試辦)或 `live`(導入);標示於回覆。
    pub mode: TextMode,
    /// 呼叫端未指定時回覆的標籤數(1 到 20)。
    pub top_k: usize,
    /// 相似度達此值(0 到 1)即視為重複陳情。
    pub repeated_from: f32,
    /// 比對重複陳情的最近信件數。
    pub compared: usize,
    /// 信件、公文與回饋同時在處理或排隊的請求上限;滿時立即回覆 429。
    pub queue: usize,
    /// 處理信件與公文的執行緒數。
    pub threads: usize,
    /// 自動化等級。
    pub automation: Automation,
}

impl Default for Letters {
    fn default() -> Letters {
        Letters {
            mode: TextMode::Pilot,
            top_k: 3,
            repeated_from: 0.5,
            compared: 100_000,
            queue: 64,
            threads: 2,
            automation: Automation::default(),
        }
    }
}

/// An agency with units and classifiers of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// 機關代碼;該機關的呼叫由自己的分類表與分類模型(`資料目錄/tenants/<代碼>/classifiers`)回答。
    pub org: String,
    /// 單位分類表(TOML),其 `tenant` 須與 `org` 相同。
    pub taxonomy: PathBuf,
    /// 發文字與單位的對照表(TOML);未設定時不以發文字號判斷。
    #[serde(default)]
    pub prefixes: Option<PathBuf>,
    /// 各單位的自動化等級,以單位路徑為鍵;未列者為 `suggest`(建議)。
    #[serde(default)]
    pub automation: BTreeMap<String, AutomationLevel>,
}

/// Documents.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// 未另行指定服務階段的機關所用的階段:`pilot`(試辦)或 `live`(導入);標示於回覆。
    pub mode: TextMode,
    /// 呼叫端未指定時回覆的單位與承辦人數(1 到 20)。
    pub top_k: usize,
    /// 單位分類表(TOML),信件亦使用;未設定時使用內建的內政部單位。
    pub taxonomy: Option<PathBuf>,
    /// 辦公日曆:人事行政總處公布的 CSV,或 TOML;未設定時只排除週末。
    pub calendar: Option<PathBuf>,
    /// 發文字與單位的對照表(TOML);未設定時使用內建對照表。
    pub prefixes: Option<PathBuf>,
    /// 機率達此值(0 到 1)的其他單位列為會辦。
    pub co_from: f32,
    /// 非本部業務的機率達此值(0 到 1)即建議移文。
    pub foreign_from: f32,
    /// 自動化等級。
    pub automation: Automation,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents {
            mode: TextMode::Pilot,
            top_k: 5,
            taxonomy: None,
            calendar: None,
            prefixes: None,
            co_from: 0.2,
            foreign_from: 0.5,
            automation: Automation::default(),
        }
    }
}

/// Questions.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Questions {
    /// 呼叫端未指定時回覆的來源數(1 到 20)。
    pub top_k: usize,
}

impl Default for Questions {
    fn default() -> Questions {
        Questions { top_k: 3 }
    }
}
