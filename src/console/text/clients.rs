//! Words of 介接系統.

use super::catalogue;

catalogue! {
    /// 介接系統.
    scripted ClientsText {
        lead: "申請、授權、金鑰與事件通知。金鑰只保存雜湊，製發時顯示一次。",
            "Applications, what each system may do, keys and webhooks. A key is shown once, when it is issued: only its hash is kept.";
        waiting: "待核准的申請", "Applications that wait";
        waiting_lead: "申請人與送件者不能核准；核准後立即登記，再製發金鑰交付介接系統。",
            "Neither the applicant nor the sender may approve. An approved system is registered at once; then issue its key.";
        none_waits: "沒有待核准的申請。", "No application waits.";
        elsewhere: "核准、駁回、停用與金鑰管理只在管理用的監聽位址（admin）提供。",
            "Decisions, suspensions and keys are offered at the operators' listener (admin) only.";
        number: "申請編號", "Number";
        valid: "有效期間", "Valid for";
        days: "日", "days";
        certificate: "用戶端憑證", "Client certificate";
        needed: "須出示", "must be shown";
        not_needed: "不須出示", "not asked for";
        applicant: "申請人", "Applicant";
        sender: "送件者", "Handed over by";
        local: "本機", "this machine";
        own: "須由另一人核准", "Another person must approve";
        approve: "核准", "Approve";
        approve_title: "核准介接系統的申請", "Approve the application";
        approve_lead: "核准後立即登記，並授與所申請的權限。確定核准？", "The system is registered at once, with all that it asks for. Approve?";
        reject: "駁回", "Reject";
        reject_title: "駁回介接系統的申請", "Reject the application";
        reject_lead: "駁回後不再處理；申請人可另行申請。請寫明理由。", "It ends here; the applicant may apply anew. Say why.";
        reason: "理由（不得含個人資料）", "Reason (no personal data)";
        by: "姓名或代碼", "Name or code";
        cancel: "取消", "Cancel";
        decided: "最近處理的申請", "Applications decided lately";
        decision: "處理", "Decided";
        approved: "已核准", "Approved";
        rejected: "已駁回", "Rejected";
        registered: "已登記的介接系統", "Registered systems";
        none: "尚未登記任何介接系統。", "No system is registered.";
        none_remedy: "由線上申辦平臺送件後在此核准，或於主機執行 fenwen clients add 登記。",
            "Approve an application here, or register one on the server by fenwen clients add.";
        client: "代碼", "Client";
        org: "機關", "Agency";
        state: "狀態", "State";
        active: "使用中", "Active";
        suspended: "已停用", "Suspended";
        lapsed: "已到期", "Lapsed";
        keys: "金鑰", "Keys";
        used: "最近使用", "Last used";
        expires: "到期", "Expires";
        never: "無期限", "Never";
        approver: "核准人", "Approved by";
        scopes: "權限", "Scopes";
        purposes: "特定目的", "Purposes";
        units: "單位", "Units";
        networks: "網段", "Networks";
        hours: "時段", "Hours";
        partner: "交換平臺名稱", "Name at the exchange";
        any: "不限", "Any";
        demo: "示範用", "demonstration";
        key: "金鑰代碼", "Key";
        made: "製發時間", "Issued";
        no_keys: "尚未製發金鑰。", "No key was issued yet.";
        issue: "製發金鑰", "Issue a key";
        issued_title: "新的金鑰", "The new key";
        issued_lead: "金鑰只顯示這一次，請立即存入介接系統的機密庫；遺失時另發一把，再廢止這一把。",
            "It is shown this once. Put it into the system's vault now; if it is lost, issue another one and revoke this one.";
        issued_copy: "複製", "Copy";
        issued_copied: "已複製。", "Copied.";
        issued_select: "無法自動複製，已選取金鑰，請按 Ctrl+C。", "It could not be copied: it is selected, press Ctrl+C.";
        issued_close: "已存妥，關閉", "It is stored: close";
        revoke: "廢止", "Revoke";
        revoke_title: "廢止金鑰", "Revoke the key";
        revoke_lead: "60 秒內生效，不能復原；使用這把金鑰的系統將無法呼叫。確定廢止？",
            "It takes effect within 60 seconds and for good: who uses this key cannot call. Revoke?";
        suspend: "停用", "Suspend";
        suspend_title: "停用介接系統", "Suspend the system";
        suspend_lead: "60 秒內在所有節點生效，之後可以恢復。確定停用？", "It takes effect within 60 seconds on every node, and can be undone. Suspend?";
        enable: "恢復", "Let it call again";
        enable_title: "恢復介接系統", "Let the system call again";
        enable_lead: "恢復後即可再以原有的金鑰呼叫。確定恢復？", "It may call again with the keys that it has. Go on?";
        at_machine: "具有管理權限，只能在主機上恢復與製發金鑰（fenwen clients）。",
            "It has administrative scopes: let it call again and issue its keys on the server (fenwen clients).";
        webhooks: "事件通知（webhook）", "Webhooks";
        no_webhooks: "沒有登記事件通知。", "No webhook is registered.";
        url: "位址", "Address";
        events: "事件", "Events";
        all_events: "全部", "All";
        paused: "已暫停", "Paused";
        deliveries: "最近的遞送", "Latest deliveries";
        no_deliveries: "尚未遞送任何事件。", "Nothing was sent yet.";
        event: "事件", "Event";
        sent: "時間", "When";
        status: "回覆", "Answered";
        due: "待送", "Due";
        delivered: "已送達", "Delivered";
        failed: "未送達", "Failed";
        action: "動作", "Action";
        redeliver: "重新遞送", "Send again";
        redelivered: "已重新排入，請稍後重新整理。", "Queued again: reload later.";
        others: "其他介接系統的遞送由其自行重送。", "Deliveries of other clients are sent again by themselves.";
        did_approve: "已核准並登記。請製發金鑰：", "It is approved and registered. Issue its key:";
        did_reject: "已駁回申請。", "The application is rejected.";
        did_issue: "已製發金鑰。", "A key was issued.";
        did_revoke: "已廢止金鑰，60 秒內生效。", "The key is revoked, within 60 seconds.";
        did_suspend: "已停用，60 秒內生效。", "It is suspended, within 60 seconds.";
        did_enable: "已恢復使用。", "It may call again.";
        no_connection: "無法連線到服務，或登入已逾時；請重新整理後再試。", "The service cannot be reached, or your session is over: reload and try again.";
    }
}
