//! Words of 首頁.

use super::catalogue;

catalogue! {
    /// 首頁.
    HomeText {
        lead: "各項服務的狀態與待辦工作。", "The state of the services, and what waits.";
        services: "服務狀態", "Services";
        service: "服務", "Service";
        state: "狀態", "State";
        model: "模型版本", "Model";
        ready: "可使用", "Ready";
        not_ready: "未就緒", "Not ready";
        not_ready_hint: "請系統管理者執行 fenwen models pull，並啟用分類模型或問答索引。",
            "Ask an administrator to run fenwen models pull and to activate a model or an index.";
        letters: "信件智能分類", "Letters";
        documents: "電子公文智能分文", "Documents";
        speech: "語音轉寫", "Recordings";
        qa: "客戶問答", "Questions";
        identity: "證件影像辨識", "ID documents";
        reviews: "待我決定", "For me to decide";
        applications: "介接系統的申請", "Applications of systems";
        proposals: "模型版本的提案", "Proposals of models";
        erasures: "刪除個資的申請", "Requests to erase";
        overdue: "逾期", "Overdue";
        mine: "我的工作", "My jobs";
        queued: "等候中", "Waiting";
        running: "處理中", "At work";
        succeeded: "已完成", "Done";
        dead: "無法完成", "Dead";
        recent: "最近的工作", "Latest jobs";
        none: "還沒有工作。可由「試用」送出第一件。", "No jobs yet. Send the first one from “Try it”.";
        job: "工作", "Job";
        created: "建立時間", "Created";
        cancelled: "已取消", "Cancelled";
        other: "其他", "Other";
        about: "關於本系統", "About";
        about_text: "分文為信件與公文建議承辦單位並說明依據，將 1996 熱線錄音轉為文字，以附出處的方式回答問題，並讀取證件影像。",
            "fenwen suggests units for letters and documents and says why, transcribes recordings of the 1996 hotline, answers questions with their sources, and reads ID images.";
        about_human: "任何結果都不會自動成為決定：每一項建議都附信心度與依據，由承辦人接受或更正。",
            "No result becomes a decision by itself: each suggestion comes with its confidence and reasons, and an officer accepts or corrects it.";
    }
}
