//! Words of 試用 and of the results that its script shows.

use super::catalogue;

catalogue! {
    /// 試用: the page.
    TryText {
        lead: "送出一封信、一件公文、一段錄音、一個問題或一張證件影像，看系統怎麼建議、依據什麼。每項都附虛構的範例，一分鐘即可走完。",
            "Send a letter, a document, a recording, a question or an ID image and see what the system suggests, and why. Each comes with an invented example.";
        tour: "四步導覽", "Tour in four steps";
        tour_lead: "依序按下，系統會載入虛構範例並送出。", "Press them in order: an invented example is sent each time.";
        step_letter: "看一封信建議給哪個單位", "See which unit a letter goes to";
        step_document: "看一件公文的主辦、會辦與期限", "See the units and the deadline of a document";
        step_speech: "聽一段錄音的逐字稿", "Read what a recording says";
        step_card: "讀一張證件影像的欄位", "Read the fields of an ID image";
        drop: "把檔案拖放到這裡，或選擇檔案", "Drop a file here, or choose one";
        drop_hint: "信件 .txt、公文 .di .sw .xml、錄音 .wav .mp3 .ogg .m4a、影像 .jpg .png .webp；依種類自動開啟。",
            "Letters .txt, documents .di .sw .xml, recordings .wav .mp3 .ogg .m4a, pictures .jpg .png .webp.";
        services: "服務", "Services";
        letter: "信件分類", "Letter";
        document: "公文分文", "Document";
        speech: "錄音轉寫", "Recording";
        question: "客戶問答", "Question";
        card: "證件影像", "ID image";
        example: "載入範例", "Load an example";
        subject: "主旨", "Subject";
        body: "內容", "Text";
        letter_send: "建議承辦單位", "Suggest a unit";
        document_file: "DI、SW 或 XML 檔（不選則用下列欄位）", "DI, SW or XML file (or fill in below)";
        priority: "速別", "Priority";
        priority_normal: "普通件", "普通件 (normal)";
        priority_fast: "速件", "速件 (fast)";
        priority_urgent: "最速件", "最速件 (urgent)";
        explanation: "說明", "Explanation";
        document_send: "建議主辦與會辦", "Suggest units";
        speech_file: "錄音檔（25 MiB 以內）", "Recording (25 MiB at most)";
        speech_hint: "範例為電腦合成的語音，內容虛構；也可用自己的測試錄音，或對麥克風說一句話（錄音只送到本機）。",
            "The example is a synthetic voice with an invented text; or use a test recording, or the microphone (it is sent to this server only).";
        microphone: "用麥克風錄音", "Record by microphone";
        speech_send: "轉成文字", "Transcribe";
        question_text: "問題", "Question";
        question_send: "查詢", "Ask";
        card_file: "影像（10 MiB 以內）", "Picture (10 MiB at most)";
        card_send: "讀取欄位", "Read it";
        missing_model: "此服務尚未就緒：", "This service is not ready: ";
        missing_speech: "請執行 fenwen models pull whisper-base 後重新啟動。",
            "run fenwen models pull whisper-base and start again.";
        missing_qa: "請先匯入並核定問答來源（fenwen qa）。", "import and approve sources first (fenwen qa).";
        missing_other: "請執行 fenwen models pull 後重新啟動。", "run fenwen models pull and start again.";
        sample_letter_subject: "戶籍遷入遭退件", "戶籍遷入遭退件";
        sample_letter_body: "您好，我上週到戶政事務所辦理遷入登記，承辦人說缺少房屋所有權人的同意書，因此退件。請問租屋是否一定要附同意書？我的聯絡電話是 0912-345-678。（本信為虛構範例）",
            "您好，我上週到戶政事務所辦理遷入登記，承辦人說缺少房屋所有權人的同意書，因此退件。請問租屋是否一定要附同意書？我的聯絡電話是 0912-345-678。（本信為虛構範例）";
        sample_document_subject: "檢送土地徵收計畫書一案，請鑒核。", "檢送土地徵收計畫書一案，請鑒核。";
        sample_document_body: "一、依土地徵收條例第13條規定辦理。二、檢附徵收土地圖冊1份。（本文為虛構範例）",
            "一、依土地徵收條例第13條規定辦理。二、檢附徵收土地圖冊1份。（本文為虛構範例）";
        sample_question: "身分證遺失補發要準備什麼？", "身分證遺失補發要準備什麼？";
    }
}

