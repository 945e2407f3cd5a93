//! How long each class of data is kept: one table for the settings, their ranges and the inventory of personal data.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, Finding};

/// Hours of a day.
const DAY: u64 = 24;

/// How long data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// 信件、公文與問題的文字(加密)及其近似比對特徵的保存天數(1 到 180)。
    pub text_days: u64,
    /// 預測紀錄(標籤、分數、模型版本,不含文字)的保存天數(30 到 3650),不得短於 `text_days`。
    pub prediction_days: u64,
    /// 承辦人回饋(標籤與原因代碼)在其預測紀錄刪除後,自作成起算的保存天數(30 到 3650)。
    pub feedback_days: u64,
    /// 複審項目的文字(已遮蔽個資,加密)自決定起算的保存天數(1 到 180);項目本身與預測紀錄同。
    pub review_days: u64,
    /// 信件與公文工作及其輸入、結果的保存天數(1 到 90)。
    pub job_days: u64,
    /// 錄音檔副本的保存天數(1 到 90)。
    pub recording_days: u64,
    /// 逐字稿與轉寫工作的保存天數(1 到 365)。
    pub transcript_days: u64,
    /// 上傳後尚未使用的內容的保存時數(1 到 72);證件影像只可能以此存在。
    pub upload_hours: u64,
    /// Idempotency-Key 的保存時數(1 到 72)。
    pub repetition_hours: u64,
    /// 已發布事件的保存天數(1 到 30)。
    pub event_days: u64,
    /// webhook、郵件與簡訊投遞紀錄的保存天數(1 到 90)。
    pub webhook_days: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            text_days: 30,
            prediction_days: 3 * 365,
            feedback_days: 3 * 365,
            review_days: 30,
            job_days: 30,
            recording_days: 30,
            transcript_days: 180,
            upload_hours: 24,
            repetition_hours: 24,
            event_days: 7,
            webhook_days: 30,
        }
    }
}

/// A class of data: what it is, how long it is kept, what becomes of it. In Traditional Chinese, for operators, and what
/// the console shows in English too.
#[derive(Clone, Copy, Debug)]
pub struct DataClass {
    /// Name.
    pub name: &'static str,
    /// Categories of personal data in it; none when it is empty.
    pub personal: &'static str,
    /// What it is kept for.
    pub purpose: &'static str,
    /// Where it lies and how it is protected.
    pub place: &'static str,
    /// What becomes of it.
    pub after: &'static str,
    /// Name, personal data and what becomes of it in English.
    pub english: [&'static str; 3],
    /// The key of its setting.
    pub setting: &'static str,
    /// Hours of one unit of the setting.
    unit: u64,
    /// Least and most that may be set.
    pub range: (u64, u64),
    value: fn(&Config) -> u64,
}

impl DataClass {
    /// What is set, in the unit of the setting.
    pub fn value(&self, config: &Config) -> u64 {
        (self.value)(config)
    }

    /// An amount in words.
    pub fn in_words(&self, amount: u64) -> String {
        format!("{amount} {}", if self.unit == DAY { "天" } else { "小時" })
    }

    /// The same in English.
    pub fn in_english(&self, amount: u64) -> String {
        format!("{amount} {}", if self.unit == DAY { "days" } else { "hours" })
    }

