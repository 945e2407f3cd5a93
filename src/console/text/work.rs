//! Words of 1996 錄音 and 證件複核.

use super::catalogue;

catalogue! {
    /// 1996 錄音.
    scripted RecordingsText {
        lead: "轉寫過的錄音。逐字稿預設遮蔽個資;顯示原文或播放錄音都會留下紀錄。",
            "Recordings that were transcribed. Personal data is masked; reading the original and listening are recorded.";
        none: "還沒有錄音。可由「試用」送出,或由客服系統經 API 送入。", "No recordings yet: send one from “Try it”, or through the API.";
        recording: "錄音", "Recording";
        case_no: "案號", "Case";
        state: "狀態", "State";
        progress: "進度", "Progress";
        created: "送入時間", "Sent";
        queued: "排隊中", "Waiting";
        running: "轉寫中", "At work";
        succeeded: "已完成", "Done";
        failed: "未完成", "Not done";
        cancelled: "已取消", "Cancelled";
        older: "較舊的錄音", "Older recordings";
        newest: "最新的錄音", "Newest recordings";
        back: "回清單", "Back to the list";
        player: "錄音播放", "Player";
        load_audio: "載入錄音", "Load the recording";
        no_audio_scope: "您的帳號沒有聽取錄音的權限,僅顯示逐字稿。", "Your account may not listen: only the transcript is shown.";
        audio_gone: "錄音已逾保存期限,僅保留逐字稿。", "The recording has expired; its transcript remains.";
        audio_label: "錄音", "Recording";
        waveform: "雙聲道波形;按一下跳到該處,或於逐字稿選擇語句。", "Waveform by channel; press to go there, or choose an utterance below.";
        too_long: "錄音過長,不繪製波形;播放與跳轉仍可使用。", "Too long to draw; playing and seeking work.";
        speed: "播放速度", "Speed";
        transcript: "逐字稿", "Transcript";
        transcript_hint: "按 Enter 或點選語句即跳到該處。底線為信心較低、建議重聽之處。",
            "Press Enter on an utterance to go there. Underlined: unsure, hear it again.";
        original: "顯示原文", "Show the original";
        redacted: "遮蔽個資", "Mask personal data";
        export_vtt: "字幕檔(VTT)", "Subtitles (VTT)";
        export_txt: "純文字(TXT)", "Plain text (TXT)";
        working: "讀取中…", "Loading…";
        nothing_said: "錄音中沒有聽到語句。", "Nothing was said.";
        unfinished: "轉寫尚未完成,以下為目前的部分。", "Not finished: this is what was heard so far.";
        und: "〔非國語或無法辨識,未轉寫〕", "[another language, not transcribed]";
        duration: "長度", "Length";
        doubtful: "低信心比例", "Unsure words";
        model: "模型", "Model";
        channel: "聲道", "Channel";
        no_connection: "無法連線到服務,請確認網路後再試。", "The service cannot be reached: check the network and try again.";
    }
}

catalogue! {
    /// 證件複核: the page.
    CardsText {
        lead: "選擇一張證件影像,對照欄位與位置。影像只在處理時使用,系統不留存;號碼預設遮蔽。",
            "Choose an ID image and compare its fields with their places. Nothing of it is kept; numbers are masked.";
        file: "證件影像(10 MiB 以內)", "ID image (10 MiB at most)";
        send: "讀取欄位", "Read it";
        example: "載入虛構範例", "Load an invented example";
        empty: "尚未選擇影像。", "No image was chosen yet.";
        reveal: "顯示號碼與姓名", "Show numbers and names";
        mask: "遮蔽號碼與姓名", "Mask numbers and names";
        zoom: "所選欄位放大", "The field enlarged";
        keys: "以 Tab 移到欄位名稱,影像上的框與放大圖會同步標示。", "Tab through the fields: the box and the enlargement follow.";
    }
}