catalogue! {
    /// Words of results, for scripts.
    scripted ResultWords {
        no_connection: "無法連線到服務，請確認網路後再試。", "The service cannot be reached: check the network and try again.";
        working: "處理中…", "Working…";
        queued: "已受理，排隊中…", "Accepted, waiting…";
        heard: "已轉寫 {0}", "{0} transcribed";
        high: "高", "High";
        middle: "中", "Middle";
        low: "低", "Low";
        confidence: "信心度", "Confidence";
        result: "結果", "Result";
        suggestions: "建議", "Suggestions";
        abstained: "信心不足，系統不作建議，請由承辦人判斷。以下僅供參考。",
            "Not sure enough to suggest: the officer judges. What follows is only for orientation.";
        sure_enough: "信心足夠，仍由承辦人決定。", "Sure enough; the officer decides all the same.";
        made_by: "模型 {0} 第 {1} 版", "Model {0}, version {1}";
        accept: "接受", "Accept";
        correct: "改為這個", "Use this one";
        noted: "已記下您的決定", "Your decision is noted";
        hints: "提示", "Hints";
        no_hints: "沒有需要注意之處。", "Nothing to note.";
        evidence: "依據與個資", "Evidence and personal data";
        evidence_key: "標示處為建議的依據；波浪線為個資。", "Marked: what the suggestion rests on. Wavy: personal data.";
        evidence_at: "依據，權重 {0}", "Evidence, weight {0}";
        pii_at: "個資：{0}", "Personal data: {0}";
        evidence_none: "系統沒有指出單一依據。", "No single piece decided.";
        flag_confidential_report: "檢舉或要求保密", "A report that asks for secrecy";
        flag_no_substance: "內容空泛", "No substance";
        flag_urgent: "急件或有期限", "Urgent, or with a deadline";
        flag_sensitive: "敏感：請立即由人處理", "Sensitive: a person should act now";
        flag_instruction_like: "疑似對機器下指令", "Seems to instruct a machine";
        repeated: "與先前信件相似（{0}）", "Similar to an earlier letter ({0})";
        foreign: "可能屬{0}業務（{1}）", "Perhaps the business of {0} ({1})";
        role_main: "主辦", "Lead";
        role_co: "會辦", "Joint";
        reasons: "理由", "Reasons";
        reason_own_number: "來文回復本機關文號", "Answers a document of ours";
        reason_prior_case: "前案", "Earlier case";
        reason_term: "用語", "Wording";
        deadline: "辦理期限", "Deadline";
        working_days: "{0}（{1},{2} 個工作日）", "{0} ({1}, {2} working days)";
        transcript: "逐字稿", "Transcript";
        masked: "個資已遮蔽。", "Personal data is masked.";
        doubtful: "底線為信心較低、建議重聽之處。", "Underlined: unsure, hear it again.";
        nothing_said: "錄音中沒有聽到語句。", "Nothing was said.";
        failed: "工作未完成：{0}", "The job did not succeed: {0}";
        open_recording: "在「1996 錄音」開啟", "Open under “1996 recordings”";
        shadow: "影子階段：建議已留存供比對，不顯示。", "In the shadow: what was suggested is kept to be compared, and not shown.";
        no_answer: "查無資料，將轉由專人處理。", "No source answers this: a person will.";
        cited: "出處", "Source";
        alternatives: "其他可能的來源", "Other sources";
        by_words: "未安裝句向量模型，只比對字詞。", "Only words were compared: no sentence encoder is installed.";
        kind: "證件種類", "Document";
        field: "欄位", "Field";
        value: "值", "Value";
        trust: "可信程度", "Trust";
        checks: "檢核", "Checks";
        passed: "{0}通過", "{0} passed";
        not_passed: "{0}未通過", "{0} failed";
        no_checks: "無", "None";
        retake: "建議重拍：{0}", "Take it again: {0}";
        zone: "機讀區", "Machine-readable zone";
        picture: "送出的影像", "The picture";
        box_of: "{0} 的位置", "Where {0} is";
        check_checksum: "檢查碼", "Check digit";
        check_sex_digit: "性別碼", "Digit of the sex";
        check_calendar: "日期", "Date";
        check_not_in_future: "不晚於今日", "Not after today";
        check_issue_after_birth: "發證晚於出生", "Issued after birth";
        check_expiry_after_issue: "效期晚於發證", "Expires after issue";
        check_county: "縣市", "County";
        check_district: "鄉鎮市區", "District";
        check_mrz_number: "機讀號碼", "Number in the zone";
        check_mrz_birth: "機讀出生日期", "Birth date in the zone";
        check_mrz_expiry: "機讀效期", "Expiry in the zone";
        check_mrz_optional: "機讀選填欄", "Optional part of the zone";
        check_mrz_match: "與機讀區一致", "As in the zone";
        sex_m: "男", "Male";
        sex_f: "女", "Female";
        status_verified: "已驗證", "Verified";
        status_plausible: "可信", "Plausible";
        status_review: "請複核", "Review";
        status_invalid: "不合規則", "Breaks a rule";
        type_tw_national_id_front: "國民身分證正面", "National ID, front";
        type_tw_national_id_back: "國民身分證背面", "National ID, back";
        type_tw_resident_certificate: "居留證", "Resident certificate";
        type_tw_nhi_card: "健保卡", "NHI card";
        type_tw_driver_licence: "駕駛執照", "Driver licence";
        type_tw_passport: "中華民國護照", "Passport of the ROC";
        type_passport: "外國護照", "Foreign passport";
        type_mrz_td1: "機讀證件（TD1）", "Machine-readable card (TD1)";
        type_mrz_td2: "機讀證件（TD2）", "Machine-readable card (TD2)";
        type_visa: "簽證", "Visa";
        type_unknown: "無法判斷", "Unknown";
        field_name: "姓名", "Name";
        field_name_zh: "中文姓名", "Name (Chinese)";
        field_name_en: "英文姓名", "Name (English)";
        field_sex: "性別", "Sex";
        field_birth_date: "出生日期", "Born";
        field_issue_date: "發證日期", "Issued";
        field_expiry_date: "有效期限", "Valid until";
        field_issue_place: "發證地", "Place of issue";
        field_issue_kind: "換補發類別", "Kind of issue";
        field_id_number: "身分證號", "ID number";
        field_card_number: "卡號", "Card number";
        field_residence_no: "居留證號", "Residence number";
        field_passport_no: "護照號碼", "Passport number";
        field_nationality: "國籍", "Nationality";
        field_birth_place: "出生地", "Place of birth";
        field_address: "地址", "Address";
        field_father: "父", "Father";
        field_mother: "母", "Mother";
        field_spouse: "配偶", "Spouse";
        field_military_service: "役別", "Military service";
        field_licence_class: "駕照種類", "Licence class";
        field_authority: "發照機關", "Authority";
        field_control_number: "管制號碼", "Control number";
        field_purpose: "居留事由", "Purpose of residence";
        compared: "核對", "Compared";
        is_right: "相符", "Right";
        is_right_of: "{0} 相符", "{0} is right";
        is_wrong: "更正", "Correct";
        is_wrong_of: "更正 {0}", "Correct {0}";
        right_value: "{0} 的正確內容", "What {0} says";
        reveal_first: "請先按「顯示號碼與姓名」，再更正這個欄位。", "Show numbers and names first, then correct this field.";
        compared_left: "尚有 {0} 個欄位未核對。", "{0} fields are not compared yet.";
        compared_all: "所有欄位均已核對，可按「核對完成」。", "Every field is compared: press “Comparison complete”.";
        compared_noted: "核對完成，已記下：{0} 個欄位相符、{1} 個欄位更正。更正的內容只在此畫面，不傳送、不保存。",
            "Noted: {0} fields right, {1} corrected. What you typed stays on this screen; it is neither sent nor kept.";
        wrong_file: "不支援這種檔案。可用：.txt、.di、.sw、.xml、錄音或影像檔。",
            "This kind of file is not supported. Use .txt, .di, .sw, .xml, a recording or a picture.";
        recording: "錄音中，按一下停止", "Recording; press to stop";
        microphone: "用麥克風錄音", "Record by microphone";
        no_microphone: "無法使用麥克風：請允許瀏覽器使用，或改選錄音檔。",
            "The microphone cannot be used: allow it, or choose a file.";
        recorded: "錄音完成，{0}。請按「轉成文字」。", "Recorded, {0}. Now press “Transcribe”.";
        choose_first: "請先選擇檔案，或載入範例。", "Choose a file first, or load the example.";
        step_done: "已完成", "Done";
    }
}
