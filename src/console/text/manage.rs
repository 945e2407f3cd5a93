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
        none_remedy: "於主機執行 fenwen qa import <檔案>，再核定並建立索引。",
            "On the server: fenwen qa import <file>, then approve and index.";
        id: "代碼", "Id";
        version: "版本", "Version";
        title: "問題或標題", "Question or title";
        unit: "單位", "Unit";
        state: "狀態", "State";
        valid: "有效期間", "Valid";
        changed: "最近異動", "Changed";
        always: "不限", "Always";
        manage: "核定、停用與建立索引於主機執行，皆留下紀錄：", "Approve, retire and index on the server; each is recorded:";
        unanswered: "未能回答的問題", "Unanswered questions";
        asked: "保存中的提問", "Questions kept";
        n_unanswered: "未能回答", "Unanswered";
        question: "提問", "Question";
        times: "次數", "Times";
        question_gone: "（文字已逾保存期限）", "(its words have expired)";
        when: "時間", "When";
        nearest: "最接近的來源", "Nearest source";
        no_unanswered: "沒有未能回答的問題。", "Every question was answered.";
        unanswered_hint: "提問文字已遮蔽號碼、地址等個資，姓名未遮蔽。若某來源反覆最接近卻不夠確定，請補充該來源的說法。",
            "Numbers and addresses in questions are masked, names are not. When one source is near again and again, add other wordings to it.";
        filter: "顯示", "Show";
        all: "全部", "All";
    }
}

catalogue! {
    /// 模型與評測.
    scripted ModelsText {
        lead: "目前作答的模型、可切換的版本，與評測數字。", "Which models answer, their versions, and their figures.";
        active: "使用中", "Active";
        versions: "版本", "Versions";
        version: "版本", "Version";
        built_in: "內建", "Built in";
        no_versions: "沒有其他版本。", "There are no other versions.";
        manage: "匯入新的版本與退回於主機執行，皆留下紀錄：", "Take versions in or roll back on the server; each is recorded:";
        proposals: "提案", "Proposals";
        proposals_lead: "一人提案啟用某一版本，另一人核准後立即啟用；提案人不能核准自己的提案。",
            "One person proposes that a version answers, another approves it; then it answers at once.";
        no_proposals: "沒有提案。", "There are no proposals.";
        model: "模型", "Model";
        why: "理由", "Reason";
        reason: "理由（不得含個人資料）", "Reason (no personal data)";
        by: "姓名或代碼", "Name or code";
        asked_by: "提案人", "Proposed by";
        decided_by: "核准或駁回", "Approved or rejected";
        state: "狀態", "State";
        action: "動作", "Action";
        waits: "待核准", "Waits";
        at_work: "啟用中斷，請再核准一次", "Cut short: approve again";
        let_in: "已啟用", "Let in";
        rejected: "已駁回", "Rejected";
        own: "須由另一人核准", "Another person must approve";
        propose: "提案啟用", "Propose";
        propose_lead: "選擇已匯入的版本；0 為內建版本。", "Choose a version that is there; 0 is the built-in one.";
        approve: "核准", "Approve";
        approve_title: "核准提案", "Approve the proposal";
        approve_lead: "核准後立即啟用這個版本。確定核准？", "The version answers at once. Approve?";
        reject: "駁回", "Reject";
        reject_title: "駁回提案", "Reject the proposal";
        reject_lead: "駁回後這個版本不會啟用；提案人也可以撤回自己的提案。請寫明理由。",
            "The version will not answer; whoever proposed it may take it back so. Say why.";
        cancel: "取消", "Cancel";
        did_propose: "已提案，請另一人核准。", "It is proposed: another person must approve it.";
        did_approve: "已核准並啟用。", "It is approved and answers.";
        did_reject: "已駁回。", "It is rejected.";
        no_connection: "無法連線到服務，或登入已逾時；請重新整理後再試。", "The service cannot be reached, or your session is over: reload and try again.";
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
        broken: "未達成：自動化已停用", "Broken: automation is off";
        no_reviews: "尚無複審紀錄；承辦人接受或更正建議後即開始累計。",
            "Nothing was reviewed yet: it counts as officers accept or correct suggestions.";
        checks: "承辦人核對", "Officers' checks";
        checked_cards: "已核對的影像", "Images checked";
        no_checks: "尚無核對紀錄；承辦人於「證件複核」核對後即開始累計，不保存任何欄位內容。",
            "Nothing was checked yet: it counts as officers check images, and keeps no value.";
        document_type: "證件種類", "Kind of document";
        field: "欄位", "Field";
        compared: "核對", "Compared";
        corrected: "更正", "Corrected";
        field_right: "正確", "Right";
        confidence: "平均信心度", "Mean confidence";
        card: "內建模型說明", "Card of the built-in model";
        figures: "內建模型評測", "Figures of the built-in model";
        confusion: "混淆矩陣", "Confusion matrix";
        reliability: "信心校準與涵蓋率", "Reliability and coverage";
        confusion_of: "{0}的混淆矩陣：實際單位與判定單位的次數；數字列於上方表格。", "Confusion matrix of {0}; its figures are in the table above.";
        reliability_of: "{0}的信心校準、涵蓋率與精確度曲線；摘要列於上方表格。", "Reliability, coverage and precision of {0}; the summary is in the table above.";
    }
}