    fn allowed(&self) -> RangeInclusive<u64> {
        self.range.0..=self.range.1
    }
}

/// Every class that is erased by time, and the audit log, which keeps to its own setting.
pub const DATA_CLASSES: &[DataClass] = &[
    DataClass {
        name: "信件、公文與問題的文字",
        personal: "陳述內容、姓名、聯絡方式、身分證統一編號，可能含特種個資",
        purpose: "顯示預測依據、承辦人複審、經核定之模型改進",
        place: "資料庫，AES-256-GCM 加密",
        after: "清除密文與近似比對特徵，預測紀錄留存",
        english: [
            "Texts of letters, documents and questions",
            "What was written, names, contacts, ID numbers; may hold special categories",
            "The sealed text and the marks of near-duplicates are erased; the prediction stays",
        ],
        setting: "retention.text_days",
        unit: DAY,
        range: (1, 180),
        value: |it| it.retention.text_days,
    },
    DataClass {
        name: "預測紀錄",
        personal: "送出證件影像者的代碼；其餘無（標籤、分數、模型版本）；案號為間接識別",
        purpose: "稽核、統計、申訴查證",
        place: "資料庫",
        after: "刪除",
        english: [
            "Predictions",
            "Id of who had an ID image read; else none (labels, scores, versions of models); case numbers identify indirectly",
            "Erased",
        ],
        setting: "retention.prediction_days",
        unit: DAY,
        range: (30, 3650),
        value: |it| it.retention.prediction_days,
    },
    DataClass {
        name: "承辦人回饋",
        personal: "承辦人代碼",
        purpose: "衡量精確度、模型改進",
        place: "資料庫",
        after: "刪除",
        english: ["Officers' feedback", "Ids of officers", "Erased"],
        setting: "retention.feedback_days",
        unit: DAY,
        range: (30, 3650),
        value: |it| it.retention.feedback_days,
    },
    DataClass {
        name: "複審項目的文字",
        personal: "陳述內容（識別號碼與聯絡方式已遮蔽）",
        purpose: "承辦人複審",
        place: "資料庫，AES-256-GCM 加密",
        after: "自決定起算；清除密文，決定與時間留存",
        english: [
            "Texts of reviews",
            "What was written (ID numbers and contacts are masked)",
            "From the decision on; the sealed text is erased, decision and time stay",
        ],
        setting: "retention.review_days",
        unit: DAY,
        range: (1, 180),
        value: |it| it.retention.review_days,
    },
    DataClass {
        name: "信件與公文工作",
        personal: "同信件、公文的文字；案號、呼叫機關",
        purpose: "非同步處理並交付結果",
        place: "資料庫或檔案，每件一把金鑰，AES-256-GCM 加密",
        after: "銷毀金鑰後刪除",
        english: [
            "Jobs of letters and documents",
            "As the texts of letters and documents; case numbers, agencies",
            "Erased after their keys are destroyed",
        ],
        setting: "retention.job_days",
        unit: DAY,
        range: (1, 90),
        value: |it| it.retention.job_days,
    },
    DataClass {
        name: "錄音檔副本",
        personal: "聲音、談話內容",
        purpose: "轉寫；原檔由來源系統保存",
        place: "檔案或儲存桶，每件一把金鑰，AES-256-GCM 加密",
        after: "銷毀金鑰後刪除",
        english: [
            "Copies of recordings",
            "Voices, what was said",
            "Erased after their keys are destroyed",
        ],
        setting: "retention.recording_days",
        unit: DAY,
        range: (1, 90),
        value: |it| it.retention.recording_days,
    },
    DataClass {
        name: "逐字稿",
        personal: "談話內容、姓名、聯絡方式、身分證統一編號，可能含特種個資；更正者代碼",
        purpose: "交付來源系統、複審",
        place: "資料庫或檔案，每件一把金鑰，AES-256-GCM 加密",
        after: "銷毀金鑰後刪除",
        english: [
            "Transcripts",
            "What was said, names, contacts, ID numbers; may hold special categories; ids of who corrected",
            "Erased after their keys are destroyed",
        ],
        setting: "retention.transcript_days",
        unit: DAY,
        range: (1, 365),
        value: |it| it.retention.transcript_days,
    },
    DataClass {
        name: "上傳未使用的內容（含證件影像）",
        personal: "證件影像、錄音、文書",
        purpose: "等候後續呼叫取用",
        place: "檔案或儲存桶，每件一把金鑰，AES-256-GCM 加密",
        after: "銷毀金鑰後刪除",
        english: [
            "Uploads not used yet (ID images among them)",
            "ID images, recordings, documents",
            "Erased after their keys are destroyed",
        ],
        setting: "retention.upload_hours",
        unit: 1,
        range: (1, 72),
        value: |it| it.retention.upload_hours,
    },
    DataClass {
        name: "Idempotency-Key",
        personal: "無",
        purpose: "辨認重送的呼叫",
        place: "資料庫",
        after: "刪除",
        english: ["Idempotency-Key", "None", "Erased"],
        setting: "retention.repetition_hours",
        unit: 1,
        range: (1, 72),
        value: |it| it.retention.repetition_hours,
    },
    DataClass {
        name: "已發布的事件",
        personal: "無（代碼與分數）",
        purpose: "確保事件送達",
        place: "資料庫",
        after: "刪除",
        english: ["Published events", "None (codes and scores)", "Erased"],
        setting: "retention.event_days",
        unit: DAY,
        range: (1, 30),
        value: |it| it.retention.event_days,
    },
    DataClass {
        name: "webhook、郵件與簡訊投遞紀錄",
        personal: "無（代碼與分數；收件人只存摘要）",
        purpose: "確保通知送達、查修",
        place: "資料庫",
        after: "刪除",
        english: [
            "Deliveries by webhook, mail and text message",
            "None (codes and scores; of receivers a digest only)",
            "Erased",
        ],
        setting: "retention.webhook_days",
        unit: DAY,
        range: (1, 90),
        value: |it| it.retention.webhook_days,
    },
    DataClass {
        name: "稽核紀錄",
        personal: "行為人代碼、案號、位址",
        purpose: "究責與外洩查證",
        place: "檔案，雜湊鏈與簽章",
        after: "簽署起點後移除整檔",
        english: [
            "Audit log",
            "Ids of who acted, case numbers, addresses",
            "Whole files are removed after a signed start",
        ],
        setting: "audit.retention_days",
        unit: DAY,
        // Six months at least (資通系統防護基準).
        range: (180, 36_500),
        value: |it| it.audit.retention_days,
    },
];

impl Config {
    /// What of the times is not allowed.
    pub(super) fn check_retention(&self) -> Vec<Finding> {
        let outside = DATA_CLASSES.iter().filter(|it| !it.allowed().contains(&it.value(self)));
        let mut findings: Vec<Finding> = outside
            .map(|it| {
                let (least, most) = (it.in_words(it.range.0), it.in_words(it.range.1));
                Finding::fatal(format!("{}:核定範圍為 {least}到 {most}", it.setting))
            })
            .collect();
        if self.retention.prediction_days < self.retention.text_days {
            findings.push(Finding::fatal("retention.prediction_days:不得短於 retention.text_days"));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_told_in_english() {
        for class in DATA_CLASSES {
            for text in class.english {
                assert!(!text.is_empty() && text.is_ascii(), "{}: {text}", class.name);
            }
            assert!(class.in_english(2).is_ascii());
        }
    }
}
