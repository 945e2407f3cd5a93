//! Settings of recordings.

use std::path::PathBuf;

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
    /// 系統 ffmpeg 的絕對路徑,例如 `/usr/bin/ffmpeg`;設定後可讀取 AMR 與 GSM 錄音(在隔離的子行程中,限 Linux)。
    pub ffmpeg: Option<PathBuf>,
    /// 單一錄音檔案上限(位元組)。
    pub bytes: u64,
    /// 單一錄音長度上限(秒)。
    pub seconds: u64,
    /// 隨請求直接附上的錄音上限(位元組);較大者先上傳。
    pub direct_bytes: usize,
    /// 直接回覆的轉寫請求,同時在處理或等候的上限;滿時立即回覆 429。
    pub queue: usize,
    /// 即時串流同時連線的上限;滿時拒絕。
    pub streams: usize,
    /// 即時串流沒有收到聲音即中斷的時間(秒)。
    pub idle_s: u64,
    /// 即時串流中斷後可接續的時間(秒)。
    pub resume_s: u64,
}

impl Default for Speech {
    fn default() -> Speech {
        Speech {
            model: "whisper-base".to_owned(),
            engine: SpeechRuntime::Auto,
            workers: 0,
            threads: 1,
            beams: 1,
            ffmpeg: None,
            bytes: 512 << 20,
            seconds: 4 * 3600,
            direct_bytes: 25 << 20,
            queue: 4,
            streams: 4,
            idle_s: 30,
            resume_s: 60,
        }
    }
}

/// Which runtime hears speech.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeechRuntime {
    /// whisper.cpp on the processor, candle on another device.
    #[default]
    Auto,
    /// whisper.cpp.
    Whisper,
    /// Whisper on candle.
    Candle,
}
