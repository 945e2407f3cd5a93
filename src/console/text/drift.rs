//! Words of 漂移, on 模型與評測 and 首頁.

use super::catalogue;

catalogue! {
    /// 漂移.
    DriftText {
        title: "漂移", "Drift";
        lead: "每日把前一日的作答與該版模型最初的作答相比；差距夠大且不是偶然，才告警。只比對件數、長度與比率，不讀取內容。",
            "Each day's answers beside those that the version gave at first; an alarm needs a distance that is large and no chance. Figures only, no texts.";
        none: "沒有啟用的模型。", "No model is active.";
        wait: "件數不足，尚未判定。", "Too few answers to tell.";
        nothing: "未偏離", "Steady";
        look: "已偏離：請查明來件或作答為何改變。", "Drifted: look what has changed in what comes in or in the answers.";
        retrain: "未達承諾的精確度：建議以承辦人的回饋重新訓練。", "The promised precision does not hold: train anew from the officers' reviews.";
        feature: "特徵", "Feature";
        label: "首選標籤的占比", "Shares of first labels";
        confidence: "信心度", "Confidence";
        length: "文字長度", "Length of texts";
        chinese: "中文字占比", "Share of Chinese";
        psi: "穩定度指標（PSI）", "PSI";
        js: "JS 散度（位元）", "JS (bits)";
        ks: "KS 距離", "KS";
        alarm: "告警", "Alarm";
        samples: "基準 {0} 件；最近一次（{2}）比對 {1} 件。", "Reference {0} answers; {1} compared on {2}.";
        chart: "{0}：近 {1} 次檢查各特徵的 PSI，橫線為告警門檻 {2}；數字列於下表。", "{0}: PSI of each feature at the last {1} looks, with the threshold {2}; the latest figures are in the table.";
        caption: "PSI 逐日變化；橫線為告警門檻。", "PSI day by day; the line is the threshold.";
        notice: "漂移告警", "Drift";
        open: "查看模型與評測", "Open models and figures";
    }
}
