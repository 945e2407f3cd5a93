//! Words of 問答管理 and 模型與評測.

use super::catalogue;

catalogue! {
    /// 問答管理.
    AnswersText {
        lead: "可供回答引用的來源。只有核定且在有效期間內的版本會被引用。",
            "The sources that answers quote. Only approved versions within their days are quoted.";
        sources: "來源", "Sources";
        approved: "已核定", "Approved";
        draft: "待核定", "Draft";
        retired: "已停用", "Retired";
        none: "尚未匯入任何來源。", "No source was imported yet.";
        none_remedy: "於主機執行 fenwen qa import <檔案>,再核定並建立索引。",
            "On the server: fenwen qa import <file>, then approve and index.";
        id: "代碼", "Id";
        version: "版本", "Version";
        title: "問題或標題", "Question or title";
        unit: "單位", "Unit";
        state: "狀態", "State";
        valid: "有效期間", "Valid";
        changed: "最近異動", "Changed";
        always: "不限", "Always";
        manage: "核定、停用與建立索引於主機執行,皆留下紀錄:", "Approve, retire and index on the server; each is recorded:";
        unanswered: "未能回答的問題", "Unanswered questions";
        asked: "保存中的提問", "Questions kept";
        n_unanswered: "未能回答", "Unanswered";
        question: "提問", "Question";
        when: "時間", "When";
        nearest: "最接近的來源", "Nearest source";
        no_unanswered: "沒有未能回答的問題。", "Every question was answered.";
        unanswered_hint: "不顯示提問文字。若某來源反覆最接近卻不夠確定,請補充該來源的說法。",
            "The words of questions are not shown. When one source is near again and again, add other wordings to it.";
        filter: "顯示", "Show";
        all: "全部", "All";
    }
}

catalogue! {
    /// 模型與評測.
    ModelsText {
        lead: "目前作答的模型、可切換的版本,與評測數字。", "Which models answer, their versions, and their figures.";
        active: "使用中", "Active";
        versions: "版本", "Versions";
        version: "版本", "Version";
        built_in: "內建", "Built in";
        no_versions: "沒有其他版本。", "There are no other versions.";
        manage: "啟用或退回於主機執行,皆留下紀錄:", "Activate or roll back on the server; each is recorded:";
        fingerprint: "指紋", "Fingerprint";
        not_active: "沒有啟用的模型。", "No model is active.";
        letters: "信件智能分類", "Letters";
        documents: "電子公文智能分文", "Documents";
        ministries: "非本部業務的移文機關", "Other ministries";
        identity: "證件影像辨識", "ID documents";
        speech: "語音轉寫", "Recordings";
        qa: "客戶問答", "Questions";
        others: "其他服務", "Other services";
        reviews: "承辦人複審", "Officers' reviews";
        reviewed: "已複審", "Reviewed";
        right: "首選正確", "First one right";
        promise: "承諾精確度", "Promised precision";
        measured: "實測精確度", "Measured precision";
        interval: "95% 信賴區間", "95 % interval";
        verdict: "判定", "Verdict";
        untested: "樣本不足", "Too few reviews";
        kept: "達成", "Kept";
        broken: "未達成:自動化已停用", "Broken: automation is off";
        no_reviews: "尚無複審紀錄;承辦人接受或更正建議後即開始累計。",
            "Nothing was reviewed yet: it counts as officers accept or correct suggestions.";
        card: "內建模型說明", "Card of the built-in model";
        figures: "內建模型評測", "Figures of the built-in model";
        confusion: "混淆矩陣", "Confusion matrix";
        reliability: "信心校準與涵蓋率", "Reliability and coverage";
        confusion_of: "{0}的混淆矩陣:實際單位與判定單位的次數;數字列於上方表格。", "Confusion matrix of {0}; its figures are in the table above.";
        reliability_of: "{0}的信心校準、涵蓋率與精確度曲線;摘要列於上方表格。", "Reliability, coverage and precision of {0}; the summary is in the table above.";
    }
}
