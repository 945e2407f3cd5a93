//! Words of 資源監控 and 稽核.

use super::catalogue;

catalogue! {
    /// 資源監控.
    ResourcesText {
        lead: "本節點與共用佇列的現況；重新整理即更新。", "This node and the shared queue as they are now; reload to update.";
        node: "本節點", "This node";
        name: "節點名稱", "Node";
        version: "程式版本", "Version";
        cores: "處理器核心", "Cores";
        memory: "程序記憶體", "Memory of the process";
        load: "系統負載（1、5、15 分鐘）", "Load (1, 5, 15 minutes)";
        database: "資料庫", "Database";
        bus: "企業匯流排", "Bus";
        audit: "稽核紀錄", "Audit log";
        works: "正常", "Works";
        broken: "無法寫入", "Cannot be written";
        broken_remedy: "請檢查稽核目錄的權限與磁碟空間；恢復前，涉及個資的呼叫一律暫停。",
            "Check the folder's rights and the disk: until then calls with personal data are refused.";
        calls: "處理中的呼叫", "Calls at work";
        queued: "排隊中的工作", "Jobs waiting";
        running: "執行中的工作", "Jobs at work";
        dead: "無法完成的工作", "Dead jobs";
        untold: "待送出的事件", "Events untold";
        at_work: "執行中", "At work";
        nothing_runs: "目前沒有執行中的工作。", "No job is at work.";
        dead_letters: "無法完成的工作（死信）", "Dead letters";
        no_dead: "沒有無法完成的工作。", "There are no dead letters.";
        job: "工作", "Job";
        service: "服務", "Service";
        client: "介接系統", "Client";
        worker: "工作程序", "Worker";
        progress: "進度", "Progress";
        since: "開始時間", "Since";
        reason: "原因", "Reason";
        attempts: "嘗試次數", "Attempts";
        ended: "結束時間", "Ended";
        requeue: "排除原因後，於主機執行下列指令重新排隊：", "When the cause is gone, queue a job again on the server:";
    }
}

catalogue! {
    /// 稽核.
    AuditText {
        lead: "誰在何時對什麼做了什麼。紀錄只有代碼與識別碼，沒有內容；查閱本身也會留下紀錄。",
            "Who did what to which object, and when. Rows hold codes and ids, never content; looking is recorded too.";
        search: "查詢", "Search";
        from: "起日", "From";
        to: "迄日（含）", "To (inclusive)";
        actor: "行為人或系統", "Actor or client";
        object: "對象（jobs/…）", "Object (jobs/…)";
        case_no: "案號", "Case";
        submit: "查詢", "Search";
        bad_days: "日期有誤：請以 YYYY-MM-DD 填寫，起日不可晚於迄日。", "The days are wrong: write YYYY-MM-DD, the first not after the last.";
        found: "符合的紀錄", "Rows found";
        newest: "列出最新 200 筆；完整結果請以 fenwen audit search 取得。", "The newest 200 are listed; all of them by fenwen audit search.";
        none: "這段期間沒有符合的紀錄。", "No row fits.";
        unreadable: "有無法讀取的列，請立即驗證。", "Some rows cannot be read: verify now.";
        time: "時間（UTC）", "Time (UTC)";
        who: "行為人", "Actor";
        action: "動作", "Action";
        outcome: "結果", "Outcome";
        purpose: "目的與案號", "Purpose and case";
        request: "請求", "Request";
        asserted: "（自稱）", "(asserted)";
        verify: "驗證完整性", "Verify";
        verify_lead: "逐列檢查雜湊鏈與簽署的檢查點，確認沒有被改動、移除、調換或截去。",
            "Checks each row's hash and the signed checkpoints: nothing was changed, removed, swapped or cut.";
        verify_submit: "立即驗證", "Verify now";
        chain: "鏈", "Chain";
        rows: "列數", "Rows";
        checkpoints: "檢查點", "Checkpoints";
        unsigned: "尚未簽署", "Unsigned";
        intact: "正確", "Intact";
        wrong: "不正確", "Wrong";
        wrong_remedy: "請保全檔案，並與轉送端的紀錄比對。", "Secure the files and compare them with the receivers' copies.";
        report: "月報", "Monthly report";
        report_lead: "統計一個月的事件與行為人，供定期審閱。", "Counts a month's events and actors, for the regular review.";
        month: "月份", "Month";
        report_submit: "產生月報", "Make the report";
        bad_month: "月份有誤：請以 YYYY-MM 填寫。", "The month is wrong: write YYYY-MM.";
        export: "匯出", "Export";
        export_lead: "可自我驗證的匯出檔於主機產生：", "An export that proves itself is made on the server:";
        success: "成功", "Success";
        denied: "無權限", "Denied";
        refused: "拒收", "Refused";
        failed: "失敗", "Failed";
        timeout: "逾時", "Timeout";
        abandoned: "對方離開", "Abandoned";
    }
}
