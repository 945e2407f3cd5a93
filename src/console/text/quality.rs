//! Words of 模型與評測 about modes of services, comparisons with what officers decided, and their agreement.

use super::catalogue;

catalogue! {
    /// 服務階段.
    ModesText {
        title: "服務階段", "Modes of services";
        lead: "各機關每項服務的階段；變更立即生效，並留下稽核紀錄。未指定者依設定。",
            "In which mode each agency has each service. A change holds at once and is recorded. Without a choice the settings hold.";
        org: "機關代碼", "Agency";
        service: "服務", "Service";
        mode: "階段", "Mode";
        changed: "變更", "Changed";
        why: "理由", "Reason";
        reason: "理由（不得含個人資料）", "Reason (no personal data)";
        by: "姓名或代碼", "Name or code";
        action: "動作", "Action";
        change: "變更", "Change";
        choose: "指定階段", "Choose a mode";
        none: "沒有另行指定階段的機關；全部依設定。", "No mode was chosen: the settings hold for every agency.";
        defaults: "未指定的機關", "Where none was chosen";
        meanings: "各階段的意義", "What the modes mean";
        off: "停用", "Off";
        off_means: "不受理呼叫，回覆 ER0312。", "Calls are refused with ER0312.";
        shadow: "影子", "Shadow";
        shadow_means: "照常計算並留存供比對，但不顯示、不送複審；只有信件、公文與問答可用。",
            "Answers are computed and kept to be compared, but shown to nobody and not reviewed. Letters, documents and questions only.";
        pilot: "試辦", "Pilot";
        pilot_means: "作為建議，提供試辦單位使用。", "Answers are suggestions for the units that try them.";
        live: "導入", "Live";
        live_means: "作為建議，提供所有單位使用。", "Answers are suggestions for all units.";
        by_default: "依設定", "As the settings say";
        by_default_means: "取消指定，改依設定。", "Forget the choice: the settings hold again.";
        confirm_title: "變更服務階段", "Change the mode";
        confirm_lead: "變更立即生效。確定變更？", "It holds at once. Change it?";
        confirm: "確定變更", "Change";
        cancel: "取消", "Cancel";
        did_mode: "已變更服務階段。", "The mode is changed.";
        letters: "信件智能分類", "Letters";
        documents: "電子公文智能分文", "Documents";
        speech: "語音轉寫", "Recordings";
        qa: "客戶問答", "Questions";
        identity: "證件影像辨識", "ID documents";
    }
}

catalogue! {
    /// 承辦人一致性.
    AgreementText {
        title: "承辦人之間的一致性", "Agreement between officers";
        lead: "同一件經兩位承辦人各自決定（第二意見）時，兩人相同的程度。κ（Cohen's kappa）扣除偶然相同的部分：1 為完全一致，0 與偶然無異。最近 12 個月。",
            "How far two officers who decide the same case on their own (second opinions) agree. Cohen's κ leaves out what agrees by chance: 1 is full agreement, 0 is chance. The last 12 months.";
        none: "尚無第二意見；有兩位承辦人各自決定同一件後即開始累計。",
            "There is no second opinion yet: it counts as two officers decide the same case.";
        kind: "種類", "Kind";
        month: "月份", "Month";
        pairs: "件數 n", "Pairs n";
        observed: "相同", "Agree";
        expected: "偶然相同", "By chance";
        kappa: "κ", "κ";
        means: "意義", "What it means";
        letter: "信件", "Letters";
        document: "公文", "Documents";
        other: "其他", "Others";
        undefined: "無法計算：兩人都只用同一個決定，無從區別一致與偶然。", "It cannot be told: both gave one decision only.";
        below: "比偶然還差：兩人的標準不同，請釐清分類說明。", "Worse than chance: they go by different rules. Clarify the labels.";
        slight: "幾乎只是偶然：分類說明不足以讓兩人得到相同決定。", "Hardly more than chance: the labels do not lead two officers to one decision.";
        fair: "偏低：不少案件兩人看法不同。", "Low: they differ in many cases.";
        moderate: "中等：多數相同，界線案件仍有出入。", "Moderate: mostly alike, apart at the borders.";
        substantial: "高：兩人大致以相同標準決定。", "High: they decide by much the same rules.";
        perfect: "極高：兩人幾乎完全一致。", "Very high: they hardly ever differ.";
        few: "件數少於 30，僅供參考。", "Fewer than 30 pairs: a hint only.";
        source: "分級依 Landis 與 Koch（1977）。", "Grades after Landis and Koch (1977).";
    }
}

catalogue! {
    /// 影子比對.
    ComparisonText {
        title: "影子比對", "Shadow comparison";
        link: "影子比對：作答與承辦人的決定", "Shadow comparison: answers beside what officers decided";
        lead: "模型的首選與承辦人最後決定的比對，依機關、服務與階段。影子階段的作答在決定之前不顯示，因此不受建議影響。",
            "The first answer beside the last word of officers, by agency, service and mode. Answers of the shadow were shown to nobody before the decision, so that they did not sway it.";
        json: "相同內容的 JSON", "The same as JSON";
        back: "回模型與評測", "Back to models";
        none: "沒有可比對的作答；服務有作答之後即列於此。", "There is nothing to compare: it is listed here once a service has answered.";
        answered: "留存的作答", "Answers kept";
        decided: "已決定 n", "Decided n";
        equal: "相符", "Agree";
        agreement: "相符率", "Agreement";
        interval: "95% 信賴區間", "95 % interval";
        undecided: "尚無承辦人的決定；以 POST /api/v1/predictions/{id}/feedback 回饋實際決定後即可比對。",
            "Nobody has decided yet: it compares as decisions come in by POST /api/v1/predictions/{id}/feedback.";
        units: "依決定的單位或標籤", "By what was decided";
        unit: "單位或標籤", "Unit or label";
        versions: "依模型版本", "By version of the model";
        version: "版本", "Version";
        differences: "不符的個案（新的在前，最多 50 件）", "Where they differ (the newest first, 50 at most)";
        no_differences: "沒有不符的個案。", "They differ nowhere.";
        prediction: "預測", "Prediction";
        given: "模型首選", "Answered";
        score: "機率", "Probability";
        chosen: "承辦人決定", "Decided";
        when: "時間", "When";
        replay: "比對", "Compare";
        replay_title: "提案比對：", "Proposal compared:";
        replay_lead: "提案的版本與使用中的版本，對最近 300 件承辦人已決定、文字仍在保存期間的個案各會如何作答。文字只在主機內計算，不顯示。",
            "What the proposed version and the one that answers say to the newest 300 cases that officers have decided, as far as their texts are kept. The texts stay where they are.";
        candidate: "提案的版本", "Proposed";
        active: "使用中的版本", "Active";
        alike: "兩版相同", "Both alike";
        replay_none: "沒有已決定且文字仍在保存期間的個案。", "No case is decided whose text is still kept.";
        replay_differences: "兩版不同的個案（新的在前，最多 50 件）", "Where the versions differ (the newest first, 50 at most)";
        replay_alike: "兩版沒有不同。", "The versions do not differ.";
    }
}
