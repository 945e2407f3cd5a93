//! Words of 通話中.

use super::catalogue;

catalogue! {
    /// 通話中.
    scripted CallsText {
        lead: "邊聽邊轉寫：定稿的語句遮蔽個資後列出，民眾的問句以核定的來源建議答案。聲音與文字都不保存；建議過的問題依問答的期限加密保存。",
            "Hears a call as it goes on: finished utterances are listed with personal data masked, and questions get answers from approved sources. Neither sound nor text is kept; questions that were looked up are, sealed, as long as others.";
        missing_speech: "尚未安裝語音模型，請管理者於主機執行：fenwen models pull",
            "There is no speech model yet: an administrator runs fenwen models pull";
        no_answers_scope: "您的帳號沒有問答的權限（qa:ask），只顯示逐字稿。", "Your account may not ask (qa:ask): only the transcript is shown.";
        no_answers_yet: "尚未建立問答索引，只顯示逐字稿。", "There is no index of answers yet: only the transcript is shown.";
        source: "聲音來源", "Sound";
        source_sample: "範例（合成的虛構來電）", "Example (an invented caller, a synthetic voice)";
        source_file: "聲音檔", "A sound file";
        source_microphone: "麥克風", "Microphone";
        file: "選擇聲音檔", "Choose a sound file";
        speed: "播送速度", "Speed";
        speed_real: "1×（即時）", "1× (as it was spoken)";
        speed_fast: "4×", "4×";
        start: "開始", "Begin";
        stop: "結束", "End";
        transcript: "逐字稿", "Transcript";
        transcript_hint: "〔…〕為遮蔽的個資。虛線底線為信心較低、建議向對方確認之處。",
            "〔…〕 stands for personal data. Underlined with dashes: unsure, ask again.";
        heard_now: "辨識中（文字可能再變動）", "Being heard (it may change)";
        answers: "建議答案", "Suggested answers";
        answers_hint: "答案為核定來源的原文。請確認切合所問再轉述。", "Answers are quoted from approved sources. See that they fit before you tell them.";
        none_asked: "尚無問句。", "Nothing was asked yet.";
        nothing_heard: "尚無語句。", "Nothing was heard yet.";
        connecting: "連線中…", "Connecting…";
        listening: "聆聽中", "Listening";
        ending: "收尾中，等待最後的語句…", "Ending: waiting for the last utterances…";
        ended: "已結束，共 {0}。", "Ended after {0}.";
        reconnecting: "連線中斷，重新連線（第 {0} 次）…", "The connection broke: connecting again ({0})…";
        lost: "連線中斷，無法接續。已顯示的內容仍可參考，請重新開始。", "The connection broke and cannot be taken up. Begin again; what is shown stays.";
        behind: "聲音多於能處理的量，已停止。請稍後再試。", "More sound comes than can be heard: stopped. Try again later.";
        choose_file: "請先選擇聲音檔。", "Choose a sound file first.";
        bad_file: "瀏覽器無法讀取這個聲音檔。", "The browser cannot read this sound file.";
        too_long: "聲音檔過長（上限 30 分鐘），請以錄音轉寫處理。", "The file is too long (30 minutes at most): transcribe it as a recording.";
        no_microphone: "無法使用麥克風：請允許瀏覽器使用麥克風，或改用聲音檔。", "The microphone cannot be used: allow it in the browser, or choose a file.";
        lang_zh: "國語", "Mandarin";
        lang_en: "英語", "English";
        lang_und: "未轉寫", "Not transcribed";
        und: "〔非國語或無法辨識，未轉寫〕", "[another language, not transcribed]";
        unsure: "信心較低", "Unsure";
        masked: "遮蔽的個資", "Personal data, masked";
        question: "問：{0}", "Asked: {0}";
        no_answer: "查無資料，將轉由專人處理", "No source answers this; a person takes over";
        unasked: "這個問句未能查詢（{0}），請以「試用」的客戶問答再問一次。", "This question could not be looked up ({0}): ask it at “Try it”.";
        cited: "來源：{0}", "Source: {0}";
        span: "版本 {0}，第 {1} 至 {2} 字", "version {0}, characters {1} to {2}";
        link: "開啟來源網頁", "Open the source";
        alternatives: "其他來源（{0}）", "Other sources ({0})";
        by_words: "目前只比對文字。", "Only words are compared now.";
        adopt: "採用", "Used";
        adopt_named: "採用：{0}", "Used: {0}";
        not_fit: "不適用", "Does not fit";
        adopted: "已記錄：採用。", "Noted: used.";
        adopted_other: "已記錄：改採「{0}」。", "Noted: “{0}” was used instead.";
        not_fitting: "已記錄：不適用。", "Noted: does not fit.";
        high: "高", "High";
        middle: "中", "Middle";
        low: "低", "Low";
        no_connection: "無法連線到服務，請確認網路後再試。", "The service cannot be reached: check the network and try again.";
    }
}
