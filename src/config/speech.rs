//! Settings of recordings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Transcription of recordings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Speech {
    /// 語音模型的名稱,例如 `whisper-base` 或 `whisper-small`。
    pub model: String,
    /// 語音引擎:`whisper`(whisper.cpp)或 `candle`。
    pub engine: SpeechRuntime,
    /// 同時辨識的執行緒數(每個各自處理一段錄音);0 表示依核心數自動決定。
    pub workers: usize,
    /// 每個執行緒再分出的運算執行緒數;等待時會空轉,總數不應超過空閒核心。
    pub threads: usize,
    /// 解碼時同時追蹤的候選數;1 為最快。
    pub beams: usize,
    /// 單一錄音檔案上限(位元組)。
    pub bytes: u64,
    /// 單一錄音長度上限(秒)。
    pub seconds: u64,
}

impl Default for Speech {
    fn default() -> Speech {
        Speech {
            model: "whisper-base".to_owned(),
            engine: SpeechRuntime::Whisper,
            workers: 0,
            threads: 1,
            beams: 1,
            bytes: 512 << 20,
            seconds: 4 * 3600,
        }
    }
}

/// Which runtime hears speech.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeechRuntime {
    /// whisper.cpp.
    #[default]
    Whisper,
    /// Whisper on candle.
    Candle,
}
