//! Words of 信件複審 and 公文分文.

use super::catalogue;

catalogue! {
    /// The two screens of reviews.
    ReviewText {
        letters_lead: "系統已建議的信件，由您接受或更正。期限近者在前，同期限者信心度低者在前。",
            "Letters with a suggestion, for you to accept or correct: what is due first, then the least sure.";
        documents_lead: "系統已建議主辦與會辦的公文，由您分文。信心度高者可整批接受，每一筆都會列出。",
            "Documents with suggested units. Sure ones can be accepted together; each is shown.";
        filters: "篩選", "Filter";
        state: "狀態", "State";
        state_waiting: "待決定", "Undecided";
        state_own: "我保留中", "Held by me";
        state_escalated: "已陳核", "Escalated";
        state_decided: "已決定", "Decided";
        sort: "排序", "Order";
        sort_deadline: "期限", "Deadline";
        sort_confidence: "信心度低者在前", "Least sure first";
        sort_priority: "急迫程度", "Urgency";
        unit: "單位（含下級）", "Unit and below";
        unit_hint: "例：301000000A/戶政司", "Such as 301000000A/戶政司";
        apply: "套用", "Apply";
        keys: "啟用單鍵快速鍵", "Single-key shortcuts";
        keys_help: "1–3 選擇建議、Enter 接受所選、E 更正、N 下一筆、U 復原、X 延長保留",
            "1–3 choose, Enter accepts the choice, E corrects, N next, U undoes, X extends";
        next: "取得下一筆", "Take the next";
        queue: "佇列", "Queue";
        item: "內容", "Text";
        decision: "建議與決定", "Suggestions and decision";
        suggestions: "選擇承辦單位", "Choose the unit";
        accept: "決定（接受所選）", "Decide (accept the choice)";
        correct: "更正為其他單位", "Correct to another";
        correct_find: "搜尋類別或單位", "Find a label or unit";
        correct_list: "所有類別", "All labels";
        correct_send: "更正為所選類別", "Correct to this label";
        note: "原因（選填）", "Reason (optional)";
        note_none: "不填", "None";
        note_wrong_unit: "單位不對", "Wrong unit";
        note_several_matters: "多重事由", "Several matters";
        note_reorganised: "組織調整", "Reorganised";
        note_unclear: "內容不明", "Unclear";
        other_actions: "其他處理", "Otherwise";
        discard: "不成案", "No case";
        escalate: "陳核", "Escalate";
        release: "放回佇列", "Give back";
        undo: "復原", "Undo";
        extend: "延長 10 分鐘", "Ten more minutes";
        second: "請求第二意見", "Ask a second officer";
        more: "載入更多", "Load more";
        batch: "整批接受", "Accept several";
        batch_from: "最低信心度（%）", "Least confidence (%)";
        batch_load: "列出", "List them";
        batch_send: "接受勾選的公文", "Accept what is ticked";
        batch_select: "選取", "Select";
        batch_subject: "主旨", "Subject";
        batch_unit: "建議主辦", "Suggested unit";
        batch_confidence: "信心度", "Confidence";
        batch_deadline: "期限", "Deadline";
        batch_outcome: "結果", "Outcome";
    }
}

