//! Words of what surrounds every screen, of signing in, and of refusals.

use super::catalogue;

catalogue! {
    /// Around every screen.
    ShellText {
        colon: "：", ": ";
        product: "分文", "fenwen";
        subtitle: "內政部人工智慧推論服務", "AI inference service, Ministry of the Interior";
        skip: "跳到主要內容區塊", "Skip to main content";
        anchor_top: "上方功能區塊", "Header";
        anchor_main: "中央內容區塊", "Main content";
        anchor_side: "左側選單區塊", "Menu";
        unfold: "選單", "Menu";
        menu: "主選單", "Menu";
        other_language: "English", "正體中文";
        signed_in_as: "登入者", "Signed in as";
        local: "示範模式（未登入）", "Demonstration (not signed in)";
        sign_out: "登出", "Sign out";
        disclosure: "本系統僅提供建議，結果由人工智慧產生，由承辦人審酌決定。",
            "This system only suggests. Results are made by AI; the officer decides.";
        api: "API 說明", "API reference";
        catalogue: "服務目錄", "Service catalogue";
        demo: "示範環境：請勿輸入真實個人資料。", "Demonstration: do not enter personal data.";
        group_work: "業務", "Work";
        group_manage: "管理", "Manage";
        group_operate: "維運", "Operate";
        home: "首頁", "Home";
        try_it: "試用", "Try it";
        letters: "信件複審", "Letters";
        dispatch: "公文分文", "Dispatch";
        recordings: "1996 錄音", "1996 recordings";
        calls: "通話中", "Live call";
        cards: "證件複核", "ID documents";
        answers: "問答管理", "Questions and answers";
        models: "模型與評測", "Models and figures";
        clients: "介接系統", "Client systems";
        audit: "稽核", "Audit";
        resources: "資源監控", "Resources";
        privacy: "個資", "Personal data";
        taxonomy: "分類與職掌", "Units and duties";
        login_title: "登入", "Sign in";
        login_provider: "以單一簽入登入", "Sign in with single sign-on";
        login_only: "請以系統管理者核發給您的介接金鑰登入。", "Sign in with the key that an administrator gave you.";
        login_lead: "或以系統管理者核發給您的介接金鑰登入。",
            "Or sign in with the key that an administrator issued to you.";
        login_none: "本系統尚未設定登入方式，請洽系統管理者。", "There is no way to sign in yet: ask an administrator.";
        login_welcome: "已登入：", "Signed in:";
        login_unknown: "登入已逾時，或不是由這個瀏覽器開始。請重新登入。",
            "The sign-in took too long, or was not begun in this browser. Start again.";
        login_refused: "單一簽入的回覆無法採信，請重新登入；若持續發生，請通知系統管理者。",
            "The answer of single sign-on cannot be believed. Start again; tell an administrator if it persists.";
        login_no_role: "您的帳號在本系統沒有角色。如業務需要，請洽系統管理者。",
            "Your account has no role here. Ask an administrator if you need one.";
        login_no_unit: "單一簽入沒有提供您的單位，無法判斷您可以看哪些案件。請洽系統管理者補上單位資料。",
            "Single sign-on does not say your unit, so that it is unknown which cases you may see. Ask an administrator to add it.";
        login_key: "介接金鑰", "Key";
        login_hint: "以 fwk_ 開頭；可向系統管理者申請：fenwen clients key <代碼>",
            "Begins with fwk_; ask an administrator: fenwen clients key <id>";
        login_submit: "登入", "Sign in";
        login_rules: "閒置 15 分鐘或登入滿 8 小時即自動登出。",
            "You are signed out after 15 idle minutes, or 8 hours at most.";
        login_wrong: "金鑰無效。請確認完整複製，或洽系統管理者重新製發。",
            "The key is not valid. Copy it whole, or ask an administrator for another one.";
        login_locked: "錯誤次數過多，已暫停登入 15 分鐘。", "Too many wrong keys: signing in is locked for 15 minutes.";
        login_suspended: "此金鑰已停用、逾期，或不可在此時段、位址使用。請洽系統管理者。",
            "The key is suspended or lapsed, or may not be used now or from here. Ask an administrator.";
        login_unavailable: "目前無法驗證身分，請稍後再試。", "Keys cannot be checked now. Try again later.";
        login_foreign: "這個表單不是從本系統送出的。請重新開啟登入頁。",
            "The form was not sent from this site. Open the page again.";
        login_full: "登入人數已達上限，請稍後再試。", "Too many people are signed in. Try again later.";
        forbidden_title: "沒有權限", "Not allowed";
        forbidden: "您的帳號沒有這個畫面的權限。", "Your account may not see this screen.";
        forbidden_remedy: "如業務需要，請洽系統管理者申請授權。", "Ask an administrator if you need it.";
        missing_title: "找不到資料", "Not found";
        missing: "沒有這筆資料，或已逾保存期限。", "There is no such record, or it has expired.";
        missing_remedy: "請由清單重新選擇。", "Choose another one from the list.";
        failed_title: "暫時無法顯示", "Cannot be shown now";
        failed: "資料目前無法讀取。", "The data cannot be read now.";
        failed_remedy: "請稍後重新整理；若持續發生，請通知維運人員查看系統紀錄。",
            "Reload later. If it persists, ask the operators to look at the log.";
        back: "回首頁", "Back to home";
    }
}
