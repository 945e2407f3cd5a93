//! Words of 分類與職掌.

use super::catalogue;

catalogue! {
    /// 分類與職掌.
    scripted TaxonomyText {
        lead: "信件與公文可分派的單位、職掌與組織異動；舊標籤依異動對應到今天的單位。",
            "The units that letters and documents go to, their duties, and what became of earlier ones.";
        agency: "機關", "Agency";
        version: "版本", "Version";
        units: "單位", "Units";
        today: "目前的單位", "Units of today";
        all: "含已裁撤", "Also those that are gone";
        show: "顯示", "Show";
        unit: "單位", "Unit";
        path: "路徑", "Path";
        duties: "職掌", "Duties";
        aliases: "其他名稱", "Other names";
        valid: "有效期間", "Valid";
        always: "不限", "Always";
        sections: "科", "Sections";
        changes: "組織異動", "Changes";
        no_changes: "沒有組織異動。", "Nothing has changed.";
        on: "日期", "Day";
        before: "異動前", "Before";
        after: "異動後", "After";
        kind: "種類", "Kind";
        renamed: "改名或移轉", "Renamed or moved";
        merged: "整併", "Merged";
        split: "分設", "Split";
        left: "移出本部", "Left for another ministry";
        versions: "已加入的版本", "Versions that were added";
        no_versions: "尚未加入其他版本；適用內建或設定檔的版本。", "No version was added: the one of the program or the settings holds.";
        since: "{0} 起", "since {0}";
        until: "至 {0}", "until {0}";
        valid_from: "生效日", "Valid from";
        created: "加入時間", "Added";
        current: "適用中", "Holds";
        add: "加入新版本", "Add a version";
        add_lead: "選擇分類表檔案（TOML），先試算差異，確認後加入；自生效日起適用，已加入的版本不可變更。",
            "Choose a file (TOML), try what it would change, then add it. It holds from its day on and is never changed.";
        file: "分類表檔案", "File";
        try_it: "試算差異", "Try";
        submit: "加入這個版本", "Add this version";
        confirm_title: "加入新版本", "Add the version";
        confirm: "自生效日起，所有信件與公文依這個版本分派。確定加入？", "From its day on all letters and documents go by it. Add it?";
        cancel: "取消", "Cancel";
        added_units: "新增的單位", "New units";
        removed_units: "減少的單位", "Units that are missing";
        changed_units: "改變的單位", "Units that differ";
        equal_units: "相同的單位：{0}", "The same: {0}";
        labels: "對應改變的模型標籤", "Labels of models that would mean something else";
        nothing: "無", "None";
        no_unit: "（無對應單位）", "(no unit)";
        scope: "職掌", "duties";
        from: "起日", "first day";
        to: "迄日", "last day";
        difference: "與目前版本的差異：{0}", "What {0} would change";
        did_add: "已加入新版本。", "The version was added.";
        no_file: "請先選擇檔案與生效日。", "Choose a file and a day first.";
        no_connection: "無法連線到服務，請確認網路後再試。", "The service cannot be reached: check the network and try again.";
    }
}
