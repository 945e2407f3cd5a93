//! Words of 個資.

use super::catalogue;

catalogue! {
    /// 個資.
    scripted PrivacyText {
        lead: "當事人權利：查詢、提供複製本、刪除；以及保全與各類資料的保存期限。每一項操作都留下紀錄。",
            "Rights of persons: find, copy and erase; legal holds, and how long data is kept. Each act is recorded.";
        find: "查詢當事人的資料", "Find a person's data";
        find_lead: "以識別資料查詢提及當事人的紀錄。識別資料只用於計算代碼，不保存、不顯示於網址。",
            "Rows that mention a person are found by an identifier. It is not kept and stands in no address.";
        kind: "識別資料的種類", "Kind of identifier";
        id_number: "身分證統一編號或統一證號", "ID number";
        phone: "電話", "Telephone";
        email: "電子信箱", "E-mail";
        identifier: "識別資料", "Identifier";
        wrong_id_number: "這不是身分證統一編號或統一證號：須為一個英文字母加九個數字，且檢查碼相符。請核對後再試。",
            "This is no ID number: one letter and nine digits, with the right check digit. Check it and try again.";
        wrong_phone: "這不是完整的電話號碼：市話請加區域號碼，行動電話為 10 個數字。請核對後再試。",
            "This is no whole telephone number: give the area code; a mobile number has 10 digits. Check it and try again.";
        wrong_email: "這不是電子信箱：格式如 name@example.tw。請核對後再試。",
            "This is no e-mail address: write it as name@example.tw. Check it and try again.";
        submit: "查詢", "Find";
        copy: "下載複製本", "Download a copy";
        copied: "已下載 {0} 個檔案的複製本；內容未加密，交付後請刪除。", "A copy of {0} files was downloaded: it is not encrypted, delete it when it is delivered.";
        found: "找到 {0} 筆", "{0} found";
        none_found: "沒有提及這項識別資料的紀錄。", "No row mentions this identifier.";
        row: "紀錄", "Row";
        prediction: "預測", "Prediction";
        job: "工作", "Job";
        service: "服務", "Service";
        service_letters: "信件智能分類", "Letters";
        service_documents: "電子公文智能分文", "Documents";
        service_speech: "語音轉寫", "Speech";
        service_qa: "客戶問答", "Questions";
        service_identity_documents: "證件影像辨識", "ID images";
        noted: "建立時間", "Since";
        expires: "到期銷毀", "Erased on";
        gone: "已銷毀", "Erased";
        correct: "更正：內容的正本在來源系統，請於來源系統更正後重新送件，並在此刪除舊的副本；分類結果於信件複審或公文分文更正。",
            "To correct: the original is at the sending system. Correct it there and send it again, then erase the old copy here; labels are corrected in the reviews.";
        ask: "申請刪除", "Ask to erase";
        ask_lead: "刪除須由另一人核准，核准後立即執行，不能復原。", "Another person must approve; then it is done at once and for good.";
        why: "理由", "Reason";
        reason: "理由或公文文號（不得含個人資料）", "Reason or number of the document (no personal data)";
        by: "姓名或代碼", "Name or code";
        requests: "刪除申請", "Requests to erase";
        no_requests: "沒有刪除申請。", "There are no requests.";
        request: "申請", "Request";
        asked_by: "申請人", "Asked by";
        approved_by: "核准人", "Approved by";
        state: "狀態", "State";
        waiting: "待核准", "Waits";
        at_work: "執行中", "At work";
        done: "已刪除", "Erased";
        action: "動作", "Action";
        approve: "核准", "Approve";
        approve_title: "核准刪除", "Approve the erasure";
        approve_lead: "核准後立即刪除所有提及當事人的資料，不能復原。確定核准？",
            "All that mentions the person is erased at once and for good. Approve?";
        reject: "駁回", "Reject";
        reject_title: "駁回刪除申請", "Reject the request";
        reject_lead: "駁回後不再執行；申請人也可以撤回自己的申請。請寫明理由。",
            "It will not be done; whoever asked may take it back so. Say why.";
        rejected: "已駁回", "Rejected";
        cancel: "取消", "Cancel";
        own: "須由另一人核准", "Another person must approve";
        holds: "保全", "Legal holds";
        holds_lead: "設定保全後，指定的資料不會被銷毀，直到解除。", "What is held is not erased until the hold is lifted.";
        no_holds: "沒有保全。", "There are no holds.";
        hold: "設定保全", "Lay a hold";
        object_kind: "保全對象", "What is held";
        of_subject: "當事人（以上方的識別資料）", "A person (the identifier above)";
        of_case: "案號", "A case";
        object: "代碼或案號", "Id or number";
        since: "設定時間", "Since";
        lift: "解除", "Lift";
        lift_title: "解除保全", "Lift the hold";
        lift_lead: "解除後，逾期的資料於下一輪銷毀。確定解除？", "What has expired is erased in the next round. Lift?";
        lifted: "已解除", "Lifted";
        active: "保全中", "Held";
        kept: "保存期限", "How long data is kept";
        class: "資料", "Data";
        personal: "個人資料類別", "Personal data";
        time: "保存期限", "Kept for";
        range: "核定範圍", "Allowed";
        after: "逾期處置", "Afterwards";
        soon: "7 日內到期", "Erased within 7 days";
        texts: "信件、公文與問題的文字", "Texts";
        predictions: "預測紀錄", "Predictions";
        jobs: "工作", "Jobs";
        blobs: "輸入、結果與上傳", "Inputs, results, uploads";
        first: "最早", "First";
        did_ask: "已提出申請，請另一人核准。", "The request is made: another person must approve it.";
        did_approve: "已刪除。請將刪除清單另存他處：還原舊備份後須重新執行（fenwen subject erasures --out FILE）。",
            "It is erased. Keep the list elsewhere: after a restore it must be done again (fenwen subject erasures --out FILE).";
        did_reject: "已駁回申請。", "The request is rejected.";
        did_hold: "已設定保全。", "The hold is laid.";
        did_lift: "已解除保全。", "The hold is lifted.";
        no_connection: "無法連線到服務，或登入已逾時；請重新整理後再試。", "The service cannot be reached, or your session is over: reload and try again.";
    }
}
