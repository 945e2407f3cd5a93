//! Words of 1996 錄音 and 證件複核.

use super::catalogue;

catalogue! {
    /// 1996 錄音.
    scripted RecordingsText {
        lead: "轉寫過的錄音。逐字稿預設遮蔽個資；顯示原文或播放錄音都會留下紀錄。",
            "Recordings that were transcribed. Personal data is masked; reading the original and listening are recorded.";
        none: "還沒有錄音。可由「試用」送出，或由客服系統經 API 送入。", "No recordings yet: send one from “Try it”, or through the API.";
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
        no_audio_scope: "您的帳號沒有聽取錄音的權限，僅顯示逐字稿。", "Your account may not listen: only the transcript is shown.";
        audio_gone: "錄音已逾保存期限，僅保留逐字稿。", "The recording has expired; its transcript remains.";
        audio_label: "錄音", "Recording";
        waveform: "雙聲道波形；按一下跳到該處，或於逐字稿選擇語句。", "Waveform by channel; press to go there, or choose an utterance below.";
        too_long: "錄音過長，不繪製波形；播放與跳轉仍可使用。", "Too long to draw; playing and seeking work.";
        speed: "播放速度", "Speed";
        transcript: "逐字稿", "Transcript";
        transcript_hint: "按 Enter 或點選語句即跳到該處。虛線底線為信心較低、建議重聽之處。",
            "Press Enter on an utterance to go there. Underlined: unsure, hear it again.";
        original: "顯示原文", "Show the original";
        redacted: "遮蔽個資", "Mask personal data";
        export_vtt: "字幕檔（VTT）", "Subtitles (VTT)";
        export_srt: "字幕檔（SRT）", "Subtitles (SRT)";
        export_txt: "純文字（TXT）", "Plain text (TXT)";
        correct_hint: "以 ↑、↓ 在語句間移動，按 E 更正文字；原轉寫會保留，可復原。",
            "Up and Down move between utterances, E corrects one; what was heard is kept, and a correction can be taken back.";
        correct: "更正", "Correct";
        correct_label: "更正 {0} {1} 的語句", "Correct {1} at {0}";
        correct_keys: "按 Enter 儲存，Esc 取消。沒有語句時請清空。", "Enter saves, Esc cancels. Empty it when nothing was said.";
        correct_masks: "按 Enter 儲存，Esc 取消。〔…〕為遮蔽的個資，請保留；要改其內容請先顯示原文。",
            "Enter saves, Esc cancels. 〔…〕 stands for personal data: keep it; show the original to change it.";
        save: "儲存更正", "Save";
        cancel: "取消", "Cancel";
        undo: "復原", "Undo";
        saved: "已更正，匯出檔一併更新。", "Corrected; exports are too.";
        undone: "已復原。", "Taken back.";
        reload: "重新載入逐字稿", "Load the transcript again";
        reloaded: "已重新載入。", "Loaded again.";
        heard_as: "原轉寫：{0}。", "Heard: {0}.";
        corrected_by: "由 {0} 更正，{1}", "corrected by {0}, {1}";
        emptied: "〔更正為沒有語句〕", "[corrected: nothing was said]";
        working: "讀取中…", "Loading…";
        nothing_said: "錄音中沒有聽到語句。", "Nothing was said.";
        unfinished: "轉寫尚未完成，以下為目前的部分。", "Not finished: this is what was heard so far.";
        recording_truncated: "錄音檔不完整，在應有的長度之前結束；逐字稿只到此為止。",
            "The recording is incomplete: it ends before the length it should have, and so does the transcript.";
        recording_gaps: "錄音檔中有遺失的片段，以靜音補足；該處的語句沒有轉寫。",
            "Parts of the recording were lost; silence stands for them, and what was said there is missing.";
        recording_quiet: "錄音音量極低，語句可能沒有全部轉寫；請確認錄音設備的音量。",
            "The recording is very quiet: not everything may have been heard. Check the recorder's level.";
        und: "〔非國語或無法辨識，未轉寫〕", "[another language, not transcribed]";
        duration: "長度", "Length";
        doubtful: "低信心比例", "Unsure words";
        model: "模型", "Model";
        channel: "聲道", "Channel";
        no_connection: "無法連線到服務，請確認網路後再試。", "The service cannot be reached: check the network and try again.";
    }
}

catalogue! {
    /// 證件複核: the page.
    CardsText {
        lead: "選擇一張證件影像，對照欄位與位置。影像與讀到的值只在處理時使用，系統不留存；號碼預設遮蔽，顯示時留下紀錄。",
            "Choose an ID image and compare its fields with their places. Neither the image nor a value is kept; numbers are masked, and showing them is recorded.";
        file: "證件影像（10 MiB 以內）", "ID image (10 MiB at most)";
        send: "讀取欄位", "Read it";
        example: "載入虛構範例", "Load an invented example";
        empty: "尚未選擇影像。", "No image was chosen yet.";
        reveal: "顯示號碼與姓名", "Show numbers and names";
        mask: "遮蔽號碼與姓名", "Mask numbers and names";
        all_right: "其餘全部相符", "The others are all right";
        complete: "核對完成", "Comparison complete";
        compare_hint: "逐欄與影像核對：相符按「相符」，不符按「更正」並輸入正確內容。完成後系統只記下哪些欄位正確，作為改進依據。",
            "Compare each field with the picture: press “Right”, or “Correct” and type what it says. Only which fields were right is noted.";
        zoom: "所選欄位放大", "The field enlarged";
        keys: "以 Tab 移到欄位名稱，影像上的框與放大圖會同步標示。", "Tab through the fields: the box and the enlargement follow.";
    }
}