catalogue! {
    /// Words of reviews, for their script.
    scripted ReviewWords {
        both_days: "{0}（民國 {1} 年 {2} 月 {3} 日）", "{0} (year {1} of the Republic)";
        no_connection: "無法連線到服務，請確認網路後再試。", "The service cannot be reached: check the network and try again.";
        high: "高", "High";
        middle: "中", "Middle";
        low: "低", "Low";
        empty: "目前沒有符合條件的複審。", "Nothing here.";
        choose: "請由佇列選擇一筆，或按「取得下一筆」。", "Choose one from the queue, or take the next.";
        none_next: "沒有可取得的複審了。", "Nothing more to take.";
        waiting: "待決定 {0} 筆，逾期 {1} 筆", "{0} undecided, {1} overdue";
        due: "期限 {0}", "Due {0}";
        overdue: "已逾期 {0}", "Overdue since {0}";
        confidence: "信心度", "Confidence";
        no_title: "（無主旨）", "(No subject)";
        erased: "（文字已逾保存期限刪除）", "(Text erased)";
        held_own: "我保留中", "Held by me";
        held_other: "他人處理中", "Held by another";
        reason_sampled: "抽樣", "Sample";
        reason_second_opinion: "第二意見", "Second opinion";
        reason_escalated: "陳核", "Escalated";
        confidential: "檢舉", "Informer";
        flag_sensitive: "敏感：請立即處理", "Sensitive: act now";
        flag_confidential_report: "檢舉或要求保密", "A report that asks for secrecy";
        flag_urgent: "急件或有期限", "Urgent, or with a deadline";
        flag_no_substance: "內容空泛", "No substance";
        flag_repeated: "重複陳情", "Repeated";
        flag_instruction_like: "疑似對機器下指令", "Seems to instruct a machine";
        abstained: "系統信心不足，請由您判斷。", "Not sure enough: you judge.";
        foreign: "可能屬{0}業務（移文）", "Perhaps the business of {0}";
        repeated: "與先前信件相似 {0}", "Similar to an earlier letter: {0}";
        earlier_none: "先前的信件不在您的權限範圍，或已逾保存期限。", "The earlier letter is not yours to see, or has expired.";
        earlier_open: "尚未決定", "Undecided";
        evidence: "依據：{0}", "Evidence: {0}";
        evidence_none: "系統沒有指出單一依據。", "No single piece decided.";
        masked: "個資已遮蔽", "Personal data is masked";
        long: "全文過長，僅顯示前 {0} 字；全文請至來源系統。", "Only the first {0} characters are shown.";
        external: "來文編號", "Your number";
        case_no: "案號", "Case";
        model: "模型", "Model";
        no_unit: "未對應單位", "No unit";
        main: "主辦", "Lead";
        co: "會辦", "Joint";
        co_units: "會辦單位", "Joint units";
        officers: "建議承辦人", "Officers";
        officer_row: "{0}：未結 {1} 件；{2}", "{0}: {1} open; {2}";
        own_number: "來文回復本機關文號", "Answers a document of ours";
        prior_case: "前案", "Earlier case";
        decided: "已決定：{0}", "Decided: {0}";
        undo_hint: "30 秒內可復原（U）。", "You can undo it for 30 seconds (U).";
        undone: "已復原，由您繼續處理。", "Undone: it is yours again.";
        undo_over: "已逾復原時間。", "Too late to undo.";
        accepted: "接受", "Accepted";
        corrected: "更正", "Corrected";
        discarded: "不成案", "No case";
        released: "已放回佇列。", "Given back.";
        escalated: "已陳核。", "Escalated.";
        asked: "已請求第二意見。", "A second officer is asked.";
        lease: "保留至 {0}", "Held until {0}";
        lease_soon: "保留時間將於 {0} 到期，請決定或延長（X）。", "Your time ends at {0}: decide or extend (X).";
        lease_over: "保留時間已過，請重新取得這筆。", "Your time is over: take it again.";
        extended: "已延長保留至 {0}。", "Extended until {0}.";
        read_only: "僅供檢視。", "Read only.";
        take: "取得這筆", "Take it";
        choose_label: "請先選擇一個類別。", "Choose a label first.";
        no_match: "沒有符合的類別", "No label matches";
        batch_none: "沒有達門檻且未被取得的公文。", "No free document is that sure.";
        batch_listed: "列出 {0} 筆，均已勾選；請逐筆確認後接受。", "{0} listed and ticked: look at each, then accept.";
        batch_done: "接受 {0} 筆，未接受 {1} 筆。", "{0} accepted, {1} not.";
        batch_ok: "已接受", "Accepted";
        working: "處理中…", "Working…";
    }
}
