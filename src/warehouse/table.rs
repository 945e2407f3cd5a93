//! The tables and their columns, as the data dictionary tells them.

use super::ExportError;
use super::pages::{self, Source};

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Null,
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Real(f64),
    /// Truth.
    Flag(bool),
}

impl Cell {
    /// As it stands in a CSV file; nothing is an empty field, as PostgreSQL's `COPY … CSV` reads it.
    pub(super) fn csv(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Int(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Flag(truth) => truth.to_string(),
        }
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Cell {
        text.map_or(Cell::Null, Cell::Text)
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Cell {
        number.map_or(Cell::Null, Cell::Int)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Cell {
        number.map_or(Cell::Null, Cell::Real)
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A fraction of 64 bits.
    Real,
    /// True or false.
    Flag,
}

impl ColumnKind {
    /// Its name in the dictionary, as PostgreSQL writes the type.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnKind::Text => "text",
            ColumnKind::Int => "bigint",
            ColumnKind::Real => "double precision",
            ColumnKind::Flag => "boolean",
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its name in Chinese.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn column(
    name: &'static str,
    kind: ColumnKind,
    title: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, kind, title, meaning }
}

/// Takes rows.
pub(super) type Take<'a> = dyn FnMut(&[Vec<Cell>]) -> Result<(), ExportError> + 'a;

/// One table.
#[derive(Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its name in Chinese.
    pub title: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Reads its rows, some thousand at a time.
    pub(super) read: fn(&Source<'_>, &mut Take<'_>) -> Result<(), ExportError>,
}

use ColumnKind::{Flag, Int, Real, Text};

const DT: Column = column("dt", Text, "日期", "臺灣時間的日期,YYYY-MM-DD");
const SERVICE: Column =
    column("service", Text, "服務", "letters(信件)或 documents(公文)等服務代碼");
const PREDICTION: Column =
    column("prediction_id", Text, "預測代號", "以金鑰雜湊的假名,可與 ai_feedback 對應,無法還原");
const VERSION: Column = column("model_version", Text, "模型版本", "給出建議的模型版本");

/// Every table that is exported.
pub const TABLES: &[Table] = &[
    Table {
        name: "ai_prediction",
        title: "建議",
        columns: &[
            DT,
            PREDICTION,
            SERVICE,
            column("model", Text, "模型", "模型名稱"),
            VERSION,
            column("taxonomy_version", Text, "分類表版本", "給出建議時的分類表版本"),
            column("label_1", Text, "第一建議", "分類表中的標籤"),
            column("score_1", Real, "第一建議信心", "校準後的信心,0 到 1"),
            column("label_2", Text, "第二建議", "分類表中的標籤"),
            column("score_2", Real, "第二建議信心", "校準後的信心,0 到 1"),
            column("label_3", Text, "第三建議", "分類表中的標籤"),
            column("score_3", Real, "第三建議信心", "校準後的信心,0 到 1"),
            column("org", Text, "機關", "機關代碼;登記之前的建議空白"),
            column(
                "mode",
                Text,
                "服務階段",
                "給出當時,該機關使用此服務的階段:shadow(影子,不顯示)、pilot(試辦)或 live(正式);有階段之前的建議空白",
            ),
            column("input_chars", Int, "輸入字數", "去除空白後的字數;影像與早期的建議空白"),
        ],
        read: pages::predictions,
    },
    Table {
        name: "ai_feedback",
        title: "承辦人決定",
        columns: &[
            DT,
            PREDICTION,
            SERVICE,
            VERSION,
            column("verdict", Text, "決定", "accepted(採用)、corrected(更正)或 discarded(捨棄)"),
            column("decided_label", Text, "決定的標籤", "分類表中的標籤"),
            column("agreed_top1", Flag, "與第一建議相同", "決定的標籤即第一建議"),
            column("agreed_top3", Flag, "在前三建議中", "決定的標籤在前三個建議之中"),
            column("seconds_to_decide", Int, "決定所需秒數", "自建議至決定;建議已銷毀者空白"),
            column("reason_code", Text, "原因代碼", "承辦系統的原因代碼"),
        ],
        read: pages::feedback,
    },
    Table {
        name: "ai_job_daily",
        title: "每日工作統計",
        columns: &[
            DT,
            column("org", Text, "機關", "機關代碼"),
            SERVICE,
            column("submitted", Int, "受理數", "當日受理的工作;少於 5 件的組別不列出"),
            column("succeeded", Int, "完成數", "匯出時已完成"),
            column("failed", Int, "失敗數", "匯出時已失敗"),
            column("cancelled", Int, "取消數", "匯出時已取消"),
            column("dead", Int, "放棄數", "重試後仍失敗而放棄"),
            column("p50_ms", Int, "處理時間中位數", "毫秒;最後一次嘗試"),
            column("p95_ms", Int, "處理時間第 95 百分位", "毫秒;最後一次嘗試"),
            column("queue_p95_ms", Int, "等候時間第 95 百分位", "毫秒;受理至最後一次嘗試開始"),
        ],
        read: pages::jobs,
    },
    Table {
        name: "ai_model_version",
        title: "使用中的模型版本",
        columns: &[
            DT,
            SERVICE,
            column("model", Text, "模型", "模型名稱"),
            VERSION,
            column("sha256", Text, "雜湊值", "模型檔案的 SHA-256"),
            column("predictions", Int, "建議數", "當日以此版本給出的建議;少於 5 件者空白"),
        ],
        read: pages::versions,
    },
    Table {
        name: "ai_review_daily",
        title: "每日複審統計",
        columns: &[
            DT,
            column("org", Text, "機關", "機關代碼"),
            SERVICE,
            column(
                "reason",
                Text,
                "進入複審的原因",
                "requires_human、sampled、second_opinion 或 escalated",
            ),
            column("decided", Int, "決定數", "當日決定的件數;少於 5 件的組別不列出"),
            column("accepted", Int, "採用數", "承辦人接受第一個建議"),
            column("corrected", Int, "更正數", "承辦人改為其他標籤"),
            column("discarded", Int, "捨棄數", "承辦人認為不成案"),
            column("late", Int, "逾期數", "在辦理期限之後決定"),
            column("p50_s", Int, "決定時間中位數", "秒;自進入複審至決定"),
            column("p95_s", Int, "決定時間第 95 百分位", "秒;自進入複審至決定"),
        ],
        read: pages::reviews,
    },
    Table {
        name: "ai_field_quality",
        title: "每日證件欄位品質",
        columns: &[
            DT,
            column("document_type", Text, "證件種類", "證件種類代碼"),
            column("field", Text, "欄位", "欄位代碼;空白者為證件種類本身"),
            column("recognised", Int, "辨識數", "當日讀到此欄位的次數;少於 5 次者空白"),
            column(
                "mean_confidence",
                Real,
                "平均信心",
                "當日讀到者的平均信心,0 到 1;少於 5 次者空白",
            ),
            column("checked", Int, "核對數", "當日承辦人與影像核對的次數;少於 5 次者空白"),
            column("wrong", Int, "錯誤數", "核對後認為有誤的次數;核對少於 5 次者空白"),
        ],
        read: pages::fields,
    },
    Table {
        name: "ai_speech_quality",
        title: "每日轉寫品質",
        columns: &[
            DT,
            column("org", Text, "機關", "機關代碼"),
            column("recordings", Int, "錄音數", "當日完成轉寫的錄音;少於 5 件的組別不列出"),
            column("minutes", Real, "分鐘數", "錄音總長"),
            column(
                "low_confidence_ratio",
                Real,
                "低信心比率",
                "信心偏低的字所占比率,以錄音長度加權,0 到 1",
            ),
            column("corrected", Int, "更正數", "匯出時已有更正的錄音;少於 5 件者空白"),
            column(
                "corrected_minutes",
                Real,
                "更正分鐘數",
                "匯出時已有更正的錄音總長;少於 5 件者空白",
            ),
        ],
        read: pages::recordings,
    },
    Table {
        name: "ai_drift_daily",
        title: "每日偏離檢查",
        columns: &[
            DT,
            SERVICE,
            VERSION,
            column("feature", Text, "比較項目", "如信心、標籤分布、文字長度"),
            column("measure", Text, "方法", "比較的統計量"),
            column("n_reference", Int, "基準件數", "模型啟用之初的建議數"),
            column("n_window", Int, "近期件數", "近期的建議數"),
            column("value", Real, "差距", "統計量的值"),
            column("p", Real, "機率", "純屬偶然的機率"),
            column("threshold", Real, "門檻", "超過時算是偏離"),
            column("is_alarm", Flag, "偏離", "是否超過門檻且非偶然"),
        ],
        read: pages::drift,
    },
    Table {
        name: "ai_usage_daily",
        title: "每日使用統計",
        columns: &[
            DT,
            column("client_id", Text, "介接系統", "以金鑰雜湊的假名;未驗證身分者空白"),
            column("operation", Text, "作業", "方法與路徑樣板,或匯流排的作業名稱"),
            column("calls", Int, "呼叫數", "本節點當日完成的呼叫;少於 5 次的組別不列出"),
            column("errors", Int, "失敗數", "回覆狀態 400 以上,429 除外"),
            column("throttled", Int, "限流數", "回覆狀態 429"),
            column("p50_ms", Int, "處理時間中位數", "毫秒"),
            column("p95_ms", Int, "處理時間第 95 百分位", "毫秒"),
        ],
        read: pages::usage,
    },
];
